"""A catalogue of tiny process reward models, and conversions without the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pfsolve.convert.job import plan
from pfsolve.convert.run import ConvertedFiles, Quantize, convert
from pfsolve.engine.quantize import quantize
from pfsolve.events import Event, Listener
from pfsolve.models.catalogue import Catalogue
from pfsolve.models.entry import HubSource, ModelEntry, PrmSpec
from pfsolve.models.store import Store
from tests.convert.checkpoints import words

LINEAR = PrmSpec(("{problem}\n\n", "{step}\n\n"), ("{step}\n\n",), head=("score",))
MLP = PrmSpec(
    ("<|im_start|>", "{problem}", "<|im_end|>", "{step}"),
    ("{step}",),
    marker=words()["<extra_0>"],
    head=("score.0", "score.2"),
)
LOGITS = PrmSpec(("{problem} {step}",), ("{step}",), marker=12, positive=10, negative=11)
LINEAR_HEAD = {"score.weight": (2, 64), "score.bias": (2,)}
MLP_HEAD = {
    "score.0.weight": (64, 64),
    "score.0.bias": (64,),
    "score.2.weight": (2, 64),
    "score.2.bias": (2,),
}


def make_catalogue() -> Catalogue:
    def entry(name: str, file: str, spec: PrmSpec | None, repo: str | None) -> ModelEntry:
        source = HubSource(repo, "main") if repo else None
        return ModelEntry(name, "prm" if spec else "policy", file, (), prm=spec, source=source)

    entries = (
        entry("writer", "Writer.gguf", None, None),
        entry("linear", "Linear-Q8_0.gguf", LINEAR, "someone/Linear"),
        entry("mlp", "Mlp-F16.gguf", MLP, "someone/Mlp"),
        entry("logits", "Logits.gguf", LOGITS, None),
    )
    return Catalogue({entry.name: entry for entry in entries}, "writer")


Convert = Callable[..., ConvertedFiles]


@pytest.fixture(autouse=True)
def fake_places(no_real_world: None) -> None:
    """For every test here."""


@pytest.fixture
def catalogue() -> Catalogue:
    return make_catalogue()


@pytest.fixture
def heard() -> list[Event]:
    """What the conversions have told."""
    return []


@pytest.fixture
def run(store: Store, catalogue: Catalogue, heard: list[Event]) -> Convert:
    """Convert what the command line would be given."""

    def run(
        argument: object,
        *,
        head_only: bool = False,
        using: Quantize = quantize,
        listen: Listener = heard.append,
        **options: object,
    ) -> ConvertedFiles:
        job = plan(str(argument), catalogue, store, **options)
        entries = tuple(catalogue.entries.values())
        return convert(job, store, entries, using, head_only=head_only, listen=listen)

    return run


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Where a checkpoint may lie."""
    return tmp_path / "Own-PRM"
