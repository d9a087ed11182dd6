"""llama.cpp makes a file smaller in a process of its own: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from pfsolve.engine.quantize import quantize
from pfsolve.errors import EngineError, ModelFileError, ResourceError, UsageError
from pfsolve.models.entry import GGUF_KINDS
from tests.convert import checkpoints as make
from tests.faults import files_of_at_most


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF of 16-bit floats, 6 MB."""
    from pfsolve.convert.job import plan
    from pfsolve.convert.run import convert
    from pfsolve.models.store import Store
    from tests.convert.conftest import make_catalogue

    folder = tmp_path_factory.mktemp("floats")
    arrays = make.make_arrays(make.LARGER, head={"score.weight": (2, 256)})
    make.write_checkpoint(folder / "own", arrays, make.LARGER)
    catalogue, store = make_catalogue(), Store(folder)
    job = plan(str(folder / "own"), catalogue, store, kind="F16", folder=folder / "made")
    made = convert(job, store, tuple(catalogue.entries.values()), quantize)
    assert made.gguf
    return made.gguf


def test_a_kind_has_the_size_that_it_should(floats: Path, tmp_path: Path) -> None:
    heard: list[int] = []
    shares = {"F16": 1.0, "Q8_0": 0.55, "Q4_K_M": 0.32}
    assert shares.keys() == GGUF_KINDS.keys()
    for kind, share in shares.items():
        target = tmp_path / f"{kind}.gguf"
        quantize(floats, target, kind, heard.append)
        assert target.read_bytes()[:4] == b"GGUF"
        assert target.stat().st_size / floats.stat().st_size == pytest.approx(share, abs=0.08)
    assert all(0 <= size <= floats.stat().st_size + 1000 for size in heard)


def test_arguments_are_checked_before_llama_cpp_sees_them(floats: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Q3_K_S"):
        quantize(floats, tmp_path / "x.gguf", "Q3_K_S")
    with pytest.raises(UsageError, match="into itself"):
        quantize(floats, floats, "Q8_0")
    (tmp_path / "no.gguf").write_bytes(b"no")
    with pytest.raises(ModelFileError, match="no GGUF"):
        quantize(tmp_path / "no.gguf", tmp_path / "x.gguf", "Q8_0")


def test_a_damaged_file_is_an_error_with_a_reason_and_leaves_nothing(
    floats: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.gguf").write_bytes(floats.read_bytes()[:-100_000])
    with pytest.raises(EngineError, match=r"cannot make Q8_0 of cut\.gguf: .*(bounds|corrupt)"):
        quantize(tmp_path / "cut.gguf", tmp_path / "x.gguf", "Q8_0")
    assert not (tmp_path / "x.gguf").exists()


def test_a_full_disk_is_told_from_a_damaged_file(floats: Path, tmp_path: Path) -> None:
    with files_of_at_most(1_000_000), pytest.raises(ResourceError, match="does not take all of Q8"):
        quantize(floats, tmp_path / "x.gguf", "Q8_0")
    assert not (tmp_path / "x.gguf").exists()


def test_an_interrupt_ends_the_child_and_leaves_nothing(floats: Path, tmp_path: Path) -> None:
    def stop(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantize(floats, tmp_path / "x.gguf", "Q4_K_M", stop)
    assert not (tmp_path / "x.gguf").exists()
    assert not [
        child for child in psutil.Process().children() if "quantize" in " ".join(child.cmdline())
    ]
