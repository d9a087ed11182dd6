"""Bytes from the Hub, by range, from where a part file ends; a clear word if they do not come."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.models.download import find, verify
from pfsolve.models.hub import ATTEMPTS, HubPlace
from pfsolve.models.place import Cached, Remote
from pfsolve.models.store import Store
from pfsolve.models.transfer import PartFile, PlaceFailed, PlaceUnreachable, through_proxy
from tests.models.model_fakes import (
    COMMIT,
    DATA,
    FILE,
    HUB_PLACE,
    REPO,
    SHA256,
    FakeHub,
    make_entry,
)


@pytest.fixture
def part(tmp_path: Path) -> PartFile:
    return PartFile(tmp_path / "x.part", len(DATA), lambda done: None)


def test_the_hub_says_size_and_hash_before_anything_is_fetched(hub: FakeHub) -> None:
    assert HUB_PLACE.look_up() == Remote(len(DATA), SHA256, COMMIT)
    assert hub.downloads == []


def test_a_whole_file_comes_in_one_request(hub: FakeHub, part: PartFile) -> None:
    HUB_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA
    assert len(hub.downloads) == 1


def test_the_token_goes_to_the_hub_and_not_to_its_content_network(
    hub: FakeHub, part: PartFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    HUB_PLACE.fetch(part)
    told = {path: headers.get("authorization") for _, path, headers in hub.requests}
    assert told == {
        f"/{REPO}/resolve/main/{FILE}": "Bearer hf_secret",
        f"/cdn/{REPO}/resolve/main/{FILE}": None,
    }


@pytest.mark.parametrize("how", ["cuts", "resets", "stalls"])
def test_a_broken_connection_is_taken_up_where_it_broke(
    hub: FakeHub, part: PartFile, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.7)
    setattr(hub, how, [1_000_000, 500_000])
    HUB_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA
    ranges = [headers.get("range") for headers in hub.downloads]
    assert ranges == [None, "bytes=1000000-", "bytes=1500000-"]


def test_an_earlier_part_is_continued(hub: FakeHub, part: PartFile) -> None:
    part.append([DATA[:1234567]])
    HUB_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA
    assert [headers.get("range") for headers in hub.downloads] == ["bytes=1234567-"]


def test_a_whole_part_needs_no_more_bytes(hub: FakeHub, part: PartFile) -> None:
    part.append([DATA])
    HUB_PLACE.fetch(part)
    assert hub.downloads == []


def test_a_server_that_ignores_ranges_starts_the_file_anew(hub: FakeHub, part: PartFile) -> None:
    hub.ignore_range = True
    part.append([DATA[:1000]])
    HUB_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA


def test_a_server_that_refuses_ranges_starts_the_file_anew(hub: FakeHub, part: PartFile) -> None:
    part.append([DATA[:600_000]])
    hub.refuse_range = True
    HUB_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA
    assert [headers.get("range") for headers in hub.downloads] == ["bytes=600000-", None]


def test_a_server_that_gives_nothing_is_left_and_the_part_kept(
    hub: FakeHub, part: PartFile
) -> None:
    hub.cuts = [1000] + ATTEMPTS * [0]
    with pytest.raises(PlaceFailed):
        HUB_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA[:1000]
    assert hub.cuts == []


def test_a_server_that_says_no_more_is_left_with_its_name(
    hub: FakeHub, part: PartFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    hub.stalls = ATTEMPTS * [0]
    with pytest.raises(PlaceUnreachable, match=f"http://.*{hub.cdn[-5:]} does not answer in time"):
        HUB_PLACE.fetch(part)
    assert part.size == 0


@pytest.mark.parametrize(
    ("sent", "reason", "kept"),
    [
        (DATA[:-1], "it keeps closing the connection", len(DATA) - 1),
        (DATA + b"?", "it gives more than the", None),
        (b"", "it keeps closing the connection", 0),
    ],
    ids=["short", "long", "nothing"],
)
def test_a_file_of_another_size_than_told_is_left(
    hub: FakeHub, part: PartFile, sent: bytes, reason: str, kept: int | None
) -> None:
    hub.sent = sent
    with pytest.raises(PlaceFailed, match=reason):
        HUB_PLACE.fetch(part)
    assert DATA.startswith(part.path.read_bytes())
    assert kept is None or part.size == kept


def test_a_repository_that_has_moved_is_followed(hub: FakeHub, part: PartFile) -> None:
    old = HubPlace("someone/of-old", FILE, "main")
    hub.moved = {f"/{old.repo}/resolve/main/{FILE}": f"/{REPO}/resolve/main/{FILE}"}
    assert old.look_up() == Remote(len(DATA), SHA256, COMMIT)
    old.fetch(part)
    assert part.path.read_bytes() == DATA


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        (f"/cdn/{REPO}/resolve/main/{FILE}", "redirects"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9 cannot be reached"),
        ("http://[::1", "Invalid URL in location header"),
        ("ftp://127.0.0.1/x", "protocol"),
    ],
    ids=["to itself", "to nobody", "to no address", "to another protocol"],
)
def test_redirects_that_lead_nowhere_are_left(
    hub: FakeHub, part: PartFile, to: str, reason: str
) -> None:
    hub.moved = {f"/cdn/{REPO}/resolve/main/{FILE}": to}
    with pytest.raises(PlaceFailed, match=reason) as caught:
        HUB_PLACE.fetch(part)
    assert "\n" not in caught.value.reason


@pytest.mark.parametrize(
    ("status", "headers", "reason", "hint"),
    [
        (401, {"X-Error-Code": "GatedRepo"}, "is gated", "hf auth login"),
        (403, {"X-Error-Code": "GatedRepo"}, "is gated", f"/{REPO}"),
        (401, {"X-Error-Code": "RepoNotFound"}, "no public repository", "hf auth login"),
        (404, {"X-Error-Code": "RepoNotFound"}, "no public repository", f"/{REPO}"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "has no revision main", f"/{REPO}"),
        (404, {"X-Error-Code": "EntryNotFound"}, f"has no file {FILE}", f"/{REPO}"),
        (
            401,
            {"X-Error-Message": "Invalid credentials in Authorization header"},
            "does not accept the token",
            "hf auth login",
        ),
        (403, {}, "the token does not allow it", "hf auth login"),
        (500, {}, "HTTP status 500", None),
        (429, {}, "HTTP status 429", None),
    ],
)
def test_a_refusal_says_why_and_what_to_do(
    hub: FakeHub, status: int, headers: dict[str, str], reason: str, hint: str | None
) -> None:
    hub.refusal = (status, headers)
    with pytest.raises(PlaceFailed) as caught:
        HUB_PLACE.look_up()
    assert reason in caught.value.reason
    assert "\n" not in caught.value.reason
    assert caught.value.hint is None if hint is None else hint in str(caught.value.hint)


def test_a_refusal_in_the_middle_is_not_tried_again(hub: FakeHub, part: PartFile) -> None:
    hub.refusal = (404, {"X-Error-Code": "EntryNotFound"})
    before = len(hub.requests)
    with pytest.raises(PlaceFailed, match="has no file"):
        HUB_PLACE.fetch(part)
    assert len(hub.requests) == before + 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_hub_is_tried_again(hub: FakeHub, part: PartFile, status: int) -> None:
    hub.refusal = (status, {"Retry-After": "0"})
    before = len(hub.requests)
    with pytest.raises(PlaceFailed, match=f"HTTP status {status}"):
        HUB_PLACE.fetch(part)
    assert len(hub.requests) == before + ATTEMPTS


def test_an_unreachable_hub_is_known_at_once() -> None:
    with pytest.raises(PlaceFailed, match=r"http://127\.0\.0\.1:9 cannot be reached"):
        HUB_PLACE.look_up()


def test_unusable_proxy_settings_are_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.utils import close_session

    close_session()
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(PlaceFailed, match="proxy settings cannot be used"):
        HUB_PLACE.look_up()


@pytest.mark.parametrize("token", ["hf_“abc”", "hf_\x07"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_told(
    token: str, hub: FakeHub, part: PartFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    for ask in (HUB_PLACE.look_up, lambda: HUB_PLACE.fetch(part)):
        with pytest.raises(PlaceFailed, match="a character that no token has") as caught:
            ask()
        assert "hf_" not in caught.value.reason
        assert caught.value.hint
    assert hub.requests == []


@pytest.mark.parametrize("bypassed", [False, True])
def test_an_unreachable_proxy_is_named_without_its_password(
    bypassed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import close_session

    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:11")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1" if bypassed else "")
    monkeypatch.setenv("no_proxy", "127.0.0.1" if bypassed else "")
    close_session()
    try:
        with pytest.raises(PlaceUnreachable) as caught:
            HUB_PLACE.look_up()
    finally:
        close_session()
    proxy = "" if bypassed else ", through the proxy http://127.0.0.1:11,"
    assert caught.value.reason.startswith(f"http://127.0.0.1:9{proxy} cannot be reached: ")
    assert "secret" not in caught.value.reason


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("me:sec/ret@host:1/", "http://host:1"),
        ("socks5://me:se@cret@host", "socks5://host"),
        ("http://[", "http://["),
    ],
)
def test_a_proxy_of_any_form_is_named(
    proxy: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)
    assert through_proxy("https", "hub.example") == f", through the proxy {shown},"


def test_a_repository_name_the_hub_cannot_have_is_refused() -> None:
    with pytest.raises(PlaceFailed, match="--"):
        HubPlace("me/so--strange", FILE, "main").look_up()


# -- the Hub's own cache --


def put_in_cache(cache: Path, data: bytes, blob: str) -> Path:
    """As huggingface_hub lays it out: a snapshot's file is a link to a blob named by its hash."""
    repo = cache / f"models--{REPO.replace('/', '--')}"
    commit = "0" * 40
    for folder in ("blobs", "refs", f"snapshots/{commit}"):
        (repo / folder).mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)
    (repo / "blobs" / blob).write_bytes(data)
    link = repo / "snapshots" / commit / FILE
    link.symlink_to(repo / "blobs" / blob)
    return link


