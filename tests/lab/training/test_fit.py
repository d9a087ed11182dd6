"""Fitting finds what is there, invents nothing, and never measures itself on what it has learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pfsolve.errors import ModelFileError
from pfsolve.lab.evaluation.metrics import auc
from pfsolve.lab.training.fit import (
    FOLDS,
    Examples,
    HeadChoice,
    HeldOut,
    calibration,
    fit,
    folds,
    held_out,
)
from pfsolve.rewards.probe.features import ENTROPIES, NUMBERS
from pfsolve.rewards.probe.head import ProbeHead, read_head
from pfsolve.rewards.probe.reward import Probe

N_EMBD = 8
WIDTH = N_EMBD + NUMBERS


def examples(n: int, *, signal: float, seed: int = 0, bent: bool = False) -> Examples:
    """Prefixes, four to a problem, whose chance to be right depends on one direction of the states.

    Bent, on the distance from its middle; the numbers are then all the same, since so few examples
    cannot show a bend among so many more inputs.
    """
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, WIDTH)) * 3 + 1
    if bent:
        vectors[:, N_EMBD:] = 1
    along = (vectors[:, :N_EMBD].sum(1) - N_EMBD) / 3 / np.sqrt(N_EMBD)
    log_odds = signal * (np.abs(along) - 0.8 if bent else along)
    labels = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float)
    where = np.arange(n)
    return Examples(vectors.astype(np.float32), labels, np.ones(n), where // 4, where * 0)


LOGISTIC, PERCEPTRON = HeadChoice(24, 1e-2, 0), HeadChoice(24, 1e-3, 8)


def test_a_direction_that_matters_is_found() -> None:
    data = examples(2000, signal=2.0)
    head = fit(data, LOGISTIC, np.random.default_rng(0))
    fresh = examples(4000, signal=2.0, seed=1)
    scores = head.log_odds(fresh.vectors)
    truth = 2.0 * (fresh.vectors[:, :N_EMBD].sum(1) - N_EMBD) / 3 / np.sqrt(N_EMBD)
    assert np.corrcoef(scores, truth)[0, 1] > 0.97
    assert head.layers[0][0].shape == (1, WIDTH)


def test_entropies_are_shrunk_least() -> None:
    """Of inputs that tell the same, a few examples and a heavy penalty leave the entropies a say."""
    data = examples(200, signal=0.0)
    told = N_EMBD + np.array(ENTROPIES)
    others = told + 1
    along = (data.vectors[:, [*told, *others]].sum(1) - 8) / 3
    data.labels[:] = along > 0
    weight = fit(data, HeadChoice(24, 3.0, 0), np.random.default_rng(0)).layers[0][0][0]
    assert weight[told].min() > 5 * weight[others].max() > 0


def test_where_there_is_nothing_held_out_scores_say_nothing() -> None:
    """Scores of examples that were learnt from would look good even here."""
    data = examples(400, signal=0.0)
    choice = HeadChoice(24, 1e-4, 0)
    log_odds = held_out(data, [choice], np.random.default_rng(0)).log_odds[choice]
    assert 0.42 < auc(log_odds, data.labels > 0.5) < 0.58
    learnt = fit(data, choice, np.random.default_rng(0)).log_odds(data.vectors)
    assert auc(learnt, data.labels > 0.5) > 0.6


def test_choosing_does_not_flatter() -> None:
    """Each of 40 choices is wild guesses: the best of them looks good on what it was chosen by."""
    rng = np.random.default_rng(0)
    data = examples(400, signal=0.0)
    wild = {HeadChoice(number, 1.0, 0): rng.normal(size=400) for number in range(1, 41)}
    fold = folds(data.groups, FOLDS, rng)
    told = HeldOut(data, fold, wild)
    right = data.labels > 0.5
    assert auc(wild[told.best()], right) > 0.55 > 0.53 > auc(told.unbiased(), right)
    assert np.isfinite(told.unbiased()).all()


def test_calibration_never_turns_scores_around() -> None:
    data = examples(400, signal=0.0)
    backwards = 1.0 - 2.0 * data.labels
    slope, offset = calibration(backwards, data.labels, data.weights)
    assert slope == 0
    assert 1 / (1 + np.exp(-offset)) == pytest.approx(data.labels.mean())


def test_a_perceptron_sees_what_no_line_can() -> None:
    data, fresh = (examples(3000, signal=4.0, seed=seed, bent=True) for seed in (0, 1))
    curved = fit(data, PERCEPTRON, np.random.default_rng(0)).log_odds(fresh.vectors)
    straight = fit(data, LOGISTIC, np.random.default_rng(0)).log_odds(fresh.vectors)
    assert auc(curved, fresh.labels > 0.5) > 0.7 > 0.6 > auc(straight, fresh.labels > 0.5)


def test_a_problem_is_never_split_over_folds() -> None:
    groups = np.random.default_rng(0).integers(0, 37, size=500)
    fold = folds(groups, FOLDS, np.random.default_rng(1))
    assert set(fold) == set(range(FOLDS))
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups))


def test_another_source_only_shifts_the_offset() -> None:
    """The same prefixes are called right far less often in the second source, which is the one kept."""
    one, other = examples(3000, signal=2.0), examples(3000, signal=2.0, seed=1)
    rare = other.labels * (np.random.default_rng(2).random(3000) < 0.3)
    both = Examples(
        np.concatenate([one.vectors, other.vectors]),
        np.concatenate([one.labels, rare]),
        np.ones(6000),
        np.concatenate([one.groups, other.groups + 10_000]),
        np.repeat([0, 1], 3000),
    )
    head = fit(both, LOGISTIC, np.random.default_rng(0))
    chances = 1 / (1 + np.exp(-head.log_odds(other.vectors)))
    assert chances.mean() == pytest.approx(rare.mean(), abs=0.03)


def test_the_same_seed_gives_the_same_head() -> None:
    data = examples(200, signal=1.0)
    one, other = (fit(data, PERCEPTRON, np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(one.layers, other.layers, strict=True))


def test_a_head_survives_its_file(tmp_path: Path) -> None:
    data = examples(300, signal=1.0)
    head = fit(data, PERCEPTRON, np.random.default_rng(0))
    path = tmp_path / "probe.npz"
    ProbeHead(head.layers, {"policy": "a", "rows": 3}).save(path)
    again = read_head(path)
    assert again.about == {"policy": "a", "rows": 3}
    assert again.n_embd == N_EMBD
    assert again.log_odds(data.vectors) == pytest.approx(head.log_odds(data.vectors), abs=2e-2)


def test_what_is_no_head_or_anothers_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "probe.npz"
    with pytest.raises(ModelFileError, match="there is no probe"):
        read_head(path)
    path.write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(ModelFileError, match="is no probe"):
        read_head(path)
    np.savez(path, weight0=np.zeros((2, WIDTH)))
    with pytest.raises(ModelFileError, match="is no probe"):
        read_head(path)
    head = fit(examples(100, signal=1.0), LOGISTIC, np.random.default_rng(0))
    with pytest.raises(ModelFileError, match="8 values, and the policy's have 576"):
        Probe(head, 576)
    named = ProbeHead(head.layers, {"policy": "a", "policy_sha256": "1"})
    Probe(named, N_EMBD, sha256="1")
    Probe(named, N_EMBD, sha256=None)
    with pytest.raises(ModelFileError, match="another policy, a"):
        Probe(named, N_EMBD, sha256="2")
