"""Laws that any search, resampling scheme, reward or sandbox must satisfy, as functions to call.

    from tests.laws import check_reward, check_sandbox, check_search

    check_search(lambda rng: my_search(8, rng), n=8)
    check_reward(lambda policy: MyReward(policy), policy)
    check_sandbox(lambda: MySandbox())

Each raises AssertionError where a law is broken, and returns nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from pfsolve.engine.cache import Cache
from pfsolve.engine.policy import Policy, StepDraft, Trace
from pfsolve.particle import Particle
from pfsolve.programs.base import End, Limits, Sandbox
from pfsolve.rewards.base import Prefix, Reward, Scorer
from pfsolve.search.requests import FinalPopulation, Search
from pfsolve.search.resampling import Scheme
from pfsolve.search.weights import AllParticlesDead, InvalidLogWeight
from tests.search.worlds import Path, Tree, World, assert_mean, drive, stopping, written

# ---------------------------------------------------------------- searches and resampling schemes

MakeSearch = Callable[[np.random.Generator], Search]


def check_search(make_search: MakeSearch, n: int, seeds: int = 4) -> None:
    """Whether a search of n particles converses as `pfsolve.search.requests` says.

    Args:
        make_search: a new search that draws its random numbers from this generator alone.
        n: the number of its particles.
        seeds: each law is tried on this number of small random trees of solutions.
    """
    for seed in range(seeds):
        _check_it_ends_with_finished_particles(make_search, n, seed)
        _check_a_seed_gives_one_conversation(make_search, n, seed)
        _check_a_stop_ends_it(make_search, n, seed)
        _check_scores_of_zero_and_nan(make_search, n, seed)


class SameScore(Tree):
    """A tree of solutions in which every prefix has the same log-odds."""

    def __init__(self, n: int, seed: int, value: float) -> None:
        super().__init__(n, seed)
        self.value = value

    def log_odds(self, path: Path) -> float:
        return self.value


def _ended(make_search: MakeSearch, world: World, seed: int, stop: int = 10**6) -> FinalPopulation:
    """The end of a search, whose requests the world checks one by one."""
    end = drive(make_search(np.random.default_rng(seed)), stopping(world, stop))
    assert isinstance(end, FinalPopulation)
    for array in (end.log_odds, end.weights.log):
        assert array.shape == (len(world.paths),)
        assert array.dtype == np.float64
    assert end.steps == len(world.extended())
    return end


def _check_it_ends_with_finished_particles(make_search: MakeSearch, n: int, seed: int) -> None:
    world = Tree(n, seed)
    end = _ended(make_search, world, seed)
    assert all(world.is_finished(path) for path in world.paths), "it left a particle unfinished"
    assert not end.stopped, "it says that it was stopped"
    if "Score" in world.kinds():
        scores = [world.log_odds(path) for path in world.paths]
        assert end.log_odds.tolist() == scores, "log-odds are not those of its particles"


def _check_a_seed_gives_one_conversation(make_search: MakeSearch, n: int, seed: int) -> None:
    worlds = Tree(n, seed), Tree(n, seed)
    one, other = (_ended(make_search, world, seed) for world in worlds)
    assert [*map(written, worlds[0].log)] == [*map(written, worlds[1].log)]
    assert one.weights.log.tolist() == other.weights.log.tolist()


def _check_a_stop_ends_it(make_search: MakeSearch, n: int, seed: int) -> None:
    whole = Tree(n, seed)
    _ended(make_search, whole, seed)
    for stop in {info.step for info in whole.news()}:
        world = Tree(n, seed)
        end = _ended(make_search, world, seed, stop)
        assert end.steps == stop
        after = world.kinds()[len(world.kinds()) - world.kinds()[::-1].index("StepInfo") :]
        assert not {"Extend", "Score"} & set(after), "it takes a step after a stop"
        if not all(world.is_finished(path) for path in world.paths):
            assert end.stopped


def _check_scores_of_zero_and_nan(make_search: MakeSearch, n: int, seed: int) -> None:
    for value, error in ((-math.inf, AllParticlesDead), (math.nan, InvalidLogWeight)):
        world = SameScore(n, seed, value)
        search = make_search(np.random.default_rng(seed))
        try:
            drive(search, world.answer)
        except error:
            continue
        assert "Score" not in world.kinds(), f"log-odds {value} pass for a score"


def check_resampling(scheme: Scheme, draws: int = 3000) -> None:
    """Whether a scheme draws ancestors without bias, and keeps the one it is to keep.

    Means over independent draws are compared within 4.5 standard errors, at which a right scheme
    fails once in 100 000 comparisons.
    """
    rng = np.random.default_rng(12345)
    _check_ancestors_are_valid(scheme, rng)
    weights = np.array([0.31, 0.005, 0.125, 0.25, 0.0, 0.11, 0.05, 0.15])
    n = weights.size
    free = offspring(lambda: scheme(rng, weights, n), n, draws)
    assert_mean(free, n * weights)
    for kept in (0, 1):
        given = offspring(lambda kept=kept: scheme(rng, weights, n, kept), n, draws)
        assert np.all(given[:, kept] >= 1), "the kept particle was dropped"
        check_conditional_law(free, given, kept, n * weights[kept])


def _check_ancestors_are_valid(scheme: Scheme, rng: np.random.Generator) -> None:
    """Of any number of particles, some of weight zero, and the kept one of next to nothing."""
    for size in (1, 2, 7, 40):
        for count in (1, size, 60):
            weights = rng.exponential(size=size) ** 3
            weights[rng.integers(size)] *= 0.0 if size > 1 else 1.0
            kept = int(np.flatnonzero(weights)[0])
            weights[kept] *= rng.choice([1e-300, 1e-12, 1.0])
            weights /= weights.sum()
            for ancestors in (scheme(rng, weights, count), scheme(rng, weights, count, kept)):
                assert ancestors.shape == (count,)
                assert np.all(weights[ancestors] > 0), "a particle of weight zero was chosen"
            assert kept in ancestors, "the kept particle was dropped"


def check_conditional_law(free: np.ndarray, given: np.ndarray, kept: int, expected: float) -> None:
    """Whether offspring with a kept particle have the scheme's own law given that it has some.

    A slot picked blindly holds a copy of the kept particle with chance (its offspring) / n. So,
    given that it does, offspring are what they are without the condition, weighted by those of the
    kept particle. Means and squares are compared.

    Args:
        free: (draws, n), offspring counts without the condition.
        given: (draws, n), offspring counts with it.
        kept: index of the particle.
        expected: its expected offspring without the condition.
    """
    share = free[:, [kept]] / expected
    for power in (1, 2):
        weighted, direct = free**power * share, given**power
        error = np.hypot(weighted.std(axis=0), direct.std(axis=0)) / math.sqrt(len(free))
        assert np.all(np.abs(weighted.mean(axis=0) - direct.mean(axis=0)) <= 4.5 * error + 1e-9)


def offspring(draw: Callable[[], np.ndarray], n: int, draws: int) -> np.ndarray:
    """The number of offspring of each of n particles in each draw of ancestors, (draws, n)."""
    return np.array([np.bincount(draw(), minlength=n) for _ in range(draws)]).astype(float)


# ---------------------------------------------------------------- rewards

MakeReward = Callable[[Policy], Reward]


def check_reward(
    make_reward: MakeReward,
    policy: Policy,
    *,
    cache: Cache | None = None,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> None:
    """Whether a reward scores as `pfsolve.rewards.base` says.

    Two searches of three particles are written by the policy and scored side by side, with random
    forks and ways back.

    Args:
        make_reward: opens the reward beside this policy.
        policy: its cache must have room for ten sequences.
        cache: the reward's own, if it has one.
        tolerance: on log-odds, between two ways of decoding the same tokens.
        seed: of everything random.
    """
    reward, rng = make_reward(policy), np.random.default_rng(seed)
    before = policy.cache.sequences
    searches = [_Search(policy, reward, problem, 3, rng) for problem in PROBLEMS]
    for _ in range(5):
        for search in searches:
            scores = search.score_a_step()
            if scores:
                slot = int(rng.choice([*scores]))  # to score all of them afresh would take long
                again = search.score_afresh(slot)
                np.testing.assert_allclose(scores[slot], again, atol=tolerance, rtol=1e-6)
            search.fork()
            search.rewind()
    for search in searches:
        search.close()
    assert policy.cache.sequences == before, "a scorer left sequences in the policy's cache"
    if cache is not None:
        assert cache.sequences == 0, "a scorer left sequences in the reward's own cache"


PROBLEMS = ("What is 12 + 30?", "How many sides has a square?")


class _Search:
    """Particles that a policy writes and a scorer follows, told of each step, fork and way back."""

    def __init__(
        self, policy: Policy, reward: Reward, problem: str, n: int, rng: np.random.Generator
    ) -> None:
        self.policy, self.reward, self.problem, self.n, self.rng = policy, reward, problem, n, rng
        self.prompt = policy.chat.prompt("Think step by step.", problem)
        root = policy.open(self.prompt)
        self.branches = [root, *(policy.fork(root) for _ in range(n - 1))]
        self.particles = [Particle()] * n
        self.traces: list[tuple[Trace, ...]] = [()] * n  # of each of a particle's steps
        self.scorer = reward.open(problem, n)

    def score_a_step(self) -> dict[int, float]:
        """One more step for some particles; the log-odds of each by its slot."""
        slots = [slot for slot in range(self.n) if self.particles[slot].finish is None]
        slots = [slot for slot in slots if self.rng.random() < 0.8] or slots
        if not slots:
            return {}
        drafts = [self._draft(slot) for slot in slots]
        while not all(draft.done for draft in drafts):
            self.policy.advance(drafts)
        prefixes = []
        for draft in drafts:
            trace = self.policy.trace(draft)
            assert trace is not None
            self.particles[draft.slot] = draft.particle.extended(draft.step, draft.finish)
            self.traces[draft.slot] += (trace,)
            prefixes.append(Prefix(draft.slot, self.particles[draft.slot], draft.branch, trace))
        return dict(
            zip(slots, _scored(self.reward, self.scorer, self.policy, prefixes), strict=True)
        )

    def score_afresh(self, slot: int) -> float:
        """What a scorer says of this slot's prefix that has seen nothing but its steps, in turn."""
        scorer = self.reward.open(self.problem, 1)
        steps, score = self.particles[slot].steps, 0.0
        for end, trace in enumerate(self.traces[slot], 1):
            particle = Particle(steps[:end])
            branch = self.policy.open([*self.prompt, *particle.tokens])
            prefix = Prefix(0, particle, branch, trace)
            (score,) = _scored(self.reward, scorer, self.policy, [prefix])
            self.policy.drop(branch)
        scorer.close()
        return score

    def fork(self) -> None:
        ancestors = self.rng.integers(0, self.n, self.n)
        old = self.branches
        self.branches = [self.policy.fork(old[ancestor]) for ancestor in ancestors]
        for branch in old:
            self.policy.drop(branch)
        self.particles = [self.particles[ancestor] for ancestor in ancestors]
        self.traces = [self.traces[ancestor] for ancestor in ancestors]
        self.scorer.fork(ancestors)

    def rewind(self) -> None:
        """Some of the particles, to the prompt or to any step before their last."""
        slots = [s for s in range(self.n) if self.particles[s].steps and self.rng.random() < 0.4]
        if not slots:
            return
        steps = [int(self.rng.integers(len(self.particles[slot].steps))) for slot in slots]
        for slot, length in zip(slots, steps, strict=True):
            self.particles[slot] = self.particles[slot].rewound(length)
            self.traces[slot] = self.traces[slot][:length]
        places = [(self.branches[s], [*self.prompt, *self.particles[s].tokens]) for s in slots]
        self.policy.rewind(places)
        self.scorer.rewind(np.array(slots), np.array(steps))

    def close(self) -> None:
        for branch in self.branches:
            self.policy.drop(branch)
        self.scorer.close()
        self.scorer.close()

    def _draft(self, slot: int) -> StepDraft:
        rng = np.random.default_rng(self.rng.integers(2**32))
        draft = StepDraft(self.particles[slot], self.branches[slot], slot, rng, traced=True)
        self.policy.begin(draft)
        return draft


