"""The heads that come with pfsolve belong to models it knows, and say where they are from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.models.catalogue import load_catalogue
from pfsolve.rewards.probe.files import PACKAGED, find_head
from pfsolve.rewards.probe.head import read_head

HEADS = sorted(PACKAGED.iterdir())


def test_the_default_policy_within_everybodys_reach_has_one(tmp_path: Path) -> None:
    assert find_head("probe", load_catalogue(tmp_path).default_policies[-1], tmp_path) in HEADS


@pytest.mark.parametrize("path", HEADS, ids=lambda path: path.stem)
def test_a_head_belongs_to_its_policy_and_tells_what_made_it(path: Path, tmp_path: Path) -> None:
    head = read_head(path)
    assert head.policy_sha256 == load_catalogue(tmp_path).get(path.stem).sha256
    assert head.about["files"]
    for measured in head.about.get("measured", {}).values():
        assert measured["steps"][-1]["auc"] > 0.5
    assert path.stat().st_size < 200_000
