"""What is decided before anything is loaded."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfsolve.engine import backend
from pfsolve.engine.library import Facts, RecurrentModel
from pfsolve.engine.memory import DEFAULT_CONTEXT, Machine
from pfsolve.engine.sampling import Sampling
from pfsolve.environment import Environment
from pfsolve.errors import PfsolveError, ResourceError, UsageError
from pfsolve.events import Event, ignore
from pfsolve.events.work import PolicyChosen
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.entry import ModelEntry
from pfsolve.models.hub import ATTEMPTS, SAMPLE
from pfsolve.models.resolve import ModelFile
from pfsolve.particle import Kind
from pfsolve.rewards.base import NoFiles, Uniform
from pfsolve.rewards.kinds import choose_reward
from pfsolve.rewards.probe.features import NUMBERS
from pfsolve.rewards.probe.files import own_file
from pfsolve.rewards.probe.head import ProbeHead
from pfsolve.settings import METHODS, SETTINGS, Settings, merge
from pfsolve.solver.finding import Found, find
from pfsolve.solver.planning import (
    CPU_ROWS,
    DEFAULT_MAX_STEP_TOKENS,
    choose_parallel,
    choose_sampling,
    plan,
)
from pfsolve.solver.solver import Solver
from tests.conftest import SMALL, THREADS
from tests.engine.test_library import made
from tests.models.model_fakes import FakeHub


def test_the_default_reward_is_the_probe_of_a_policy_that_has_one(tmp_path: Path) -> None:
    environment = Environment(variables={"PFSOLVE_CONFIG_DIR": str(tmp_path)})
    assert environment.config_dir == tmp_path
    assert choose_reward(Settings(), "a-policy", environment) == "none"
    ProbeHead({Kind.TEXT: np.zeros(4 + NUMBERS, np.float32)}, {Kind.TEXT: 0.0}).save(
        own_file("a-policy", tmp_path)
    )
    assert choose_reward(Settings(), "a-policy", environment) == "probe"
    assert choose_reward(Settings(), "another", environment) == "none"
    said = Settings(reward="none")
    assert choose_reward(said, "a-policy", environment) == "none", "what is said is done"


@pytest.mark.parametrize("method", METHODS)
def test_what_goes_by_scores_is_refused_where_the_policy_has_no_probe(
    method: str, tmp_path: Path
) -> None:
    """Equal scores would choose the first particle, or the first beams, whatever they say."""
    environment = Environment(variables={"PFSOLVE_CONFIG_DIR": str(tmp_path)})
    settings = merge({"method": method})
    if method not in ("bon", "beam", "dvts"):
        assert choose_reward(settings, "a-policy", environment) == "none"
        return
    with pytest.raises(
        UsageError, match=f"method={method} goes by scores, and {SMALL} has no probe"
    ) as caught:
        find(replace(settings, policy=SMALL), environment, listen=ignore)
    assert caught.value.hint == "choose a reward, such as reward=confidence, or use method=sc"
    with_one = replace(settings, reward="confidence")
    assert choose_reward(with_one, "a-policy", environment) == "confidence"


@pytest.mark.parametrize(
    ("particles", "problems", "parallel"),
    [(1, 60, 32), (4, 60, 16), (8, 60, 8), (8, 2, 2), (64, 9, 1), (8, None, 1)],
)
def test_as_many_problems_side_by_side_as_fill_a_batch(
    particles: int, problems: int | None, parallel: int
) -> None:
    assert choose_parallel(particles, particles, CPU_ROWS, None, problems, 99) == parallel


def test_what_was_asked_for_is_done_within_the_number_of_sequences() -> None:
    assert choose_parallel(8, 8, CPU_ROWS, 32, 99, 1) == 32
    assert choose_parallel(8, 8, CPU_ROWS, 32, None, 1) == 32
    assert choose_parallel(8, 8, CPU_ROWS, None, 99, 3) == 3, "what was not keeps within memory"
    assert choose_parallel(8, 4, CPU_ROWS, None, 99, 99) == 16, "waves leave rows free"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"reward": "prob"}, "reward is 'prob', which is unknown"),
        ({"reward": SMALL}, "cannot be the reward"),
        ({"reward": "none.npz"}, "there is no probe none.npz"),
        ({"policy": "smollm3"}, "policy is 'smollm3', which is no model"),
        ({"policy": "skywork-o1-prm-1.5b"}, "cannot be the policy"),
    ],
)
def test_a_name_without_meaning_costs_no_download(
    settings: dict[str, str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object, **__: object) -> Path:
        raise AssertionError("something is fetched")

    monkeypatch.setattr("pfsolve.models.resolve.pull", fetch)
    folders = {"PFSOLVE_MODELS_DIR": str(tmp_path), "PFSOLVE_CONFIG_DIR": str(tmp_path)}
    named = Settings(**{"policy": SMALL, **settings})
    with pytest.raises(PfsolveError, match=complaint):
        find(named, Environment(variables=folders), listen=ignore)


def test_a_recurrent_policy_is_refused_before_a_download_and_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: object, **__: object) -> Path:
        raise AssertionError("something is fetched")

    monkeypatch.setattr("pfsolve.models.resolve.pull", fetch)
    backend.start()
    path = made(tmp_path / "Qwen3.5-4B.gguf", "qwen35")
    (tmp_path / "models.toml").write_text(
        f'[[models]]\nname = "own"\nfile = "own.gguf"\nbytes_approximate = {path.stat().st_size}\n'
        '[[models.places]]\nrepo = "me/own"\n'
    )
    environment = Environment(variables={"PFSOLVE_CONFIG_DIR": str(tmp_path)})
    settings = Settings(policy=str(path), reward="llama3.1-8b-prm-deepseek-data", programs=0.5)
    with pytest.raises(RecurrentModel, match=r"Qwen3\.5-4B\.gguf \(qwen35\)") as refused:
        find(settings, environment, listen=ignore)
    assert refused.value.hint == "nearest of those that can be used: policy=own"


def test_where_the_best_default_cannot_be_fetched_after_all_the_next_is(
    tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub gives the first bytes of the one, and then nothing more of it."""
    backend.start()
    data = made(tmp_path / "made.gguf", "llama").read_bytes()
    hub.files = {f"/me/{name}/resolve/main/m.gguf": data for name in ("best", "other")}
    hub.cuts = [SAMPLE, *[0] * ATTEMPTS]
    # With a hash it is as it should be, and nothing more is asked of it.
    table = (
        f'[[models]]\nname = "{{0}}"\nfile = "m.gguf"\nsha256 = "{hashlib.sha256(data).hexdigest()}"\n'
        '[[models.places]]\nrepo = "me/{0}"\n'
    )
    (tmp_path / "models.toml").write_text(
        'default_policies = ["best", "other"]\n' + table.format("best") + table.format("other")
    )
    folders = {"PFSOLVE_MODELS_DIR": str(tmp_path), "PFSOLVE_CONFIG_DIR": str(tmp_path)}
    heard: list[Event] = []
    found = find(Settings(reward="none"), Environment(variables=folders), listen=heard.append)
    assert found.policy.name == "other"
    chosen = [(e.name, e.reason) for e in heard if isinstance(e, PolicyChosen)]
    assert [name for name, _ in chosen] == ["best", "other"]
    assert chosen[1][1] == "best could not be fetched"


