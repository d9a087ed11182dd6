"""All checks of this machine, in an order in which each may use what those before it have found."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from pfsolve.child import ask
from pfsolve.engine.build import Build, read_build
from pfsolve.engine.free_memory import free_memory
from pfsolve.environment import Environment
from pfsolve.errors import PfsolveError, ProgramsUnavailable, as_option
from pfsolve.lab.doctor import checks
from pfsolve.lab.doctor.check import Check
from pfsolve.lab.doctor.machine import Machine, this_machine
from pfsolve.lab.doctor.trial import SECONDS
from pfsolve.models import download
from pfsolve.models.catalogue import Catalogue, load_catalogue
from pfsolve.models.defaults import expected_policy
from pfsolve.models.entry import ModelEntry
from pfsolve.models.hub import HubPlace
from pfsolve.models.place import Place
from pfsolve.models.resolve import WantedPolicy
from pfsolve.models.store import Store
from pfsolve.models.transfer import PlaceFailed
from pfsolve.models.wheels import WheelPlace, failure
from pfsolve.programs.build import find as find_sandbox
from pfsolve.programs.sandbox import WorkerSandbox
from pfsolve.settings import Settings, merge, mistyped
from pfsolve.solver.profiles import layers

Step: TypeAlias = tuple[str, Callable[[], Iterator[Check]]]

_BUILD_S = 60.0  # to load llama.cpp
_PLACE_S = 5.0  # for the Hub's first bytes
_INDEX_S = 20.0  # for pip to ask its index, which on a busy machine takes seconds to start
_TRIAL_S = 300.0  # to load the policy and write for SECONDS
_SANDBOX_BYTES = 300_000_000  # while it is built
_ONCE = ("--retries", "0", "--timeout", "5", "--no-input", "--disable-pip-version-check")
_PROGRAM = "print(1)"


class Examination:
    """The checks of this machine.

    Args:
        flags: settings given on the command line.
        hashing: whether model files are read as a whole.
    """

    def __init__(self, environment: Environment, flags: Mapping[str, Any], hashing: bool) -> None:
        self._environment = environment
        self._flags = flags
        self._hashing = hashing
        self._store = Store(environment.models_dir)
        self._build: Build | None = None
        self._reachable: dict[type[Place], bool] = {}
        self._settings = Settings()
        self._wanted: WantedPolicy | None = None
        self._trouble: PfsolveError | None = None
        try:
            self._settings = merge(*layers(environment, flags))
        except PfsolveError as error:
            self._trouble = error

    def steps(self) -> Iterator[Step]:
        """What is looked at, and how; each is to be done before the next is asked for."""
        yield "Python", self._python
        yield "llama-cpp-python", self._engine
        yield "the settings", self._read_settings
        yield "memory and disks", self._room
        if not self._offline:
            yield "whether the Hub can be reached", self._hub
            yield "whether PyPI can be reached", self._index
        yield "the sandbox of programs", self._sandbox
        yield "model files", self._models
        yield f"how fast the policy writes, for {SECONDS:.0f} seconds", self._speed

    @cached_property
    def _machine(self) -> Machine:
        return this_machine()

    @property
    def _offline(self) -> bool:
        asked = self._settings.offline or bool(self._flags.get("offline"))
        return asked or self._environment.offline

    @cached_property
    def _catalogue(self) -> Catalogue:
        """With the user's own models, if their file can be read."""
        try:
            return load_catalogue(self._environment.config_dir)
        except PfsolveError:
            return load_catalogue()

    def _python(self) -> Iterator[Check]:
        yield checks.python(self._machine)

    def _engine(self) -> Iterator[Check]:
        reply = ask("pfsolve.engine.build", seconds=_BUILD_S)
        check = checks.engine(self._machine, reply, checks.requirement("llama-cpp-python"))
        yield check
        if reply.facts is not None and "error" not in reply.facts:
            build = read_build(reply.facts)
            yield checks.backend(self._machine, build)
            yield checks.processor(self._machine, build)
            if check.status == "ok":
                self._build = build

    def _read_settings(self) -> Iterator[Check]:
        trouble = self._trouble
        try:
            self._wanted = expected_policy(self._settings.policy, self._environment)
        except PfsolveError as error:
            trouble = trouble or error
        said = trouble.spelled(as_option) if trouble else None
        yield checks.settings(said, list(mistyped(self._environment.variables)))

    def _room(self) -> Iterator[Check]:
        gpus = self._build.gpus if self._build else ()
        on_gpu = sum(gpu.memory for gpu in gpus) if self._settings.gpu_layers is None else 0
        yield checks.memory(on_gpu or free_memory(), self._need())
        environment, entry = self._environment, self._entry
        model_bytes = sandbox_bytes = 0
        if entry and not download.find(entry, self._store):
            model_bytes = max(0, (entry.size or 0) - self._store.unfinished_bytes(entry))
        with suppress(ProgramsUnavailable):
            sandbox_bytes = 0 if find_sandbox(environment.programs_dir) else _SANDBOX_BYTES
        yield _disk("models", environment.models_dir, model_bytes, "PFSOLVE_MODELS_DIR")
        yield _disk("programs", environment.programs_dir, sandbox_bytes, "PFSOLVE_PROGRAMS_DIR")
        yield _disk("runs", environment.state_dir, 0, "PFSOLVE_STATE_DIR")

    def _need(self) -> tuple[str, int, int] | None:
        """What the policy needs with the user's number of particles, as far as that is known."""
        entry = self._entry
        if self._build is None or entry is None:  # what cannot be loaded must not be imported
            return None
        from pfsolve.engine import memory

        model = memory.footprint_of(entry, download.find(entry, self._store))
        if model is None:
            return None
        context = self._settings.context or min(memory.DEFAULT_CONTEXT, model.context)
        settings, particles = self._settings, self._settings.particles
        demand = memory.Demand(model, context, settings.gpu_layers, kv_type=settings.kv_type)
        return entry.name, particles, demand.needed(particles)

    def _hub(self) -> Iterator[Check]:
        place = self._place(HubPlace)
        if place is not None:
            try:
                place.check(_PLACE_S)
                trouble = None
            except PlaceFailed as failure:
                trouble = failure.reason
            self._reachable[HubPlace] = trouble is None
            yield checks.place("hub", trouble)

    def _index(self) -> Iterator[Check]:
        place = self._place(WheelPlace)
        if place is not None:
            question = ("index", "versions", place.package.format(n=1), *_ONCE)
            reply = ask("pip", *question, seconds=_INDEX_S, read="stderr")
            trouble = None
            if reply.code is None:
                trouble = f"pip's index does not answer within {_INDEX_S:.0f} seconds"
            elif reply.code:
                trouble = str(failure(reply.text, self._store.directory))
            self._reachable[WheelPlace] = trouble is None
            yield checks.place("pypi", trouble)

    def _place(self, kind: type[Place]) -> Any:
        """A place of this kind that the policy, or else any default, comes from."""
        names = self._catalogue.default_policies
        entries = (self._entry, *map(self._catalogue.get, names))
        places = (place for entry in entries if entry for place in entry.places)
        return next((place for place in places if isinstance(place, kind)), None)

    def _sandbox(self) -> Iterator[Check]:
        try:
            found = find_sandbox(self._environment.programs_dir)
        except ProgramsUnavailable as error:
            yield checks.sandbox("unavailable", error.message)
            return
        if found is None:
            yield checks.sandbox("missing", "")
            return
        try:
            with WorkerSandbox(found, threads=1) as sandbox:
                [result] = sandbox.run([_PROGRAM])
                walls = ", ".join(("WebAssembly", *sandbox.walls))
        except ProgramsUnavailable as error:
            yield checks.sandbox("broken", error.message)
            return
        if result.output == "1\n":
            yield checks.sandbox("works", walls)
        else:
            yield checks.sandbox("broken", f"`{_PROGRAM}` ended so: {result.error}")

    def _models(self) -> Iterator[Check]:
        for entry in self._catalogue.entries.values():
            if path := download.present(entry, self._store):
                own = path.is_relative_to(self._store.directory)
                yield checks.model(entry.name, path, self._wrong(entry, path), self._hashing, own)
        wanted = self._wanted
        if wanted is not None:
            answered = (
                [self._reachable.get(type(p)) for p in wanted.entry.places] if wanted.entry else []
            )
            reachable = None if self._offline else any(answered)
            absence = None
            if self._policy_path is None and self._entry is not None:
                absence = download.absence(self._entry, self._store)
            yield checks.policy(wanted.name, absence, reachable)

    def _wrong(self, entry: ModelEntry, path: Path) -> str | None:
        if self._hashing:
            try:
                found = download.verify(entry, self._store, path)
            except PfsolveError as error:  # it cannot be read
                return error.message
            return None if found.good else f"sha256 is {found.sha256}, not {found.expected}"
        if path == self._store.file(entry) and self._store.find(entry) is None:
            recorded = self._store.recorded(entry)
            return entry.contradiction(path.stat().st_size, recorded) or "its sha256 is not known"
        return None

    @property
    def _entry(self) -> ModelEntry | None:
        """The policy's; None for a file of the user's own, and where none can be told."""
        return self._wanted.entry if self._wanted is not None else None

    @property
    def _policy_path(self) -> Path | None:
        if self._wanted is None:
            return None
        entry = self._wanted.entry
        return self._wanted.file if entry is None else download.find(entry, self._store)

    def _speed(self) -> Iterator[Check]:
        if self._build is None or self._policy_path is None:
            what = "llama-cpp-python" if self._build is None else "the policy's file"
            yield Check("speed", "skipped", f"it needs {what}")
            return
        settings = self._settings
        layer = {
            "policy": self._wanted and str(self._wanted.file or self._wanted.name),
            "threads": settings.threads,
            "gpu_layers": settings.gpu_layers,
            "context": settings.context,
            "kv_type": settings.kv_type,
        }
        reply = ask("pfsolve.lab.doctor.trial", json.dumps(layer), seconds=_TRIAL_S)
        yield checks.speed(self._machine, reply)


def _disk(what: str, folder: Path, needed: int, variable: str) -> Check:
    free, writable = 0, False
    with suppress(OSError):  # one of the folders around it may not be entered
        there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        free, writable = shutil.disk_usage(there).free, there.is_dir() and os.access(there, os.W_OK)
    return checks.disk(what, folder, free, needed, writable, variable)
