"""What a solve needs is known before anything is loaded, for the CPU and for a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.engine import memory
from pfsolve.engine.cache import Cache
from pfsolve.engine.library import Device, Facts, LoadedModel, inspect
from pfsolve.errors import ResourceError, UsageError

GB = 10**9
FACTS = Facts(Path("m.gguf"), "llama", 1 * GB, 28, 1536, 8192, 50_000)
CPU = Device("CPU", "a processor", False, 99 * GB)


def with_room(monkeypatch: pytest.MonkeyPatch, main: int, gpu: int = 0) -> None:
    gpus = [Device("CUDA0", "a card", True, gpu)] if gpu else []
    monkeypatch.setattr(memory, "devices", lambda: [*gpus, CPU])
    monkeypatch.setattr(memory, "free_memory", lambda: main)


def test_the_refusal_names_the_largest_number_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    with_room(monkeypatch, main=4 * GB)
    with pytest.raises(ResourceError, match="32 particles") as caught:
        memory.check_memory(FACTS, 32, 4096, None)
    most = int((caught.value.hint or "").split()[2].rstrip(","))
    memory.check_memory(FACTS, most, 4096, None)
    with pytest.raises(ResourceError):
        memory.check_memory(FACTS, most + 1, 4096, None)


def test_a_model_that_cannot_fit_at_all_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with_room(monkeypatch, main=1 * GB)
    with pytest.raises(ResourceError) as caught:
        memory.check_memory(FACTS, 1, 256, None)
    assert "smaller model" in (caught.value.hint or "")


def test_what_runs_on_a_gpu_is_held_against_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with_room(monkeypatch, main=1 * GB, gpu=8 * GB)
    memory.check_memory(FACTS, 8, 4096, None)
    with pytest.raises(ResourceError):
        memory.check_memory(FACTS, 8, 4096, 0)


def test_context_is_what_was_asked_for_within_the_models_own() -> None:
    assert memory.choose_context(FACTS, None) == memory.DEFAULT_CONTEXT
    assert memory.choose_context(FACTS, 8192) == 8192
    with pytest.raises(UsageError, match="8193"):
        memory.choose_context(FACTS, 8193)


def test_the_estimate_of_the_cache_is_what_llama_cpp_takes(
    small_path: Path, small_model: LoadedModel
) -> None:
    """llama.cpp's own saved state of full cells is K and V, and little beside."""
    import llama_cpp

    from pfsolve.engine.cache import TokenRun

    facts = inspect(small_path)
    with Cache(small_model, cells=256, sequences=1, threads=2) as cache:
        sequence = cache.new()
        cache.decode([TokenRun(sequence, [1] * 200, output=False)])
        size = llama_cpp.llama_state_seq_get_size(cache.handle, sequence)
    assert size == pytest.approx(200 * facts.cell_bytes, rel=0.05)


def test_problems_side_by_side_take_half_of_the_free_memory_and_more_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_room(monkeypatch, main=8 * GB)
    most = memory.most_parallel(FACTS, 8, 2048, None)
    assert most > 1
    memory.check_memory(FACTS, 8, 2048, None, 2 * most)
    with pytest.raises(ResourceError) as caught:
        memory.check_memory(FACTS, 8, 2048, None, 2 * most + 2)
    fitting = int((caught.value.hint or "").split()[2].rstrip(","))
    memory.check_memory(FACTS, 8, 2048, None, fitting)


def test_a_judge_beside_the_policy_is_counted_with_its_weights_and_its_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_room(monkeypatch, main=6 * GB)
    judge = memory.Judge(FACTS, memory.prm_context(FACTS, 4096))
    memory.check_memory(FACTS, 12, 4096, None)
    with pytest.raises(ResourceError, match=r"12 particles of 4096 tokens and m\.gguf") as caught:
        memory.check_memory(FACTS, 12, 4096, None, judge=judge)
    most = int((caught.value.hint or "").split()[2].rstrip(","))
    memory.check_memory(FACTS, most, 4096, None, judge=judge)
    with pytest.raises(ResourceError):
        memory.check_memory(FACTS, most + 1, 4096, None, judge=judge)
    alone = memory.most_parallel(FACTS, 1, 2048, None)
    assert 1 <= memory.most_parallel(FACTS, 1, 2048, None, judge=judge) < alone

    with_room(monkeypatch, main=4 * GB)
    with pytest.raises(ResourceError) as caught:
        memory.check_memory(FACTS, 1, 256, None, judge=judge)
    assert "another --reward" in (caught.value.hint or "")


def test_a_judge_may_hold_half_as_much_again_within_what_it_was_trained_on() -> None:
    assert memory.prm_context(FACTS, 2048) == 3072
    assert memory.prm_context(FACTS, 8192) == FACTS.context
