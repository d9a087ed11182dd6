"""From settings to models in memory: finds and fetches them, checks that they fit, loads them."""

from __future__ import annotations

import dataclasses
import platform
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pfsolve.errors import UsageError
from pfsolve.events import Listener, ModelLoaded, ignore
from pfsolve.settings import DEFAULT_REWARDS, REWARDS, Settings

if TYPE_CHECKING:
    from pfsolve.engine.cache import Cache
    from pfsolve.engine.library import LoadedModel, LogSink
    from pfsolve.engine.memory import PrmMemory
    from pfsolve.engine.policy import Policy
    from pfsolve.environment import Environment
    from pfsolve.models.resolve import ModelFile, PrmFiles
    from pfsolve.rewards.base import Reward
    from pfsolve.rewards.probe.head import ProbeHead


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a solver works with. Close `models` when it is done.

    settings: with what was left open decided. parallel: problems that can be searched side by side,
    in decodes of `batch_rows`. system: the policy's own system prompt, if it has one. versions: of
    all that results depend on. seconds: loading took.
    """

    settings: Settings
    policy: Policy
    reward: Reward
    parallel: int
    batch_rows: int
    system: str | None
    versions: dict[str, str]
    seconds: float
    models: ExitStack


def load(
    settings: Settings,
    problems: int | None,
    environment: Environment,
    *,
    listen: Listener = ignore,
    log: LogSink | None = None,
) -> Loaded:
    """Load the policy and the reward that `settings` name.

    Args:
        problems: how many are to be solved, None if that is not known.
        listen, log: as in `pfsolve.solver.solver.Solver`.

    Raises:
        ModelMissing, ModelFileError, ResourceError, UsageError: as there.
    """
    from pfsolve.answers import warm_up
    from pfsolve.engine import batching, library, memory
    from pfsolve.engine.cache import Cache
    from pfsolve.engine.policy import Policy
    from pfsolve.engine.sampling import Sampling
    from pfsolve.models.resolve import resolve
    from pfsolve.particle import StepRules
    from pfsolve.rewards import make_reward

    started = time.monotonic()
    found = resolve(settings.policy, environment, offline=settings.offline, listen=listen)
    entry = found.entry
    chosen = choose_reward(settings.reward, found.name, environment)
    judge = _find_reward_files(chosen, found.name, settings.offline, environment, listen)
    warm_up()  # the judge of answers starts while the models load
    library.start(log)
    facts = library.inspect(found.path)
    context = memory.choose_context(facts, settings.context)
    share = judge.memory(context)
    n, gpu_layers = settings.particles, settings.gpu_layers
    gpu = memory.on_gpu(gpu_layers)
    batch_rows = batching.GPU_ROWS if gpu else batching.CPU_ROWS
    parallel = batching.choose_parallel(
        n,
        batch_rows,
        settings.parallel,
        problems,
        memory.most_parallel(facts, n, context, gpu_layers, share),
    )
    memory.check_memory(facts, n, context, gpu_layers, parallel, share)

    temperature = settings.temperature
    if temperature is None:
        temperature = entry.temperature if entry and entry.temperature is not None else 0.8
    threads = settings.threads or memory.physical_cores()
    sequences = n * parallel  # with cells for all of them: none is cut short by another
    with ExitStack() as models:
        model = models.enter_context(library.LoadedModel(facts, gpu_layers))
        cache = models.enter_context(
            Cache(model, cells=sequences * context, sequences=sequences, threads=threads)
        )
        listen(_loaded("policy", found.name, model, cache))
        policy = Policy(
            model,
            cache,
            Sampling(temperature, settings.top_k, settings.top_p, settings.min_p),
            StepRules(settings.max_steps, settings.max_step_tokens, context),
            batching.GPU_TILE if gpu else batching.CPU_TILE,
        )
        judging: Reward | None = None
        if judge.head is not None:
            from pfsolve.rewards.probe.reward import Probe

            judging = Probe(judge.head, model.n_embd, entry.sha256 if entry else None)
        elif judge.prm is not None:
            from pfsolve.rewards.prm.model import open_prm

            prm = open_prm(
                judge.prm,
                sequences=sequences,
                context=context,
                threads=threads,
                gpu_layers=gpu_layers,
                whole=settings.aggregate == "model",
            )
            models.callback(prm.close)
            listen(_loaded("reward", prm.name, prm.model, prm.cache))
            judging = prm
        reward = make_reward(chosen, policy, judging, settings.aggregate)
        policy.rules = dataclasses.replace(policy.rules, context=context - reward.reserve)
        kept = models.pop_all()
    return Loaded(
        settings=dataclasses.replace(
            settings,
            policy=found.name,
            reward=reward.name,
            temperature=temperature,
            context=context,
            threads=threads,
            parallel=parallel,
        ),
        policy=policy,
        reward=reward,
        parallel=parallel,
        batch_rows=batch_rows,
        system=entry.system if entry else None,
        versions=_versions(found, judge.sha256),
        seconds=time.monotonic() - started,
        models=kept,
    )


@dataclass(frozen=True, slots=True)
class RewardFiles:
    """What a reward needs from the disk: a process reward model, or a probe's head, or nothing."""

    prm: PrmFiles | None = None
    head: ProbeHead | None = None
    sha256: str | None = None

    def memory(self, context: int) -> PrmMemory | None:
        """A process reward model's share of the memory, if there is one."""
        from pfsolve.engine import library, memory

        if self.prm is None:
            return None
        facts = library.inspect(self.prm.model.path)
        return memory.PrmMemory(facts, memory.prm_context(facts, context))


