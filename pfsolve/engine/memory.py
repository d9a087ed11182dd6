"""What a solve will need in memory, worked out before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from pfsolve.engine.library import Facts, devices
from pfsolve.errors import ResourceError, UsageError

DEFAULT_CONTEXT = 2048

# Compute buffers, output rows and Python itself: measured 200 to 350 MB at 8 to 64 particles.
OVERHEAD_BYTES = 400 << 20


def choose_context(facts: Facts, wanted: int | None) -> int:
    """Tokens one particle may hold: what was asked for, or 2048, within what the model was trained on.

    Raises:
        UsageError: more was asked for than the model was trained on.
    """
    if wanted is None:
        return min(DEFAULT_CONTEXT, facts.context)
    if wanted > facts.context:
        raise UsageError(
            f"--context is {wanted}, but {facts.path.name} was trained on {facts.context} tokens",
            f"use --context {facts.context} or less",
        )
    return wanted


@dataclass(frozen=True, slots=True)
class PrmMemory:
    """A process reward model beside the policy. context: tokens that it may hold of each particle."""

    facts: Facts
    context: int


def prm_context(facts: Facts, context: int) -> int:
    """Tokens that a process reward model may hold of a particle that may hold `context` in the policy.

    Half as many again, for markers and for a vocabulary that takes more tokens for the same text,
    within what the model was trained on.
    """
    return min(facts.context, context * 3 // 2)


def cache_bytes(facts: Facts, particles: int, context: int) -> int:
    """Bytes of a cache in which every particle can fill its context without sharing a single cell."""
    return particles * context * facts.cell_bytes


def on_gpu(gpu_layers: int | None) -> bool:
    """Whether layers are to run on a GPU."""
    return gpu_layers != 0 and any(device.is_gpu for device in devices())


def most_parallel(
    facts: Facts,
    particles: int,
    context: int,
    gpu_layers: int | None,
    judge: PrmMemory | None = None,
) -> int:
    """Problems that can be searched side by side in half of the memory that is free beside the
    weights; 1 at least."""
    free, fixed = _room(facts, gpu_layers, judge)
    return max(1, (free - fixed) // 2 // (particles * _particle_bytes(facts, context, judge)))


def check_memory(
    facts: Facts,
    particles: int,
    context: int,
    gpu_layers: int | None,
    parallel: int = 1,
    judge: PrmMemory | None = None,
) -> None:
    """Refuse what would not fit where it is to run, with the largest number that would.

    Raises:
        ResourceError: weights, caches and buffers need more than is free.
    """
    free, fixed = _room(facts, gpu_layers, judge)
    each = _particle_bytes(facts, context, judge)
    needed = fixed + particles * parallel * each
    if needed <= free:
        return
    most = (free - fixed) // each
    what = f"{facts.path.name} with {particles} particles of {context} tokens"
    if parallel > 1:
        what += f" for each of {parallel} problems"
    if judge is not None:
        what += f" and {judge.facts.path.name}"
    message = f"{what} needs {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
    if most >= particles:
        raise ResourceError(message, f"use --parallel {most // particles}, or a smaller --context")
    if most >= 1:
        raise ResourceError(message, f"use -n {most}, or a smaller --context")
    reward = " or another --reward" if judge is not None else ""
    raise ResourceError(message, f"use a smaller model{reward}; see pfsolve models list")


def _particle_bytes(facts: Facts, context: int, judge: PrmMemory | None) -> int:
    """Bytes of the cells that one particle may fill."""
    judged = 0 if judge is None else cache_bytes(judge.facts, 1, judge.context)
    return max(1, cache_bytes(facts, 1, context) + judged)


def _room(facts: Facts, gpu_layers: int | None, judge: PrmMemory | None) -> tuple[int, int]:
    """Free bytes where the models are to run, and what they take there whatever the particles."""
    models = [facts] if judge is None else [facts, judge.facts]
    weights = sum(model.file_bytes for model in models)
    buffers = len(models) * OVERHEAD_BYTES
    gpus = sum(device.memory for device in devices() if device.is_gpu)
    # llama.cpp maps the file and repacks part of it for the CPU: 1.56 times the file, measured.
    on_cpu = weights * 8 // 5 + buffers
    if gpus == 0 or gpu_layers == 0:
        return free_memory(), on_cpu
    if gpu_layers is None:
        return gpus, weights + buffers
    return gpus + free_memory(), on_cpu


def free_memory() -> int:
    """Bytes of main memory that can be had without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def physical_cores() -> int:
    """Threads that compute without getting into each other's way."""
    import psutil

    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
