"""From what the user names to the files that a conversion reads and writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.convert.job import plan
from pfsolve.convert.source import Directory, Repository
from pfsolve.errors import ModelMissing, UsageError
from pfsolve.models.catalogue import Catalogue
from pfsolve.models.store import Store


@pytest.mark.parametrize("argument", ["linear", "LINEAR", "someone/Linear", "Someone/linear"])
def test_a_known_model_or_its_repository_goes_where_the_model_is_looked_for(
    argument: str, catalogue: Catalogue, store: Store
) -> None:
    job = plan(argument, catalogue, store)
    assert isinstance(job.source, Repository)
    assert job.known
    assert job.reader == catalogue.get("linear")
    assert job.gguf == store.file(catalogue.get("linear"))
    assert job.head.name == "Linear-Q8_0.head.safetensors"
    assert job.lock == "linear"  # the lock of `pull` and `rm`


@pytest.mark.parametrize(("name", "kind"), [("linear", "Q8_0"), ("mlp", "F16")])
def test_a_known_model_is_of_the_kind_that_its_file_is_named_after(
    name: str, kind: str, catalogue: Catalogue, store: Store
) -> None:
    assert plan(name, catalogue, store).kind == kind
    assert plan(name, catalogue, store, kind=kind).kind == kind
    with pytest.raises(UsageError, match=kind):
        plan(name, catalogue, store, kind="Q4_K_M")


def test_elsewhere_a_known_model_may_be_of_any_kind(
    catalogue: Catalogue, store: Store, tmp_path: Path
) -> None:
    job = plan("mlp", catalogue, store, kind="Q4_K_M", folder=tmp_path / "there")
    assert job.gguf == tmp_path / "there" / "mlp-Q4_K_M.gguf"
    assert job.reader == catalogue.get("mlp")
    assert not job.known


def test_another_checkpoint_gets_a_folder_of_its_own_name(
    catalogue: Catalogue, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "My PRM (v2)"
    folder.mkdir()
    job = plan(str(folder), catalogue, store)
    assert isinstance(job.source, Directory)
    assert job.gguf == store.directory / "my-prm-v2" / "my-prm-v2-Q8_0.gguf"
    assert job.reader is None
    assert plan("a/Other", catalogue, store).gguf == store.directory / "other" / "other-Q8_0.gguf"


def test_like_names_the_reader(catalogue: Catalogue, store: Store) -> None:
    assert plan("a/Other", catalogue, store, like="MLP").reader == catalogue.get("mlp")
    with pytest.raises(UsageError, match="writer is no process reward model"):
        plan("a/Other", catalogue, store, like="writer")
    with pytest.raises(ModelMissing, match="no model named"):
        plan("a/Other", catalogue, store, like="nobody")


def test_nothing_else_goes_into_the_folder_of_a_known_model(
    catalogue: Catalogue, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "Linear").mkdir()
    for argument, like in ((str(tmp_path / "Linear"), None), ("a/linear", None), ("linear", "mlp")):
        with pytest.raises(UsageError, match="the name of a model"):
            plan(argument, catalogue, store, like=like)


@pytest.mark.parametrize(
    ("argument", "kind", "complaint"),
    [
        ("writer", None, "no process reward model"),
        ("logits", None, "need not be converted"),
        ("nobody", None, "is no model, directory or repository"),
        ("a/b/c", None, "is no model, directory or repository"),
        ("../up", None, "is no model, directory or repository"),
        ("linear", "Q2_K", "--type"),
    ],
)
def test_what_cannot_be_converted_is_said_before_anything_is_fetched(
    argument: str, kind: str | None, complaint: str, catalogue: Catalogue, store: Store
) -> None:
    with pytest.raises((UsageError, ModelMissing), match=complaint):
        plan(argument, catalogue, store, kind=kind)


def test_a_file_or_a_revision_of_a_directory_makes_no_sense(
    catalogue: Catalogue, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "x.safetensors").touch()
    with pytest.raises(ModelMissing, match="is a file"):
        plan(str(tmp_path / "x.safetensors"), catalogue, store)
    with pytest.raises(UsageError, match="--revision"):
        plan(str(tmp_path), catalogue, store, revision="main")
