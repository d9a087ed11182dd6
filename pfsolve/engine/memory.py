"""What a solve will need in memory, worked out before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pfsolve.engine.backend import devices
from pfsolve.engine.free_memory import free_memory
from pfsolve.engine.library import Footprint, cell_bytes
from pfsolve.errors import ResourceError, UsageError, named
from pfsolve.events.work import ModelLoaded

if TYPE_CHECKING:
    from pathlib import Path

    from pfsolve.engine.cache import Cache
    from pfsolve.models.entry import ModelEntry

DEFAULT_CONTEXT = 2048

# Compute buffers, output rows and Python itself: measured 200 to 350 MB at 8 to 64 particles.
OVERHEAD_BYTES = 400 << 20


@dataclass(frozen=True, slots=True)
class Machine:
    """What models have to run on."""

    main_bytes: int  # main memory that this process can have without swapping
    gpu_bytes: int  # memory that is free on all GPUs together; 0 where unknown
    has_gpu: bool  # whether layers can be offloaded
    cores: int  # number of physical cores that this process may use


def this_machine() -> Machine:
    """The machine this process runs on, as it is now."""
    import psutil

    gpus = [device for device in devices() if device.is_gpu]
    # `taskset` and a container's set of CPUs leave fewer than there are; macOS has neither.
    process = psutil.Process()
    allowed = (
        len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count() or 1
    )
    return Machine(
        main_bytes=free_memory(),
        gpu_bytes=sum(device.memory for device in gpus),
        has_gpu=bool(gpus),
        cores=min(psutil.cpu_count(logical=False) or allowed, allowed),
    )


def footprint_of(entry: ModelEntry, path: Path | None) -> Footprint | None:
    """What decides a model's memory; None where neither its file nor its entry says it.

    Args:
        path: of its file, if it is on this disk.
    """
    size = path.stat().st_size if path else entry.size
    if size is None or entry.cell_bytes is None or entry.context is None:
        return None
    return Footprint(entry.name, size, entry.cell_bytes, entry.context)


def choose_context(model: Footprint, wanted: int | None) -> int:
    """Tokens one particle may hold: what was asked for, or 2048, within what the model was trained on.

    Raises:
        UsageError: more was asked for than the model was trained on.
    """
    check_context(model.name, model.context, wanted)
    return min(DEFAULT_CONTEXT, model.context) if wanted is None else wanted


def check_context(model: str, longest: int | None, wanted: int | None) -> None:
    """Refuse a context that is longer than what a model was trained on; None is not known, or left open.

    Raises:
        UsageError: it is.
    """
    if longest is not None and wanted is not None and wanted > longest:
        raise UsageError(
            f"{named('context')} is {wanted}, but {model} was trained on {longest} tokens",
            f"use {named('context', longest)} or less",
        )


def prm_context(model: Footprint, context: int) -> int:
    """Tokens that a process reward model may hold of a particle that may hold `context` in the policy.

    Half as many again, for markers and for a vocabulary that takes more tokens for the same text,
    within what the model was trained on.
    """
    return min(model.context, context * 3 // 2)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a solve asks of a machine's memory."""

    policy: Footprint
    context: int  # tokens that one particle may hold
    gpu_layers: int | None = None  # layers to offload; None for all where there is a GPU
    prm: Footprint | None = None  # the process reward model, if there is one
    kv_type: str = "f16"  # what the policy's cache keeps keys and values as

    def most_parallel(self, machine: Machine, particles: int) -> int:
        """Problems that can be searched side by side in half of what is free beside the weights.

        One at least: whether that fits is for `check` to say.
        """
        spare = self.free(machine) - self._fixed
        return max(1, spare // 2 // (particles * self._particle_bytes))

    def free(self, machine: Machine) -> int:
        """Bytes that are free where the models are to run."""
        if not self._uses_gpu(machine):
            return machine.main_bytes
        return machine.gpu_bytes + (0 if self.gpu_layers is None else machine.main_bytes)

    def needed(self, particles: int, parallel: int = 1) -> int:
        """Bytes that weights, caches and buffers take where the models are to run."""
        return self._fixed + particles * parallel * self._particle_bytes

    def check(self, machine: Machine, particles: int, parallel: int = 1) -> None:
        """Refuse what would not fit where it is to run, with the largest number that would.

        Raises:
            ResourceError: weights, caches and buffers need more than is free.
        """
        free, needed = self.free(machine), self.needed(particles, parallel)
        if needed <= free:
            return
        what = f"{self.policy.name} with {particles} particles of {self.context} tokens"
        if parallel > 1:
            what += f" for each of {parallel} problems"
        if self.prm is not None:
            what += f" and {self.prm.name}"
        message = f"{what} needs {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
        most = (free - self._fixed) // self._particle_bytes
        if most >= 1:
            fitting = (
                named("parallel", most // particles)
                if most >= particles
                else named("particles", most)
            )
            raise ResourceError(message, f"use {fitting}, or a smaller {named('context')}")
        reward = f" or another {named('reward')}" if self.prm is not None else ""
        raise ResourceError(message, f"use a smaller model{reward}; see pfsolve models suggest")

    @property
    def _particle_bytes(self) -> int:
        """Bytes of the cells that one particle may fill, sharing none with another."""
        in_prm = (
            0 if self.prm is None else prm_context(self.prm, self.context) * self.prm.cell_bytes
        )
        in_policy = self.context * cell_bytes(self.policy.cell_bytes, self.kv_type)
        return max(1, in_policy + in_prm)

    def _uses_gpu(self, machine: Machine) -> bool:
        return machine.gpu_bytes > 0 and self.gpu_layers != 0

    @property
    def _fixed(self) -> int:
        """Bytes that the models take without particles."""
        models = [self.policy] if self.prm is None else [self.policy, self.prm]
        # What llama.cpp repacks for the CPU is no more: the pages it came from are let go (`pages`), or
        # dropped by the system where memory is short.
        return sum(model.file_bytes + OVERHEAD_BYTES for model in models)


def loaded_event(role: str, name: str, cache: Cache) -> ModelLoaded:
    """What watchers are told of a model that is ready with its cache."""
    facts, device = cache.model.facts, cache.model.device
    where = f"{device.name} ({device.description})" if device.is_gpu else device.name
    return ModelLoaded(role, name, where, facts.file_bytes, cache.bytes)
