"""What is asked of llama.cpp when it loads a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pfsolve.engine import backend, library


@pytest.mark.parametrize("amx", [False, True])
def test_only_a_build_with_amx_gives_up_the_extra_layouts(
    amx: bool, small_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With them such a build may end the process (an illegal instruction); others lose speed without."""
    asked: list[bool] = []
    load = library.llama.llama_model_load_from_file

    def watched(path: bytes, params: Any) -> Any:
        asked.append(params.use_extra_bufts)
        return load(path, params)

    features = f"CPU : AVX512 = 1 | {'AMX_INT8 = 1 | ' if amx else ''}REPACK = 1 | ".encode()
    monkeypatch.setattr(library.llama, "llama_print_system_info", lambda: features)
    monkeypatch.setattr(library.llama, "llama_model_load_from_file", watched)
    backend.start()
    library.inspect(small_path)
    assert asked == [not amx]
