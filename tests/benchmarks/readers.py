"""Every kind of file that pfsolve reads: its reader, what is done with what it gives, and good files."""

from __future__ import annotations

import gzip
import io
import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pfsolve.convert.checkpoint import open_checkpoint
from pfsolve.convert.family import family_of
from pfsolve.convert.source import Directory
from pfsolve.convert.vocabulary import read_vocabulary
from pfsolve.display.page.page import page
from pfsolve.display.report.summary import summary_table
from pfsolve.display.solution import all_answers, summary, whole_run
from pfsolve.engine import header
from pfsolve.errors import PfsolveError
from pfsolve.files import dumps
from pfsolve.lab.evaluation.labelled import read_labelled
from pfsolve.lab.training.material import RECORD, Folder
from pfsolve.models.catalogue import builtin_file, load_catalogue
from pfsolve.models.prm_parsing import read_spec
from pfsolve.models.safetensors import read_blocks, read_header
from pfsolve.models.store import Store
from pfsolve.problems import Shard, read_problems
from pfsolve.results.file import ResultsFile, read_results, read_solved
from pfsolve.results.merge import merge, missing
from pfsolve.results.run_record import read_record, with_events
from pfsolve.results.summary import summarise
from pfsolve.rewards.probe.files import PACKAGED
from pfsolve.rewards.probe.head import read_head
from pfsolve.server.request import read_request
from pfsolve.settings import merge as merged
from pfsolve.settings import read_config
from pfsolve.settings.config_file import changed, config_layer, config_lines, config_text
from tests.benchmarks.damage import LARGEST, odd_arrays, odd_header, odd_json, repacked
from tests.convert import checkpoints
from tests.results.conftest import BAD, PROBLEMS, origin, solution


@dataclass(frozen=True)
class Reader:
    """A kind of file.

    read: reads the file at a path, and uses what it gives.
    seeds: files that are well formed.
    name: of the file.
    remade: another file like one of the seeds, damaged as only its format can be.
    """

    read: Callable[[Path], object]
    seeds: Callable[[], list[bytes]]
    name: str = "file"
    remade: Callable[[bytes, random.Random], bytes] | None = None


