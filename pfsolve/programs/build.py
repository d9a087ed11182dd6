"""The sandbox's machine code: built once on each machine, from the packages installed there.

componentize-py makes a WebAssembly component of CPython, SymPy and `inside`; wasmtime compiles it.
The result depends on the machine and on every version involved, so it lies in a folder named after
all of them, under its own sha256. A manifest beside it says which file is the good one.
"""

from __future__ import annotations

import atexit
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from pfsolve.environment import child_process
from pfsolve.errors import ProgramsUnavailable
from pfsolve.events import Listener, ignore
from pfsolve.events.work import SandboxBuilding, SandboxBuilt, SandboxWaits
from pfsolve.files import digest, locked, replacing, sha256_of, write_text

_HERE = Path(__file__).parent
_INSIDE = _HERE / "inside"
_MAKERS = ("componentize-py", "wasmtime", "sympy", "mpmath")
_STAGES = ("the sources", "the interpreter", "the machine code")
_NOT_COPIED = ("tests", "benchmarks", "autolev", "__pycache__")
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class MachineCode:
    """A compiled sandbox.

    sha256: what the file at `path` hashed to when it was built; it is compared before each load.
    """

    path: Path
    sha256: str
    bytes: int
    versions: dict[str, str]


def find(directory: Path) -> MachineCode | None:
    """The sandbox of these versions on this machine, if it has been built below `directory`."""
    folder = directory / _key(_versions())
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        file = MachineCode(**{**manifest, "path": folder / manifest["path"]})
        return file if file.path.stat().st_size == file.bytes else None
    except (OSError, ValueError, TypeError, KeyError):  # none, or no manifest of ours
        return None


def build(
    directory: Path, *, listen: Listener = ignore, instead_of: MachineCode | None = None
) -> MachineCode:
    """The sandbox below `directory`, built now if it is not there.

    While another process builds it, that one is waited for.

    Args:
        instead_of: a sandbox that turned out to be damaged; it is not taken again.

    Raises:
        ProgramsUnavailable: it cannot be built here.
    """
    found = find(directory)
    if found and found != instead_of:
        return found
    versions = _versions()
    folder = directory / _key(versions)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder.with_name(f"{folder.name}.lock"), lambda: listen(SandboxWaits())):
            found = find(directory)
            if found and found != instead_of:
                return found
            return _make(folder, versions, listen)
    except OSError as error:
        raise ProgramsUnavailable(
            f"the sandbox of programs cannot be written to {folder}: {error.strerror or error}",
            "set PFSOLVE_PROGRAMS_DIR to a directory with 300 MB of room",
        ) from error


def _versions() -> dict[str, str]:
    """What the sandbox is made with.

    Raises:
        ProgramsUnavailable: a package is missing.
    """
    found = {}
    for name in _MAKERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            raise ProgramsUnavailable(
                f"programs need {name}, which is not installed",
                f"`pip install {name}`, where there is a wheel for this machine",
            ) from None
    return found


def _key(versions: dict[str, str]) -> str:
    sources = sorted([_HERE / "box.py", *_INSIDE.glob("*.py"), *_INSIDE.glob("*.wit")])
    hashes = [(path.name, sha256_of(path)) for path in sources]
    return digest([hashes, versions, platform.system(), platform.machine()])


def _make(folder: Path, versions: dict[str, str], listen: Listener) -> MachineCode:
    """Build the sandbox, under its lock."""
    began = time.monotonic()
    for left in folder.glob("build-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="build-") as name:
        scratch = Path(name).resolve()
        component, machine_code = scratch / "program.wasm", scratch / "program.cwasm"
        stages: list[Callable[[], None]] = [
            lambda: _copy_sources(scratch),
            lambda: _child("componentize", str(scratch)),
            lambda: _child("compile", str(component), str(machine_code)),
        ]
        for number, (words, make) in enumerate(zip(_STAGES, stages, strict=True), start=1):
            listen(SandboxBuilding(words, number, len(stages)))
            make()
        sha256 = sha256_of(machine_code)
        file = folder / f"{sha256[:16]}.cwasm"
        with replacing(file) as whole, machine_code.open("rb") as made:
            shutil.copyfileobj(made, whole)
    built = MachineCode(file, sha256, file.stat().st_size, versions)
    write_text(folder / _MANIFEST, json.dumps({**asdict(built), "path": file.name}, indent=2))
    for old in set(folder.glob("*.cwasm")) - {file}:
        with suppress(OSError):  # Windows: a process that runs still has it
            old.unlink()
    listen(SandboxBuilt(file, built.bytes, time.monotonic() - began))
    return built


def _copy_sources(scratch: Path) -> None:
    """Lay out what componentize-py reads: it may write there, so it gets copies."""
    ignored = shutil.ignore_patterns(*_NOT_COPIED)
    package = scratch / "app" / "pfsolve" / "programs"
    shutil.copytree(_INSIDE, package / "inside", ignore=ignored)
    for init in (package, package.parent):
        (init / "__init__.py").touch()
    guest = "from pfsolve.programs.inside.guest import WitWorld as WitWorld\n"
    (scratch / "app" / "guest.py").write_text(guest, encoding="utf-8")
    (scratch / "empty" / "lib" / "site-packages").mkdir(parents=True)
    for name in ("sympy", "mpmath"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, scratch / "deps" / name, ignore=ignored)


def _child(verb: str, *arguments: str) -> None:
    """Run one step of the build in a process of its own, since it takes 0.7 GB of memory."""
    child = child_process("pfsolve.programs.worker", verb, *arguments, read="stderr", inherit=False)
    atexit.register(child.kill)  # in a thread nothing else tells of this process's end
    assert child.stderr
    try:
        # Its input stays open, so that it ends with this process, however that ends.
        said = child.stderr.read()
        child.wait()
    except BaseException:
        child.kill()
        child.wait()
        raise
    finally:
        atexit.unregister(child.kill)
        if child.stdin:
            child.stdin.close()
    if child.returncode:
        lines = said.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        killed = "its process was killed, perhaps for want of memory (it takes 0.7 GB)"
        raise ProgramsUnavailable(
            f"the sandbox of programs could not be built: {last[:300] or killed}",
            "`pfsolve programs build` tries again",
        )
