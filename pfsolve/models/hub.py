"""Files on the Hugging Face Hub. The only module that knows huggingface_hub and its HTTP client.

huggingface_hub 2 starts an interrupted download anew, so the bytes are asked for here, by range,
from where a part file ends. Everything else is the Hub's own way: endpoint, token, proxy, cache.
It is imported late, since it takes long.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pfsolve.models.place import Cached, Remote, WantedFile, stays_inside
from pfsolve.models.table import TomlTable
from pfsolve.models.transfer import PartFile, PlaceFailed, PlaceUnreachable, through_proxy

if TYPE_CHECKING:
    import httpx2

ATTEMPTS = 5  # in a row that bring no byte
SAMPLE = 1 << 16  # bytes; where these take seconds, a model takes hours
WAIT_S = 1.0  # before the second attempt; doubles up to 8 times that
REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PASSING = {408, 429, 500, 502, 503, 504}
_NO_SUCH_RANGE = 416
_LOGIN = "`hf auth login` stores a token; HF_TOKEN works too"


class FileMissing(PlaceFailed):
    """The repository is there, and has no file of this name."""


@dataclass(frozen=True)
class HubPlace:
    """A file in a repository on the Hub.

    repo: "owner/name".
    file: its path in the repository.
    revision: a branch, a tag or a commit.
    """

    repo: str
    file: str
    revision: str

    @classmethod
    def read(cls, table: TomlTable, wanted: WantedFile) -> HubPlace:
        """The place that a table of models.toml describes."""
        return cls(
            repo=table.need("repo", str, "owner/name", REPO.fullmatch),
            file=table.get("file", str, "a path inside the repository", stays_inside)
            or wanted.file,
            revision=table.get("revision", str, "a branch, a tag or a commit", stays_inside)
            or "main",
        )

    def __str__(self) -> str:
        return f"the Hub ({self.repo})"

    @property
    def page(self) -> str:
        """The address of the repository's page."""
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/{self.repo}"

    def look_up(self) -> Remote:
        """Ask the Hub, without retries: an unreachable Hub should be known soon.

        Raises:
            PlaceFailed: it cannot be reached, does not have the file, or does not give it to us.
        """
        from huggingface_hub import get_hf_file_metadata

        with _asking(self):
            metadata = get_hf_file_metadata(self._url, library_name="pfsolve")
        sha256 = metadata.etag if metadata.etag and _SHA256.fullmatch(metadata.etag) else None
        return Remote(metadata.size, sha256, metadata.commit_hash)

    def check(self, seconds: float) -> None:
        """Whether the first bytes of the file come in that time: also those of the content network.

        They are asked for in a thread, since nothing else bounds the resolution of a name, or an
        answer that comes in drips.

        Raises:
            PlaceUnreachable: nothing comes from the Hub.
            PlaceFailed: it does not give this file.
        """
        from queue import Empty, SimpleQueue
        from threading import Thread

        outcome: SimpleQueue[Exception | None] = SimpleQueue()
        until = time.monotonic() + seconds

        def ask() -> None:
            missing = SAMPLE
            try:
                with (
                    _asking(self),
                    _answer(self._url, f"bytes=0-{SAMPLE - 1}", seconds) as response,
                ):
                    for chunk in response.iter_bytes():
                        missing -= len(chunk)
                        if missing <= 0 or time.monotonic() > until:
                            break
            except Exception as error:
                outcome.put(error)
            else:
                outcome.put(None)

        Thread(target=ask, daemon=True).start()
        try:
            error = outcome.get(timeout=seconds)
        except Empty:
            from huggingface_hub import constants

            raise PlaceUnreachable(
                f"{constants.ENDPOINT} gives no file within {seconds:g} seconds"
            ) from None
        if error is not None:
            raise error

    def fetch(self, part: PartFile) -> None:
        """Bring the part file to its whole size.

        Raises:
            PlaceFailed: the Hub stopped giving; what came so far stays in the part file.
            ResourceError: the disk is full.
        """
        from huggingface_hub.errors import HfHubHTTPError

        part.check_room()

        def take(start: int) -> None:
            with _answer(self._url, f"bytes={start}-" if start else None) as response:
                if start and response.status_code != 206:  # the whole file, although not asked for
                    part.cut(0)
                part.append(response.iter_bytes())  # a chunk size would hold bytes back

        def resume() -> None:
            start = part.size
            try:
                take(start)
            except HfHubHTTPError as error:
                if not start or error.response.status_code != _NO_SUCH_RANGE:
                    raise
                part.cut(0)  # it gives no parts, or another file than this is the beginning of
                take(0)

        _persist(self, lambda: part.total - part.size, resume)

    def read_range(self, start: int, size: int) -> bytes:
        """The `size` bytes of the file that begin at byte `start`. They must be there.

        Raises:
            PlaceFailed: the Hub does not give them.
        """
        data = bytearray()

        def resume() -> None:
            wanted = f"bytes={start + len(data)}-{start + size - 1}"
            with _answer(self._url, wanted) as response:
                if response.status_code != 206:  # the whole file, although not asked for
                    if start:
                        raise PlaceFailed(f"it does not give parts of {self.file}")
                    data.clear()
                for chunk in response.iter_bytes():
                    data.extend(chunk[: size - len(data)])
                    if len(data) == size:
                        break

        _persist(self, lambda: size - len(data), resume)
        return bytes(data)

    def cached(self) -> Cached | None:
        """The file in the Hub's own cache, which names a file's blob by its hash."""
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            found = try_to_load_from_cache(self.repo, self.file, revision=self.revision)
        except HFValidationError:
            return None
        if not isinstance(found, str):
            return None
        blob = Path(found).resolve().name  # its own name, where there are no symbolic links
        return Cached(Path(found), blob if _SHA256.fullmatch(blob) else None)

    @property
    def _url(self) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repo, self.file, revision=self.revision)