@cache
def results() -> list[bytes]:
    shard = "1/2"
    own = [each for each in PROBLEMS if Shard.parse(shard).holds(each.id)]
    lines = [
        *(origin().solved(each, solution(each, "2")) for each in PROBLEMS[:4]),
        origin().failed(BAD),
        *(origin(shard).failed(each, PfsolveError("x")) for each in own),
    ]
    old = [
        (_SCHEMA_1 / name).read_bytes() for name in ("results.jsonl", "bench.jsonl", "scores.jsonl")
    ]
    return ["\n".join([*map(dumps, lines), ""]).encode(), *(each[: LARGEST // 4] for each in old)]


@cache
def records() -> list[bytes]:
    new = with_events(origin().solved(PROBLEMS[0], solution(PROBLEMS[0], "2"), particles=True), [])
    old = [path.read_bytes() for path in sorted((_SCHEMA_1 / "records").glob("*.json"))]
    return [dumps(new).encode(), *(each for each in old if len(each) < LARGEST)]


@cache
def json_problems() -> list[bytes]:
    rows: list[dict[str, Any]] = [
        {"problem": "What is $\\frac12+1$?", "answer": "3/2", "id": "a"},
        {
            "question": "Which?",
            "choices": {"text": ["a", "b"], "label": ["A", "B"]},
            "answerKey": "B",
        },
        {"Body": "Ann has 3.", "Question": "How many?", "Answer": 3.0, "solution": "So \\boxed{3}"},
        {
            "messages": [{"role": "user", "content": "What is 2?"}],
            "reward_model": {"ground_truth": "2"},
        },
        {"input": "x", "options": "['1', '2']", "answer_index": 1, "metadata": {"level": 5}},
    ]
    return [
        "\n".join(map(json.dumps, rows)).encode(),
        json.dumps(rows, indent=1).encode(),
        json.dumps({"data": rows}).encode(),
        b'{"problem": "\\frac{1}{2} and \\theta", "answer": "\\sqrt2"}\n',
    ]


def tables() -> list[bytes]:
    return [
        b'problem,answer,id\n"What is 1+1?",2,a\n"two\nlines, ""quoted""",3,b\n\nlast,,\n',
        b"question;gold\nWhat is 2?;2\n",
        b"sep=|\nproblem|A|B|answer\nWhich?|1|2|B\n",
    ]


def texts() -> list[bytes]:
    text = "What is 1+1?\n\nEin Gruß über 3 €\r\nSolve x^2 = 4.\n"
    return [
        text.encode(),
        text.encode("utf-16"),
        text.encode("cp1252"),
        text.encode("utf-8-sig"),
        b"\0\0",
    ]


def packed() -> list[bytes]:
    return [
        gzip.compress(data, mtime=0) for data in (*texts()[:1], *json_problems()[:2], tables()[0])
    ]


def labelled() -> list[bytes]:
    rows: list[dict[str, Any]] = [
        {"problem": "p", "steps": ["a", "b"], "first_error": -1, "id": "x"},
        {
            "problem": "p",
            "answer": "2",
            "solutions": [{"steps": ["so 2"], "answer": "2", "kind": "program"}],
        },
    ]
    return ["\n".join(map(json.dumps, rows)).encode(), *records()]


def catalogues() -> list[bytes]:
    own = b"""
default_policies = ["mine"]
[[models]]
name = "mine"
file = "mine.gguf"
bytes = 100
sha256 = "%s"
description = "a model"
temperature = 0.5
[models.programs]
share = 0.5
opening = "```python\\n"
[[models.places]]
repo = "me/mine"
revision = "main"
[[models.places]]
package = "mine"
version = "1.0"
member = "a/mine.gguf"
[[models]]
name = "judge"
kind = "prm"
file = "judge.gguf"
source = {repo = "me/judge"}
[models.prm]
opening = ["{problem}", "{step}"]
following = ["{step}"]
head = ["score"]
[[profiles]]
name = "own"
policy = "mine"
reward = "none"
particles = 4
""" % (b"0" * 64)
    return [own, builtin_file().read_bytes()]


def configs() -> list[bytes]:
    return [
        b'# mine\nparticles = 8\nmethod = "pf"\ntime = "1m30s"\noffline = true\nladder = [4, 2]\ntop-p = 0.9',
        b'policy = "a"\nseed = 7\nladder = [\n 2.0, # hot\n 1.0,\n]\n',
    ]


def prms() -> list[bytes]:
    pieces = b'opening = ["{problem}\\n", "{step}"]\nfollowing = ["{step}"]\n'
    return [
        pieces + b"marker = 7\npositive = 3\nnegative = 4\nlines = false\n",
        pieces + b'marker = "<extra_0>"\nhead = ["score"]\n',
    ]


@cache
def ggufs() -> list[bytes]:
    from gguf import GGUFWriter

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("llama", "mamba"):
            writer = GGUFWriter(Path(folder) / name, name)
            writer.add_context_length(100)
            writer.add_name("a model")
            writer.add_token_list([b"a", b"b", b"<s>"])
            writer.add_token_scores([0.0, 1.0, 2.0])
            writer.add_bool("x.y", True)
            if name == "mamba":
                writer.add_ssm_conv_kernel(4)
            writer.add_tensor("t", np.zeros((2, 32), np.float32))
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            found.append((Path(folder) / name).read_bytes())
    return found


@cache
def tensors() -> list[bytes]:
    from safetensors.numpy import save

    whole = {
        "a": np.ones((2, 3), np.float32),
        "b.c": np.zeros(4, np.float16),
        "d": np.zeros((0, 2), np.float32),
    }
    return [save(whole), save({"x": np.arange(9, dtype=np.float32)}, {"format": "pt"})]


@cache
def torch_zips() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pytorch_model.bin"
        checkpoints.write_bin(
            path, {"a": np.ones((2, 3), np.float32), "b": np.zeros(2, np.float32)}, "F32"
        )
        return [path.read_bytes()]


@cache
def checkpoint_texts() -> dict[str, bytes]:
    """The small files of a checkpoint, by name."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.write_checkpoint(Path(folder), {})
        return {
            path.name: path.read_bytes()
            for path in Path(folder).iterdir()
            if path.suffix in (".json", ".txt")
        }


def heads() -> list[bytes]:
    return [path.read_bytes() for path in sorted(PACKAGED.glob("*.npz"))]


@cache
def materials() -> list[bytes]:
    about = [
        RECORD,
        {"problem": "q", "gold": "2", "file": "f", "file_sha256": "1", "policy": "p", "policy_sha256": "0",
         "seed": 7, "settings": {"particles": 8}, "depths": [1.0]},
        [{"kind": "text", "answer": "2", "right": True, "finish": "boxed", "error": None, "steps": 1}],
    ]  # fmt: skip
    file = io.BytesIO()
    np.savez(
        file,
        about=np.array(json.dumps(about)),
        tokens=np.zeros(3, np.int32),
        sureness=np.zeros((3, 3), np.float32),
        digits=np.zeros(3, np.bool_),
        data=np.zeros(5, np.uint8),
        lengths=np.array([[3, 3, 5, 1]]),
        states=np.zeros((1, 1, 4), np.float16),
    )
    return [file.getvalue()]


def requests() -> list[bytes]:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "What is 1+1?"}],
        "n_particles": 4,
        "stream": True,
    }
    parts = [{"type": "text", "text": "What?"}]
    return [
        json.dumps(body).encode(),
        json.dumps({**body, "messages": [{"role": "user", "content": parts}], "seed": 3}).encode(),
    ]


_SCHEMA_1 = Path(__file__).parents[1] / "schema1"


# ---------------------------------------------------------------- what a command does with them


def _summed(path: Path) -> None:
    contents = read_solved(path)
    if summaries := summarise(contents.records):
        summary_table(summaries)
    missing(merge({path: contents}))


def _resumed(path: Path) -> None:
    before = read_results(path)
    with ResultsFile(path, resume=True) as file:
        _ = file.told
        done = file.resume(origin().settings_hash, [*PROBLEMS, BAD])
        file.whole(origin().settings, PROBLEMS)
        file.write(origin().failed(BAD))
    after = read_results(path)
    assert not after.faults, "a damaged line is still there"
    assert not after.torn, "a torn line is still there"
    known = [record for record in after.records if record["id"] in done]
    assert len(before.records) + 1 >= len(after.records) >= len(known) >= len(done)


def _shown(path: Path) -> None:
    record = read_record(path)
    summary(record, verbose=1)
    all_answers(record)
    _ = [*whole_run(record, every=True)]
    page(record)


def _listed(path: Path) -> None:
    catalogue = load_catalogue(path.parent)
    for entry in catalogue.entries.values():
        store = Store(path.parent / "models")
        assert store.file(entry).resolve().is_relative_to(path.parent / "models"), "it climbs"
        assert store.find(entry) is None


def _configured(path: Path) -> None:
    merged(read_config(path))
    text = config_text(path)
    config_lines(text)
    assert config_layer(changed(text, {"seed": "3"}, path), path)["seed"] == 3


def _spec(path: Path) -> None:
    read_spec(path.with_name("judge.gguf"))


def _tensors(path: Path) -> None:
    with path.open("rb") as file:
        for tensor in read_header(file, path.stat().st_size, path.name):
            for _ in read_blocks(file, tensor):
                pass


def _checkpoint(path: Path) -> None:
    for name, text in checkpoint_texts().items():
        if name != path.name:
            (path.parent / name).write_bytes(text)
    weights = path.parent / "model.safetensors"
    if path.suffix == ".json":
        weights.write_bytes(tensors()[0])
    checkpoint = open_checkpoint(Directory(path.parent))
    family = family_of(checkpoint.config)
    dimensions = family.read_config(checkpoint.config)
    source = checkpoint.source
    read_vocabulary(
        lambda name: source.read(name) if source.size(name) is not None else None,
        checkpoint.config,
        min(dimensions.vocabulary, 1000),
        family.pattern,
    )


def _material(path: Path) -> None:
    for item in Folder(path.parent).read("p"):
        for rollout in item.rollouts:
            _ = rollout.steps


def _requested(path: Path) -> None:
    read_request(path.read_bytes(), "m", merged)


def _problems(path: Path) -> None:
    read_problems(path.read_bytes(), name=str(path)).describe()


READERS: dict[str, Reader] = {
    "results": Reader(_summed, results, "results.jsonl", odd_json),
    "results to resume": Reader(_resumed, results, "results.jsonl", odd_json),
    "record": Reader(_shown, records, "1.json", odd_json),
    "problems in JSON": Reader(_problems, json_problems, "p.jsonl", odd_json),
    "problems in CSV": Reader(_problems, tables, "p.csv"),
    "problems a line": Reader(_problems, texts, "p.txt"),
    "problems, packed": Reader(_problems, packed, "p.gz", repacked),
    "labelled": Reader(read_labelled, labelled, "l.jsonl", odd_json),
    "models.toml": Reader(_listed, catalogues, "models.toml"),
    "config.toml": Reader(_configured, configs, "config.toml"),
    "prm": Reader(_spec, prms, "judge.prm.toml"),
    "gguf": Reader(header.read_header, ggufs, "m.gguf"),
    "safetensors": Reader(_tensors, tensors, "m.safetensors", odd_header),
    "torch": Reader(_checkpoint, torch_zips, "pytorch_model.bin"),
    "checkpoint's config": Reader(
        _checkpoint, lambda: [checkpoint_texts()["config.json"]], "config.json", odd_json
    ),
    "tokenizer": Reader(
        _checkpoint, lambda: [checkpoint_texts()["tokenizer.json"]], "tokenizer.json", odd_json
    ),
    "probe": Reader(read_head, heads, "head.npz", odd_arrays),
    "rollouts": Reader(_material, materials, "1.npz", odd_arrays),
    "request": Reader(_requested, requests, "body.json", odd_json),
}