def _scored(
    reward: Reward, scorer: Scorer, policy: Policy, prefixes: Sequence[Prefix]
) -> list[float]:
    """Log-odds of prefixes, held to what must be true of a single call."""
    cache, read = policy.cache, reward.tokens_read
    branches = [prefix.branch for prefix in prefixes]
    found = [(cache.length(branch.sequence), branch.logits.copy()) for branch in branches]
    sequences = cache.sequences
    scores = scorer.score(prefixes)
    assert scores.shape == (len(prefixes),)
    assert scores.dtype == np.float64
    assert not np.isnan(scores).any()
    assert (scores < np.inf).all()
    assert reward.tokens_read >= read
    assert cache.sequences == sequences, "sequences are left in the policy's cache"
    for branch, (length, logits) in zip(branches, found, strict=True):
        assert cache.length(branch.sequence) == length, "a branch is not as it was found"
        assert np.array_equal(branch.logits, logits), "a branch is not as it was found"
    return scores.tolist()


# ---------------------------------------------------------------- sandboxes of programs

MakeSandbox = Callable[[], Sandbox]

LIMITS = Limits(fuel=1_000_000_000, seconds=60.0, memory=128 << 20, output=1000)

# What an honest program may do, with what it prints.
HONEST = {
    "print(1 + 1)": "2\n",
    "print('a', end='-')\nprint('b')": "a-b\n",
    "from sympy import *\nprint(solve(symbols('x')**2 - 4))": "[-2, 2]\n",
    "import math\nfrom fractions import Fraction\nprint(math.comb(5, 2), Fraction(2, 4))": "10 1/2\n",
    "print(sorted({'b', 'a'}), {1: 2})": "['a', 'b'] {1: 2}\n",
    "def f(n):\n    return n and f(n - 1)\n\nprint(f(300))": "0\n",
    "": "",
}
# What reaches for the machine, each to be refused by an exception.
REACHING = [
    "open('/etc/passwd')",
    "open('new', 'w')",
    "import os\nos.listdir('/')",
    "import os\nos.system('true')",
    "import os\nos.fork()",
    "import os\nos.urandom(8)",
    "import pathlib\npathlib.Path('/etc/passwd').read_text()",
    "import subprocess\nsubprocess.run(['true'])",
    "import socket\nsocket.create_connection(('localhost', 80))",
    "import urllib.request\nurllib.request.urlopen('http://localhost')",
    "input()",
]
# What depends on the machine or on the moment wherever nothing stops it.
DRAWING = [
    "import time\nprint(time.time(), time.perf_counter_ns(), time.localtime())",
    "import datetime\nprint(datetime.datetime.now())",
    "import random\nprint(random.random(), random.Random().random())",
    "from sympy.core.random import rng\nprint(rng.random())",
    "print(hash('a'), id(object()))",
    "import os, sys\nprint(dict(os.environ), sys.argv, sys.path, os.getcwd(), os.getpid())",
]
MARK = (
    "import builtins, sympy\nbuiltins.mark = sympy.mark = 1\nsympy.Integer.__str__ = lambda n: '?'"
)
FIND = "import builtins, sympy\nprint(hasattr(builtins, 'mark'), hasattr(sympy, 'mark'), sympy.Integer(7))"
BREAKING = "import os\nos.abort()"


