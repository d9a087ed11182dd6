"""The filter against a hidden Markov model, whose posterior and evidence are computed exactly.

A search asks for steps and scores without knowing of what. Here a step is a transition of a hidden
chain and a score the log-likelihood of that step's observation, so the particle filter must give what
the forward algorithm gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.requests import Extend, Fork, Population, Score, Weighed
from pfsolve.search.resampling import SCHEMES
from pfsolve.search.weights import AllParticlesDead, InvalidLogWeight, normalise

START = np.array([0.6, 0.3, 0.1])
MOVE = np.array([[0.7, 0.2, 0.1], [0.15, 0.7, 0.15], [0.05, 0.25, 0.7]])
SEEN = np.array([[0.8, 0.15, 0.05], [0.2, 0.6, 0.2], [0.02, 0.18, 0.8]])  # P(observation | state)
OBSERVATIONS = [0, 0, 1, 2, 2, 1]
START_SUMS = np.cumsum(START)[:-1].tolist()
MOVE_SUMS = np.cumsum(MOVE, axis=1)[:, :-1].tolist()


def exact() -> tuple[np.ndarray, float]:
    """Posterior of the last state and log evidence, by the forward algorithm."""
    forward = START * SEEN[:, OBSERVATIONS[0]]
    for seen in OBSERVATIONS[1:]:
        forward = (forward @ MOVE) * SEEN[:, seen]
    return forward / forward.sum(), math.log(forward.sum())


class HiddenMarkovModel:
    """Answers a search's requests with the chain; `ratio` weights need the whole chain scored."""

    def __init__(self, n: int, seed: int, cumulative: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.states: list[list[int]] = [[] for _ in range(n)]
        self.cumulative = cumulative
        self.forks: list[np.ndarray] = []
        self.news: list[Weighed] = []
        self.extended: list[list[int]] = []

    def answer(self, request: object) -> object:
        match request:
            case Extend(particles=slots):
                self.extended.append(slots.tolist())
                for slot, point in zip(slots, self.rng.random(slots.size), strict=True):
                    chain = self.states[slot]
                    reached = MOVE_SUMS[chain[-1]] if chain else START_SUMS
                    self.states[slot] = [*chain, sum(point >= bound for bound in reached)]
                return np.array([len(self.states[s]) == len(OBSERVATIONS) for s in slots])
            case Score(particles=slots):
                return np.array([self.log_score(self.states[slot]) for slot in slots])
            case Fork(ancestors=ancestors):
                self.forks.append(ancestors)
                self.states = [self.states[a] for a in ancestors]
            case Weighed():
                self.news.append(request)
        return None

    def log_score(self, chain: list[int]) -> float:
        likelihoods = [SEEN[s, o] for s, o in zip(chain, OBSERVATIONS, strict=False)]
        return math.log(math.prod(likelihoods) if self.cumulative else likelihoods[-1])


def drive(
    answer: Callable[[object], object], n: int, rules: FilterRules, seed: int = 0
) -> Population:
    search = particle_filter(n, rules, np.random.default_rng(seed))
    reply: object = None
    while True:
        try:
            reply = answer(search.send(reply))
        except StopIteration as end:
            return end.value


def estimate(n: int, rules: FilterRules, seed: int) -> tuple[np.ndarray, float]:
    model = HiddenMarkovModel(n, seed, cumulative=rules.weights == "ratio")
    end = drive(model.answer, n, rules, seed + 10**6)
    last = np.array([chain[-1] for chain in model.states])
    weights = normalise(end.log_weights)
    return np.bincount(last, weights=weights, minlength=3), end.log_evidence


ALL_RULES = [
    *(FilterRules(resampling=scheme) for scheme in SCHEMES),
    *(FilterRules(resampling=scheme, weights="ratio") for scheme in SCHEMES),
    FilterRules(weights="ratio", ess_threshold=0.5),
    FilterRules(weights="ratio", ess_threshold=0.0),
    FilterRules(weights="ratio", finished="absorb", ess_threshold=0.8),
]


@pytest.mark.parametrize("rules", ALL_RULES, ids=repr)
def test_posterior_and_evidence_are_those_of_the_forward_algorithm(rules: FilterRules) -> None:
    """Over 250 runs of 64 particles, within 4.5 standard errors of what is exactly true.

    The evidence is unbiased, and so is evidence times posterior, while a posterior alone is biased by
    something like 1/n (Del Moral 2004, theorem 7.4.2).
    """
    posterior, log_evidence = exact()
    runs = [estimate(64, rules, seed) for seed in range(250)]
    evidence = np.exp([log_z for _, log_z in runs])
    error = evidence.std(ddof=1) / math.sqrt(len(runs))
    assert abs(evidence.mean() - math.exp(log_evidence)) < 4.5 * error
    assert error < 0.04 * math.exp(log_evidence), "too noisy to notice a bias"
    excess = evidence[:, None] * (np.array([p for p, _ in runs]) - posterior)
    assert np.all(
        np.abs(excess.mean(axis=0)) < 4.5 * excess.std(axis=0, ddof=1) / math.sqrt(len(runs))
    )


def test_same_seed_same_run_other_seed_other_run() -> None:
    rules = FilterRules()
    first, again = estimate(16, rules, 3), estimate(16, rules, 3)
    assert first[1] == again[1]
    assert first[1] != estimate(16, rules, 4)[1]


class Script:
    """Plays given scores and lengths, and keeps a log of what was asked."""

    def __init__(self, scores: dict[int, list[float]], length: list[int]) -> None:
        self.scores, self.length = scores, length
        self.steps = [0] * len(length)
        self.log: list[object] = []

    def answer(self, request: object) -> object:
        self.log.append(request)
        match request:
            case Extend(particles=slots):
                for slot in slots:
                    self.steps[slot] += 1
                return np.array([self.steps[s] >= self.length[s] for s in slots])
            case Score(particles=slots):
                return np.array([self.scores[self.steps[s]][s] for s in slots])
            case Fork(ancestors=ancestors):
                self.steps = [self.steps[a] for a in ancestors]
                self.length = [self.length[a] for a in ancestors]
        return None

    def kinds(self) -> list[str]:
        return [type(request).__name__ for request in self.log]


def test_it_resamples_before_a_step_and_never_after_the_last() -> None:
    script = Script({1: [0.0, 0.0], 2: [0.0, 0.0]}, [2, 2])
    drive(script.answer, 2, FilterRules())
    one = ["Extend", "Score", "Weighed"]
    assert script.kinds() == [*one, "Fork", *one]


def test_finished_particles_are_never_extended_and_keep_their_score() -> None:
    script = Script({1: [3.0, 3.0], 2: [0.0, 3.0]}, [1, 2])
    end = drive(script.answer, 2, FilterRules())
    extended = [r.particles.tolist() for r in script.log if isinstance(r, Extend)]
    assert extended == [[0, 1], [1]]
    assert end.log_scores.tolist() == [3.0, 3.0]


def test_staying_particles_may_be_copied_over_unfinished_ones() -> None:
    script = Script({1: [50.0, -50.0]}, [1, 9])
    end = drive(script.answer, 2, FilterRules())
    assert script.kinds() == ["Extend", "Score", "Weighed", "Fork"]
    assert end.log_scores.tolist() == [50.0, 50.0]


def test_absorbed_particles_are_neither_copied_nor_dropped() -> None:
    script = Script({1: [50.0, -50.0, 0.0], 2: [0.0, 1.0, 1.0]}, [1, 2, 2])
    end = drive(script.answer, 3, FilterRules(finished="absorb"))
    (fork,) = (r.ancestors.tolist() for r in script.log if isinstance(r, Fork))
    assert fork == [0, 2, 2]
    assert end.log_scores.tolist() == [50.0, 1.0, 1.0]


def test_dead_particles_are_never_chosen_and_all_dead_has_a_name() -> None:
    inf = math.inf
    script = Script({1: [-inf, 0.0, -inf], 2: [0.0] * 3}, [2, 2, 2])
    drive(script.answer, 3, FilterRules())
    (fork,) = (r.ancestors.tolist() for r in script.log if isinstance(r, Fork))
    assert fork == [1, 1, 1]
    with pytest.raises(AllParticlesDead):
        drive(Script({1: [-inf, -inf]}, [2, 2]).answer, 2, FilterRules())


@pytest.mark.parametrize("weights", ["level", "ratio"])
def test_a_nan_score_is_an_error(weights: str) -> None:
    with pytest.raises(InvalidLogWeight, match="particle 1"):
        drive(Script({1: [0.0, math.nan]}, [2, 2]).answer, 2, FilterRules(weights=weights))


def test_the_dead_stay_dead_under_ratio_weights() -> None:
    """-inf minus -inf must not become NaN when nothing is resampled in between."""
    rules = FilterRules(weights="ratio", ess_threshold=0.0)
    end = drive(Script({1: [-math.inf, 0.0], 2: [5.0, 0.0]}, [2, 2]).answer, 2, rules)
    assert end.log_weights.tolist() == [-math.inf, 0.0]


def test_ratio_weights_telescope_to_the_last_score() -> None:
    rules = FilterRules(weights="ratio", ess_threshold=0.0)
    scores = {1: [1.0, -2.0], 2: [0.5, 3.0], 3: [2.5, -1.0]}
    end = drive(Script(scores, [3, 3]).answer, 2, rules)
    np.testing.assert_allclose(end.log_weights, [2.5, -1.0])


def test_softmax_temperature_divides_the_logits() -> None:
    end = drive(Script({1: [4.0, 0.0]}, [1, 1]).answer, 2, FilterRules(softmax_temperature=4.0))
    np.testing.assert_allclose(normalise(end.log_weights), normalise(np.array([1.0, 0.0])))
    assert end.log_scores.tolist() == [4.0, 0.0]


def test_one_particle_goes_through_undisturbed() -> None:
    script = Script({1: [-3.0], 2: [2.0]}, [2])
    assert drive(script.answer, 1, FilterRules()).log_scores.tolist() == [2.0]


def test_an_ess_threshold_without_ratio_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="ratio"):
        FilterRules(ess_threshold=0.5)
