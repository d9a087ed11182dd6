"""The checks: each a function of plain values, so that a test can make it fail on a sound machine."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pfsolve.child import Reply
from pfsolve.engine.build import Build
from pfsolve.lab.doctor.check import Check
from pfsolve.lab.doctor.machine import OLDEST_DRIVER, Machine
from pfsolve.wording import format_bytes, listed, plural, roughly

# What makes decodes much faster, where the processor has it.
_FAST = ("AVX2", "FMA", "F16C", "DOTPROD")
# Tokens of a problem with the usual settings, and of which set: .github/BENCHMARKS.md.
_PROBLEMS = (("GSM8K", 1000), ("MATH500", 2258))
_SLOW_S = 300.0  # seconds for the first of them
_ROOM = 100 << 20  # bytes that a disk should keep


def python(machine: Machine) -> Check:
    """Whether this Python is one for the processor, and for large files."""
    value = f"{machine.python}, {machine.architecture}, {machine.bits} bits"
    if machine.bits < 64:
        return Check(
            "python",
            "failed",
            f"{value}: models do not fit into its addresses",
            "install a Python of 64 bits, and pfsolve there",
        )
    if machine.translated:
        return Check(
            "python",
            "warning",
            f"{value}, translated by Rosetta: slow, and without the GPU",
            "install a Python for arm64 (python.org, or `arch -arm64 brew install python`), and "
            f"pfsolve there; then `{machine.wheel()}`",
        )
    return Check("python", "ok", value)


def engine(machine: Machine, reply: Reply, wanted: str) -> Check:
    """Whether llama-cpp-python can be loaded, and is of a version that pfsolve knows.

    Args:
        reply: of `pfsolve.engine.build`.
        wanted: the requirement, such as "llama-cpp-python<0.4,>=0.3.36".
    """
    name, facts = "llama-cpp-python", reply.facts
    if facts is None:
        remedy = machine.from_source() if reply.is_illegal else machine.wheel()
        return Check(name, "failed", f"it cannot be loaded: {reply.end}", f"`{remedy}`")
    if "error" in facts:
        return Check(
            name, "failed", f"it cannot be loaded: {facts['error']}", f"`{machine.wheel()}`"
        )
    version: str = facts["version"]
    if not _within(version, wanted):
        return Check(
            name,
            "failed",
            f"{version}, but pfsolve needs {wanted}",
            f"`{machine.wheel().replace(name, repr(wanted), 1)}`",
        )
    return Check(name, "ok", version)


def requirement(package: str) -> str:
    """What pfsolve itself requires of a package, "" where that is not known."""
    try:
        every = importlib.metadata.requires("pfsolve") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    found = (line.partition(";")[0].strip() for line in every)
    return next((line for line in found if re.match(rf"{package}\b(?!-)", line)), "")


def backend(machine: Machine, build: Build) -> Check:
    """Whether the build uses the GPU that is there."""
    built = ", ".join(build.backends)
    if build.gpus:
        found = listed(f"{gpu.description} ({format_bytes(gpu.memory)} free)" for gpu in build.gpus)
        return Check("backend", "ok", f"{built}: {found}")
    seen = listed(gpu.name for gpu in machine.gpus)
    if any(gpu.driver_is_old for gpu in machine.gpus):
        updated = replace(machine, gpus=(replace(machine.gpus[0], driver=str(OLDEST_DRIVER)),))
        return Check(
            "backend",
            "warning",
            f"{built}: the driver {machine.gpus[0].driver} of {seen} is too old for CUDA 12",
            f"install NVIDIA's driver {OLDEST_DRIVER} or newer, then `{updated.wheel()}`",
        )
    if "CUDA" in build.backends:
        there = f"it does not find {seen}" if seen else "there is no GPU that NVIDIA's driver sees"
        return Check(
            "backend",
            "warning",
            f"{built}: {there}",
            "`nvidia-smi` must list the GPU, and CUDA_VISIBLE_DEVICES must not hide it; a container "
            "needs `--gpus all`",
        )
    if seen or machine.has_metal:
        return Check(
            "backend",
            "warning",
            f"{built}: this build does not use the GPU ({seen or 'Metal'})",
            f"`{machine.wheel()}`",
        )
    return Check("backend", "ok", f"{built}; no GPU is seen")


def processor(machine: Machine, build: Build) -> Check:
    """Whether the build's kernels fit the processor: none that it lacks, and all that are fast."""
    value = listed(sorted(build.features), limit=200, between=" ") or "not told"
    amx = {feature for feature in build.features if feature.startswith("AMX")}
    beyond = sorted(f for f in build.features - amx if machine.has(f) is False)
    if beyond:
        return Check(
            "processor",
            "failed",
            f"the build uses {', '.join(beyond)}, which this processor lacks: it may end with an "
            "illegal instruction",
            f"`{machine.from_source()}`",
        )
    unused = [f for f in _FAST if f not in build.features and machine.has(f)]
    if unused:
        return Check(
            "processor",
            "warning",
            f"the build does without {', '.join(unused)}, which this processor has: it is slow",
            f"`{machine.from_source()}`",
        )
    if "AMX_INT8" in amx:
        return Check(
            "processor",
            "warning",
            "the build has kernels for AMX, which some compilers break: pfsolve avoids them, and "
            "with them the fast layout of weights",
            f"`{machine.from_source('-DGGML_NATIVE=OFF')}`",
        )
    return Check("processor", "ok", value)


