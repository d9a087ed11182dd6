"""From settings to models in memory, in three steps: find, plan, open.

`find` turns names into files, and fetches what is missing; a name that means nothing is refused before
anything is fetched. `plan` is arithmetic: what will run, how much of it side by side, whether it fits.
`open_models` loads.
"""

from __future__ import annotations

import dataclasses
import platform
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pfsolve.engine import library, memory
from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.library import Facts, LoadedModel, RecurrentModel
from pfsolve.engine.memory import Demand, Machine
from pfsolve.engine.policy import CPU_TILE, GPU_TILE, Policy
from pfsolve.engine.sampling import Sampling
from pfsolve.environment import Environment
from pfsolve.errors import ProgramsUnavailable, UsageError, named
from pfsolve.events import Listener, ProgramsMissing
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.entry import ModelEntry
from pfsolve.models.resolve import ModelFile, look_up_policy, name_of, resolve
from pfsolve.particle import Kind, StepRules
from pfsolve.programs.base import Sandbox
from pfsolve.programs.sandbox import WorkerSandbox, abandon, open_beside
from pfsolve.rewards.base import FoundReward, NoFiles, Reward, Site, WantedReward
from pfsolve.rewards.kinds import choose_reward, find_reward, open_reward
from pfsolve.settings import MAX_PARTICLES, Settings
from pfsolve.solver.lots import programs_of, waves_of

# Rows to gather for a decode, as far as searches have some to give. On a CPU a row costs as much at 32
# as at 16 or up to a third less (`tests/benchmarks/rows.py`). With 16 problems, 4 particles and the
# probe, 16 problems side by side in decodes of 32 rows were 1.22 and 1.29 times as fast as one at a time,
# 8 in decodes of 16 rows 1.18 times (`tests/benchmarks/batch.py`): single runs on different days.
CPU_ROWS, GPU_ROWS = 32, 64

# Where neither settings nor catalogue say otherwise.
DEFAULT_TEMPERATURE, DEFAULT_PROGRAM_TEMPERATURE = 0.8, 0.4


@dataclass(frozen=True, slots=True)
class Found:
    """What settings name, on this disk."""

    policy: ModelFile  # the policy's file
    facts: Facts  # what it says of its model
    reward: FoundReward  # what scores its solutions
    sandbox: Future[WorkerSandbox] | None = None  # runs programs, if any are wanted

    @property
    def sha256(self) -> str | None:
        """Of the policy's file, as the catalogue has it.

        Hashing a file of the user's own would take seconds at each start.
        """
        return self.policy.entry.sha256 if self.policy.entry else None

    def abandon(self) -> None:
        """Close what has been opened already."""
        if self.sandbox is not None:
            abandon(self.sandbox)

    def versions(self) -> dict[str, str]:
        """Versions and hashes of all that results depend on."""
        packages = ("pfsolve", "llama-cpp-python", "numpy", "sympy", "componentize-py", "wasmtime")
        versions = {name.replace("-", "_"): _version(name) for name in packages}
        versions |= {"python": platform.python_version(), "policy_sha256": self.sha256 or "unknown"}
        if self.reward.sha256 is not None:
            versions["reward_sha256"] = self.reward.sha256
        return versions


def find(
    settings: Settings,
    environment: Environment,
    *,
    reward: Reward | None = None,
    listen: Listener,
) -> Found:
    """Find the models that settings name, and fetch those that are missing.

    A policy's file of the user's own is looked into before anything is fetched. Beside that the
    sandbox is opened, where a particle is to write a program.

    Args:
        reward: takes the place of the one that settings name.

    Raises:
        UsageError: a name is unknown; nothing has been fetched then.
        ModelMissing, ModelFileError, ResourceError, Interrupted: a model cannot be fetched or used.
    """
    name = name_of(settings.policy, environment)
    wanted = look_up_policy(settings.policy, environment)
    facts = _inspect(wanted, name, environment) if isinstance(wanted, Path) else None
    if reward is not None:
        found: FoundReward = NoFiles(lambda site: reward)
    else:
        chosen = choose_reward(settings.reward, name, environment)
        found = find_reward(WantedReward(chosen, name, environment, settings.offline, listen))
    share = programs_wanted(settings, wanted if isinstance(wanted, ModelEntry) else None)
    sandbox = None
    if programs_of(dataclasses.replace(settings, programs=share)):
        sandbox = open_beside(environment.programs_dir, listen=listen)
    try:
        policy = resolve(settings.policy, environment, offline=settings.offline, listen=listen)
        return Found(policy, facts or _inspect(policy.path, name, environment), found, sandbox)
    except BaseException:
        if sandbox is not None:
            abandon(sandbox)
        raise


def _inspect(path: Path, name: str, environment: Environment) -> Facts:
    """What a policy's file says; a recurrent model is refused with the name of one that takes its place."""
    try:
        return library.inspect(path)
    except RecurrentModel as error:
        catalogue = load_catalogue(environment.config_dir)
        nearest = catalogue.nearest_policy(path.stat().st_size, other_than=name)
        raise RecurrentModel(
            error.message, f"nearest of those that can be used: {named('policy', nearest.name)}"
        ) from None


def programs_wanted(settings: Settings, entry: ModelEntry | None) -> float:
    """The share of particles that are to write programs: as set, or the policy's own.

    Left open it is 0 where the highest score wins, since most rewards have none for programs.
    """
    if settings.programs is not None:
        return settings.programs
    spec = entry.programs if entry is not None else None
    return 0.0 if spec is None or settings.final == "argmax" else spec.share


