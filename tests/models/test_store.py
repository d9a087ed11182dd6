"""The models' directory: a final name means a good file, and only pfsolve's files are removed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pfsolve.errors import PfsolveError
from pfsolve.files import sha256_of
from pfsolve.models.store import Store
from tests.models.model_fakes import DATA, FILE, HUB_PLACE, SHA256, make_entry

KNOWN = make_entry(HUB_PLACE)
UNKNOWN = make_entry(HUB_PLACE, size=None, sha256=None)  # only the Hub could tell


def accept(store: Store, data: bytes = DATA) -> Path:
    part = store.part(KNOWN, SHA256)
    part.parent.mkdir(parents=True)
    part.write_bytes(data)
    return store.accept(KNOWN, part, SHA256)


def test_an_accepted_file_is_found_with_its_hash_beside_it(store: Store) -> None:
    assert store.find(KNOWN) is None
    file = accept(store)
    assert store.find(KNOWN) == file
    assert file.read_bytes() == DATA
    record = file.with_name(f"{FILE}.sha256")
    assert record.read_text() == f"{SHA256}  {FILE}\n"  # as sha256sum -c reads it
    assert sha256_of(file) == SHA256


def test_accepting_a_file_leaves_nothing_unfinished(store: Store) -> None:
    old = store.part(KNOWN, "0" * 64)
    old.parent.mkdir(parents=True)
    old.write_bytes(b"of another version")
    part = store.part(KNOWN, SHA256)
    part.write_bytes(DATA)
    store.accept(KNOWN, part, SHA256)
    assert store.unfinished_bytes(KNOWN) == 0
    assert {file.name for file in store.folder(KNOWN).iterdir()} == {FILE, f"{FILE}.sha256"}


def test_a_file_of_the_wrong_size_is_not_the_model(store: Store) -> None:
    file = accept(store)
    file.write_bytes(DATA[:-1])
    assert store.find(KNOWN) is None


def test_a_file_recorded_with_another_hash_is_not_the_model(store: Store) -> None:
    """As after a change of the entry, when the sizes happen to agree."""
    accept(store)
    assert store.find(make_entry(HUB_PLACE, sha256="f" * 64)) is None


def test_without_a_hash_in_the_entry_the_recorded_one_is_needed(store: Store) -> None:
    file = accept(store)
    assert store.find(UNKNOWN) == file
    assert store.recorded(UNKNOWN) == SHA256
    record = file.with_name(f"{FILE}.sha256")
    record.write_text("no hash at all\n")
    assert store.recorded(UNKNOWN) is None
    assert store.find(UNKNOWN) is None
    record.unlink()
    assert store.find(KNOWN) == file  # put there by hand, say


def test_removing_frees_what_pfsolve_wrote_and_nothing_else(store: Store) -> None:
    accept(store)
    folder = store.folder(KNOWN)
    store.part(KNOWN, "0" * 64).write_bytes(b"12345")
    scratch = folder / "wheels-left"
    (scratch / "deep").mkdir(parents=True)
    (scratch / "deep" / "a.whl").write_bytes(b"123")
    foreign = folder / "notes.txt"
    foreign.write_text("mine")
    assert store.remove(KNOWN) == len(DATA) + 5 + 3
    assert list(folder.iterdir()) == [foreign]
    foreign.unlink()
    assert store.remove(KNOWN) == 0
    assert not folder.exists()


def test_a_model_in_the_hands_of_another_is_not_touched(store: Store) -> None:
    waited: list[str] = []
    other = replace(KNOWN, name="other")
    with (
        store.lock(KNOWN),
        store.lock(other, waiting=lambda: waited.append("other")),
        pytest.raises(PfsolveError, match="another process is fetching some"),
        store.lock(KNOWN),
    ):
        pass
    with store.lock(KNOWN, waiting=lambda: waited.append("same")):
        pass
    assert waited == []
