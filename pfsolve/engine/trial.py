"""A model file of unknown origin is tried in a process of its own before it is loaded in this one.

What is wrong with a file can end the process that loads it, hang it, or take all memory; and a file's
chat template is a program. The verdict is kept, so that a file is tried once: a file with the same inode,
size and times of change is the same.

    python -m pfsolve.engine.trial ROLE PATH

writes a line of JSON on stderr for each stage, and at last what came of it.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import llama_cpp as llama
import numpy as np

from pfsolve.engine import backend, library, memory
from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.header import check_magic
from pfsolve.engine.library import Facts, LoadedModel, RecurrentModel
from pfsolve.engine.runs import TokenRun
from pfsolve.engine.template import Rendered, render
from pfsolve.environment import Environment
from pfsolve.errors import ModelFileError, PfsolveError, ResourceError, named
from pfsolve.events import Listener, ignore
from pfsolve.events.work import Trying
from pfsolve.files import digest, write_text

if TYPE_CHECKING:
    from pfsolve.child import Reply

Role = Literal["policy", "reward"]

_TEMPLATE_S = 2.0  # of CPU, for all conversations; usual templates take milliseconds
_TEMPLATE_BYTES = 256 << 20  # of memory, beside what the process has
_START_S, _BYTES_PER_S = 120.0, 20_000_000  # to load a file: at least, and of a slow disk
_BEYOND_BYTES = 2 << 30  # of memory, beside twice the file

_HINT = "choose a file from a source that you trust, or a model from pfsolve models list"
_KINDS = {kind.__name__: kind for kind in (ModelFileError, RecurrentModel, ResourceError)}
_LAST_WORDS = re.compile(r"[\w-]+\.(?:cpp|c):\d+: .*|what\(\): .*")


def look_into(
    path: Path,
    role: Role,
    environment: Environment,
    *,
    sha256: str | None,
    listen: Listener = ignore,
) -> Facts:
    """What a model file says of itself; one that no known hash vouches for is tried first, once.

    Args:
        role: what it is to be.
        sha256: that the catalogue has for it, None of another file.
        listen: hears of the trial.

    Raises:
        ModelMissing: there is no such file.
        ModelFileError, RecurrentModel, ResourceError: it cannot be used.
    """
    rendered = None
    if sha256 is None:
        rendered = try_out(path, role, environment, listen=listen)
    return replace(library.read_facts(path), rendered=rendered)


def try_out(
    path: Path,
    role: Role,
    environment: Environment,
    *,
    again: bool = False,
    listen: Listener = ignore,
) -> Rendered | None:
    """See that a file can be loaded and computed with, and that its chat template does what it should.

    Args:
        role: what it is to be; of a reward the template is not looked at.
        environment: its state directory keeps the verdicts that are good, if it can be written.
        again: whether an earlier verdict does not count.
        listen: hears of the trial, if there is one.

    Returns:
        What its chat template makes of conversations; None of a reward.

    Raises:
        ModelMissing: there is no such file.
        ModelFileError, RecurrentModel, ResourceError: it cannot be used.
    """
    from pfsolve.child import ask

    size = check_magic(path)
    verdict = environment.state_dir / "tried" / f"{_identity(path, role)}.json"
    if not again:
        with suppress(OSError, ValueError, TypeError):
            return _rendered(json.loads(verdict.read_text(encoding="utf-8")))
    listen(Trying(path.stem))
    seconds = _limit_s(size)
    reply = ask(
        "pfsolve.engine.trial",
        *(role, str(path)),
        seconds=seconds,
        read="stderr",
    )
    facts = reply.facts or {}
    if "failed" in facts:
        raise _KINDS.get(facts["failed"], ModelFileError)(facts["message"], facts["hint"])
    if "rendered" not in facts:
        raise _ended(path.name, reply, seconds)
    with suppress(OSError):
        verdict.parent.mkdir(parents=True, exist_ok=True)
        write_text(verdict, json.dumps(facts["rendered"]))
    return _rendered(facts["rendered"])


def _limit_s(size: int) -> float:
    """Seconds that the trial of a file of this size may take."""
    return _START_S + size / _BYTES_PER_S


def _identity(path: Path, role: Role) -> str:
    """A name for what is tried: with another file, llama.cpp or pfsolve the verdict may be another."""
    now = path.stat()
    programs = [version("pfsolve"), version("llama-cpp-python")]
    changed = [now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns]
    return digest([role, programs, changed], size=16)


def _rendered(facts: dict[str, dict[str, str]] | None) -> Rendered | None:
    return None if facts is None else Rendered(**facts)


def _ended(name: str, reply: Reply, seconds: float) -> PfsolveError:
    """What to say of a process that the file of this name has ended."""
    stage, last_words = "starting", ""
    for line in reply.text.splitlines():
        with suppress(ValueError, TypeError, KeyError):
            stage = json.loads(line)["stage"]
        if found := _LAST_WORDS.search(line):
            last_words = f" ({found[0]})"
    if reply.code == _signal("SIGPROF"):
        return ModelFileError(
            f"the chat template of {name} does not end within {_TEMPLATE_S:.0f} seconds", _HINT
        )
    kind: type[PfsolveError] = ModelFileError
    if reply.code is None:
        how = f"did not end within {seconds:.0f} seconds"
    elif reply.code == _signal("SIGKILL") or "bad_alloc" in last_words:
        kind, how = ResourceError, "ran out of memory"
    else:
        how = reply.end.removeprefix("it ")
    return kind(f"{name}: the process that tried it {how} while {stage}{last_words}", _HINT)


def _signal(name: str) -> int | None:
    """The exit status of a process that this signal has ended; None where there is no such signal."""
    return -getattr(signal, name) if hasattr(signal, name) else None


def examine(path: Path, role: Role, begin: Callable[[str], None]) -> Rendered | None:
    """Do with a file all that a solve does with it, a little of each.

    Args:
        begin: is told of each stage.

    Raises:
        PfsolveError: it cannot be used.
    """
    begin("reading what it says of itself")
    backend.start(tell_aborts=False)  # the parent tells them
    machine = memory.this_machine()
    if not llama.llama_supports_gpu_offload():  # else addresses are no memory
        _limit_memory(2 * path.stat().st_size + _BEYOND_BYTES)
    facts = library.inspect(path)
    context = min(memory.DEFAULT_CONTEXT, facts.context)
    memory.Demand(facts.footprint, context).check(machine, 1)
    begin("loading it")
    with LoadedModel(facts) as model:
        if role == "policy":
            begin("reading its chat template")
            facts = model.facts = replace(facts, rendered=_render(model, facts))
            Chat(model).prompt("s", "u")
        begin("computing with it")
        with Cache(model, cells=256, sequences=1, threads=1) as cache:
            outputs = cache.decode([TokenRun(cache.new(), [0, model.n_vocab - 1])])
            if np.isnan(outputs.logits).any():
                raise ModelFileError(f"{path.name} computes logits that are no numbers", _HINT)
    return facts.rendered


def _render(model: LoadedModel, facts: Facts) -> Rendered | None:
    if model.chat_template is None:
        return None  # `Chat` says so
    with _bounded():
        return render(
            model.chat_template,
            facts.path.name,
            model.special_text("bos"),
            model.special_text("eos"),
        )


@contextmanager
def _bounded() -> Iterator[None]:
    """While a template runs, its time ends the process, where a system has such a timer."""
    restore = _limit_memory(_TEMPLATE_BYTES)
    timer = hasattr(signal, "setitimer")
    if timer:
        signal.setitimer(signal.ITIMER_PROF, _TEMPLATE_S)  # SIGPROF's default action
    try:
        yield
    finally:
        if timer:
            signal.setitimer(signal.ITIMER_PROF, 0)
        restore()


def _limit_memory(more: int) -> Callable[[], None]:
    """Let this process have so many bytes of addresses more, at most; returns what takes that back."""
    try:
        import resource
    except ImportError:  # Windows
        return lambda: None
    import psutil

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = psutil.Process().memory_info().vms + more
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    with suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def main(environment: Environment) -> None:
    """Try the file that the arguments name."""
    role, path = environment.arguments[0], Path(environment.arguments[1])
    if hasattr(signal, "alarm"):  # the parent, which has the limit, may be gone
        signal.alarm(int(_limit_s(path.stat().st_size)) + 10)

    def say(**facts: Any) -> None:
        environment.stderr.write(json.dumps(facts) + "\n")
        environment.stderr.flush()

    try:
        rendered = examine(path, role, lambda stage: say(stage=stage))  # type: ignore[arg-type]
        say(rendered=None if rendered is None else asdict(rendered))
    except PfsolveError as error:
        message, hint = error.spelled(named)
        say(failed=type(error).__name__, message=message, hint=hint)


if __name__ == "__main__":
    main(Environment())
