"""llama.cpp as a library: its start, its log lines, and the devices it computes on."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import llama_cpp as llama

from pfsolve.environment import Environment
from pfsolve.errors import EngineError, PfsolveError, ResourceError, as_option, exit_code, named

LogSink = Callable[[str], None]

_WARNING, _ERROR, _CONTINUED = 3, 4, 5  # ggml_log_level
_MEMORY = re.compile("!= ?NULL|buffer|alloc|memory")  # in what it ends a process for
_WHERE = re.compile(
    r"^(?:[\w:]+: |error loading model(?: \w+)?: )+"
)  # in a line, before what happened


class Log:
    """Keeps llama.cpp's complaints, for error messages, and passes every line to `sink`, if any."""

    def __init__(self) -> None:
        self.sink: LogSink | None = None
        self.callback = llama.llama_log_callback(self._receive)
        self._complaints: deque[str] = deque(maxlen=50)
        self._level = 0
        self._line = ""

    def clear(self) -> None:
        """Forget earlier complaints, so that `why` speaks of the next call."""
        self._complaints.clear()

    def why(self) -> str:
        """The innermost of the last complaints, shortened to what a user can use."""
        for line in self._complaints:
            if "error" in line or "failed" in line or "invalid" in line:
                return _WHERE.sub("", line).strip()
        return "llama.cpp gave no reason"

    def _receive(self, level: int, text: bytes, _user_data: object) -> None:
        if level != _CONTINUED:
            self._level = level
        self._line += text.decode("utf-8", errors="replace")
        *lines, self._line = self._line.split("\n")
        for line in lines:
            if self._level in (_WARNING, _ERROR):
                self._complaints.append(line)
            if self.sink is not None:
                self.sink(line)


@contextmanager
def signals_held() -> Iterator[Callable[[], bool]]:
    """While llama.cpp calls back, Ctrl-C and its like wait: an exception that leaves a callback is lost.

    It yields the question whether one waits. At the end it comes, as if it had arrived then. Elsewhere
    than in the main thread nothing arrives.
    """
    waiting: list[int] = []
    previous = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and callable(signal.getsignal(number)):
                handler = signal.signal(number, lambda number, frame: waiting.append(number))
                previous[number] = handler
    try:
        yield lambda: bool(waiting)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    for number in waiting:
        signal.raise_signal(number)


log = Log()  # llama.cpp has one callback for the whole process
_started = False


def start(sink: LogSink | None = None, *, tell_aborts: bool = True) -> None:
    """Initialise llama.cpp once per process.

    Args:
        sink: receives its log lines, None silences them.
        tell_aborts: where one of its assertions fails, the process ends with an error's line and exit
            code, and not with SIGABRT.
    """
    global _started
    log.sink = sink
    llama.llama_log_set(log.callback, None)
    if not _started:
        if tell_aborts:
            from llama_cpp import _ggml

            _ggml.libggml.ggml_set_abort_callback(_abort_callback)
        llama.llama_backend_init()
        _started = True


def _tell_and_end(message: bytes) -> None:
    """Say what llama.cpp ends this process for; an exception could not leave a callback."""
    where = message.decode("utf-8", errors="replace").replace("\\", "/").rpartition("/")[2]
    error: PfsolveError = EngineError(
        f"llama.cpp gave up: {where}", "`pfsolve doctor` looks for what is wrong"
    )
    if _MEMORY.search(where):
        fewer = f"use fewer {named('particles')} or a smaller {named('context')}"
        error = ResourceError(f"llama.cpp ran out of memory: {where}", fewer)
    environment = Environment()
    environment.err.show_cursor()  # a live display hides it
    environment.complain(*error.spelled(as_option))
    os._exit(exit_code(error))


_abort_callback = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(_tell_and_end)


@dataclass(frozen=True, slots=True)
class Device:
    """Something that computes."""

    name: str  # llama.cpp's own, such as "CUDA0"
    description: str  # of the hardware
    is_gpu: bool  # whether layers can be offloaded to it
    memory: int  # bytes that were free when asked, 0 where unknown


def devices() -> list[Device]:
    """The devices this build of llama.cpp can use, GPUs first."""
    from llama_cpp import _ggml

    ggml: Any = _ggml.libggml
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    for function in (ggml.ggml_backend_dev_name, ggml.ggml_backend_dev_description):
        function.restype = ctypes.c_char_p
        function.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    sizes = ctypes.POINTER(ctypes.c_size_t)
    ggml.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, sizes, sizes]
    ggml.ggml_backend_dev_memory.restype = None

    found = []
    for index in range(ggml.ggml_backend_dev_count()):
        device = ggml.ggml_backend_dev_get(index)
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        found.append(
            Device(
                ggml.ggml_backend_dev_name(device).decode(),
                ggml.ggml_backend_dev_description(device).decode(errors="replace").strip(),
                ggml.ggml_backend_dev_type(device) in (1, 2),  # discrete and integrated GPUs
                free.value,
            )
        )
    return sorted(found, key=lambda device: not device.is_gpu)
