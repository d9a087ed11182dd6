"""What the installed build of llama.cpp is, as `python -m pfsolve.engine.build` prints it.

In a process of its own: a build for another processor ends the one that loads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pfsolve.environment import Environment


@dataclass(frozen=True, slots=True)
class BuiltDevice:
    """Something that the build can compute on."""

    description: str  # of the hardware
    is_gpu: bool
    memory: int  # bytes that are free, 0 where unknown


@dataclass(frozen=True, slots=True)
class Build:
    """A build of llama.cpp.

    version: of llama-cpp-python.
    backends: what it has been built for, such as "CPU" and "CUDA".
    features: instructions that its CPU kernels use, by llama.cpp's names.
    devices: those it finds here.
    """

    version: str
    backends: tuple[str, ...]
    features: frozenset[str]
    devices: tuple[BuiltDevice, ...] = ()

    @property
    def gpus(self) -> tuple[BuiltDevice, ...]:
        return tuple(device for device in self.devices if device.is_gpu)


def read_system_info(text: str) -> dict[str, frozenset[str]]:
    """What each backend has, from llama.cpp's line "CUDA : ARCHS = 890 | CPU : AVX = 1 | FMA = 0 | "."""
    found: dict[str, set[str]] = {}
    backend = "CPU"
    for part in text.split("|"):
        name, colon, rest = part.partition(" : ")
        if colon:
            backend, part = name.strip(), rest
        feature, _, value = part.partition("=")
        if feature.strip():
            has = found.setdefault(backend, set())
            has.update({feature.strip()} if value.strip() != "0" else ())
    return {name: frozenset(features) for name, features in found.items()}


def read_build(facts: Mapping[str, Any]) -> Build:
    """The build that `look` has found."""
    return Build(
        facts["version"],
        tuple(facts["backends"]),
        frozenset(facts["features"]),
        tuple(BuiltDevice(**device) for device in facts["devices"]),
    )


def look() -> dict[str, Any]:
    """What `read_build` reads, of the build that is installed; or why it cannot be loaded, as "error"."""
    try:
        import llama_cpp

        from pfsolve.engine import backend
    except Exception as error:  # a library that it needs may be missing, or llama_cpp itself
        return {"error": str(error) or type(error).__name__}
    backend.start()
    backends = read_system_info(llama_cpp.llama_print_system_info().decode(errors="replace"))
    devices = [BuiltDevice(d.description, d.is_gpu, d.memory) for d in backend.devices()]
    return {
        "version": llama_cpp.__version__,
        "backends": list(backends),
        "features": sorted(backends.get("CPU", ())),
        "devices": [asdict(device) for device in devices],
    }


if __name__ == "__main__":
    Environment().stdout.write(json.dumps(look()) + "\n")
