"""A checkpoint on the Hub: read from there file by file, and gone on with wherever it stopped."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pfsolve.convert.source import BUFFER
from pfsolve.errors import Interrupted, ModelFileError, ModelMissing
from pfsolve.events import Event
from pfsolve.events.work import BytesCame, Quantizing
from pfsolve.models.catalogue import Catalogue
from pfsolve.models.download import find
from pfsolve.models.store import Store
from tests.convert import checkpoints as make
from tests.convert.conftest import LINEAR_HEAD, MLP_HEAD, Convert
from tests.models.model_fakes import COMMIT, FakeHub

HEAD = {"score.weight": (2, 256), "score.bias": (2,)}


def publish(hub: FakeHub, repo: str, folder: Path) -> None:
    """Put a checkpoint on the fake Hub, at `main` and at its commit."""
    hub.files = {
        f"/{repo}/resolve/{revision}/{file.name}": file.read_bytes()
        for file in folder.iterdir()
        for revision in ("main", COMMIT)
    }


def sent(hub: FakeHub, of: str = "") -> int:
    """Bytes asked for by range and in whole, of files whose name ends so."""
    total = 0
    for method, path, headers in hub.requests:
        if method == "GET" and path.startswith("/cdn/") and path.endswith(of):
            size = len(hub.files[path.removeprefix("/cdn")])
            first, _, last = headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
            total += (min(int(last), size - 1) + 1 if last else size) - int(first)
    return total


def weights_of(path: Path) -> dict[str, bytes]:
    import gguf

    return {tensor.name: tensor.data.tobytes() for tensor in gguf.GGUFReader(path).tensors}


@pytest.fixture
def large(checkpoint: Path) -> Path:
    """A checkpoint of 6 MB in three files."""
    arrays = make.make_arrays(make.LARGER, head=HEAD)
    return make.write_checkpoint(checkpoint, arrays, make.LARGER, files=3)


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_the_hub_gives_the_same_file_as_a_directory(
    hub: FakeHub, run: Convert, checkpoint: Path, store: Store, catalogue: Catalogue, kind: str
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD), files=2, kind=kind)
    here = run(checkpoint, kind="Q8_0")
    publish(hub, "someone/Linear", checkpoint)
    there = run("linear")
    assert here.gguf
    assert there.gguf
    assert here.head
    assert there.head
    assert there.head.read_bytes() == here.head.read_bytes()
    assert weights_of(there.gguf) == weights_of(here.gguf)
    assert f"someone/Linear/tree/{COMMIT}".encode() in there.gguf.read_bytes()
    assert find(catalogue.get("linear"), store) == there.gguf
    assert there.spec is None  # the catalogue has it
    assert not list(there.gguf.parent.glob("converting*"))


def test_the_head_alone_costs_a_few_small_ranges(hub: FakeHub, run: Convert, large: Path) -> None:
    publish(hub, "someone/Linear", large)
    made = run("linear", head_only=True)
    assert made.head
    assert made.head.exists()
    assert made.gguf is None
    weights = sum(file.stat().st_size for file in large.glob("*.safetensors"))
    assert sent(hub, ".safetensors") < 4 * BUFFER < weights / 4


def test_a_file_with_nothing_but_the_head_is_not_fetched(
    hub: FakeHub, run: Convert, checkpoint: Path
) -> None:
    arrays = make.make_arrays(head={"score.weight": (2, 64), "score.bias": (2,)})
    make.write_checkpoint(checkpoint, arrays, files=len(arrays))
    publish(hub, "someone/Linear", checkpoint)
    run("linear")
    last = max(checkpoint.glob("*.safetensors")).name
    whole = {
        path for _, path, headers in hub.requests if "/cdn/" in path and "range" not in headers
    }
    assert len(whole) == len(arrays) - 3  # nor the output, which a head makes needless
    assert not any(path.endswith(last) for path in whole)


def test_the_head_of_a_torch_file_costs_a_few_small_ranges_too(
    hub: FakeHub, run: Convert, checkpoint: Path
) -> None:
    arrays = make.make_arrays(make.LARGER, head=HEAD)
    make.write_checkpoint(checkpoint, arrays, make.LARGER, kind="bin")
    publish(hub, "someone/Linear", checkpoint)
    assert run("linear", head_only=True).head
    assert sent(hub, ".bin") < 6 * BUFFER


def test_one_file_at_a_time_lies_on_the_disk(
    hub: FakeHub, run: Convert, large: Path, store: Store
) -> None:
    publish(hub, "someone/Linear", large)
    most = 0

    def watch(event: Event) -> None:
        nonlocal most
        most = max(most, len(list(store.directory.rglob("*.part"))))

    run("linear", listen=watch)
    assert most == 1


def test_all_is_of_one_commit(hub: FakeHub, run: Convert, large: Path) -> None:
    """A branch that moves between two files would make a model of two halves."""
    publish(hub, "someone/Linear", large)
    run("linear")
    at_main = [path for _, path, _ in hub.requests if "/resolve/main/" in path]
    assert at_main == ["/someone/Linear/resolve/main/config.json"]


@pytest.mark.parametrize("cuts", [[300_000], [1_000_000, 0, 400_000, 100]])
def test_cut_connections_are_taken_up(
    hub: FakeHub, run: Convert, large: Path, cuts: list[int]
) -> None:
    publish(hub, "someone/Linear", large)
    expected = run("linear").gguf
    assert expected
    whole = expected.read_bytes()
    expected.unlink()
    hub.cuts = list(cuts)
    again = run("linear").gguf
    assert again
    assert again.read_bytes() == whole
    assert hub.cuts == []


def test_what_an_interrupted_run_has_fetched_is_not_fetched_again(
    hub: FakeHub, run: Convert, large: Path, store: Store
) -> None:
    publish(hub, "someone/Linear", large)
    second = sorted(large.glob("*.safetensors"))[1]

    def stop(event: Event) -> None:
        first = large / "model-00001-of-00003.safetensors"
        if isinstance(event, BytesCame) and event.done > first.stat().st_size + 500_000:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="the part that is done is kept"):
        run("linear", listen=stop)
    work = store.directory / "linear" / "converting-Linear-Q8_0"
    part = work / f"{hashlib.sha256(second.read_bytes()).hexdigest()}.part"
    there = part.stat().st_size
    assert there > 500_000
    hub.requests.clear()
    run("linear")
    assert sent(hub, "00001-of-00003.safetensors") < 300_000  # its header
    fetched = sent(hub, second.name)
    assert second.stat().st_size - there <= fetched < second.stat().st_size - there + 300_000


def test_a_killed_process_is_gone_on_with(
    hub: FakeHub, run: Convert, large: Path, tmp_path: Path, store: Store
) -> None:
    """SIGKILL while the second file comes in, Ctrl-C while the third does."""
    publish(hub, "someone/Linear", large)
    expected = run("linear", folder=tmp_path / "at once").gguf
    assert expected
    hub.stall_after = 600_000
    code = """
