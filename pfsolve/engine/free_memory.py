"""How much main memory this process can have: of the machine, of its container, under ulimit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")

# Of each version: folders in the tree, files of limits, the file of what is used, and a prefix of the
# lines of memory.stat with cached files. The kernel drops those, active ones too, before anything runs
# out, so that they count as free, as they do in what the machine itself says is available.
_V2 = (("", "unified"), ("memory.max", "memory.high"), "memory.current", "")
_V1 = (("memory",), ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_")


def free_memory() -> int:
    """Bytes of main memory that this process can have without swapping: the least that any limit leaves."""
    import psutil

    machine = int(psutil.virtual_memory().available)
    return max(0, min(machine, *left_by_cgroups(), *_left_by_ulimit()))


def left_by_cgroups(tree: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> Iterator[int]:
    """Bytes that each control group with a limit leaves: this process's own and those around it.

    Args:
        tree: where the groups are mounted, of version 1 or 2 or both.
        own: the file that says which this process is in.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mounts, limits, used, prefix = _V1 if controllers else _V2
        group = PurePosixPath(path.lstrip("/"))
        for mount in mounts:
            # In a container the path may be that of the host, and the mount the container's own group.
            for folder in (group, *group.parents):
                yield from _left_in(tree / mount / folder, limits, used, prefix)


def _left_in(folder: Path, limits: tuple[str, ...], used: str, prefix: str) -> Iterator[int]:
    """Bytes that each of a group's limits leaves; nothing where there is no such group."""
    try:
        texts = [(folder / limit).read_text().strip() for limit in limits]
        taken = int((folder / used).read_text())
        statistics = dict(
            line.split() for line in (folder / "memory.stat").read_text().splitlines()
        )
    except (OSError, ValueError):
        return
    cached = sum(int(statistics.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))
    yield from (int(text) - taken + cached for text in texts if text.isdecimal())


def _left_by_ulimit() -> Iterator[int]:
    """Bytes of addresses that `ulimit -v` leaves, if it is set."""
    try:
        import resource
    except ImportError:  # Windows
        return
    import psutil

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        yield limit - int(psutil.Process().memory_info().vms)
