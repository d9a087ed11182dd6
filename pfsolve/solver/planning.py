"""What will run, how much of it side by side, whether it fits: the second step of find, plan, load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from pfsolve.engine import memory
from pfsolve.engine.context import check_kv_type
from pfsolve.engine.memory import Demand, Machine
from pfsolve.engine.policy import CPU_TILE, GPU_TILE
from pfsolve.engine.sampling import Sampling
from pfsolve.models.entry import ModelEntry
from pfsolve.particle import Kind
from pfsolve.rewards.base import Reward
from pfsolve.settings import MAX_PARTICLES, Settings
from pfsolve.solver.finding import Found, programs_wanted
from pfsolve.solver.lots import waves_of

# Rows to gather for a decode, as far as searches have some to give. On a CPU a row costs as much at 32
# as at 16 or up to a third less (`tests/benchmarks/engine.py`). With 16 problems, 4 particles and the
# probe, 16 problems side by side in decodes of 32 rows were 1.22 and 1.29 times as fast as one at a time,
# 8 in decodes of 16 rows 1.18 times (`tests/benchmarks/batch.py`): single runs on different days.
CPU_ROWS, GPU_ROWS = 32, 64

# Where neither settings nor catalogue say otherwise.
DEFAULT_TEMPERATURE, DEFAULT_PROGRAM_TEMPERATURE = 0.8, 0.4
DEFAULT_MAX_STEP_TOKENS = 256
_USUAL_STEPS = 4  # of the policy, after which one is cut: all others wait for it
DEFAULT_TOP_P, DEFAULT_TOP_K, DEFAULT_MIN_P = 1.0, 0, 0.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SolvePlan:
    """How a solve will run."""

    context: int  # number of tokens that one particle may hold
    max_step_tokens: int  # number of tokens after which a step is cut
    sampling: Mapping[Kind, Sampling]  # how tokens of each kind are drawn
    threads: int  # number of CPU threads
    parallel: int  # number of problems that are searched side by side
    sequences: int  # number of particles of all of them
    batch_rows: int  # number of rows to gather for a decode
    tile: int  # number of rows that the kernels compute together
    at_once: bool  # whether decoding all particles costs little more than decoding a few

    def using(self, settings: Settings, entry: ModelEntry | None) -> SolvePlan:
        """This plan with steps written as other settings say."""
        return replace(
            self,
            max_step_tokens=choose_step_tokens(settings, entry),
            sampling=choose_sampling(settings, entry),
        )

    def resolve(self, settings: Settings, policy: str, reward: Reward, programs: float) -> Settings:
        """The settings with everything decided that they left open."""
        text = self.sampling[Kind.TEXT]
        return replace(
            settings,
            policy=policy,
            reward=reward.name,
            programs=programs,
            final=settings.final or ("weighted-vote" if reward.calibrated else "vote"),
            early_stop=settings.stops_early,
            max_step_tokens=self.max_step_tokens,
            temperature=text.temperature,
            program_temperature=self.sampling[Kind.PROGRAM].temperature,
            top_p=text.top_p,
            top_k=text.top_k,
            min_p=text.min_p,
            context=self.context,
            threads=self.threads,
            parallel=self.parallel,
        )


def plan(found: Found, settings: Settings, problems: int | None, machine: Machine) -> SolvePlan:
    """Decide what settings leave open, and check that it fits.

    Args:
        problems: number of problems to solve, None if that is not known.

    Raises:
        UsageError: a setting asks for more than the model, or llama.cpp, can hold.
        ResourceError: there is too little memory.
    """
    particles, gpu_layers = settings.particles, settings.gpu_layers
    model = found.facts.footprint
    context = memory.choose_context(model, settings.context)
    check_kv_type(found.facts, settings.kv_type)
    demand = Demand(model, context, gpu_layers, found.reward.model, settings.kv_type)
    on_gpu = machine.has_gpu and gpu_layers != 0
    rows = GPU_ROWS if on_gpu else CPU_ROWS
    most = demand.most_parallel(machine, particles)
    entry = found.policy.entry
    share = programs_wanted(settings, entry)
    waves = waves_of(replace(settings, programs=share), at_once=on_gpu)
    at_a_time = max(sum(lot.particles for lot in wave) for wave in waves)
    parallel = choose_parallel(particles, at_a_time, rows, settings.parallel, problems, most)
    demand.check(machine, particles, parallel)
    return SolvePlan(
        context=context,
        max_step_tokens=choose_step_tokens(settings, entry),
        sampling=choose_sampling(settings, entry),
        threads=settings.threads or machine.cores,
        parallel=parallel,
        sequences=particles * parallel,
        batch_rows=rows,
        tile=GPU_TILE if on_gpu else CPU_TILE,
        at_once=on_gpu,
    )


def choose_sampling(settings: Settings, entry: ModelEntry | None) -> Mapping[Kind, Sampling]:
    """How texts and programs are sampled: as set, or as suits the policy, or as usual.

    Programs differ in their temperature alone.
    """
    programs = entry.programs if entry else None
    text = Sampling(
        _first(settings.temperature, entry.temperature if entry else None, DEFAULT_TEMPERATURE),
        _first(settings.top_k, entry.top_k if entry else None, DEFAULT_TOP_K),
        _first(settings.top_p, entry.top_p if entry else None, DEFAULT_TOP_P),
        _first(settings.min_p, entry.min_p if entry else None, DEFAULT_MIN_P),
    )
    temperature = _first(
        settings.program_temperature,
        programs.temperature if programs else None,
        DEFAULT_PROGRAM_TEMPERATURE,
    )
    return {Kind.TEXT: text, Kind.PROGRAM: replace(text, temperature=temperature)}


def choose_step_tokens(settings: Settings, entry: ModelEntry | None) -> int:
    """The number of tokens after which a step is cut: as set, or as suits the policy, or as usual."""
    usual = entry.usual_step if entry is not None else None
    return settings.max_step_tokens or (_USUAL_STEPS * usual if usual else DEFAULT_MAX_STEP_TOKENS)


def choose_parallel(
    particles: int, at_a_time: int, rows: int, wanted: int | None, problems: int | None, most: int
) -> int:
    """The number of problems to search side by side: `wanted`, or the number that fills a batch.

    Args:
        particles: of each problem.
        at_a_time: number of them in the largest wave.
        rows: of a full batch.
        wanted: what was asked for, None where it is left open.
        problems: number of problems, None where it is not known. There are never more side by side.
        most: the number that memory allows, to which an open choice keeps.
    """
    if wanted is not None:
        return wanted if problems is None else max(1, min(wanted, problems))
    # Of several particles one in three, or more, waits for the slowest step of its search.
    filling = rows if at_a_time == 1 else -(-2 * rows // at_a_time)
    return max(1, min(filling, most, MAX_PARTICLES // particles, problems or 1))


def _first(*values: _T | None) -> _T:
    """The first that is known; the last one is."""
    return next(value for value in values if value is not None)