def _persist(place: HubPlace, missing: Callable[[], int], resume: Callable[[], None]) -> None:
    """Ask again, each time for the bytes that are still missing, as long as that brings some."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    fruitless = 0
    while before := missing():
        reason = PlaceFailed("it keeps closing the connection")
        try:
            resume()
        except httpx2.HTTPError as error:
            reason = _failure(place, error)
            if isinstance(error, HfHubHTTPError) and error.response.status_code not in _PASSING:
                raise reason from None
        if not missing():
            return
        fruitless = 0 if missing() < before else fruitless + 1
        if fruitless == ATTEMPTS:
            raise reason
        time.sleep(WAIT_S * min(2**fruitless, 8))


@contextmanager
def _asking(place: HubPlace) -> Iterator[None]:
    """Turn what the Hub's client raises into a PlaceFailed."""
    import httpx2
    from huggingface_hub import get_session
    from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled

    try:
        get_session()  # built here on first use, from the user's proxy settings
    except (ImportError, ValueError) as error:
        raise PlaceFailed(f"the proxy settings cannot be used: {error}") from None
    _check_token()
    expected = (httpx2.HTTPError, httpx2.InvalidURL, HFValidationError, OfflineModeIsEnabled)
    try:
        yield
    except expected as error:
        raise _failure(place, error) from None


def _check_token() -> None:
    """Raise PlaceFailed for a token that no header can hold; the token itself is not told."""
    from huggingface_hub import get_token

    odd = next((c for c in get_token() or "" if not (c.isascii() and c.isprintable())), None)
    if odd is not None:
        raise PlaceFailed(f"the Hub's token has a character that no token has: {odd!r}", _LOGIN)


@contextmanager
def _answer(
    url: str, wanted: str | None, timeout: float | None = None
) -> Iterator[httpx2.Response]:
    """One answer, whose body is yet to come.

    Args:
        wanted: a value for the header "range".
        timeout: seconds without a byte; the Hub's own by default.
    """
    from huggingface_hub import constants, get_session, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # lazy there

    _check_token()
    headers = build_hf_headers(library_name="pfsolve", headers={"accept-encoding": "identity"})
    if wanted:
        headers["range"] = wanted
    timeout = timeout or constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
        hf_raise_for_status(response)
        yield response


def _failure(place: HubPlace, error: Exception) -> PlaceFailed:
    """What the Hub's client raised, in the user's words."""
    import httpx2
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    at = place.page
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
            return PlaceUnreachable(f"{_host(error)} does not answer in time")
        case httpx2.ConnectError() | httpx2.ProxyError():
            return PlaceUnreachable(f"{_host(error)} cannot be reached: {error}")
        case httpx2.NetworkError() | httpx2.RemoteProtocolError():
            return PlaceUnreachable(f"{_host(error)} breaks the connection off: {error}")
        case OfflineModeIsEnabled():
            return PlaceFailed("huggingface_hub is in its offline mode")
        case _:
            return PlaceFailed(str(error).partition("\n")[0] or type(error).__name__)


def _host(error: httpx2.RequestError) -> str:
    """Who was asked: the Hub, or its content network; and through which proxy."""
    url = error.request.url
    return f"{url.scheme}://{url.netloc.decode()}{through_proxy(url.scheme, url.host)}"
