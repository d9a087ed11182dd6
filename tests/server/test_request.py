"""What a request says, and what is wrong with it; and who waits for whom. No model is needed."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from starlette.datastructures import Headers

from pfsolve.errors import PfsolveError, UsageError
from pfsolve.server import serving
from pfsolve.server.door import Door, is_local
from pfsolve.server.errors import Refused
from pfsolve.server.request import Wanted, read_request
from pfsolve.server.turns import News, Turns, WaitingSearch
from pfsolve.settings import Settings, merge

ASKED = [{"role": "user", "content": "2+2"}]


def read(**body: Any) -> Wanted:
    body = {"messages": ASKED, **body}
    return read_request(json.dumps(body).encode(), "m", lambda own: merge({"particles": 6}, own))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (" 2+2\n", "2+2"),
        ([{"type": "text", "text": "Solve"}, {"type": "text", "text": "x=1"}], "Solve\nx=1"),
    ],
)
def test_the_last_message_of_the_user_is_the_problem(content: Any, problem: str) -> None:
    messages = [
        {"role": "user", "content": "an older one"},
        {"role": "user", "content": content},
        {"role": "assistant", "content": "prefilled"},
    ]
    assert read(messages=messages).problem == problem


def test_settings_of_a_request_lie_over_the_servers() -> None:
    wanted = read(method="greedy", seed=3, temperature=1.0, top_p=0.5, max_tokens=9, n=1)
    assert wanted.settings == merge({"particles": 6}, {"method": "greedy", "seed": 3})
    assert not wanted.stream
    assert read(n_particles=None, seed=None).settings.particles == 6
    assert read(stream=True, stream_options={"include_usage": True}).with_usage


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({"n_particles": "8"}, "n_particles", "n_particles is '8', which is no whole number"),
        ({"n_particles": True}, "n_particles", "n_particles is True"),
        ({"n_particles": 300}, "n_particles", "1 to 256"),
        ({"method": "magic"}, "method", "choose one of pf, "),
        ({"seed": -1}, "seed", "out of range"),
        ({"method": "islands", "n_particles": 3}, None, "n_particles is 3, which is no multiple"),
        ({"particles": 3}, "particles", "use n_particles"),
        ({"max_steps": 3}, "max_steps", "it is for `pfsolve serve` to say"),
        ({"n": 2}, "n", "n is not supported"),
        ({"tools": [{}]}, "tools", "tools is not supported"),
        ({"response_format": {"type": "json_object"}}, "response_format", "not supported"),
        ({"model": "gpt-4"}, "model", "model is 'gpt-4', which is not served; use 'm'"),
        ({"messages": "2+2"}, "messages", "no list of messages"),
        ({"messages": []}, "messages", "none with the role 'user'"),
        ({"messages": [{"role": "user"}]}, "messages", "neither a text nor a list"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages", "the problem is empty"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages",
            "messages[0].content[0] is 'image_url'; only text is read",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "\ud800"}]}]},
            "messages",
            r"content[0] is '\ud800'; only text is read",
        ),
        ({"messages": [{"role": "user", "content": ["a"]}]}, "messages", "no part"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "messages", "half of a character"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str | None, said: str) -> None:
    with pytest.raises(Refused) as refused:
        read(**body)
    assert said in str(refused.value)
    assert refused.value.param == param
    assert refused.value.response().status_code == (404 if param == "model" else 400)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[]", b"3", b"[" * 100_000, b'{"seed":' + b"9" * 5000]
)
def test_a_body_that_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="the body is no JSON"):
        read_request(data, "m", lambda own: Settings())


def test_turns_are_first_come_first_served_and_a_place_left_is_free_again() -> None:
    heard: list[News] = []
    turns = Turns(places=2)
    a, b, c, d = (WaitingSearch(name, Settings(), heard.append) for name in "abcd")
    assert turns.next(0) is None
    assert turns.join(a) == 0
    assert turns.next(0) is a
    assert [turns.join(each) for each in (b, c, d)] == [1, 2, None]
    turns.leave(b)
    assert turns.join(d) == 2
    turns.leave(a)
    assert a.gone.is_set()
    assert turns.next(0) is c
    turns.close()
    assert [str(each) for each in heard] == 2 * ["the server is shutting down"]  # c and d
    assert all(isinstance(each, PfsolveError) for each in heard)
    assert turns.join(b) is None
    assert turns.next(0) is None


def test_an_address_that_cannot_be_had_is_an_error_before_anything_is_loaded() -> None:
    with serving.listen_at("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert serving.url_of(taken) == f"http://127.0.0.1:{port}/v1"
        assert serving.is_private(taken)
        with pytest.raises(UsageError, match=rf"port {port}: Address already in use\n"):
            serving.listen_at("127.0.0.1", port)
    with pytest.raises(UsageError, match=r"cannot listen at a\.\.b, port 0"):
        serving.listen_at("a..b", 0)
    with serving.listen_at("0.0.0.0", 0) as everywhere:
        assert not serving.is_private(everywhere)


@pytest.mark.parametrize(
    ("origin", "enters"),
    [
        ("http://localhost:8000", True),
        ("http://localhost:1", False),
        ("http://[", False),
        ("null", False),
    ],
)
def test_pages_of_elsewhere_are_refused_however_they_call_themselves(
    origin: str, enters: bool
) -> None:
    headers = Headers({"Host": "localhost:8000", "Origin": origin})
    with nullcontext() if enters else pytest.raises(Refused, match="is not of this server"):
        Door(local=True).check(headers)


@pytest.mark.parametrize(
    ("name", "local"),
    [
        *(("localhost", True), ("127.0.0.9", True), ("::1", True), ("", False)),
        *(("localhost.evil.example", False), ("127.0.0.1.nip.io", False), ("0.0.0.0", False)),
    ],
)
def test_only_names_that_no_one_else_can_give_are_local(name: str, local: bool) -> None:
    assert is_local(name) == local