def memory(free: int, need: tuple[str, int, int] | None) -> Check:
    """Whether the usual search fits into what is free, in the container and under ulimit.

    Args:
        free: bytes, where the policy is to run.
        need: the policy's name, the number of particles, the bytes they need together; None where that
            is not known.
    """
    value = f"{format_bytes(free)} free"
    if need is None:
        return Check("memory", "ok", value)
    policy, particles, needed = need
    value += f"; {policy} with {plural(particles, 'particle')} needs {format_bytes(needed)}"
    if needed > free:
        return Check(
            "memory",
            "failed",
            value,
            "end other programs, or `pfsolve models suggest`; in a container, raise its limit",
        )
    return Check("memory", "ok", value)


def disk(what: str, folder: Path, free: int, needed: int, writable: bool, variable: str) -> Check:
    """Whether a folder has room for what is still to come there.

    Args:
        what: lies there.
        needed: bytes.
        variable: names another folder.
    """
    name, value = f"disk of {what}", f"{folder}, {format_bytes(free)} free"
    if not writable:
        return Check(
            name,
            "failed",
            f"{folder} cannot be written",
            f"correct its permissions, or {variable}=FOLDER",
        )
    if needed and free < needed + _ROOM:
        return Check(
            name,
            "failed",
            f"{value}; {format_bytes(needed)} are still to come",
            f"free some, or {variable}=FOLDER on another disk",
        )
    return Check(name, "ok", value)


def settings(trouble: tuple[str, str | None] | None, mistyped: Sequence[tuple[str, str]]) -> Check:
    """Whether config.toml, models.toml and the variables say what can be done.

    Args:
        trouble: what is wrong, and what to do about it.
        mistyped: variables that are none, each with the one that is probably meant.
    """
    if trouble is not None:
        return Check("settings", "failed", trouble[0], trouble[1])
    if mistyped:
        return Check(
            "settings",
            "warning",
            f"{', '.join(variable for variable, _ in mistyped)}: no variable of pfsolve",
            f"did you mean {', '.join(near for _, near in mistyped)}?",
        )
    return Check("settings", "ok", "config.toml, models.toml and variables are read without error")


def place(name: str, trouble: str | None) -> Check:
    """Whether a place of models can be reached; what is on the disk already needs none."""
    if trouble is None:
        return Check(name, "ok", "reachable")
    own = "HTTPS_PROXY and HF_ENDPOINT" if name == "hub" else "`pip config list` and HTTPS_PROXY"
    return Check(name, "warning", trouble, f"check the network, {own}; --offline does without")


