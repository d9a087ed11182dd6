"""How many particles write texts and programs, and in which order they begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.particle import Kind
from pfsolve.settings import Settings
from pfsolve.solver.lots import Lot, programs_of, search_of, waves_of

TEXT, PROGRAM = Kind.TEXT, Kind.PROGRAM


def test_the_first_wave_is_one_greedy_solution_of_each_kind() -> None:
    assert waves_of(Settings(particles=16, programs=0.5), at_once=False) == (
        (Lot(TEXT, 1, greedy=True), Lot(PROGRAM, 1, greedy=True)),
        (Lot(TEXT, 2), Lot(PROGRAM, 2)),
        (Lot(TEXT, 5), Lot(PROGRAM, 5)),
    )


def test_where_a_full_batch_costs_little_all_begin_at_once() -> None:
    (wave,) = waves_of(Settings(particles=8, programs=0.5), at_once=True)
    assert wave == (
        *(Lot(TEXT, 1, greedy=True), Lot(PROGRAM, 1, greedy=True)),
        *(Lot(TEXT, 3), Lot(PROGRAM, 3)),
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"early_stop": False},
        {"method": "beam", "final": "argmax"},
        {"method": "islands"},
        {"method": "pg"},
        {"particles": 1},
    ],
)
def test_a_search_that_needs_all_its_particles_has_one_wave_without_a_greedy_one(
    settings: dict[str, Any],
) -> None:
    for share in (0.0, 0.5):
        waves = waves_of(Settings(**{"programs": share, **settings}), at_once=False)
        assert len(waves) == 1
        assert not any(lot.greedy for lot in waves[0])


def test_greedy_is_greedy_as_a_program_too() -> None:
    settings = Settings(
        method="greedy", particles=1, temperature=0.0, program_temperature=0.0, programs=1.0
    )
    assert waves_of(settings, at_once=False) == ((Lot(PROGRAM, 1, greedy=True),),)


@given(st.integers(1, 40), st.floats(0, 1), st.booleans())
def test_every_particle_has_a_lot_and_the_share_is_the_nearest(
    n: int, share: float, at_once: bool
) -> None:
    settings = Settings(particles=n, programs=share)
    programs = programs_of(settings)
    assert abs(programs - share * n) <= 0.5
    lots = [lot for wave in waves_of(settings, at_once) for lot in wave]
    assert sum(lot.particles for lot in lots) == n
    assert sum(lot.particles for lot in lots if lot.kind is PROGRAM) == programs


@pytest.mark.parametrize(
    ("settings", "programs"),
    [
        ({"method": "beam", "particles": 8, "beam_width": 4}, 4),
        ({"method": "beam", "particles": 4, "beam_width": 4}, 0),
        ({"method": "islands", "particles": 6, "islands": 2}, 2),
        ({"method": "pg", "particles": 3}, 0),  # one particle of a kind would be no sweep
        ({"method": "pg", "particles": 4}, 2),
        ({"particles": 1}, 0),
    ],
)
def test_both_kinds_have_a_number_of_particles_that_the_method_can_run(
    settings: dict[str, Any], programs: int
) -> None:
    settings = Settings(programs=0.5, **settings)
    assert programs_of(settings) == programs
    search_of(waves_of(settings, at_once=False), settings, np.random.default_rng(0))
