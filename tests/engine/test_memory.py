"""What a solve needs is known before anything is loaded, for the CPU and for a GPU."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pfsolve.engine.cache import Cache
from pfsolve.engine.library import Footprint, LoadedModel, cell_bytes, inspect
from pfsolve.engine.memory import (
    DEFAULT_CONTEXT,
    Demand,
    Machine,
    choose_context,
    prm_context,
)
from pfsolve.errors import ResourceError, UsageError

GB = 10**9
MODEL = Footprint("m.gguf", 1 * GB, 50_000, 8192)


def machine(main: int, gpu: int = 0) -> Machine:
    return Machine(main, gpu, has_gpu=gpu > 0, cores=4)


def number(error: pytest.ExceptionInfo[ResourceError], name: str) -> int:
    """What the hint says to set this to."""
    found = re.search(rf"use {name}=(\d+),", error.value.hint or "")
    assert found
    return int(found[1])


def test_the_refusal_names_the_largest_number_that_fits() -> None:
    demand, room = Demand(MODEL, 4096), machine(4 * GB)
    with pytest.raises(ResourceError, match="32 particles") as caught:
        demand.check(room, 32)
    most = number(caught, "particles")
    demand.check(room, most)
    with pytest.raises(ResourceError):
        demand.check(room, most + 1)


def test_a_smaller_type_of_cells_leaves_room_for_more_particles() -> None:
    room = machine(4 * GB)
    with pytest.raises(ResourceError):
        Demand(MODEL, 4096).check(room, 16)
    Demand(MODEL, 4096, kv_type="q8_0").check(room, 16)
    added = [
        Demand(MODEL, 4096, prm=MODEL, kv_type=kv_type).needed(1)
        - Demand(MODEL, 4096, kv_type=kv_type).needed(1)
        for kv_type in ("f16", "q8_0")
    ]
    assert added[0] == added[1], "the policy's cells alone are smaller"


def test_a_model_that_cannot_fit_at_all_says_so() -> None:
    with pytest.raises(ResourceError) as caught:
        Demand(MODEL, 256).check(machine(1 * GB), 1)
    assert "smaller model" in (caught.value.hint or "")


def test_what_runs_on_a_gpu_is_held_against_its_memory() -> None:
    room = machine(1 * GB, gpu=8 * GB)
    Demand(MODEL, 4096).check(room, 8)
    with pytest.raises(ResourceError):
        Demand(MODEL, 4096, gpu_layers=0).check(room, 8)


def test_context_is_what_was_asked_for_within_the_models_own() -> None:
    assert choose_context(MODEL, None) == DEFAULT_CONTEXT
    assert choose_context(MODEL, 8192) == 8192
    with pytest.raises(UsageError, match="8193"):
        choose_context(MODEL, 8193)


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_the_estimate_of_the_cache_is_what_llama_cpp_takes(
    small_path: Path, small_model: LoadedModel, kv_type: str
) -> None:
    """llama.cpp's own saved state of full cells is K and V, and little beside."""
    import llama_cpp

    from pfsolve.engine.cache import TokenRun

    facts = inspect(small_path)
    with Cache(small_model, cells=256, sequences=1, threads=2, kv_type=kv_type) as cache:
        assert cache.bytes == 256 * cell_bytes(facts.cell_bytes, kv_type)
        sequence = cache.new()
        cache.decode([TokenRun(sequence, [1] * 200, output=False)])
        size = llama_cpp.llama_state_seq_get_size(cache.handle, sequence)
    assert size == pytest.approx(200 * cell_bytes(facts.cell_bytes, kv_type), rel=0.05)


def test_problems_side_by_side_take_half_of_the_free_memory_and_more_is_refused() -> None:
    demand, room = Demand(MODEL, 2048), machine(8 * GB)
    most = demand.most_parallel(room, 8)
    assert most > 1
    demand.check(room, 8, 2 * most)
    with pytest.raises(ResourceError) as caught:
        demand.check(room, 8, 2 * most + 2)
    demand.check(room, 8, number(caught, "parallel"))


def test_a_model_beside_the_policy_is_counted_with_its_weights_and_its_cells() -> None:
    room = machine(6 * GB)
    alone, both = Demand(MODEL, 4096), Demand(MODEL, 4096, prm=MODEL)
    alone.check(room, 12)
    with pytest.raises(ResourceError, match=r"12 particles of 4096 tokens and m\.gguf") as caught:
        both.check(room, 12)
    most = number(caught, "particles")
    both.check(room, most)
    with pytest.raises(ResourceError):
        both.check(room, most + 1)
    assert 1 <= both.most_parallel(room, 1) < alone.most_parallel(room, 1)

    with pytest.raises(ResourceError) as caught:
        both.check(machine(3 * GB), 1)
    assert "another reward" in (caught.value.hint or "")


def test_a_model_beside_the_policy_may_hold_half_as_much_again_within_its_own_limit() -> None:
    assert prm_context(MODEL, 2048) == 3072
    assert prm_context(MODEL, 8192) == MODEL.context
