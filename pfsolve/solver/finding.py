"""From settings to files on this disk, the first of three steps: find, plan, load.

Names become files, and what is missing is fetched; a name that means nothing is refused before anything
is fetched.
"""

from __future__ import annotations

import dataclasses
import platform
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from pfsolve.engine import library
from pfsolve.engine.library import Facts, RecurrentModel
from pfsolve.engine.memory import check_context
from pfsolve.engine.trial import look_into
from pfsolve.environment import Environment, cpu_count
from pfsolve.errors import ModelMissing, UsageError, named
from pfsolve.events import Listener
from pfsolve.files import fingerprint
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.defaults import default_policies
from pfsolve.models.entry import ModelEntry
from pfsolve.models.resolve import ModelFile, WantedPolicy, look_up_policy
from pfsolve.programs.sandbox import WorkerSandbox, abandon, open_beside
from pfsolve.rewards.base import FoundReward, NoFiles, Reward, WantedReward
from pfsolve.rewards.kinds import choose_reward, find_reward
from pfsolve.settings import Settings
from pfsolve.solver.lots import programs_of
from pfsolve.wording import plural


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
        sha256 = self.sha256 or fingerprint(self.policy.path)
        versions |= {"python": platform.python_version(), "policy_sha256": sha256}
        if self.reward.sha256 is not None:
            versions["reward_sha256"] = self.reward.sha256
        return versions


def find(
    settings: Settings,
    environment: Environment,
    *,
    reward: Reward | None = None,
    scoring: bool = False,
    listen: Listener,
) -> Found:
    """Find the models that settings name, and fetch those that are missing.

    Where they name no policy, it is the best default that can be had. A policy's file of the user's own
    is looked into before anything is fetched. Beside that the sandbox is opened, where a particle is to
    write a program.

    Args:
        reward: takes the place of the one that settings name.
        scoring: whether a reward that scores nothing is of no use.

    Raises:
        UsageError: a name is unknown, or no use; nothing has been fetched then.
        ModelMissing, ModelFileError, ResourceError, Interrupted: a model cannot be fetched or used.
    """
    if settings.policy is None:
        candidates = default_policies(environment, offline=settings.offline)
    else:
        candidates = iter([look_up_policy(settings.policy, environment)])
    missing = []
    for wanted in candidates:
        name = wanted.name
        facts = None
        if wanted.file is not None:
            own = ModelFile(name, wanted.file, None)
            facts = _look_into(own, environment, listen)
        check_policy(settings, wanted)
        if reward is not None:
            found: FoundReward = NoFiles(lambda site: reward, depths=reward.depths)
        else:
            chosen = choose_reward(settings, name, environment)
            if scoring and chosen == "none":
                why = f": {name} has no probe" if settings.reward is None else ""
                raise UsageError(
                    f"{named('reward')} is none, which scores nothing{why}",
                    f"choose another, such as {named('reward', 'confidence')}",
                )
            found = find_reward(WantedReward(chosen, name, environment, settings.offline, listen))
        share = programs_wanted(settings, wanted.entry)
        sandbox = None
        if programs_of(dataclasses.replace(settings, programs=share)):
            sandbox = open_beside(environment.programs_dir, listen=listen)
        try:
            policy = wanted.fetch(environment, offline=settings.offline, listen=listen)
            facts = facts or _look_into(policy, environment, listen)
            return Found(policy, facts, found, sandbox)
        except BaseException as error:
            if sandbox is not None:
                abandon(sandbox)
            if not isinstance(error, ModelMissing):
                raise
            missing.append(error)
    raise missing[-1]


def check_policy(settings: Settings, wanted: WantedPolicy) -> None:
    """Refuse settings that do not fit a policy, or this build; nothing is fetched.

    Raises:
        UsageError: layers cannot be offloaded, there are fewer CPUs than threads, or the context is
            longer than the policy's.
    """
    library.check_offload(settings.gpu_layers)
    if settings.threads is not None and settings.threads > (cpus := cpu_count()):
        raise UsageError(
            f"{named('threads')} is {settings.threads}, and this machine has {plural(cpus, 'CPU')}",
            f"choose a whole number: 1 to {cpus}; by default it is one for each core",
        )
    if wanted.entry is not None:
        check_context(wanted.name, wanted.entry.context, settings.context)


def _look_into(file: ModelFile, environment: Environment, listen: Listener) -> Facts:
    """What a policy's file says; a recurrent model is refused with the name of one that takes its place."""
    sha256 = file.entry.sha256 if file.entry is not None else None
    try:
        return look_into(file.path, "policy", environment, sha256=sha256, listen=listen)
    except RecurrentModel as error:
        catalogue = load_catalogue(environment.config_dir)
        nearest = catalogue.nearest_policy(file.path.stat().st_size, other_than=file.name)
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


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
