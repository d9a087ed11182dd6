"""What settings may not say together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from pfsolve.errors import named
from pfsolve.settings.declaration import written

if TYPE_CHECKING:
    from pfsolve.settings.record import Settings

MAX_PARTICLES = 256  # as many sequences as llama.cpp holds in one cache
SOFTMAX_TEMPERATURES = (0.001, 1000.0)  # colder is the best score alone, hotter is none
GIBBS = ("pg", "tempering")  # methods of sweeps, each around a trajectory of the one before


def need_of_scores(s: Settings) -> tuple[str, str] | None:
    """What of these settings goes by scores, and a hint for when there are none; None if nothing does."""
    beams = s.method in ("beam", "dvts")
    if s.particles == 1 or not (beams or s.final == "argmax"):
        return None
    what, other = named("final", "argmax"), named("final", "vote")
    if beams or s.method == "bon":
        what, other = named("method", s.method), named("method", "sc")
    return what, f"choose a reward, such as {named('reward', 'confidence')}, or use {other}"


def contradictions(s: Settings) -> Iterator[tuple[bool, str, str]]:
    """For all that may not go together: whether it is so here, what contradicts what, what to do."""
    n, method, ladder = s.particles, named("method", s.method), s.ladder
    coldest, hottest = SOFTMAX_TEMPERATURES
    chains, what = {
        "islands": (s.islands, "islands"),
        "tempering": (len(ladder), "chains of the ladder"),
        "beam": (s.beam_width, "ways of the beam width"),
        "dvts": (s.beam_width, "ways of the beam width"),
    }.get(s.method, (1, "particle"))
    gibbs = s.method in GIBBS
    argmax = named("final", "argmax")
    scored, hint = need_of_scores(s) or ("", "")
    yield (
        not ladder
        or not all(coldest <= each <= hottest for each in ladder)
        or not all(a > b for a, b in pairwise(ladder)),
        f"{named('ladder')} is {written(ladder) or 'empty'}, which does not go down within "
        f"{written(hottest)} to {written(coldest)}",
        "begin with the highest: 4,2,1",
    )
    yield (
        s.deduplicate and s.weights != "score",
        f"{named('deduplicate')} needs score weights, not {s.weights!r}",
        f"leave out one of {named('deduplicate')} and {named('weights')}",
    )
    yield (
        s.parallel is not None and s.parallel * n > MAX_PARTICLES,
        f"{named('parallel', s.parallel)} with {n} particles each is more than the {MAX_PARTICLES} "
        "that llama.cpp holds",
        f"use {named('parallel', MAX_PARTICLES // n)} or less, or fewer {named('particles')}",
    )
    yield (
        n % chains != 0,
        f"{named('particles')} is {n}, which is no multiple of the {chains} {what}",
        f"use {named('particles', max(1, round(n / chains)) * chains)}",
    )
    yield (
        gibbs and s.sweeps > 1 and n < 2 * chains,
        f"{named('particles')} is {n}, and {method} needs two at least for each chain",
        f"use {named('particles', 2 * chains)} or more: of each chain one stays as its reference",
    )
    yield (
        s.method == "sc" and s.final == "argmax",
        f"{argmax} takes the highest score, and {method} has none",
        f"use {named('final', 'vote')}, or {named('method', 'bon')}",
    )
    yield (
        s.reward == "none" and bool(scored),
        f"{scored} goes by scores, and {named('reward', 'none')} gives none",
        hint,
    )
    yield (
        s.deduplicate and gibbs,
        f"{named('deduplicate')} cannot count the reference of {method} with its copies",
        f"use {named('method', 'pf')}, entropic or islands",
    )
    yield (
        s.early_stop is True and s.final == "argmax",
        f"{named('early_stop')} waits until a vote is settled, and {argmax} holds none",
        f"use {named('final', 'weighted-vote')}",
    )
    yield (
        s.early_stop is True and gibbs and s.sweeps > 1,
        f"{named('early_stop')} would end {method} with its first sweep",
        f"leave it out, or use {named('sweeps', 1)}",
    )
    yield (
        s.method == "greedy" and (n, s.temperature, s.program_temperature) != (1, 0.0, 0.0),
        f"{method} is one particle at temperature 0",
        f"leave out {named('particles')}, {named('temperature')} and {named('program_temperature')}, "
        f"or use {named('method', 'sc')}",
    )
