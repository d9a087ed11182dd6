"""The filter against worlds whose posterior and evidence are computed exactly.

A search asks for steps and scores without knowing of what. Here a step is a transition of a hidden
chain and a score the log-likelihood of that step's observation, so the particle filter must give what
the forward algorithm gives; or it goes down a small tree whose leaves can be enumerated.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.requests import FinalPopulation, Fork
from pfsolve.search.resampling import SCHEMES, keep_in_place, multinomial
from pfsolve.search.weights import Weights
from tests.search.worlds import (
    HiddenMarkovModel,
    Path,
    Script,
    Tree,
    World,
    assert_law,
    assert_mean,
    drive,
    shares,
)


def run(world: World, rules: FilterRules, seed: int = 0) -> FinalPopulation:
    return drive(
        particle_filter(len(world.paths), rules, np.random.default_rng(seed)), world.answer
    )


RULES = [
    *(FilterRules(resampling=scheme) for scheme in SCHEMES),
    *(FilterRules(resampling=scheme, weights="ratio") for scheme in SCHEMES),
    FilterRules(weights="ratio", ess_threshold=0.5),
    FilterRules(weights="ratio", ess_threshold=0.0),
    FilterRules(weights="ratio", finished="absorb", ess_threshold=0.8),
    FilterRules(weights="ratio", expected_steps=12),
]


def estimate(n: int, rules: FilterRules, seed: int) -> tuple[np.ndarray, float]:
    model = HiddenMarkovModel(n, seed, cumulative=rules.weights == "ratio")
    end = run(model, rules, seed + 10**6)
    last = np.array([path[-1] for path in model.paths])
    assert end.log_evidence is not None
    weights = end.weights.normalised
    return np.bincount(last, weights=weights, minlength=3), end.log_evidence


@pytest.mark.parametrize("rules", RULES, ids=repr)
def test_posterior_and_evidence_are_those_of_the_forward_algorithm(rules: FilterRules) -> None:
    """Over 250 runs of 64 particles, within 4.5 standard errors of what is exactly true.

    The evidence is unbiased, and so is evidence times posterior; a posterior alone has a bias of
    order 1/n (Del Moral 2004, theorem 7.4.2).
    """
    posterior, log_evidence = HiddenMarkovModel(1, 0, cumulative=False).exact()
    runs = [estimate(64, rules, seed) for seed in range(250)]
    evidence = np.exp([log_z for _, log_z in runs])
    assert_mean(evidence[:, None], np.array([math.exp(log_evidence)]))
    noise = evidence.std(ddof=1) / math.sqrt(len(runs))
    assert noise < 0.04 * math.exp(log_evidence), "too noisy to notice a bias"
    assert_mean(evidence[:, None] * (np.array([p for p, _ in runs]) - posterior), np.zeros(3))


@pytest.mark.parametrize(
    "rules",
    [
        FilterRules(weights="ratio"),
        FilterRules(weights="ratio", resampling="multinomial", ess_threshold=0.7),
        FilterRules(weights="ratio", finished="absorb"),
        FilterRules(weights="ratio", softmax_temperature=2.0),
        FilterRules(weights="ratio", expected_steps=12, softmax_temperature=0.5),
    ],
    ids=repr,
)
def test_solutions_of_different_lengths_are_weighed_exactly(rules: FilterRules) -> None:
    """Leaves of a tree, at depths 1 to 4: the evidence, and with it each leaf's part of it."""
    exact, log_evidence = Tree.exact(rules.softmax_temperature)
    samples = []
    for seed in range(600):
        tree = Tree(6, seed)
        end = run(tree, rules, seed + 10**6)
        assert end.log_evidence is not None
        weights = end.weights.normalised
        samples.append(math.exp(end.log_evidence) * shares(tree.paths, weights, Tree.leaves))
    mass = np.array([exact[leaf] for leaf in Tree.leaves]) * math.exp(log_evidence)
    assert_law(np.array(samples), mass)