import sys
from pathlib import Path
from tests.convert.conftest import make_catalogue
from pfsolve.engine.quantize import quantize
from pfsolve.convert.job import plan
from pfsolve.convert.run import convert
from pfsolve.models.store import Store
catalogue, store = make_catalogue(), Store(Path(sys.argv[1]))
job = plan("linear", catalogue, store, folder=Path(sys.argv[2]))
convert(job, store, tuple(catalogue.entries.values()), quantize)
"""
    there = tmp_path / "killed"

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, str(store.directory), str(there)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stderr=subprocess.PIPE,
            text=True,
            # A background shell has it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    for file, end in (("00002", signal.SIGKILL), ("00003", signal.SIGINT)):
        hub.stall_on = f"{file}-of-00003.safetensors"
        hub.stalled.clear()
        process = start()
        assert hub.stalled.wait(60)
        process.send_signal(end)
        _, complaint = process.communicate(timeout=60)
        assert process.returncode != 0
        assert ("Interrupted" in complaint) == (end == signal.SIGINT)
        assert not list(there.glob("*.gguf"))
    hub.stall_after = None
    hub.go_on.set()
    made = run("linear", folder=there).gguf
    assert made
    assert made.read_bytes() == expected.read_bytes()


def test_wrong_bytes_are_thrown_away(hub: FakeHub, run: Convert, large: Path, store: Store) -> None:
    publish(hub, "someone/Linear", large)
    hub.etag = "f" * 64
    with pytest.raises(ModelMissing, match=r"bytes of model-00001-of-00003.* are wrong"):
        run("linear")
    assert not list(store.directory.rglob("*.part"))
    assert not list(store.directory.rglob("Linear*.gguf"))


def test_small_files_need_not_come_in_parts(hub: FakeHub, run: Convert, large: Path) -> None:
    publish(hub, "someone/Linear", large)
    hub.never_in_parts = (".json",)
    hub.cuts = [50]  # the configuration, which is asked for first
    assert run("linear").gguf
    asked = [path for method, path, _ in hub.requests if method == "GET" and "/cdn/" in path]
    assert sum(path.endswith("/tokenizer.json") for path in asked) == 1


def test_a_hub_that_gives_no_parts_of_files_is_told(
    hub: FakeHub, run: Convert, large: Path
) -> None:
    publish(hub, "someone/Linear", large)
    hub.ignore_range = True
    with pytest.raises(ModelMissing, match="does not give parts"):
        run("linear")


def test_no_network_no_repository_no_entry(hub: FakeHub, run: Convert, large: Path) -> None:
    publish(hub, "someone/Linear", large)
    hub.refusal = (404, {"X-Error-Code": "RepoNotFound"})
    with pytest.raises(ModelMissing, match="no public repository a/b") as caught:
        run("a/b")
    assert caught.value.hint
    hub.refusal = (403, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(ModelMissing, match="gated"):
        run("a/b")
    hub.refusal = None
    del hub.files[f"/someone/Linear/resolve/{COMMIT}/model-00002-of-00003.safetensors"]
    with pytest.raises(ModelFileError, match="lacks model-00002"):
        run("linear")
    with pytest.raises(ModelMissing, match="not in the Hub's cache"):
        run("linear", offline=True)


def test_an_unreachable_hub_is_one_line_with_a_hint(run: Convert) -> None:
    with pytest.raises(ModelMissing, match="cannot be reached") as caught:
        run("linear")
    assert caught.value.hint == "`pfsolve models convert linear` resumes where it stopped"


def test_the_hubs_own_cache_is_used_without_a_network(
    run: Convert, checkpoint: Path, tmp_path: Path
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=MLP_HEAD), files=2)
    repo = tmp_path / "hub-cache" / "models--someone--Mlp"
    (repo / "snapshots" / COMMIT).parent.mkdir(parents=True)
    checkpoint.rename(repo / "snapshots" / COMMIT)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    made = run("mlp", offline=True)
    assert made.gguf
    assert made.gguf.exists()
    assert len(list((repo / "snapshots" / COMMIT).iterdir())) == 6  # it is only read
    made.gguf.unlink()
    assert run("mlp").gguf == made.gguf  # nor is an unreachable Hub in the way


def test_rm_removes_a_model_with_its_head_and_what_is_unfinished(
    hub: FakeHub, run: Convert, large: Path, store: Store, catalogue: Catalogue
) -> None:
    publish(hub, "someone/Linear", large)
    entry = catalogue.get("linear")

    def stop(event: Event) -> None:
        if isinstance(event, Quantizing):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run("linear", listen=stop)
    assert store.unfinished_bytes(entry) > 4_000_000
    store.remove(entry)
    assert not store.folder(entry).exists()
    run("linear")
    assert store.unfinished_bytes(entry) == 0
    store.remove(entry)
    assert not store.folder(entry).exists()
