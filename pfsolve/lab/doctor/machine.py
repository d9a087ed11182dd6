"""The machine and its Python, as far as it matters which llama-cpp-python runs here."""

from __future__ import annotations

import ctypes
import platform
import re
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# llama.cpp's names of what a processor can do, and Linux's.
_LINUX = {
    "SSE3": "pni",
    "SSSE3": "ssse3",
    "AVX": "avx",
    "AVX2": "avx2",
    "FMA": "fma",
    "F16C": "f16c",
    "BMI2": "bmi2",
    "AVX_VNNI": "avx_vnni",
    "AVX512": "avx512f",
    "AVX512_VBMI": "avx512vbmi",
    "AVX512_VNNI": "avx512_vnni",
    "AVX512_BF16": "avx512_bf16",
}
_LINUX_ARM = {"NEON": "asimd", "DOTPROD": "asimddp", "MATMUL_INT8": "i8mm", "SVE": "sve"}
_MAC = {**_LINUX, "SSE3": "sse3", "AVX": "avx1.0"}  # in capitals there
_WINDOWS = {"AVX": 39, "AVX2": 40, "AVX512": 41}  # PF_..._INSTRUCTIONS_AVAILABLE
OLDEST_DRIVER = 525  # of NVIDIA, for programs made with any CUDA 12
_ANSWER_S = 10.0  # that a tool of the system gets

_WHEELS = "https://abetlen.github.io/llama-cpp-python/whl"
_AGAIN = "--force-reinstall --no-cache-dir"
_SOURCE = f"pip install llama-cpp-python {_AGAIN} --no-binary llama-cpp-python"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU of NVIDIA's that the driver sees."""

    name: str
    driver: str  # its version, such as "550.54.15"

    @property
    def driver_is_old(self) -> bool:
        """Whether the driver runs no program of CUDA 12."""
        major = self.driver.partition(".")[0]
        return major.isdecimal() and int(major) < OLDEST_DRIVER


@dataclass(frozen=True, slots=True)
class Machine:
    """What a wheel of llama-cpp-python must fit.

    system: "Linux", "Darwin" or "Windows".
    architecture: of Python, such as "x86_64" or "arm64".
    python: its version.
    bits: of its addresses.
    translated: whether Rosetta translates it, on a Mac with a processor of Apple's.
    musl: whether the C library is one for which there are few wheels.
    features: what the processor can do, by llama.cpp's names; none that could not be told.
    gpus: those that NVIDIA's driver sees.
    """

    system: str
    architecture: str
    python: str
    bits: int = 64
    translated: bool = False
    musl: bool = False
    features: Mapping[str, bool] | None = None
    gpus: tuple[Gpu, ...] = ()

    def has(self, feature: str) -> bool | None:
        """Whether the processor can do this; None where it is not known."""
        return None if self.features is None else self.features.get(feature)

    @property
    def has_metal(self) -> bool:
        return self.system == "Darwin" and (self.architecture == "arm64" or self.translated)

    def wheel(self) -> str:
        """The command that installs the llama-cpp-python that is right here, in the place of any other."""
        cuda = any(not gpu.driver_is_old for gpu in self.gpus) and self.system != "Darwin"
        x86 = self.architecture.lower() in ("x86_64", "amd64")
        if self.musl or (x86 and self.has("AVX2") is False) or (cuda and not x86):
            return self.from_source(*(["-DGGML_CUDA=on"] if cuda else []))
        kind = "metal" if self.has_metal else "cu124" if cuda else "cpu"
        return f"pip install llama-cpp-python --prefer-binary --extra-index-url {_WHEELS}/{kind} {_AGAIN}"

    def from_source(self, *options: str) -> str:
        """The command that builds llama-cpp-python for this processor."""
        if not options:
            return _SOURCE
        set_ = "set CMAKE_ARGS={} && " if self.system == "Windows" else 'CMAKE_ARGS="{}" '
        return set_.format(" ".join(options)) + _SOURCE


def this_machine() -> Machine:
    """The machine that this runs on."""
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        python=platform.python_version(),
        bits=8 * struct.calcsize("P"),
        translated=_said_by("sysctl", "-n", "sysctl.proc_translated").strip() == "1",
        musl=platform.system() == "Linux" and platform.libc_ver()[0] != "glibc",
        features=_features(platform.system()),
        gpus=read_nvidia(
            _said_by("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
        ),
    )


def read_nvidia(listing: str) -> tuple[Gpu, ...]:
    """The GPUs of a listing of nvidia-smi, a name and a version to a line; none in what is no such."""
    rows = [line.rsplit(",", 1) for line in listing.splitlines()]
    return tuple(
        Gpu(row[0].strip(), row[1].strip())
        for row in rows
        if len(row) == 2 and re.fullmatch(r"\d+(\.\d+)*", row[1].strip())
    )


def read_flags(text: str, names: Mapping[str, str]) -> dict[str, bool] | None:
    """What a processor can do, from the words by which the system tells it; None without any."""
    words = set(text.lower().split())
    return {name: word in words for name, word in names.items()} if words else None


def _features(system: str) -> dict[str, bool] | None:
    if system == "Windows":
        present = ctypes.windll.kernel32.IsProcessorFeaturePresent  # type: ignore[attr-defined]
        return {name: bool(present(number)) for name, number in _WINDOWS.items()}
    if system == "Darwin":
        keys = ("machdep.cpu.features", "machdep.cpu.leaf7_features")
        return read_flags(_said_by("sysctl", "-n", *keys), _MAC)
    try:
        information = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"^(flags|Features)\s*:(.*)$", information, re.MULTILINE)
    return found and read_flags(found[2], _LINUX if found[1] == "flags" else _LINUX_ARM)


def _said_by(*command: str) -> str:
    """What a tool of the system prints; nothing where there is no such tool, or it fails."""
    try:
        ended = subprocess.run(
            command, capture_output=True, timeout=_ANSWER_S, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if ended.returncode else ended.stdout.decode(errors="replace")
