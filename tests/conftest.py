"""A real small model for every test that needs one, fetched as a user's would be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.engine.fixtures", "tests.models.fixtures", "tests.programs.fixtures"]

settings.register_profile("any machine", deadline=None)  # a busy one may take long over anything
settings.load_profile("any machine")


for _name in [*os.environ]:  # what the user has set is not what tests expect; folders are
    if _name.startswith("PFSOLVE_") and not _name.endswith("_DIR"):
        del os.environ[_name]

_WORKER = os.environ.get("PYTEST_XDIST_WORKER")  # "gw0", "gw1", ...
if _WORKER and hasattr(os, "sched_setaffinity"):
    # Each worker of pytest-xdist keeps to a core of its own: threads that share one wait for each other.
    _cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {_cores[int(_WORKER[2:]) % len(_cores)]})

SMALL = "smollm2-135m-instruct"
THREADS = 1 if _WORKER else min(2, os.cpu_count() or 1)  # the model is tiny
SCHEMA_1 = Path(__file__).parent / "schema1"  # files that pfsolve 0.1.0 wrote


@pytest.fixture(scope="session")
def small_path() -> Path:
    """SmolLM2-135M on disk, pulled on first use."""
    from pfsolve.environment import Environment
    from pfsolve.models.resolve import resolve

    return resolve(SMALL, Environment()).path


@pytest.fixture(scope="session")
def small_model(small_path: Path) -> Iterator[object]:
    """SmolLM2-135M, loaded once."""
    from pfsolve.engine import backend, library

    backend.start()
    with library.LoadedModel(library.inspect(small_path)) as model:
        yield model
