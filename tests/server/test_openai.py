"""OpenAI's own client against a server with the small model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import openai
import pytest

from pfsolve.events import Event
from pfsolve.events.search import Began, Ended
from pfsolve.server import serving
from pfsolve.server.app import BODY_BYTES
from pfsolve.settings import merge
from pfsolve.solver.solver import Solver
from tests.conftest import SMALL, THREADS

KEY = "a-key"
LAYER = {
    **{"policy": SMALL, "threads": THREADS, "particles": 3, "context": 256, "programs": 0.0},
    **{"max_steps": 1, "max_step_tokens": 8, "temperature": 0.3, "early_stop": False, "seed": 1},
}
ASKED = [{"role": "user", "content": "Only write \\boxed{5}. Nothing else, only \\boxed{5}."}]


@dataclass
class Server:
    url: str = ""
    events: list[Event] = field(default_factory=list)  # of all searches
    slow: threading.Event = field(default_factory=threading.Event)  # whether searches wait

    def hear(self, event: Event) -> None:
        self.events.append(event)
        for _ in range(500):
            if self.slow.is_set() and isinstance(event, Began):
                time.sleep(0.01)


@pytest.fixture(scope="module")
def server(small_path: Path) -> Iterator[Server]:
    """A server whose models are loaded, and used, by one thread."""
    found, stop, ready = Server(), threading.Event(), threading.Event()
    listening = serving.listen_at("127.0.0.1", 0)
    found.url = serving.url_of(listening)

    def run() -> None:
        with Solver(merge(LAYER), problems=1) as solver:
            serving.serve(
                solver,
                listening,
                lambda own: merge(LAYER, own),
                key=KEY,
                listen=found.hear,
                stopping=stop.is_set,
                ready=ready.set,
            )

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    yield found
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=0, timeout=30) as client:
        yield client


def ask(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": SMALL, "messages": ASKED, **more})


def test_an_answer_is_the_same_whole_and_as_events(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [SMALL]
    assert client.models.retrieve(SMALL).owned_by == "pfsolve"
    for seed in range(2, 9):  # seed 2 has an answer where this was written
        whole = ask(client, seed=seed)
        choice = whole.choices[0]
        if choice.finish_reason == "stop":
            break
    assert choice.message.content.splitlines()[-1] == whole.pfsolve["answer"] == "5"
    assert whole.usage.prompt_tokens > 10
    assert whole.usage.completion_tokens > 4
    chunks = list(ask(client, seed=seed, stream=True, stream_options={"include_usage": True}))
    *said, counted = chunks
    deltas = [chunk.choices[0].delta for chunk in said]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == choice.message.content
    thoughts = [delta.reasoning_content for delta in deltas if hasattr(delta, "reasoning_content")]
    assert "".join(thoughts).strip() == choice.message.reasoning_content
    assert thoughts[0].startswith("step 1 · ESS 3.0 of 3")
    assert said[-1].choices[0].finish_reason == "stop"
    assert counted.choices == []
    assert counted.usage == whole.usage


def test_a_request_has_settings_of_its_own(client: openai.OpenAI, server: Server) -> None:
    del server.events[:]
    two = ask(client, seed=7, extra_body={"n_particles": 2, "method": "sc"})
    assert two.pfsolve["seed"] == 7
    [greedy] = ask(client, extra_body={"method": "greedy"}).choices
    assert (greedy.message.content, greedy.finish_reason) == ("", "length")
    assert greedy.message.reasoning_content.endswith("none of 1 particle reached an answer")
    begun = [event.particles for event in server.events if isinstance(event, Began)]
    assert begun == [2, 1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"n_particles": 5},
            "n_particles is 5, and there is room for 3; `pfsolve serve --particles 5`",
        ),
        (
            {"n_particles": 0},
            "n_particles is 0, which is out of range; choose a whole number: 1 to",
        ),
        ({"method": "bon"}, "method=bon goes by scores, and there is no reward to give them"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    client: openai.OpenAI, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, extra_body=more)
    assert said in refused.value.message
    assert refused.value.type == "invalid_request_error"


def test_a_client_that_goes_away_stops_its_search_and_the_next_comes_first(
    client: openai.OpenAI, server: Server
) -> None:
    del server.events[:]
    server.slow.set()
    running = ask(client, stream=True)
    waiting = [ask(client, stream=True, extra_body={"n_particles": n}) for n in (1, 2)]
    firsts = [next(iter(stream)).choices[0].delta for stream in waiting]
    assert firsts[0].role == "assistant"
    running.close()
    waiting[0].close()
    time.sleep(0.3)
    server.slow.clear()
    rest = [chunk.choices[0].delta for chunk in waiting[1]]
    assert rest[0].reasoning_content == "number of searches that come first: 2\n"
    assert [event.particles for event in server.events if isinstance(event, Began)] == [3, 2]
    cut = next(event for event in server.events if isinstance(event, Ended))
    assert {row.finish for row in cut.rows} == {"interrupted"}


def test_who_finds_no_place_is_told_to_come_back(client: openai.OpenAI, server: Server) -> None:
    server.slow.set()
    streams = [ask(client, stream=True) for _ in range(serving.PLACES + 1)]
    with pytest.raises(openai.RateLimitError, match="too many searches wait"):
        ask(client, stream=True)
    for stream in streams:
        stream.close()
    time.sleep(0.3)
    server.slow.clear()


def test_a_problem_that_is_too_long_is_an_error_whole_and_as_events(client: openai.OpenAI) -> None:
    long = [{"role": "user", "content": "1 + " * 400}]
    said = "a particle holds 256 tokens"
    with pytest.raises(openai.BadRequestError, match=said):
        ask(client, messages=long)
    with pytest.raises(openai.APIError, match=said):  # an event, if others come first
        list(ask(client, messages=long, stream=True))


@pytest.mark.parametrize(
    ("path", "headers", "data", "status"),
    [
        ("/models", {"Authorization": "Bearer another"}, None, 401),
        ("/models", {"Authorization": ""}, None, 401),
        ("/models", {"Host": "evil.example"}, None, 403),
        ("/models", {"Host": "[::1]:8000"}, None, 200),
        ("/models", {"Host": "localhost:8000", "Origin": "http://localhost:8000"}, None, 200),
        ("/models", {"Origin": "https://evil.example"}, None, 403),
        ("/models/other", {}, None, 404),
        ("/completions", {}, b"{}", 404),
        ("/chat/completions", {}, None, 405),
        ("/chat/completions", {}, b"[" * 100_000, 400),
        ("/chat/completions", {}, b" " * (BODY_BYTES + 1), 413),
    ],
)
def test_who_and_what_is_not_let_in(
    server: Server, path: str, headers: dict[str, str], data: bytes | None, status: int
) -> None:
    every = {"Authorization": f"Bearer {KEY}", **headers}
    try:
        with urlopen(Request(server.url + path, data, every), timeout=20) as response:
            got = response.status, response.headers, json.load(response)
    except HTTPError as error:
        got = error.code, error.headers, json.load(error)
    assert got[0] == status
    assert "access-control-allow-origin" not in got[1]
    if status != 200:
        assert got[2]["error"]["message"]
        assert got[2]["error"]["type"].endswith("error")
