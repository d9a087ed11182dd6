"""What a solve will need in memory, worked out before anything is loaded."""

from __future__ import annotations

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


def cache_bytes(facts: Facts, particles: int, context: int) -> int:
    """Bytes of a cache in which every particle can fill its context without sharing a single cell."""
    return particles * context * facts.cell_bytes


def on_gpu(gpu_layers: int | None) -> bool:
    """Whether layers are to run on a GPU."""
    return gpu_layers != 0 and any(device.is_gpu for device in devices())


def most_parallel(facts: Facts, particles: int, context: int, gpu_layers: int | None) -> int:
    """Problems that can be searched side by side in half of the memory that is free beside the
    weights; 1 at least."""
    free, weights = _room(facts, gpu_layers)
    fitting = (
        (free - weights - OVERHEAD_BYTES) // 2 // max(1, cache_bytes(facts, particles, context))
    )
    return max(1, fitting)


def check_memory(
    facts: Facts, particles: int, context: int, gpu_layers: int | None, parallel: int = 1
) -> None:
    """Refuse what would not fit where it is to run, with the largest number that would.

    Raises:
        ResourceError: weights, cache and buffers need more than is free.
    """
    free, weights = _room(facts, gpu_layers)
    fixed = weights + OVERHEAD_BYTES
    needed = fixed + cache_bytes(facts, particles * parallel, context)
    if needed <= free:
        return
    most = (free - fixed) // max(1, cache_bytes(facts, 1, context))
    what = f"{facts.path.name} with {particles} particles of {context} tokens"
    if parallel > 1:
        what += f" for each of {parallel} problems"
    message = f"{what} needs {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
    if most >= particles:
        raise ResourceError(message, f"use --parallel {most // particles}, or a smaller --context")
    if most >= 1:
        raise ResourceError(message, f"use -n {most}, or a smaller --context")
    raise ResourceError(message, "use a smaller model; see pfsolve models list")


def _room(facts: Facts, gpu_layers: int | None) -> tuple[int, int]:
    """Free bytes where the model is to run, and what its weights take there."""
    gpus = sum(device.memory for device in devices() if device.is_gpu)
    # llama.cpp maps the file and repacks part of it for the CPU: 1.56 times the file, measured.
    on_cpu = facts.file_bytes * 8 // 5
    if gpus == 0 or gpu_layers == 0:
        return free_memory(), on_cpu
    if gpu_layers is None:
        return gpus, facts.file_bytes
    return gpus + free_memory(), on_cpu


def free_memory() -> int:
    """Bytes of main memory that can be had without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def physical_cores() -> int:
    """Threads that compute without getting into each other's way."""
    import psutil

    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
