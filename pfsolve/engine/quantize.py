"""Make a GGUF smaller with llama.cpp, in a child process.

For a large model that takes minutes inside one C call. Neither Ctrl-C nor an exception ends such a
call, and an assertion that fails in it ends the process; a child can be killed, and can die.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pfsolve.environment import Environment, child_process
from pfsolve.errors import EngineError, ModelFileError, ResourceError, UsageError
from pfsolve.models.entry import GGUF_KINDS

if TYPE_CHECKING:
    from subprocess import Popen

POLL_S = 0.2


def quantize(
    source: Path,
    target: Path,
    kind: str,
    report: Callable[[int], None] = lambda size: None,
    reads_logits: bool = False,
) -> None:
    """Write `source`, a GGUF of floats, to `target` as `kind`: F16, Q8_0 or Q4_K_M.

    An earlier `target` is lost. After a failure there is none.

    Args:
        report: called now and then with the number of bytes written so far.
        reads_logits: whether the differences of a few logits are what the model is for; the matrix
            that they come from is Q8_0 or better then.

    Raises:
        UsageError: there is no such kind, or source and target are the same.
        ModelFileError: the source is no GGUF.
        EngineError: llama.cpp failed; the message has its reason.
        ResourceError: the disk is full.
    """
    if kind not in GGUF_KINDS:
        raise UsageError(f"there is no kind {kind!r}", f"known are {', '.join(GGUF_KINDS)}")
    if source.resolve() == target.resolve():
        raise UsageError(f"{source} cannot be quantized into itself")
    with source.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelFileError(f"{source} is no GGUF file")
    target.unlink(missing_ok=True)
    try:
        _run(source, target, kind, report, reads_logits)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _run(
    source: Path, target: Path, kind: str, report: Callable[[int], None], reads_logits: bool
) -> None:
    output = "Q8_0" if reads_logits and kind != "F16" else ""
    arguments = (str(source), str(target), kind, output)
    with child_process(__name__, *arguments, read="stderr") as process:
        try:
            complaints = _wait(process, target, report)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        reason = _reason(complaints)
        if "iostream" in reason:  # which is all that it says of a write that failed
            raise ResourceError(
                f"the disk of {target.parent} does not take all of {kind}",
                "free some space; the same command resumes",
            )
        raise EngineError(
            f"llama.cpp cannot make {kind} of {source.name}: {reason}", "F16 needs no quantization"
        )


def _wait(process: Popen[bytes], target: Path, report: Callable[[int], None]) -> str:
    lines: list[bytes] = []
    assert process.stderr
    reader = threading.Thread(target=lines.extend, args=(process.stderr,), daemon=True)
    reader.start()
    while reader.is_alive():
        reader.join(POLL_S)
        if target.exists():
            report(target.stat().st_size)
    process.wait()
    return b"".join(lines).decode("utf-8", "replace")


def _reason(complaints: str) -> str:
    """The line of llama.cpp's log that says why it stopped."""
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    for line in lines:
        if any(word in line for word in ("failed", "error", "ASSERT")):
            return line.rsplit(": ", 1)[-1]
    return lines[-1] if lines else "it gave no reason"


def _child(source: str, target: str, kind: str, output: str) -> int:
    """What the child does; returns its exit status.

    Args:
        output: type of the matrix that logits come from, also where it is the embedding's; "" for
            the one that goes with the kind.
    """
    import llama_cpp as llama

    def follow_the_parent() -> None:
        os.read(0, 1)  # returns when the parent has ended
        os._exit(1)

    threading.Thread(target=follow_the_parent, daemon=True).start()
    params = llama.llama_model_quantize_default_params()
    params.ftype = getattr(llama, f"LLAMA_FTYPE_MOSTLY_{kind}")
    if output:
        params.output_tensor_type = getattr(llama, f"GGML_TYPE_{output}")
    status: int = llama.llama_model_quantize(source.encode(), target.encode(), params)
    return min(status, 1)


if __name__ == "__main__":
    raise SystemExit(_child(*Environment().arguments))