def test_a_file_in_the_hubs_cache_is_used_where_it_lies(tmp_path: Path) -> None:
    store = Store(tmp_path / "models")
    assert find(make_entry(HUB_PLACE), store) is None
    link = put_in_cache(tmp_path / "hub-cache", DATA, SHA256)
    assert HUB_PLACE.cached() == Cached(link, SHA256)
    assert find(make_entry(HUB_PLACE), store) == link
    unknown = make_entry(HUB_PLACE, size=None, sha256=None)
    assert find(unknown, store) == link
    assert verify(unknown, store, link).good
    link.write_bytes(DATA[1:])
    assert not verify(unknown, store, link).good


@pytest.mark.parametrize(("data", "blob"), [(DATA[:-1], SHA256), (DATA, "0" * 64)])
def test_a_cached_file_of_another_size_or_hash_is_not_used(
    tmp_path: Path, data: bytes, blob: str
) -> None:
    put_in_cache(tmp_path / "hub-cache", data, blob)
    assert find(make_entry(HUB_PLACE), Store(tmp_path / "models")) is None


@pytest.mark.parametrize(("start", "size"), [(0, 100), (1_000_000, 5), (len(DATA) - 7, 7), (3, 0)])
def test_a_piece_of_a_file_can_be_read(hub: FakeHub, start: int, size: int) -> None:
    piece = HUB_PLACE.read_range(start, size)
    assert piece == DATA[start : start + size]


def test_a_piece_is_resumed_where_it_broke(hub: FakeHub) -> None:
    hub.cuts = [1000, 1, 0]
    assert HUB_PLACE.read_range(500, 5000) == DATA[500:5500]
    ranges = [headers.get("range") for headers in hub.downloads]
    assert ranges == ["bytes=500-5499", "bytes=1500-5499", "bytes=1501-5499", "bytes=1501-5499"]


def test_where_parts_are_not_given_a_beginning_still_is(hub: FakeHub) -> None:
    hub.ignore_range = True
    assert HUB_PLACE.read_range(0, 1000) == DATA[:1000]
    with pytest.raises(PlaceFailed, match="does not give parts"):
        HUB_PLACE.read_range(10, 1000)
