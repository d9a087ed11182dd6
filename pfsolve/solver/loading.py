"""From files to models in memory, the last of three steps: find, plan, load."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from pfsolve.engine import memory
from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.policy import Policy
from pfsolve.errors import ProgramsUnavailable
from pfsolve.events import Listener
from pfsolve.events.work import Loading, ProgramsMissing
from pfsolve.particle import Kind, StepRules
from pfsolve.programs.base import Sandbox
from pfsolve.rewards.base import Reward, Site
from pfsolve.rewards.kinds import open_reward
from pfsolve.settings import Settings
from pfsolve.solver.finding import Found
from pfsolve.solver.planning import SolvePlan


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
        listen(Loading("policy", found.policy.name))
        model = models.enter_context(LoadedModel(found.facts, settings.gpu_layers))
        # Room for every particle's whole context: none is cut short by another. Heads of prompts have
        # none of their own: most cells of them belong to particles too, and the others are given back.
        cells, sequences = plan.sequences * plan.context, plan.sequences
        cache = models.enter_context(
            Cache(
                model,
                cells=cells,
                sequences=sequences,
                threads=plan.threads,
                kv_type=settings.kv_type,
                layers=[round(depth * found.facts.layers) - 1 for depth in found.reward.depths],
                kept=len(Kind) + 1,  # a head of each, and what they have in common
            )
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
        policy = Policy(cache, chat, plan.sampling, rules_of(settings, plan, reward), plan.tile)
        sandbox = _sandbox(found, listen)
        if sandbox is not None:
            models.callback(sandbox.close)
        kept = models.pop_all()
    return Opened(policy, reward, sandbox, kept)


def rules_of(settings: Settings, plan: SolvePlan, reward: Reward) -> StepRules:
    """The limits on steps."""
    return StepRules(
        settings.max_steps,
        plan.max_step_tokens,
        plan.context - reward.reserve,
        thinking_tokens=settings.thinking_tokens,
    )


def _sandbox(found: Found, listen: Listener) -> Sandbox | None:
    """The sandbox that was wanted, once it is open; without one there are texts only."""
    try:
        return found.sandbox.result() if found.sandbox is not None else None
    except ProgramsUnavailable as error:
        listen(ProgramsMissing(str(error)))
        return None