@pytest.mark.parametrize("finished", ["stay", "absorb"])
def test_score_weights_and_their_evidence_when_resampling_is_flattened(finished: str) -> None:
    """The evidence accounts for survivors chosen by flattened weights; the published weights do not."""
    rules = FilterRules(expected_steps=12, softmax_temperature=0.3, finished=finished)
    temperature = rules.softmax_temperature
    model = HiddenMarkovModel(1, 0, cumulative=False, observations=(0, 0, 1, 2))
    exact = sum(  # of the paths' likelihoods ** (1 / temperature)
        math.prod(
            np.exp(model.log_odds(path[:depth]) / temperature) for depth in range(1, len(path) + 1)
        )
        * model.prior(path)
        for path in model.posterior()
    )
    estimates = []
    for seed in range(400):
        model = HiddenMarkovModel(16, seed, cumulative=False, observations=(0, 0, 1, 2))
        end = run(model, rules, seed + 10**6)
        assert end.log_evidence is not None
        estimates.append(math.exp(end.log_evidence))
        assert end.weights.log == pytest.approx(end.log_odds / temperature)
    assert_mean(np.array(estimates)[:, None], np.array([exact]))


def test_it_resamples_before_a_step_and_never_after_the_last() -> None:
    script = Script({1: [0.0, 0.0], 2: [0.0, 0.0]}, [2, 2])
    run(script, FilterRules())
    one = ["Extend", "Score", "StepInfo"]
    assert script.kinds() == [*one, "Fork", *one]


@pytest.mark.parametrize(
    ("finished", "after"), [("stay", [0.25] * 4), ("absorb", [0.8, *[0.2 / 3] * 3])]
)
def test_those_that_were_resampled_count_alike_and_those_set_aside_keep_their_weight(
    finished: str, after: list[float]
) -> None:
    """What a watcher is told: no weight that a particle would have if it were weighed anew."""
    odds = np.log([0.8, 0.1, 0.06, 0.04]).tolist()
    script = Script({1: odds, 2: [0.0] * 4}, [1, 2, 2, 2])
    run(script, FilterRules(finished=finished))
    fork = next(request for request in script.log if isinstance(request, Fork))
    assert fork.log_weights is not None
    assert np.exp(fork.log_weights) / np.exp(fork.log_weights).sum() == pytest.approx(after)


def test_all_finished_at_once_are_not_resampled() -> None:
    script = Script({1: [3.0, -3.0, 0.0]}, [1, 1, 1])
    end = run(script, FilterRules())
    assert script.kinds() == ["Extend", "Score", "StepInfo"]
    assert end.weights.log.tolist() == end.log_odds.tolist() == [3.0, -3.0, 0.0]


def test_a_step_of_the_paper_is_played_as_it_stands() -> None:
    """Algorithm 1 of arXiv:2502.01618, under the preset.

    At every step n independent draws by the softmax of the newest logits, finished particles with
    their last one; the last population is not resampled.
    """
    rules = FilterRules(resampling="multinomial", weights="score", finished="stay")
    scores = [0.3, -0.4, 0.6, 0.1]
    script = Script(dict.fromkeys(range(1, 5), scores), [2, 4, 3, 4])
    run(script, rules, seed=5)

    rng = np.random.default_rng(5)
    paths: list[tuple[int, ...]] = [()] * 4
    logits = np.zeros(4)
    forks, extended = [], []
    while not all(script.is_finished(path) for path in paths):
        if any(paths):
            odds = np.exp(logits)
            drawn = keep_in_place(multinomial(rng, odds / odds.sum(), 4))
            forks.append(drawn.tolist())
            paths, logits = [paths[a] for a in drawn], logits[drawn]
        unfinished = [slot for slot in range(4) if not script.is_finished(paths[slot])]
        if not unfinished:
            break
        extended.append(unfinished)
        for slot in unfinished:
            paths[slot] = (*paths[slot], slot)
            logits[slot] = script.log_odds(paths[slot])
    assert len(forks) > 2
    assert any(len(each) < 4 for each in extended), "no particle has finished before the others"
    assert script.forks() == forks
    assert script.extended() == extended
    assert script.paths == paths


