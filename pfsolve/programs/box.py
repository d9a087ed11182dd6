"""WebAssembly: programs run in a compiled component that can call nothing outside of itself.

Only the worker process imports this module.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wasmtime import Config, Engine, Store
from wasmtime.component import Component, Linker

TICK = 0.1  # seconds between two looks at the wall clock
# What decides how machine code is made; code made in another way is of no use.
SETTINGS = {
    "consume_fuel": True,
    "epoch_interruption": True,
    "max_wasm_stack": 2 << 20,  # bytes; less stops honest recursion, more aborts the process
    "wasm_threads": False,
}

# What wasmtime says when it stops a program, and how base.End calls it.
_STOPS = {
    "all fuel consumed": "fuel",
    "interrupt": "time",
    "call stack exhausted": "stack",
}


def engine() -> Engine:
    """An engine; compiling and running need the same settings."""
    config = Config()
    for name, value in SETTINGS.items():
        setattr(config, name, value)
    return Engine(config)


def compile_component(wasm: Path, machine_code: Path) -> None:
    """Compile a component for this machine."""
    machine_code.write_bytes(Component.from_file(engine(), str(wasm)).serialize())


class Box:
    """A loaded component. `run` may be called from several threads at once.

    Args:
        path: machine code, which is trusted: compare its sha256 before.
        after_load: called once the code is in memory and before any thread starts.
    """

    def __init__(self, path: Path, after_load: Callable[[], object]) -> None:
        self._engine = engine()
        self._component = Component.deserialize_file(self._engine, str(path))
        self._linker = Linker(self._engine)  # nothing is linked: the component imports nothing
        self.imports = list(self._component.type.imports(self._engine))
        after_load()
        threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        due = time.monotonic()
        while True:
            time.sleep(TICK)
            while due < time.monotonic():  # a busy machine may have slept for longer
                self._engine.increment_epoch()
                due += TICK

    def run(
        self, code: str, *, fuel: int, seconds: float, memory: int, output: int
    ) -> dict[str, Any]:
        """Run a program in a fresh interpreter; the fields of a ProgramResult, not cleaned yet."""
        began = time.monotonic()
        ran: dict[str, Any] = {"output": "", "values": [], "error": None, "truncated": False}
        with Store(self._engine) as store:
            store.set_limits(memory, table_elements=100_000, instances=64, tables=4, memories=1)
            store.set_fuel(fuel)
            store.set_epoch_deadline(int(seconds / TICK) + 1)
            try:
                instance = self._linker.instantiate(store, self._component)
                function = instance.get_func(store, "run")
                assert function is not None
                outcome: Any = function(store, code, output)
                ran |= {name: getattr(outcome, name) for name in ran}
                ran["end"] = "output" if ran["truncated"] else "raised" if ran["error"] else "ended"
            except UnicodeEncodeError:
                ran |= {"end": "raised", "error": "SyntaxError: the program holds a lone surrogate"}
            except Exception as error:  # a trap, or an outcome that is too large to be taken over
                said = str(error).strip().rpartition("\n")[2].strip()
                end = next((end for words, end in _STOPS.items() if words in said), "crashed")
                ran |= {"end": end, "error": said}
            ran["fuel"] = fuel - store.get_fuel()
        ran["seconds"] = time.monotonic() - began
        return ran