def sandbox(state: str, detail: str) -> Check:
    """Whether programs can be run.

    Args:
        state: "works", "missing" where it is not built, "unavailable" where it cannot be, "broken".
        detail: its walls, or what is wrong.
    """
    match state:
        case "works":
            return Check("sandbox", "ok", f"runs programs ({detail})")
        case "missing":
            return Check(
                "sandbox",
                "warning",
                "not built yet: the first programs wait for a minute",
                "`pfsolve programs build`",
            )
        case "unavailable":
            return Check("sandbox", "warning", f"texts only: {detail}", "`pip install .` once more")
        case _:
            return Check("sandbox", "failed", detail, "`pfsolve programs build --again`")


def model(name: str, path: Path, wrong: str | None, hashed: bool, own: bool) -> Check:
    """Whether a model's file is what it should be.

    Args:
        wrong: how it differs; None if it does not.
        hashed: whether all of it was read, or its size and its recorded hash compared.
        own: whether pfsolve has put it there, and not another program.
    """
    if wrong is None:
        how = "its sha256 is right" if hashed else "its size is right (--hash reads it)"
        return Check(f"model {name}", "ok", f"{how}: {path}")
    remedy = f"`pfsolve models rm {name}`, then `pfsolve models pull {name}`"
    if not own:
        remedy = "it lies in the Hub's own cache: `hf cache verify` and `hf cache rm` mend that"
    return Check(f"model {name}", "failed", f"{path}: {wrong}", remedy)


def policy(name: str, absence: str | None, reachable: bool | None) -> Check:
    """Whether the policy can be had.

    Args:
        absence: why its file is not on this disk; None if it is.
        reachable: whether a place that has it answers; None where none was asked.
    """
    if absence is None:
        return Check("policy", "ok", name)
    if reachable:
        return Check(
            "policy",
            "warning",
            f"{absence}; the first run fetches it",
            f"`pfsolve models pull {name}`",
        )
    why = "pfsolve is to stay offline" if reachable is None else "no place that has it answers"
    return Check(
        "policy",
        "failed",
        f"{absence}, and {why}",
        f"with a network, `pfsolve models pull {name}`; or --policy takes a GGUF file",
    )


def speed(machine: Machine, reply: Reply) -> Check:
    """What the policy's pace means in seconds a problem.

    Args:
        reply: of `pfsolve.lab.doctor.trial`.
    """
    facts = reply.facts
    if facts is None:
        remedy = (
            f"`{machine.from_source() if reply.is_illegal else machine.wheel()}`; "
            "`pfsolve -vv PROBLEM` has llama.cpp's log"
        )
        return Check("speed", "failed", f"no token was written: {reply.end}", remedy)
    if "error" in facts:
        return Check("speed", "failed", facts["error"], facts.get("hint"))
    tokens, seconds, particles = facts["tokens"], facts["seconds"], facts["particles"]
    rate = tokens / seconds
    each = [(name, count / rate) for name, count in _PROBLEMS]
    said = ", ".join(f"{roughly(time)} for a problem like {name}'s" for name, time in each)
    value = f"{rate:.3g} tokens/s with {plural(particles, 'particle')}: about {said}"
    if each[0][1] > _SLOW_S:
        return Check(
            "speed",
            "warning",
            value,
            "end other programs, fewer --particles, or a smaller model: `pfsolve models suggest`",
        )
    return Check("speed", "ok", value)


def _within(version: str, wanted: str) -> bool:
    """Whether a version is from the least on, and below the first too new, that a requirement names."""
    least, most = re.search(r">=([\d.]+)", wanted), re.search(r"<([\d.]+)", wanted)
    numbers = _numbers(version)
    return (not least or numbers >= _numbers(least[1])) and (
        not most or numbers < _numbers(most[1])
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