def test_finished_particles_are_never_extended_and_keep_their_score() -> None:
    script = Script({1: [3.0, 3.0], 2: [0.0, 3.0]}, [1, 2])
    end = run(script, FilterRules())
    assert script.extended() == [[0, 1], [1]]
    assert end.log_odds.tolist() == [3.0, 3.0]


def test_staying_particles_may_be_copied_over_unfinished_ones() -> None:
    script = Script({1: [50.0, -50.0]}, [1, 9])
    end = run(script, FilterRules())
    assert script.kinds() == ["Extend", "Score", "StepInfo", "Fork"]
    assert end.log_odds.tolist() == [50.0, 50.0]


def test_absorbed_particles_are_neither_copied_nor_dropped() -> None:
    script = Script({1: [50.0, -50.0, 0.0], 2: [0.0, 1.0, 1.0]}, [1, 2, 2])
    end = run(script, FilterRules(finished="absorb"))
    assert script.forks() == [[0, 2, 2]]
    assert end.log_odds.tolist() == [50.0, 1.0, 1.0]


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_equal_weights_lose_no_particle(scheme: str) -> None:
    """So without a reward, when all scores are equal, a filter is plain sampling."""
    for n in range(1, 33):
        script = Script({1: [0.0] * n, 2: [0.0] * n}, [2] * n)
        run(script, FilterRules(resampling=scheme), seed=n)
        assert script.forks() == [list(range(n))]


def test_dead_particles_are_never_chosen() -> None:
    inf = math.inf
    script = Script({1: [-inf, 0.0, -inf], 2: [0.0] * 3}, [2, 2, 2])
    run(script, FilterRules())
    assert script.forks() == [[1, 1, 1]]


def test_absorbed_particles_outlive_the_death_of_all_others() -> None:
    script = Script({1: [1.0, 0.0], 2: [0.0, -math.inf]}, [1, 3])
    end = run(script, FilterRules(finished="absorb"))
    assert end.log_odds.tolist() == [1.0, -math.inf]


def test_the_dead_stay_dead_under_ratio_weights() -> None:
    """-inf minus -inf must not become NaN when nothing is resampled in between."""
    rules = FilterRules(weights="ratio", ess_threshold=0.0)
    end = run(Script({1: [-math.inf, 0.0], 2: [5.0, 0.0]}, [2, 2]), rules)
    assert end.weights.log.tolist() == [-math.inf, 0.0]


def test_ratio_weights_telescope_to_the_last_score() -> None:
    rules = FilterRules(weights="ratio", ess_threshold=0.0)
    scores = {1: [1.0, -2.0], 2: [0.5, 3.0], 3: [2.5, -1.0]}
    end = run(Script(scores, [3, 3]), rules)
    np.testing.assert_allclose(end.weights.log, [2.5, -1.0])


def test_after_resampling_all_weigh_exactly_the_same() -> None:
    rules = FilterRules(weights="ratio")
    script = Script({1: [50.0, -50.0, 49.0]}, [1, 9, 1])
    end = run(script, rules)
    assert script.kinds()[-1] == "Fork"
    assert len(set(end.weights.log.tolist())) == 1


def test_softmax_temperature_divides_the_logits() -> None:
    end = run(Script({1: [4.0, 0.0]}, [1, 1]), FilterRules(softmax_temperature=4.0))
    np.testing.assert_allclose(end.weights.normalised, Weights(np.array([1.0, 0.0])).normalised)
    assert end.log_odds.tolist() == [4.0, 0.0]


class Favourite(World):
    """Solutions of two steps, each of them 0 four times out of five; one has a score of zero.

    All others have the same score.
    """

    def following(self, path: Path, slot: int) -> int:
        return int(self.rng.random() > 0.8)

    def is_finished(self, path: Path) -> bool:
        return len(path) == 2

    def log_odds(self, path: Path) -> float:
        return -math.inf if path == (1, 1) else 0.5


