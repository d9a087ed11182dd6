"""`pfsolve doctor`: whether all that a solve needs is as it should be here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pfsolve.cli.options import AsJson, Flags, Quiet, taking

if TYPE_CHECKING:
    from pfsolve.lab.doctor.check import Check


@taking("offline")
def doctor(
    hashing: Annotated[
        bool, typer.Option("--hash", help="Read model files, and compare their sha256.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    flags: Flags,
) -> None:
    """Check this machine, and say what to do about what is wrong.

    Python, llama-cpp-python and whether it fits the processor and the GPU, memory, disks, settings, the
    Hub and PyPI, the sandbox, model files, and how fast the policy writes. Nothing is fetched or built.
    """
    from pfsolve.display.output import Output
    from pfsolve.display.report.doctor import check_line
    from pfsolve.display.surface import watching
    from pfsolve.environment import Environment
    from pfsolve.errors import PfsolveError
    from pfsolve.events.work import Examining
    from pfsolve.lab.doctor.examine import Examination
    from pfsolve.wording import plural

    environment = Environment()
    done: list[Check] = []

    def checking() -> Iterator[Check]:
        for what, look in Examination(environment, flags, hashing).steps():
            with watching(environment, quiet=quiet) as listen:
                listen(Examining(what))
                found = list(look())
            done.extend(found)
            yield from found

    if as_json:
        Output(environment, as_json=True).give([dataclasses.asdict(check) for check in checking()])
    else:
        Output(environment).give_each(checking(), lambda check: [check_line(check)])
    if failed := [check.name for check in done if check.status == "failed"]:
        raise PfsolveError(
            f"{len(failed)} of {plural(len(done), 'check')} failed: {', '.join(failed)}",
            "each has its remedy beside it",
        )