@pytest.mark.parametrize(
    ("settings", "opened"),
    [
        ({}, 0),  # nothing is known of this policy
        ({"programs": 0.5}, 1),
        ({"programs": 0.5, "particles": 1}, 0),
        ({"programs": 0.0}, 0),
    ],
)
def test_a_sandbox_is_opened_where_a_program_is_to_be_written_and_closed_with_what_was_found(
    settings: dict[str, Any], opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Box:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    boxes: list[Box] = []

    def open_beside(*_: object, **__: object) -> Future[Box]:
        boxes.append(Box())
        future: Future[Box] = Future()
        future.set_result(boxes[-1])
        return future

    monkeypatch.setattr("pfsolve.solver.finding.open_beside", open_beside)
    found = find(Settings(policy=SMALL, reward="none", **settings), Environment(), listen=ignore)
    assert len(boxes) == opened
    found.abandon()
    assert all(box.closed for box in boxes), "its process would run until this one ends"


def test_the_help_says_in_words_what_is_planned() -> None:
    best, other = load_catalogue().default_policies
    assert SETTINGS["policy"].default_text == f"{best}, or {other} without the Hub"
    assert SETTINGS["context"].default_text.startswith(f"{DEFAULT_CONTEXT}, ")
    usual = choose_sampling(Settings(), None)
    for name in ("temperature", "top_p", "top_k", "min_p"):
        text = SETTINGS[name].default_text
        assert text == f"the policy's own, or {getattr(usual[Kind.TEXT], name):g}"
    text = SETTINGS["program_temperature"].default_text
    assert text == f"the policy's own, or {usual[Kind.PROGRAM].temperature:g}"
    assert SETTINGS["max_step_tokens"].default_text.endswith(f" {DEFAULT_MAX_STEP_TOKENS}")


@pytest.mark.parametrize(
    ("architecture", "heads", "why"),
    [("llama", (80, 80), "heads of m.gguf have 80"), ("grok", (128, 128), "flash attention")],
)
def test_a_cache_that_llama_cpp_cannot_make_is_refused_before_anything_is_loaded(
    architecture: str, heads: tuple[int, int], why: str
) -> None:
    facts = Facts(Path("m.gguf"), architecture, 10**9, 28, 1536, 1024, 50_000, heads)
    found = Found(ModelFile("m", facts.path, None), facts, NoFiles(lambda site: Uniform()))
    machine = Machine(main_bytes=64 * 10**9, gpu_bytes=0, has_gpu=False, cores=6)
    plan(found, Settings(), 1, machine)
    with pytest.raises(UsageError, match=why) as caught:
        plan(found, Settings(kv_type="q8_0"), 1, machine)
    assert caught.value.hint == "use kv_type=f16"


@pytest.mark.parametrize(("given", "planned"), [(None, 80), (300, 300)])
def test_a_step_is_cut_at_four_of_the_policys_usual_ones(given: int | None, planned: int) -> None:
    entry = ModelEntry("m", "policy", "m.gguf", (), usual_step=20)
    facts = Facts(Path("m.gguf"), "llama", 10**9, 28, 1536, 1024, 50_000, (128, 128))
    found = Found(ModelFile("m", facts.path, entry), facts, NoFiles(lambda site: Uniform()))
    machine = Machine(main_bytes=64 * 10**9, gpu_bytes=0, has_gpu=False, cores=6)
    assert plan(found, Settings(max_step_tokens=given), 1, machine).max_step_tokens == planned


@pytest.mark.parametrize(
    ("settings", "text", "program"),
    [
        ({}, Sampling(0.7, 20, 0.8, 0.0), 0.7),
        ({"temperature": 0.0}, Sampling(0.0, 20, 0.8, 0.0), 0.7),
        ({"top_p": 1.0, "top_k": 0, "min_p": 0.1}, Sampling(0.7, 0, 1.0, 0.1), 0.7),
        ({"program_temperature": 0.2}, Sampling(0.7, 20, 0.8, 0.0), 0.2),
        ({"preset": "paper"}, Sampling(0.8, 0, 1.0, 0.0), 0.7),
    ],
)
def test_what_is_set_wins_over_the_sampling_that_suits_the_policy(
    settings: dict[str, Any], text: Sampling, program: float
) -> None:
    sampling = choose_sampling(merge(settings), load_catalogue().get("qwen3-4b-instruct-2507"))
    assert sampling[Kind.TEXT] == text
    assert sampling[Kind.PROGRAM] == replace(text, temperature=program)


def test_a_solve_samples_as_was_planned_and_says_so(small_path: Path, tmp_path: Path) -> None:
    """The small model, with an entry of the user's own that says how to sample from it."""
    (tmp_path / "models.toml").write_text(
        f'[[models]]\nname = "{SMALL}"\nfile = "{small_path.name}"\ntop_p = 0.9\ntop_k = 2\n'
        'min_p = 0.05\n[[models.places]]\nrepo = "me/own"\n'
    )
    variables = dict(os.environ) | {"PFSOLVE_CONFIG_DIR": str(tmp_path)}
    settings = Settings(policy=SMALL, threads=THREADS, particles=1, temperature=1.5, context=64)
    with Solver(settings, environment=Environment(variables=variables)) as solver:
        resolved = solver.settings
        assert solver.policy.sampling[Kind.TEXT] == Sampling(1.5, 2, 0.9, 0.05)
    assert (resolved.top_p, resolved.top_k, resolved.min_p) == (0.9, 2, 0.05)


def test_what_is_left_open_is_planned_from_the_model_and_the_machine() -> None:
    facts = Facts(Path("m.gguf"), "llama", 10**9, 28, 1536, 1024, 50_000, (128, 128))
    found = Found(ModelFile("m", facts.path, None), facts, NoFiles(lambda site: Uniform()))
    machine = Machine(main_bytes=64 * 10**9, gpu_bytes=0, has_gpu=False, cores=6)
    planned = plan(found, Settings(particles=4), 3, machine)
    assert (planned.context, planned.threads) == (1024, 6)
    assert (planned.parallel, planned.sequences) == (3, 12)
    assert planned.max_step_tokens == DEFAULT_MAX_STEP_TOKENS
    resolved = planned.resolve(Settings(particles=4), "m", Uniform(), 0.0)
    assert (resolved.context, resolved.parallel, resolved.reward) == (1024, 3, "none")
    assert resolved.max_step_tokens == DEFAULT_MAX_STEP_TOKENS, "the result says what was done"
    assert (resolved.temperature, resolved.program_temperature) == (0.8, 0.4)
    assert (resolved.top_p, resolved.top_k, resolved.min_p) == (1.0, 0, 0.0)
    calibrated = Uniform()
    calibrated.calibrated = True
    for reward, final in ((Uniform(), "vote"), (calibrated, "weighted-vote")):
        assert planned.resolve(Settings(particles=4), "m", reward, 0.0).final == final
        said = planned.resolve(Settings(final="vote"), "m", reward, 0.0)
        assert said.final == "vote"
    on_gpu = plan(found, Settings(particles=4), 3, replace(machine, has_gpu=True))
    assert (on_gpu.batch_rows, on_gpu.tile) != (planned.batch_rows, planned.tile)
    with pytest.raises(ResourceError):
        plan(found, Settings(), 1, replace(machine, main_bytes=10**9))


def test_a_file_of_ones_own_is_known_by_its_bytes_and_one_of_the_catalogue_by_its_hash(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + bytes(1000))
    facts = Facts(path, "llama", 1004, 28, 1536, 1024, 50_000, (128, 128))

    def known(entry: ModelEntry | None) -> str:
        found = Found(ModelFile("m", path, entry), facts, NoFiles(lambda site: Uniform()))
        return found.versions()["policy_sha256"]

    assert known(ModelEntry("m", "policy", "m.gguf", (), sha256="f" * 64)) == "f" * 64
    before = known(None)
    path.write_bytes(b"GGUF" + bytes(999) + b"x")
    assert known(None) != before
