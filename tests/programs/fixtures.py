"""One sandbox for the session, built once on a machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pfsolve.environment import Environment
from pfsolve.programs.sandbox import WorkerSandbox, open_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[WorkerSandbox]:
    """The sandbox as a user has it."""
    with open_sandbox(Environment().programs_dir, threads=2) as sandbox:
        yield sandbox
