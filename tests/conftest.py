"""A real small model for every test that needs one, fetched as a user's would be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

SMALL = "smollm2-135m-instruct"
THREADS = 1  # more would wait for each other on a busy machine, and the model is tiny


@pytest.fixture(scope="session")
def small_path() -> Path:
    """SmolLM2-135M on disk, pulled on first use."""
    from pfsolve.environment import Environment
    from pfsolve.models.resolve import resolve

    return resolve(SMALL, Environment()).path


@pytest.fixture(scope="session")
def small_model(small_path: Path) -> Iterator[object]:
    """SmolLM2-135M, loaded once."""
    from pfsolve.engine import library

    library.start()
    with library.Model(library.inspect(small_path)) as model:
        yield model
