"""What any place must do, shown for each kind against one that is on this machine."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pfsolve.models.parsing import PLACES
from pfsolve.models.place import Place
from pfsolve.models.transfer import PartFile, PlaceFailed
from tests.models.model_fakes import DATA, HUB_PLACE, SHA256, WHEEL_PLACE, FakeHub

KINDS: dict[str, Place] = {"repo": HUB_PLACE, "package": WHEEL_PLACE}


def holds_the_laws(place: Place, data: bytes, sha256: str, folder: Path) -> None:
    """Raise AssertionError unless `place`, which has the file `data`, keeps the contract of `Place`."""
    assert "\n" not in str(place)
    assert all(value is not None for value in dataclasses.asdict(place).values())
    assert hash(place) == hash(dataclasses.replace(place))

    place.check(30.0)
    remote = place.look_up()
    assert remote.bytes in (None, len(data))
    assert remote.sha256 in (None, sha256)

    for there in (0, 1, len(data) // 2, len(data)):
        told: list[int] = []
        part = PartFile(folder / f"{there}.part", len(data), told.append)
        part.path.write_bytes(data[:there])
        place.fetch(part)
        assert part.path.read_bytes() == data
        assert told == sorted(told)
        assert all(there <= done <= len(data) for done in told)
    assert {file.name for file in folder.iterdir()} == {
        f"{there}.part" for there in (0, 1, len(data) // 2, len(data))
    }

    cached = place.cached()
    if cached is not None:
        assert cached.path.read_bytes() == data
        assert cached.sha256 in (None, sha256)


@pytest.mark.parametrize("place", KINDS.values(), ids=KINDS.keys())
def test_every_place_holds_the_laws(
    place: Place, hub: FakeHub, wheelhouse: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    holds_the_laws(place, DATA, SHA256, folder)


@pytest.mark.parametrize("place", KINDS.values(), ids=KINDS.keys())
def test_a_place_that_gives_nothing_keeps_what_is_there(place: Place, tmp_path: Path) -> None:
    part = PartFile(tmp_path / "x.part", len(DATA), lambda done: None)
    part.path.write_bytes(DATA[:1000])
    with pytest.raises(PlaceFailed) as caught:
        place.fetch(part)
    assert "\n" not in caught.value.reason
    assert part.path.read_bytes() == DATA[:1000]


def test_every_kind_of_place_is_tested_here() -> None:
    assert KINDS.keys() == PLACES.keys()
