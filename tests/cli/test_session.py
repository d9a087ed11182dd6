"""What the solver of a command hears of the world."""

from __future__ import annotations

import io
from typing import Any, Self

import pytest

from pfsolve.cli.one import solve_one
from pfsolve.cli.session import open_solver
from pfsolve.cli.solve import RunOptions
from pfsolve.display.output import Output
from pfsolve.environment import Environment
from pfsolve.events import ignore
from pfsolve.settings import Settings, merge
from pfsolve.solution import Solution
from pfsolve.solver.profiles import layers
from tests.results.conftest import PROBLEMS, solution


class Asked:
    """A solver that tells whether it is to stay offline."""

    def __init__(self, settings: Any, *, environment: Environment, **_: Any) -> None:
        self.offline = settings.offline or environment.offline

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("quiet", [False, True])
def test_a_mistyped_variable_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, quiet: bool
) -> None:
    monkeypatch.setattr("pfsolve.solver.solver.Solver", Asked)
    names = ("PARTICLE", "MODEL_DIR", "SEED", "CONFIG_DIR", "ONE", "")
    variables = {f"PFSOLVE_{name}": str(tmp_path) for name in names}
    environment = Environment(variables=variables | {"PARTICLE": "4"}, stderr=io.StringIO())
    with open_solver(Settings(), environment, listen=ignore, quiet=quiet):
        pass
    told = (
        "PFSOLVE_MODEL_DIR is no variable of pfsolve; did you mean PFSOLVE_MODELS_DIR?\n"
        "PFSOLVE_PARTICLE is no variable of pfsolve; did you mean PFSOLVE_PARTICLES?\n"
    )
    assert environment.stderr.getvalue() == ("" if quiet else told)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("variables", "flags", "offline"),
    [
        ({}, {}, False),
        ({"PFSOLVE_OFFLINE": "1"}, {}, True),
        ({"PFSOLVE_OFFLINE": "1"}, {"offline": False}, False),
        ({"HF_HUB_OFFLINE": "1"}, {}, True),
        ({}, {"offline": True}, True),
    ],
)
def test_no_offline_overrules_the_variable(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    variables: dict[str, str],
    flags: dict[str, Any],
    offline: bool,
) -> None:
    monkeypatch.setattr("pfsolve.solver.solver.Solver", Asked)
    environment = Environment(variables={"PFSOLVE_CONFIG_DIR": str(tmp_path), **variables})
    settings = merge(*layers(environment, flags))
    with open_solver(settings, environment, listen=ignore) as (solver, _):
        assert solver.offline == offline  # type: ignore[attr-defined]


def test_an_answer_is_printed_before_the_models_are_freed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    stdout = io.StringIO()

    class Free(Asked):
        def solve(self, problem: str, **_: Any) -> Solution:
            return solution(PROBLEMS[0], "2")

        def __exit__(self, *_: object) -> None:
            stdout.write("freed\n")

    monkeypatch.setattr("pfsolve.solver.solver.Solver", Free)
    streams = {"stdin": io.StringIO(), "stdout": stdout, "stderr": io.StringIO()}
    environment = Environment(variables={"PFSOLVE_STATE_DIR": str(tmp_path)}, **streams)
    options = RunOptions(quiet=True)
    solve_one("1+1", Settings(), options, environment, Output(environment, quiet=True))
    assert stdout.getvalue() == "2\nfreed\n"
