"""Files on the Hugging Face Hub. The only module that knows huggingface_hub and its HTTP client.

huggingface_hub 2 starts an interrupted download anew, so the bytes are asked for here, by range,
from where a part file ends. Everything else is the Hub's own way: endpoint, token, proxy, cache.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx2
from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    get_session,
    hf_hub_url,
    hf_raise_for_status,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # lazily exported

from pfsolve.models.entry import HubPlace, ModelEntry
from pfsolve.models.transfer import PartFile, PlaceFailed

ATTEMPTS = 5  # in a row that bring no byte
WAIT_S = 1.0  # before the second attempt; doubles up to 8 times that

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PASSING = {408, 429, 500, 502, 503, 504}
_LOGIN = "`hf auth login` stores a token; HF_TOKEN works too"


@dataclass(frozen=True)
class Remote:
    """What the Hub says of a file: None where it does not say. `commit` is its revision's."""

    url: str
    bytes: int | None
    sha256: str | None
    commit: str | None = None


class FileMissing(PlaceFailed):
    """The repository is there, and has no file of this name."""


def find_cached(entry: ModelEntry) -> Path | None:
    """The entry's file in the Hub's own cache, judged by its size and by its blob's name."""
    for place in entry.places:
        if isinstance(place, HubPlace) and (path := cached_file(place)):
            sha256 = cached_sha256(path)
            if entry.bytes is not None and path.stat().st_size != entry.bytes:
                continue
            if entry.sha256 and sha256 and sha256 != entry.sha256:
                continue
            return path
    return None


def cached_sha256(path: Path) -> str | None:
    """The hash by which the Hub's cache names a file's blob; None without symbolic links."""
    blob = path.resolve().name
    return blob if _SHA256.fullmatch(blob) else None


def page(repo: str) -> str:
    """The address of a repository's page."""
    return f"{constants.ENDPOINT}/{repo}"


def look_up(place: HubPlace) -> Remote:
    """Ask the Hub what it has, without retries: an unreachable Hub should be known soon.

    Raises:
        PlaceFailed: it cannot be reached, does not have the file, or does not give it to us.
    """
    try:
        get_session()  # built here on first use, from the user's proxy settings
    except (ImportError, ValueError) as error:
        raise PlaceFailed(f"the proxy settings cannot be used: {error}") from None
    try:
        url = hf_hub_url(place.repo, place.file, revision=place.revision)
        metadata = get_hf_file_metadata(url, library_name="pfsolve")
    except (httpx2.HTTPError, httpx2.InvalidURL, HFValidationError, OfflineModeIsEnabled) as error:
        raise _failure(place, error) from None
    sha256 = metadata.etag if metadata.etag and _SHA256.fullmatch(metadata.etag) else None
    return Remote(url, metadata.size, sha256, metadata.commit_hash)


def fetch(place: HubPlace, remote: Remote, part: PartFile) -> None:
    """Bring the part file to its whole size.

    Raises:
        PlaceFailed: the Hub stopped giving; what came so far stays in the part file.
        ResourceError: the disk is full.
    """
    part.check_room()

    def go_on() -> None:
        start = part.size
        with _answer(remote.url, f"bytes={start}-" if start else None) as response:
            if start and response.status_code != 206:  # the whole file, whatever was asked for
                part.cut(0)
            part.append(response.iter_bytes())  # as they come: a chunk size would hold bytes back

    _persist(place, part, go_on)


def read_range(place: HubPlace, remote: Remote, start: int, size: int) -> bytes:
    """The `size` bytes of a file that begin at byte `start`. They must be there.

    Raises:
        PlaceFailed: the Hub does not give them.
    """
    piece = _Piece(size)

    def go_on() -> None:
        wanted = f"bytes={start + piece.size}-{start + size - 1}"
        with _answer(remote.url, wanted) as response:
            if response.status_code != 206:  # the whole file, whatever was asked for
                if start:
                    raise PlaceFailed(f"it does not give parts of {place.file}")
                piece.data.clear()
            for chunk in response.iter_bytes():
                piece.data += chunk[: size - piece.size]
                if piece.is_whole:
                    break

    _persist(place, piece, go_on)
    return bytes(piece.data)


class _Sink(Protocol):
    """What bytes are collected in."""

    @property
    def size(self) -> int: ...

    @property
    def is_whole(self) -> bool: ...


class _Piece:
    """Bytes of a file, in memory."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.data = bytearray()

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def is_whole(self) -> bool:
        return self.size == self.total


def _persist(place: HubPlace, sink: _Sink, go_on: Callable[[], None]) -> None:
    """Ask again, each time for what is still missing, as long as that brings something."""
    fruitless = 0
    while not sink.is_whole:
        before = sink.size
        error: Exception | None = None
        try:
            go_on()
        except httpx2.HTTPError as cut:
            if isinstance(cut, HfHubHTTPError) and cut.response.status_code not in _PASSING:
                raise _failure(place, cut) from None
            error = cut
        if sink.is_whole:
            return
        fruitless = 0 if sink.size > before else fruitless + 1
        if fruitless == ATTEMPTS:
            raise (
                _failure(place, error) if error else PlaceFailed("it keeps closing the connection")
            )
        time.sleep(WAIT_S * min(2**fruitless, 8))


@contextmanager
def _answer(url: str, wanted: str | None) -> Iterator[httpx2.Response]:
    """One answer, whose body is yet to come. wanted: a value for the header "range"."""
    headers = build_hf_headers(library_name="pfsolve", headers={"accept-encoding": "identity"})
    if wanted:
        headers["range"] = wanted
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
        hf_raise_for_status(response)
        yield response


def cached_file(place: HubPlace) -> Path | None:
    """The file in the Hub's own cache."""
    try:
        found = try_to_load_from_cache(place.repo, place.file, revision=place.revision)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def _failure(place: HubPlace, error: Exception) -> PlaceFailed:
    at = page(place.repo)
    match error:
        case GatedRepoError():
            return PlaceFailed(
                f"{place.repo} is gated: its owner must let you in",
                f"ask for access at {at}, then `hf auth login`",
            )
        case RepositoryNotFoundError():
            return PlaceFailed(
                f"there is no public repository {place.repo}",
                f"see {at}; if it is private: {_LOGIN}",
            )
        case RevisionNotFoundError():
            return PlaceFailed(f"{place.repo} has no revision {place.revision}", f"see {at}")
        case RemoteEntryNotFoundError():
            return FileMissing(
                f"{place.repo} has no file {place.file} at revision {place.revision}", f"see {at}"
            )
        case HfHubHTTPError(response=response):
            code = response.status_code
            hint = _LOGIN if code in (401, 403) else None
            what = {401: "it does not accept the token", 403: "the token does not allow it"}
            reason = what.get(code, f"it answers with HTTP status {code}")
            return PlaceFailed(reason, hint)
        case httpx2.TimeoutException():
            return PlaceFailed(f"{constants.ENDPOINT} does not answer in time")
        case httpx2.ConnectError() | httpx2.ProxyError():
            return PlaceFailed(f"{constants.ENDPOINT} cannot be reached: {error}")
        case OfflineModeIsEnabled():
            return PlaceFailed("huggingface_hub is in its offline mode")
        case _:
            return PlaceFailed(str(error).partition("\n")[0] or type(error).__name__)