def check_sandbox(make_sandbox: MakeSandbox) -> None:
    """Whether a sandbox keeps what `pfsolve.programs.base.Sandbox` promises.

    Args:
        make_sandbox: a new one; three are made and closed.
    """
    for law in _LAWS:
        sandbox = make_sandbox()
        try:
            law(sandbox)
        finally:
            sandbox.close()
    _check_equal_machines_give_equal_results(make_sandbox)
    _check_closing_ends_all(make_sandbox())


def _check_honest_programs_print(sandbox: Sandbox) -> None:
    results = sandbox.run(list(HONEST), LIMITS)
    assert [result.output for result in results] == list(HONEST.values()), "order, or output"
    assert all(result.end is End.ENDED and result.error is None for result in results)
    assert all(result.fuel > 0 for result in results)


def _check_a_program_is_a_function(sandbox: Sandbox) -> None:
    programs = [*HONEST, *REACHING, *DRAWING]
    together = sandbox.run(programs, LIMITS)
    alone = [result for program in programs for result in sandbox.run([program], LIMITS)]
    assert together == alone, "a result depends on the moment, or on what runs beside it"
    mixed = sandbox.run([BREAKING, *programs[::-1], BREAKING], LIMITS)
    assert mixed[1:-1] == together[::-1], "a program that breaks its interpreter hurts others"
    assert mixed[0] == mixed[-1]
    assert mixed[0].end is End.CRASHED


