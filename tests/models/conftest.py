"""The tests of models see fake places only."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def fake_places(no_real_world: None) -> None:
    """For every test here."""
