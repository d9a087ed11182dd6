"""What a particle filter knows of its particles between two moves, and the trajectory that one keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pfsolve.search.log_odds import Floats
from pfsolve.search.requests import FinalPopulation
from pfsolve.search.resampling import SCHEMES, Ancestors


@dataclass(frozen=True)
class State:
    """The particles of a filter. An array's last axis is the particle.

    Args:
        finished: bool (n,), whether a particle has written its solution's end.
        lengths: int (n,), steps of each.
        alike: int (n,), equal for particles that have written the same; read by `deduplicate` alone.
        log_odds: (n,), logit of each newest score; 0 at the prompt.
        log_odds_before: (n,), the part of it that `log_weights_before` has taken in already.
        log_odds_history: (T, n), log-odds after each step of a particle's own line of ancestors;
            rows beyond its last step repeat that.
        log_weights_before: (n,), log-weights before the newest step's. They are never reset to 0, so
            that the mean weight estimates the evidence.
        taken: steps taken by the search so far, those of earlier sweeps included.
    """

    finished: NDArray[np.bool_]
    lengths: Ancestors
    alike: Ancestors
    log_odds: Floats
    log_odds_before: Floats
    log_odds_history: Floats
    log_weights_before: Floats
    taken: int = 0

    @classmethod
    def at_prompt(cls, n: int, taken: int) -> State:
        """Particles that have written nothing, all with odds and weight 1."""
        zeros = np.zeros(n)
        return cls(
            finished=np.zeros(n, dtype=np.bool_),
            lengths=np.zeros(n, dtype=np.intp),
            alike=np.zeros(n, dtype=np.intp),
            log_odds=zeros,
            log_odds_before=zeros,
            log_odds_history=np.empty((0, n)),
            log_weights_before=zeros,
            taken=taken,
        )

    @property
    def step(self) -> int:
        """Steps of an unfinished particle."""
        return len(self.log_odds_history)

    def take(self, ancestors: Ancestors) -> State:
        """Particle i becomes a copy of particle ancestors[i]; nothing else permutes particles."""
        arrays: dict[str, Any] = {
            name: value[..., ancestors]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)


@dataclass(frozen=True, slots=True)
class Reference:
    """A finished trajectory that a sweep of particle Gibbs is conditional on.

    Args:
        slot: of the particle that has written it.
        log_odds: (T,), after each of its steps.
    """

    slot: int
    log_odds: Floats

    def put_into(self, state: State, step: int) -> State:
        """The state with the reference in its slot, as it was after this number of its own steps."""
        finished, log_odds = state.finished.copy(), state.log_odds.copy()
        log_odds[self.slot] = self.log_odds[:step][-1]
        finished[self.slot] = step >= self.log_odds.size
        return replace(state, finished=finished, log_odds=log_odds)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One run of a filter, ended.

    Args:
        population: as it ended.
        state: the last one.
        stop: whether the watcher wants no more.
    """

    population: FinalPopulation
    state: State
    stop: bool

    def draw(self, rng: np.random.Generator) -> Reference:
        """A reference for the next sweep, by the final weights."""
        slot = int(SCHEMES["multinomial"](rng, self.population.weights.normalised, 1)[0])
        history = self.state.log_odds_history
        return Reference(slot, history[: self.state.lengths[slot], slot])
