"""What the commands of `pfsolve models` see: the known models, this disk, and this machine's memory."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pfsolve.display.output import Output
    from pfsolve.engine.library import Footprint
    from pfsolve.engine.memory import Demand, Machine
    from pfsolve.environment import Environment
    from pfsolve.errors import PfsolveError
    from pfsolve.models.catalogue import Catalogue
    from pfsolve.models.entry import ModelEntry
    from pfsolve.models.store import Store
    from pfsolve.settings import Settings


class World:
    """The environment, the output, the catalogue and the store, and what they say together."""

    environment: Environment
    output: Output
    catalogue: Catalogue
    store: Store

    def __init__(self, as_json: bool) -> None:
        from pfsolve.display.output import Output
        from pfsolve.environment import Environment
        from pfsolve.models.catalogue import load_catalogue
        from pfsolve.models.store import Store

        self.environment = Environment()
        self.output = Output(self.environment, as_json=as_json)
        self.catalogue = load_catalogue(self.environment.config_dir)
        self.store = Store(self.environment.models_dir)

    @cached_property
    def default(self) -> str:
        """Name of the policy where no option names one: as is set for all runs, or that of a default.

        That is the first on this disk, or the first to be asked for.
        """
        from pfsolve.models.defaults import expected_default

        return (self.settings.policy or expected_default(self.environment).name).lower()

    @cached_property
    def settings(self) -> Settings:
        """What config.toml and the variables say."""
        from pfsolve.settings import merge
        from pfsolve.solver.profiles import layers

        return merge(*layers(self.environment, {}))

    def find(self, entry: ModelEntry) -> Path | None:
        """The model's file, if it is on this disk."""
        from pfsolve.models.download import find

        return find(entry, self.store)

    @cached_property
    def machine(self) -> Machine:
        from pfsolve.engine import backend
        from pfsolve.engine.memory import this_machine

        backend.start()
        return this_machine()

    def footprint(self, entry: ModelEntry) -> Footprint | None:
        """What decides the model's memory; None where neither its file nor its entry says it."""
        from pfsolve.engine.memory import footprint_of

        return footprint_of(entry, self.find(entry))

    def demand(self, policy: Footprint | None, *beside: Footprint | None) -> Demand | None:
        """What a policy asks of the memory, with a reward's model beside it; None if one is not known."""
        from pfsolve.engine.memory import Demand, choose_context

        if policy is None or None in beside:
            return None
        wanted = self.settings.context
        context = choose_context(policy, None if wanted is None else min(wanted, policy.context))
        prm = beside[0] if beside else None
        return Demand(policy, context, self.settings.gpu_layers, prm, self.settings.kv_type)

    def memory(self, demand: Demand | None, particles: int) -> dict[str, Any]:
        """As JSON: what is needed with that many particles, what is free for it, whether it fits."""
        if demand is None:
            return {"memory_bytes": None, "free_bytes": None, "fits": None}
        needed, free = demand.needed(particles), demand.free(self.machine)
        return {"memory_bytes": needed, "free_bytes": free, "fits": needed <= free}

    def missing(self, entry: ModelEntry) -> tuple[int | None, bool]:
        """Bytes that must still be fetched for a model, None where not known; whether that is exact."""
        if self.find(entry) is not None:
            return 0, True
        if entry.source is not None:  # a checkpoint, of 16 bits a weight
            return (2 * entry.parameters if entry.parameters else None), False
        if entry.size is None:
            return None, False
        return max(0, entry.size - self.store.unfinished_bytes(entry)), entry.bytes is not None


def not_here(entry: ModelEntry, world: World) -> PfsolveError:
    """That a model is not on this disk, or damaged, and what fetches it."""
    from pfsolve.errors import ModelMissing
    from pfsolve.models.download import absence

    how = "pull" if entry.places else "convert"
    return ModelMissing(
        absence(entry, world.store), f"`pfsolve models {how} {entry.name}` fetches it"
    )


def size_shown(size: int | None, exact: bool = True) -> str:
    """A number of bytes in a table: "1.12 GB", "~4.7 GB", or "?"."""
    from pfsolve.wording import format_bytes

    return "?" if size is None else f"{'' if exact else '~'}{format_bytes(size)}"


def yes_no(value: bool | None) -> str:
    """A truth in a table; "?" where it is not known."""
    return {True: "yes", False: "no", None: "?"}[value]
