"""What a comparison runs: methods, each with settings of its own, in several sizes, with several seeds.

Self-consistency, best-of-n and weighted best-of-n are not run: all of them, for every n, follow from
one set of scored rollouts.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pfsolve.errors import UsageError, named
from pfsolve.lab.evaluation.curves import MAJORITY
from pfsolve.settings import METHODS, SETTINGS, parsed

# What follows from rollouts, and how `pfsolve.lab.evaluation.curves` calls it.
FROM_ROLLOUTS = {"sc": MAJORITY, "bon": "best_of_n", "wbon": "weighted_best_of_n"}
ROLLOUTS = "rollouts"  # the label of the runs that draw them
# How they are drawn, if scored.
ROLLOUT_METHOD = {"method": "bon", "programs": 0.0, "early_stop": False}

# The comparison decides these.
_NOT_OWN = ("method", "particles", "seed", "policy", "preset", "profile")


@dataclass(frozen=True, slots=True)
class BenchMethod:
    """A method as the user named it, and the settings that make it."""

    label: str  # as the user wrote it
    layer: Mapping[str, Any]  # for `pfsolve.settings.merge`


@dataclass(frozen=True, slots=True)
class BenchRun:
    """One pass over the problems."""

    label: str  # of its method, or `ROLLOUTS`
    particles: int
    seed: int  # root of the problems' own
    layer: Mapping[str, Any]  # for `pfsolve.settings.merge`; particles and seed are in it


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """A whole comparison."""

    methods: tuple[BenchMethod, ...]  # those that are run, in the user's order
    derived: tuple[str, ...]  # those that follow from rollouts: keys of `FROM_ROLLOUTS`
    baseline: str | None  # one of `derived`, or None without any
    sizes: tuple[int, ...]  # numbers of particles, rising
    rollouts: int  # of a problem with one seed
    seeds: tuple[int, ...]  # of the runs

    def runs(self, scored: bool) -> list[BenchRun]:
        """Every run, cheap ones first.

        Args:
            scored: whether there is a reward to score rollouts.

        Raises:
            UsageError: without one, a method that goes by scores is to follow from them.
        """
        if not scored and (wanting := [name for name in self.derived if name != "sc"]):
            raise UsageError(
                f"{wanting[0]} goes by scores, and {named('reward')} is none",
                f"choose a reward, such as {named('reward', 'confidence')}, or use --method sc",
            )
        runs = []
        for method in self.methods:
            sizes, seeds = self.sizes, self.seeds
            if method.layer["method"] == "greedy":  # one particle, and every seed says the same
                sizes, seeds = (1,), seeds[:1]
            runs += [_run(method, n, seed) for n in sizes for seed in seeds]
        if self.derived:
            votes = self.derived == ("sc",)  # which need no scores
            layer = ROLLOUT_METHOD | {"method": "sc"} if votes else ROLLOUT_METHOD
            runs += [_run(BenchMethod(ROLLOUTS, layer), self.rollouts, seed) for seed in self.seeds]
        return sorted(runs, key=lambda run: (run.seed, run.particles))


def _run(method: BenchMethod, particles: int, seed: int) -> BenchRun:
    layer = {**method.layer, "particles": particles, "seed": seed}
    return BenchRun(method.label, particles, seed, layer)


def make_plan(
    methods: Sequence[str],
    sizes: Sequence[int],
    rollouts: int | None,
    seeds: Sequence[int],
    baseline: str | None = None,
) -> BenchPlan:
    """A plan from what the user wrote: "pf", or "pf weights=ratio ess-threshold=0.5".

    Args:
        baseline: the last of sc, bon and wbon by default.

    Raises:
        UsageError: a method is unknown or named twice, or a setting is unknown, or the baseline is
            not among the methods.
    """
    parsed = [_parse(text) for text in methods]
    labels = [method.label for method in parsed]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"--method {label!r} is there twice", "once is enough")
    derived = tuple(m.label for m in parsed if m.layer["method"] in FROM_ROLLOUTS)
    if baseline is not None and baseline not in derived:
        raise UsageError(
            f"--baseline {baseline} is not among the methods",
            f"a baseline is one of {', '.join(FROM_ROLLOUTS)}, and named with --method too",
        )
    if rollouts is not None and not derived:
        raise UsageError(
            f"--rollouts {rollouts} has no effect: there is none of {', '.join(FROM_ROLLOUTS)}",
            "leave it out, or name one of them with --method too",
        )
    return BenchPlan(
        methods=tuple(m for m in parsed if m.layer["method"] not in FROM_ROLLOUTS),
        derived=derived,
        baseline=baseline or (derived[-1] if derived else None),
        sizes=tuple(sorted(set(sizes))),
        rollouts=rollouts or max(sizes),
        seeds=tuple(seeds),
    )


def _parse(text: str) -> BenchMethod:
    try:
        name, *pairs = shlex.split(text) or [""]
    except ValueError as error:  # a quote without its other one
        raise UsageError(
            f"--method {text!r} cannot be read: {error}", "close the quote, or leave it out"
        ) from None
    if name not in METHODS and name not in FROM_ROLLOUTS:
        raise UsageError(
            f"--method is {name!r}, which is unknown",
            f"choose among {', '.join(dict.fromkeys([*METHODS, *FROM_ROLLOUTS]))}",
        )
    layer: dict[str, Any] = {"method": name}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.replace("-", "_")
        if not equals or key not in SETTINGS or key in _NOT_OWN:
            raise UsageError(
                f"--method {text!r}: {pair!r} is no setting of a method's own",
                'write for example --method "pf weights=ratio ess-threshold=0.5"',
            )
        layer[key] = parsed(key, value)
    if pairs and name in FROM_ROLLOUTS:
        raise UsageError(
            f"--method {text!r}: {name} has no settings of its own here",
            f"it follows from the same rollouts as the others; {named('reward')} says what scores them",
        )
    return BenchMethod(" ".join([name, *pairs]), layer)