def choose_reward(reward: str | None, policy: str, environment: Environment) -> str:
    """`reward`, or the default of this policy if that is None: its probe where it has one."""
    from pfsolve.rewards.probe.files import head_of

    probe, without = DEFAULT_REWARDS
    return reward or (probe if head_of(policy, environment.config_dir) else without)


def _find_reward_files(
    reward: str, policy: str, offline: bool, environment: Environment, listen: Listener
) -> RewardFiles:
    """Find, and fetch, what a reward needs."""
    from pfsolve.models.catalogue import UnknownModel
    from pfsolve.models.resolve import resolve_prm
    from pfsolve.rewards.probe.files import find_head, fingerprint, names_probe
    from pfsolve.rewards.probe.head import read_head

    if names_probe(reward):
        file = find_head(reward, policy, environment.config_dir)
        return RewardFiles(head=read_head(file), sha256=fingerprint(file))
    if reward in REWARDS:
        return RewardFiles()
    try:
        prm = resolve_prm(reward, environment, offline=offline, listen=listen)
    except UnknownModel as error:
        raise UsageError(
            f"--reward is {reward!r}, which is unknown",
            f"choose one of {', '.join(REWARDS)}, or a model; {error.hint}",
        ) from None
    return RewardFiles(prm=prm, sha256=_sha256(prm.model))


def _loaded(role: str, name: str, model: LoadedModel, cache: Cache) -> ModelLoaded:
    device = model.device
    where = f"{device.name} ({device.description})" if device.is_gpu else device.name
    facts = model.facts
    return ModelLoaded(role, name, where, facts.file_bytes, cache.cells * facts.cell_bytes)


def _versions(policy: ModelFile, reward_sha256: str | None) -> dict[str, str]:
    packages = ("pfsolve", "llama-cpp-python", "numpy")
    versions = {name.replace("-", "_"): _version(name) for name in packages}
    versions |= {"python": platform.python_version(), "policy_sha256": _sha256(policy)}
    if reward_sha256 is not None:
        versions["reward_sha256"] = reward_sha256
    return versions


def _sha256(model: ModelFile) -> str:
    """As the catalogue has it: hashing a file of the user's own would take seconds at each start."""
    return (model.entry.sha256 if model.entry else None) or "unknown"


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