@dataclass(frozen=True, slots=True)
class SolvePlan:
    """How a solve will run."""

    context: int  # number of tokens that one particle may hold
    temperature: float  # of sampling texts
    program_temperature: float  # of sampling programs
    threads: int  # number of CPU threads
    parallel: int  # number of problems that are searched side by side
    sequences: int  # number of particles of all of them
    batch_rows: int  # number of rows to gather for a decode
    tile: int  # number of rows that the kernels compute together
    at_once: bool  # whether decoding all particles costs little more than decoding a few

    def resolve(self, settings: Settings, policy: str, reward: str, programs: float) -> Settings:
        """The settings with everything decided that they left open."""
        return dataclasses.replace(
            settings,
            policy=policy,
            reward=reward,
            programs=programs,
            program_temperature=self.program_temperature,
            early_stop=settings.stops_early,
            temperature=self.temperature,
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
    context = memory.choose_context(found.facts, settings.context)
    demand = Demand(found.facts, context, gpu_layers, found.reward.memory(context))
    on_gpu = machine.has_gpu and gpu_layers != 0
    rows = GPU_ROWS if on_gpu else CPU_ROWS
    most = demand.most_parallel(machine, particles)
    entry = found.policy.entry
    share = programs_wanted(settings, entry)
    waves = waves_of(dataclasses.replace(settings, programs=share), at_once=on_gpu)
    at_a_time = max(sum(lot.particles for lot in wave) for wave in waves)
    parallel = choose_parallel(particles, at_a_time, rows, settings.parallel, problems, most)
    demand.check(machine, particles, parallel)
    own = entry.programs if entry is not None else None
    return SolvePlan(
        context=context,
        temperature=_first(
            settings.temperature, entry.temperature if entry else None, DEFAULT_TEMPERATURE
        ),
        program_temperature=_first(
            settings.program_temperature,
            own.temperature if own else None,
            DEFAULT_PROGRAM_TEMPERATURE,
        ),
        threads=settings.threads or machine.cores,
        parallel=parallel,
        sequences=particles * parallel,
        batch_rows=rows,
        tile=GPU_TILE if on_gpu else CPU_TILE,
        at_once=on_gpu,
    )


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

    Raises:
        UsageError: that takes more sequences than llama.cpp has.
    """
    if wanted is not None:
        if wanted * particles > MAX_PARTICLES:
            raise UsageError(
                f"{named('parallel', wanted)} with {particles} particles each is "
                f"{wanted * particles} particles, and llama.cpp holds {MAX_PARTICLES}",
                f"use {named('parallel', MAX_PARTICLES // particles)} or less, or fewer "
                f"{named('particles')}",
            )
        return wanted if problems is None else max(1, min(wanted, problems))
    # Of several particles one in three, or more, waits for the slowest step of its search.
    filling = rows if at_a_time == 1 else -(-2 * rows // at_a_time)
    return max(1, min(filling, most, MAX_PARTICLES // particles, problems or 1))


@dataclass(frozen=True, slots=True)
class Opened:
    """Models in memory."""

    policy: Policy  # writes steps
    reward: Reward  # scores them
    sandbox: Sandbox | None  # runs programs; None where none are wanted, or it cannot be had
    models: ExitStack  # frees them all when it is closed


def open_models(found: Found, plan: SolvePlan, settings: Settings, *, listen: Listener) -> Opened:
    """Load what was found, as it was planned.

    Raises:
        ModelFileError: a file cannot be used, or policy and reward do not belong together.
        ResourceError: there is too little memory.
    """
    with ExitStack() as models:
        model = models.enter_context(LoadedModel(found.facts, settings.gpu_layers))
        # Room for every particle's whole context: none is cut short by another.
        cells, sequences = plan.sequences * plan.context, plan.sequences
        cache = models.enter_context(
            Cache(model, cells=cells, sequences=sequences, threads=plan.threads)
        )
        listen(memory.loaded_event("policy", found.policy.name, cache))
        entry = found.policy.entry
        chat = Chat(model, thinking=entry is not None and entry.thinking)
        site = Site(
            cache=cache,
            chat=chat,
            policy_sha256=found.sha256,
            sequences=sequences,
            context=plan.context,
            threads=plan.threads,
            gpu_layers=settings.gpu_layers,
            aggregate=settings.aggregate,
            models=models,
            listen=listen,
        )
        reward = open_reward(found.reward, site)
        rules = StepRules(
            settings.max_steps, settings.max_step_tokens, plan.context - reward.reserve
        )
        sampling = {
            kind: Sampling(temperature, settings.top_k, settings.top_p, settings.min_p)
            for kind, temperature in (
                (Kind.TEXT, plan.temperature),
                (Kind.PROGRAM, plan.program_temperature),
            )
        }
        policy = Policy(cache, chat, sampling, rules, plan.tile)
        sandbox = _sandbox(found, listen)
        if sandbox is not None:
            models.callback(sandbox.close)
        kept = models.pop_all()
    return Opened(policy, reward, sandbox, kept)


def _sandbox(found: Found, listen: Listener) -> Sandbox | None:
    """The sandbox that was wanted, once it is open; without one there are texts only."""
    try:
        return found.sandbox.result() if found.sandbox is not None else None
    except ProgramsUnavailable as error:
        listen(ProgramsMissing(str(error)))
        return None


def _first(*values: float | None) -> float:
    """The first that is known; the last one is."""
    return next(value for value in values if value is not None)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
