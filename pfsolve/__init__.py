"""pfsolve: mathematics on your own laptop, by particle filtering over reasoning steps.

    >>> import pfsolve
    >>> pfsolve.solve("Solve x^2=4", particles=8, seed=1).answer

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pfsolve.errors import PfsolveError
    from pfsolve.library import Solver, solve
    from pfsolve.problems import Problem, read_problems
    from pfsolve.settings import Settings
    from pfsolve.solution import Solution

    __version__: str

__all__ = [
    "PfsolveError",
    "Problem",
    "Settings",
    "Solution",
    "Solver",
    "__version__",
    "read_problems",
    "solve",
]

_HOME = {
    "PfsolveError": "pfsolve.errors",
    "Problem": "pfsolve.problems",
    "Settings": "pfsolve.settings",
    "Solution": "pfsolve.solution",
    "Solver": "pfsolve.library",
    "read_problems": "pfsolve.problems",
    "solve": "pfsolve.library",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("pfsolve")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
