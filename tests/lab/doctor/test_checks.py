"""Each check, made to fail by plain values, and the remedy that it names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pfsolve.child import Reply, ask
from pfsolve.engine.build import Build, BuiltDevice, look, read_build, read_system_info
from pfsolve.lab.doctor import checks
from pfsolve.lab.doctor.check import Check
from pfsolve.lab.doctor.machine import Gpu, Machine, read_flags, read_nvidia, this_machine

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
CPU = "pip install llama-cpp-python --prefer-binary --extra-index-url https://abetlen.github.io/llama-cpp-python/whl/cpu"
SOURCE = (
    "pip install llama-cpp-python --force-reinstall --no-cache-dir --no-binary llama-cpp-python"
)
WANTED = "llama-cpp-python<0.4,>=0.3.36"
FEATURES = {"AVX": True, "AVX2": True, "FMA": True, "F16C": True, "AVX512": False}

LAPTOP = Machine("Linux", "x86_64", "3.12.1", features=FEATURES)
WITH_GPU = replace(LAPTOP, gpus=(Gpu("NVIDIA RTX 4090", "550.54.15"),))
OLD_DRIVER = replace(LAPTOP, gpus=(Gpu("NVIDIA GTX 1060", "470.82"),))
MAC = Machine("Darwin", "arm64", "3.12.1")
ROSETTA = Machine("Darwin", "x86_64", "3.12.1", translated=True)
OLD_PC = replace(LAPTOP, features={**FEATURES, "AVX2": False, "FMA": False})
GRACE = replace(WITH_GPU, architecture="aarch64", features={"DOTPROD": True})

BUILD = Build("0.3.36", ("CPU",), frozenset({"AVX", "AVX2", "FMA", "F16C"}))
GPU = BuiltDevice("NVIDIA RTX 4090", True, 24_000_000_000)


def reply(**facts: object) -> Reply:
    return Reply(0, "a line of another library\n" + json.dumps(facts) + "\n")


WRITTEN = {"seconds": 10.0, "particles": 8}

# What is checked, and what comes of it: the status, and parts of value and remedy.
OUTCOMES: list[tuple[Check, str, str, str]] = [
    (checks.python(LAPTOP), "ok", "3.12.1, x86_64, 64 bits", ""),
    (checks.python(replace(LAPTOP, bits=32)), "failed", "32 bits", "a Python of 64 bits"),
    (checks.python(ROSETTA), "warning", "Rosetta", "whl/metal"),
    (checks.engine(LAPTOP, reply(version="0.3.36"), WANTED), "ok", "0.3.36", ""),
    (checks.engine(LAPTOP, reply(version="0.3.40"), WANTED), "ok", "0.3.40", ""),
    (checks.engine(LAPTOP, reply(version="0.2.90"), WANTED), "failed", "0.2.90", WANTED),
    (
        checks.engine(LAPTOP, reply(version="0.4.0"), WANTED),
        "failed",
        "needs",
        f"install '{WANTED}' --prefer",
    ),
    (checks.engine(LAPTOP, reply(error="libgomp.so.1"), WANTED), "failed", "libgomp", "whl/cpu"),
    (checks.engine(WITH_GPU, reply(error="no module"), WANTED), "failed", "no module", "whl/cu124"),
    (checks.engine(LAPTOP, Reply(-4), WANTED), "failed", "Illegal instruction", SOURCE),
    (checks.engine(LAPTOP, Reply(0xC000001D), WANTED), "failed", "Illegal instruction", SOURCE),
    (checks.engine(LAPTOP, Reply(-11), WANTED), "failed", "SIGSEGV", CPU),
    (checks.engine(LAPTOP, Reply(None), WANTED), "failed", "in time", CPU),
    (checks.engine(LAPTOP, Reply(0, "no JSON"), WANTED), "failed", "status 0", CPU),
    (checks.backend(LAPTOP, BUILD), "ok", "CPU; no GPU", ""),
    (checks.backend(WITH_GPU, BUILD), "warning", "RTX 4090", "whl/cu124"),
    (checks.backend(OLD_DRIVER, BUILD), "warning", "470.82", "whl/cu124"),
    (checks.backend(GRACE, BUILD), "warning", "not use the GPU", "-DGGML_CUDA=on"),
    (checks.backend(MAC, BUILD), "warning", "Metal", "whl/metal"),
    (
        checks.backend(LAPTOP, replace(BUILD, backends=("CUDA", "CPU"))),
        "warning",
        "no GPU that NVIDIA's driver sees",
        "nvidia-smi",
    ),
    (
        checks.backend(WITH_GPU, replace(BUILD, backends=("CUDA", "CPU"))),
        "warning",
        "does not find NVIDIA RTX 4090",
        "CUDA_VISIBLE_DEVICES",
    ),
    (
        checks.backend(WITH_GPU, replace(BUILD, backends=("CUDA", "CPU"), devices=(GPU,))),
        "ok",
        "NVIDIA RTX 4090 (24 GB free)",
        "",
    ),
    (checks.processor(LAPTOP, BUILD), "ok", "AVX AVX2 F16C FMA", ""),
    (checks.processor(MAC, BUILD), "ok", "AVX", ""),  # of which nothing is known
    (
        checks.processor(LAPTOP, replace(BUILD, features=BUILD.features | {"AVX512"})),
        "failed",
        "AVX512, which this processor lacks",
        SOURCE,
    ),
    (
        checks.processor(LAPTOP, replace(BUILD, features=frozenset({"AVX", "FMA", "F16C"}))),
        "warning",
        "without AVX2",
        SOURCE,
    ),
    (
        checks.processor(LAPTOP, replace(BUILD, features=BUILD.features | {"AMX_INT8"})),
        "warning",
        "AMX",
        "GGML_NATIVE=OFF",
    ),
    (checks.memory(8_000_000_000, None), "ok", "8 GB free", ""),
    (checks.memory(8_000_000_000, ("p", 8, 2_500_000_000)), "ok", "2.5 GB", ""),
    (checks.memory(1_000_000_000, ("p", 8, 2_500_000_000)), "failed", "2.5 GB", "models suggest"),
    (checks.disk("models", Path("/m"), 10**10, 10**9, True, "V"), "ok", "10 GB free", ""),
    (checks.disk("models", Path("/m"), 10**3, 0, True, "V"), "ok", "1 kB free", ""),
    (checks.disk("models", Path("/m"), 10**9, 10**9, True, "V"), "failed", "still to", "V=FOLDER"),
    (checks.disk("models", Path("/m"), 10**10, 0, False, "V"), "failed", "written", "V=FOLDER"),
    (checks.settings(None, []), "ok", "without error", ""),
    (checks.settings(("bad.toml: no", "mend it"), []), "failed", "bad.toml", "mend it"),
    (
        checks.settings(None, [("PFSOLVE_PARTICLE", "PFSOLVE_PARTICLES")]),
        "warning",
        "PFSOLVE_PARTICLE",
        "PFSOLVE_PARTICLES",
    ),
    (checks.place("hub", None), "ok", "reachable", ""),
    (checks.place("hub", "no route"), "warning", "no route", "HF_ENDPOINT"),
    (checks.place("pypi", "no route"), "warning", "no route", "pip config"),
    (checks.sandbox("works", "WebAssembly"), "ok", "WebAssembly", ""),
    (checks.sandbox("missing", ""), "warning", "not built", "programs build"),
    (checks.sandbox("unavailable", "no wasmtime"), "warning", "no wasmtime", "pip install"),
    (checks.sandbox("broken", "its sha256"), "failed", "its sha256", "build --again"),
    (checks.model("m", Path("/m"), None, False, True), "ok", "size is right", ""),
    (checks.model("m", Path("/m"), None, True, True), "ok", "sha256 is right", ""),
    (checks.model("m", Path("/m"), "3 bytes", True, True), "failed", "3 bytes", "models pull m"),
    (checks.model("m", Path("/m"), "3 bytes", True, False), "failed", "3 bytes", "hf cache"),
    (checks.policy("p", None, False), "ok", "p", ""),
    (checks.policy("p", "p is damaged", True), "warning", "first run fetches", "models pull p"),
    (checks.policy("p", "p is damaged", False), "failed", "no place", "models pull p"),
    (checks.policy("p", "p is not here", None), "failed", "offline", "models pull p"),
    (
        checks.speed(LAPTOP, reply(tokens=400, **WRITTEN)),
        "ok",
        "40 tokens/s with 8 particles: about 25 s for a problem like GSM8K's, 56 s",
        "",
    ),
    (checks.speed(LAPTOP, reply(tokens=20, **WRITTEN)), "warning", "2 tokens/s", "--particles"),
    (checks.speed(LAPTOP, reply(error="too big", hint="use less")), "failed", "too big", "use"),
    (checks.speed(LAPTOP, Reply(-4)), "failed", "Illegal instruction", SOURCE),
    (checks.speed(LAPTOP, Reply(None)), "failed", "in time", "-vv"),
]


@pytest.mark.parametrize(
    ("check", "status", "value", "remedy"), OUTCOMES, ids=[check.name for check, *_ in OUTCOMES]
)
def test_a_check_tells_what_is_wrong_and_what_to_do(
    check: Check, status: str, value: str, remedy: str
) -> None:
    assert check.status == status
    assert value in check.value
    assert remedy in (check.remedy or "")
    assert (check.remedy is None) == (status == "ok"), "what is wrong has a remedy"


def test_every_check_is_made_to_fail_or_to_warn() -> None:
    names = {name for name, kind in vars(checks).items() if callable(kind)}
    tried = {check.name.split()[0] for check, status, _, _ in OUTCOMES if status != "ok"}
    known = {"llama-cpp-python": "engine", "hub": "place", "pypi": "place"}
    ours = {name for name in names if vars(checks)[name].__module__ == checks.__name__}
    assert {known.get(name, name) for name in tried} == {
        name for name in ours if not name.startswith("_") and name != "requirement"
    }


@pytest.mark.parametrize(
    ("machine", "kind"),
    [(LAPTOP, "cpu"), (WITH_GPU, "cu124"), (OLD_DRIVER, "cpu"), (MAC, "metal"), (ROSETTA, "metal")],
)
def test_the_wheel_is_the_readmes(machine: Machine, kind: str) -> None:
    assert CPU in README
    assert SOURCE in README
    assert machine.wheel() == f"{CPU[:-3]}{kind} --force-reinstall --no-cache-dir"


def test_where_no_wheel_fits_it_is_built() -> None:
    assert OLD_PC.wheel() == SOURCE
    assert replace(LAPTOP, musl=True).wheel() == SOURCE
    assert GRACE.wheel() == f'CMAKE_ARGS="-DGGML_CUDA=on" {SOURCE}'
    assert (
        replace(LAPTOP, system="Windows").from_source("-DX=1")
        == f"set CMAKE_ARGS=-DX=1 && {SOURCE}"
    )


def test_what_tools_print_is_read() -> None:
    assert read_nvidia("NVIDIA A100, 80GB, 535.104.05\nTesla T4, 470.82.01\n") == (
        Gpu("NVIDIA A100, 80GB", "535.104.05"),
        Gpu("Tesla T4", "470.82.01"),
    )
    assert read_nvidia("NVIDIA-SMI has failed, make sure that it runs\n") == ()
    names = {"AVX": "avx1.0", "AVX2": "avx2"}
    assert read_flags("FPU AVX1.0 SSE3\n", names) == {"AVX": True, "AVX2": False}
    assert read_flags("\n", names) is None
    info = "CUDA : ARCHS = 890 | USE_GRAPHS = 1 | CPU : AVX = 1 | FMA = 0 | "
    assert read_system_info(info) == {
        "CUDA": {"ARCHS", "USE_GRAPHS"},
        "CPU": {"AVX"},
    }


def test_this_machine_runs_its_own_build() -> None:
    build, machine = read_build(look()), this_machine()
    assert build.devices
    assert checks.processor(machine, build).status != "failed"
    assert checks.engine(machine, reply(**look()), checks.requirement("llama-cpp-python")).value
    assert checks.requirement("llama-cpp-python").startswith("llama-cpp-python")
    assert checks.requirement("llama-cpp") == ""


@pytest.mark.parametrize(
    ("program", "seconds", "end"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", 20.0, "Illegal instruction"),
        ("import time; time.sleep(60)", 0.5, "it did not end in time"),
        ("raise SystemExit(3)", 20.0, "it ended with status 3"),
    ],
)
def test_a_process_that_ends_badly_is_told_of(
    program: str, seconds: float, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends_badly.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    said = ask("ends_badly", seconds=seconds)
    assert said.facts is None
    assert said.end == end
