"""Tiny process reward models of each kind: four converted from the fixtures, one in SentencePiece."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pfsolve.convert.job import plan
from pfsolve.convert.run import convert
from pfsolve.engine import backend, library
from pfsolve.models.catalogue import Catalogue, load_catalogue
from pfsolve.models.entry import PrmSpec
from pfsolve.models.resolve import ModelFile, PrmFiles
from pfsolve.models.store import Store
from pfsolve.rewards.prm.model import FoundPrm, Prm, open_prm
from tests.rewards.prm.tiny_llama import MARKER, MINUS, PLUS, write_tiny_llama

FIXTURES = Path(__file__).parent / "prm" / "fixtures"

# The published model whose way of reading each fixture has, with other token ids.
TINY = {
    "logits": "llama3.1-8b-prm-deepseek-data",
    "linear": "qwen2.5-math-1.5b-prm-0.2",
    "mlp": "qwen2.5-math-prm-7b",
    "value": "skywork-o1-prm-1.5b",
    "sentencepiece": "math-shepherd-mistral-7b-prm",
}


def known_scores(kind: str) -> dict[str, Any]:
    """What make_fixtures.py has stored beside the checkpoint."""
    found: dict[str, Any] = json.loads((FIXTURES / kind / "scores.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="session")
def find_tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FoundPrm]:
    """A tiny model of this kind, on disk."""
    folder = tmp_path_factory.mktemp("prm")
    made: dict[str, FoundPrm] = {}
    backend.start()

    def get(kind: str) -> FoundPrm:
        if kind not in made:
            files = _sentencepiece(folder) if kind == "sentencepiece" else _convert(folder, kind)
            made[kind] = FoundPrm(files, library.inspect(files.model.path))
        return made[kind]

    return get


@pytest.fixture
def open_tiny(find_tiny: Callable[[str], FoundPrm]) -> Iterator[Callable[..., Prm]]:
    """Opens tiny models; a test that leaves a sequence in a cache of theirs fails."""
    opened: list[Prm] = []

    def open_it(kind: str, *, sequences: int = 8, context: int = 400, whole: bool = False) -> Prm:
        opened.append(
            open_prm(
                find_tiny(kind),
                sequences=sequences,
                context=context,
                threads=1,
                gpu_layers=0,
                whole=whole,
            )
        )
        return opened[-1]

    yield open_it
    left = [prm.cache.sequences for prm in opened]
    for prm in opened:
        prm.close()
    assert not any(left), "sequences are left in the cache"


def _convert(folder: Path, kind: str) -> PrmFiles:
    entry = load_catalogue().get(TINY[kind])
    ids = known_scores(kind)["spec"] | {"head": entry.prm.head}  # type: ignore[union-attr]
    spec = dataclasses.replace(entry.prm, **ids)  # type: ignore[type-var]
    catalogue = Catalogue({entry.name: dataclasses.replace(entry, prm=spec)}, entry.name)
    store = Store(folder / "models")
    job = plan(
        str(FIXTURES / kind), catalogue, store, kind="F16", like=entry.name, folder=folder / kind
    )
    files = convert(job, store, (), _never)
    assert files.gguf is not None
    return PrmFiles(ModelFile(kind, files.gguf, None), spec, files.head)


def _never(*_: object) -> None:
    raise AssertionError("16 bits are not quantized")


def _sentencepiece(folder: Path) -> PrmFiles:
    file = folder / "sentencepiece.gguf"
    write_tiny_llama(file)
    spec: PrmSpec | None = load_catalogue().get(TINY["sentencepiece"]).prm
    assert spec is not None
    spec = dataclasses.replace(spec, marker=MARKER, positive=PLUS, negative=MINUS)
    return PrmFiles(ModelFile("sentencepiece", file, None), spec, None)