def test_deduplicated_particles_share_the_weight_of_one() -> None:
    """The law over what was found is softmax of the scores, however often it was found."""
    survivors = []
    for seed in range(40):
        world = Favourite(32, seed)
        end = run(world, FilterRules(deduplicate=True), seed)
        assert len(world.forks()) == 1
        assert [news.log_evidence for news in world.news()] == [None, None]
        survivors.append(np.mean([path[0] == 0 for path in world.paths]))
        weights = end.weights.normalised
        held = {p: weights[[q == p for q in world.paths]].sum() for p in set(world.paths)}
        alive = held.keys() - {(1, 1)}
        assert held == pytest.approx({p: (p in alive) / len(alive) for p in held})
    assert np.mean(survivors) == pytest.approx(0.5, abs=0.02)  # of 0 and 1, written 4 times to 1


def test_copies_of_a_finished_particle_share_its_weight_too() -> None:
    script = Script({1: [2.0, -40.0, 2.0 + math.log(3), -40.0]}, [1, 2, 1, 2])
    end = run(script, FilterRules(deduplicate=True))
    assert len(set(script.paths)) == 2, "both have been copied over the unfinished ones"
    weights = end.weights.normalised
    assert weights[[path == (2,) for path in script.paths]].sum() == pytest.approx(0.75)


def test_deduplication_needs_score_weights() -> None:
    with pytest.raises(ValueError, match="score"):
        FilterRules(weights="ratio", deduplicate=True)


def test_one_particle_goes_through_undisturbed() -> None:
    script = Script({1: [-3.0], 2: [2.0]}, [2])
    assert run(script, FilterRules(expected_steps=12)).log_odds.tolist() == [2.0]


@pytest.mark.parametrize(("odds", "forks"), [(1e3, 1), (2.0, 0)])
def test_score_weights_are_resampled_where_the_newest_scores_leave_few(
    odds: float, forks: int
) -> None:
    """The scores before it count no more, however they were."""
    log_odds = math.log(odds)
    script = Script({1: [0.0] * 4, 2: [log_odds, 0.0, 0.0, 0.0], 3: [0.0] * 4}, [3] * 4)
    run(script, FilterRules(ess_threshold=0.5))
    assert len(script.forks()) == forks
    assert script.news()[-1].weights.normalised.tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("logit", "expected_steps", "is_flattened"),
    [
        (6.0, 12, True),  # nearly all weight on one of eight
        (6.0, 4, True),
        (6.0, 2, False),  # half of the way is gone
        (1.5, 12, False),  # an ESS of more than half of eight
    ],
)
def test_a_degenerate_population_is_resampled_by_flattened_weights_early_on(
    logit: float, expected_steps: int, is_flattened: bool
) -> None:
    """Survivors of systematic draws by softmax(logit / tau), as in arXiv:2510.05825.

    tau = max(1, n / ESS * (1 - progress)) while ESS / n and progress are below one half, else 1.
    """
    odds, others = math.exp(logit), 7
    ess = (odds + others) ** 2 / (odds**2 + others)
    tau = 8 / ess * (1 - 1 / expected_steps) if is_flattened else 1.0
    expected = 8 * math.exp(logit / tau) / (math.exp(logit / tau) + others)
    copies = []
    for seed in range(300):
        script = Script({1: [logit, *[0.0] * 7], 2: [0.0] * 8}, [2] * 8)
        run(script, FilterRules(expected_steps=expected_steps), seed)
        copies.append(script.forks()[0].count(0))
    assert set(copies) <= {math.floor(expected), math.ceil(expected)}
    assert abs(np.mean(copies) - expected) < 4.5 * 0.5 / math.sqrt(300)


def test_annealing_ends_with_the_first_half_of_the_expected_steps() -> None:
    """Step 3 of 6 is not early any more: the best one takes all but everything."""
    logits = [30.0, *[0.0] * 7]
    script = Script({1: logits, 2: logits, 3: logits, 4: logits}, [4] * 8)
    run(script, FilterRules(expected_steps=6))
    distinct = [len(set(ancestors)) for ancestors in script.forks()]
    assert distinct[0] > 1
    assert distinct[2] == 1
