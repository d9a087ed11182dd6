"""A head's scores, its file, and the policy it belongs to."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from pfsolve.engine.policy import Branch
from pfsolve.errors import ModelFileError
from pfsolve.particle import Kind, Particle
from pfsolve.rewards.base import Prefix
from pfsolve.rewards.probe.features import FORMAT, NUMBERS
from pfsolve.rewards.probe.head import ProbeHead, read_head
from pfsolve.rewards.probe.reward import Probe
from tests.rewards.probe.test_features import WIDTH, trace, walk

DEPTHS = (0.5, 1.0)


def head(*kinds: Kind, depths: tuple[float, ...] = DEPTHS) -> ProbeHead:
    rng = np.random.default_rng(7)
    size = len(depths) * WIDTH + NUMBERS
    weights = {kind: rng.normal(size=size).astype(np.float32) for kind in kinds}
    return ProbeHead(weights, dict.fromkeys(kinds, 0.25), depths, {"policy": "a"})


def test_a_head_survives_its_file(tmp_path: Path) -> None:
    written, path = head(Kind.TEXT, Kind.PROGRAM), tmp_path / "probe.npz"
    written.save(path)
    read = read_head(path)
    assert (read.about, read.depths, read.n_embd) == ({"policy": "a"}, DEPTHS, WIDTH)
    vectors = np.random.default_rng(1).normal(size=(5, 2 * WIDTH + NUMBERS)).astype(np.float32)
    for kind in Kind:
        assert read.log_odds(kind, vectors) == pytest.approx(
            written.log_odds(kind, vectors), abs=5e-2
        )


@pytest.mark.parametrize("depths", [(1.0,), (0.5,), (0.5, 1.0)])
def test_each_kind_has_scores_of_its_own(depths: tuple[float, ...]) -> None:
    """Across a fork and back, from the states that the head looks at."""
    rng = np.random.default_rng(2)
    of = head(Kind.TEXT, Kind.PROGRAM, depths=depths)
    probe = Probe(of, WIDTH)
    assert probe.reads_programs
    assert probe.depths == tuple(depth for depth in depths if depth < 1)
    layers = len(probe.depths)
    a, b, c = (trace(rng, tokens, layers=layers) for tokens in (3, 4, 5))

    def prefix(slot: int, kind: Kind, number: int) -> Prefix:
        return Prefix(slot, Particle(kind=kind), cast(Branch, None), (a, b, c)[number])

    scorer = probe.open("?", 2)
    scorer.score([prefix(0, Kind.TEXT, 0), prefix(1, Kind.TEXT, 1)])
    scorer.fork(np.array([0, 0]))
    scorer.score([prefix(1, Kind.TEXT, 1)])
    scorer.rewind(np.array([1]), np.array([1]))
    scores = scorer.score([prefix(1, Kind.TEXT, 2), prefix(0, Kind.PROGRAM, 1)])
    final = 1.0 in depths
    for kind, second, score in zip((Kind.TEXT, Kind.PROGRAM), (c, b), scores, strict=True):
        vector = walk([a, second], final=final)[-1]
        assert score == pytest.approx(float(of.log_odds(kind, vector[None])[0]))


def test_a_kind_that_was_not_learnt_has_log_odds_of_zero() -> None:
    probe = Probe(head(Kind.TEXT), WIDTH)
    assert not probe.reads_programs
    assert head(Kind.TEXT).log_odds(Kind.PROGRAM, np.ones((2, 9), np.float32)).tolist() == [0, 0]


def test_what_is_no_head_or_anothers_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "probe.npz"
    with pytest.raises(ModelFileError, match="there is no probe"):
        read_head(path)
    path.write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(ModelFileError, match="is no probe"):
        read_head(path)
    good = {
        "format": FORMAT,
        "about": np.array("{}"),
        "depths": np.array([1.0]),
        "text_weights": np.zeros(WIDTH + NUMBERS),
        "text_bias": 0.0,
    }
    np.savez(path, **good)
    read_head(path)
    for name, wrong in [
        *(("text_bias", value) for value in (np.zeros(1), 1j, np.nan, np.inf, 1e300, "0")),
        ("text_weights", np.zeros((1, WIDTH + NUMBERS))),
        ("text_weights", np.full(WIDTH + NUMBERS, 1e300)),
        ("text_weights", np.zeros(WIDTH + NUMBERS, complex)),
        ("text_weights", np.zeros(NUMBERS)),
        ("depths", np.array([])),
        ("depths", 1.0),
        ("depths", np.linspace(0.1, 1.0, WIDTH + 1)),
        ("depths", np.array([1.5])),
        ("about", np.array("[" * 100_000)),
        ("about", np.array("[]")),
        ("format", np.zeros(2)),
    ]:
        np.savez(path, **{**good, name: wrong})
        with warnings.catch_warnings(action="error"), pytest.raises(ModelFileError) as caught:
            read_head(path)
        assert len(caught.value.message.splitlines()) == 1
    np.savez(path, format=3, weight0=np.zeros((1, 9)))
    with pytest.raises(ModelFileError, match="format 3"):
        read_head(path)
    with pytest.raises(ModelFileError, match=f"{WIDTH} values, and the policy's have 576"):
        Probe(head(Kind.TEXT), 576)
    named = ProbeHead(head(Kind.TEXT).weights, {Kind.TEXT: 0.0}, DEPTHS, {"policy_sha256": "1"})
    Probe(named, WIDTH, sha256="1")
    Probe(named, WIDTH, sha256=None)
    with pytest.raises(ModelFileError, match="another policy"):
        Probe(named, WIDTH, sha256="2")