def _check_nothing_is_left_behind(sandbox: Sandbox) -> None:
    before, _, after = sandbox.run([FIND, MARK, FIND], LIMITS)
    assert before.output == "False False 7\n"
    assert before == after
    assert [sandbox.run([program], LIMITS)[0] for program in (MARK, FIND)][1] == before


def _check_the_machine_is_out_of_reach(sandbox: Sandbox) -> None:
    for program, result in zip(REACHING, sandbox.run(REACHING, LIMITS), strict=True):
        assert result.output == "", program
        assert result.error is not None, program
        assert result.end in {End.RAISED, End.CRASHED}, program


def _check_limits_hold(sandbox: Sandbox) -> None:
    loop, idle = "while True: pass", "import time\nwhile True: time.sleep(1)"
    endless = sandbox.run([loop, idle, f"print(1)\n{loop}"], LIMITS)
    assert {result.end for result in endless} == {End.FUEL}
    assert all(result.error and not result.values for result in endless)
    [late] = sandbox.run([loop], replace(LIMITS, fuel=10**15, seconds=0.3))
    assert late.end is End.TIME
    [big] = sandbox.run(["x = 'x' * (200 << 20)"], LIMITS)
    assert big.error is not None
    [small] = sandbox.run(["x = 'x' * (20 << 20)"], LIMITS)
    assert small.error is None
    [long] = sandbox.run(["while True: print('x' * 7)"], LIMITS)
    assert long.end is End.OUTPUT
    assert long.truncated
    assert len(long.output) <= LIMITS.output
    assert long.values == ()


def _check_equal_machines_give_equal_results(make_sandbox: MakeSandbox) -> None:
    programs = [*HONEST, *REACHING, *DRAWING]
    results = []
    for _ in range(2):
        sandbox = make_sandbox()
        results.append(sandbox.run(programs, LIMITS))
        sandbox.close()
    assert results[0] == results[1]


def _check_closing_ends_all(sandbox: Sandbox) -> None:
    loops = [sandbox.submit("while True: pass", replace(LIMITS, fuel=10**15)) for _ in range(5)]
    sandbox.close()
    assert all(future.done() for future in loops)
    assert sandbox.submit("print(1)").cancelled(), "it takes programs still"


_LAWS: list[Callable[[Sandbox], None]] = [
    _check_honest_programs_print,
    _check_a_program_is_a_function,
    _check_nothing_is_left_behind,
    _check_the_machine_is_out_of_reach,
    _check_limits_hold,
]
