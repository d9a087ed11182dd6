"""The policy where none is named: the best on this disk, or within reach, and found out quickly."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pfsolve.environment import Environment
from pfsolve.errors import ModelMissing
from pfsolve.events import Event
from pfsolve.events.work import PlaceChosen, PolicyChosen
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.defaults import REACH_S, default_policies, expected_default
from pfsolve.models.hub import SAMPLE, HubPlace
from pfsolve.models.resolve import ModelFile, WantedPolicy, resolve
from pfsolve.models.transfer import PlaceFailed, PlaceUnreachable
from pfsolve.models.wheels import WheelPlace
from tests.models.fixtures import use_hub
from tests.models.model_fakes import (
    DATA,
    HUB_PLACE,
    REPO,
    SHA256,
    FakeHub,
    serve_drips,
    write_wheel,
)

BEST, OTHER = "best", "other"
OTHER_DATA = b"GGUF, another one"
# "best" is at the Hub alone, "other" at the Hub and in a wheel.
DEFAULTS = f"""
default_policies = ["best", "other"]
[[models]]
name = "best"
file = "model.gguf"
bytes = {len(DATA)}
sha256 = "{SHA256}"
[[models.places]]
repo = "{REPO}"
[[models]]
name = "other"
file = "other.gguf"
bytes = {len(OTHER_DATA)}
sha256 = "{hashlib.sha256(OTHER_DATA).hexdigest()}"
[[models.places]]
repo = "{REPO}"
[[models.places]]
package = "other-model"
version = "1.0"
member = "other_model/other.gguf"
"""
LIMIT_S = 0.3  # for a place to show that it gives a model, in these tests
WHOLE_S = 2.0  # that a choice may take here with all it needs beside


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """A user without any model, who can fetch "other" as a wheel."""
    monkeypatch.setattr("pfsolve.models.defaults.REACH_S", LIMIT_S)
    (tmp_path / "models.toml").write_text(DEFAULTS)
    write_wheel(tmp_path / "wheelhouse", "other_model", {"other_model/other.gguf": OTHER_DATA})
    HUB_PLACE.page  # noqa: B018  # the Hub's client is imported: that takes longer than the limit
    variables = {"PFSOLVE_CONFIG_DIR": str(tmp_path), "PFSOLVE_MODELS_DIR": str(tmp_path / "store")}
    return Environment(variables=variables)


def choose(environment: Environment, *, offline: bool = False) -> WantedPolicy:
    return next(default_policies(environment, offline=offline))


def fetch(environment: Environment) -> tuple[ModelFile, list[Event]]:
    heard: list[Event] = []
    return choose(environment).fetch(environment, listen=heard.append), heard


def test_the_best_is_taken_where_the_hub_gives_it(hub: FakeHub, environment: Environment) -> None:
    wanted = choose(environment)
    assert (wanted.name, wanted.reason) == (BEST, "it is the best of those within reach")
    assert [headers["range"] for headers in hub.downloads] == [f"bytes=0-{SAMPLE - 1}"]
    model, heard = fetch(environment)
    assert model.path.read_bytes() == DATA
    assert heard[0] == PolicyChosen(BEST, "it is the best of those within reach")


@contextmanager
def _refusing() -> Iterator[str]:
    yield "http://127.0.0.1:9"


@contextmanager
def _without_addresses() -> Iterator[str]:
    """Names are not resolved for a long time."""
    over, resolve_name = threading.Event(), socket.getaddrinfo

    def hang(host: str, *args: object, **how: object) -> object:
        if "nowhere" in host:
            over.wait(30)
            raise socket.gaierror("no such name")
        return resolve_name(host, *args, **how)  # type: ignore[arg-type]

    socket.getaddrinfo = hang  # type: ignore[assignment]
    try:
        yield "http://hub.nowhere.test"
    finally:
        over.set()
        socket.getaddrinfo = resolve_name


UNREACHABLE = {
    "refuses connections": _refusing,
    "does not answer": lambda: serve_drips(b"", 60.0),
    "drips": lambda: serve_drips(b"z", 0.02),
    "has no address yet": _without_addresses,
}


@pytest.mark.parametrize("server", UNREACHABLE.values(), ids=UNREACHABLE)
def test_an_unreachable_hub_costs_its_limit_once_and_the_next_comes_from_wheels(
    server: object, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server() as url:  # type: ignore[operator]
        use_hub(monkeypatch, url)
        started = time.monotonic()
        wanted = choose(environment)
        assert time.monotonic() - started < WHOLE_S
        assert wanted.name == OTHER
        assert str(wanted.reason).startswith(f"{BEST} cannot be fetched: {url} ")
        model = wanted.fetch(environment, listen=(heard := []).append)
    assert model.path.read_bytes() == OTHER_DATA
    assert isinstance(heard[0], PolicyChosen)
    places = [event.place for event in heard if isinstance(event, PlaceChosen)]
    assert places == ["PyPI (other-model)"], "the Hub is not waited for again"


def test_the_real_limit_is_under_three_seconds(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfsolve.models.defaults.REACH_S", REACH_S)
    with serve_drips(b"", 60.0) as url:
        use_hub(monkeypatch, url)
        started = time.monotonic()
        assert choose(environment).name == OTHER
        assert REACH_S <= 2.5
        assert time.monotonic() - started < REACH_S + 1.0


@pytest.mark.parametrize("after", [None, 0, 1000], ids=["unreachable", "nothing", "too little"])
def test_a_hub_whose_content_network_gives_nothing_is_out_of_reach(
    hub: FakeHub, environment: Environment, after: int | None
) -> None:
    """It answers, and yet no model can be had."""
    hub.stall_after = after
    if after is None:
        hub.cdn = "http://127.0.0.1:9"
    started = time.monotonic()
    wanted = choose(environment)
    assert time.monotonic() - started < WHOLE_S
    assert wanted.name == OTHER
    assert wanted.entry is not None
    assert [type(place) for place in wanted.entry.places] == [WheelPlace]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_hub_that_refuses_the_best_may_still_give_the_next(
    hub: FakeHub, environment: Environment, status: int
) -> None:
    hub.refusal = (status, {})
    started = time.monotonic()
    wanted = choose(environment)
    assert time.monotonic() - started < WHOLE_S
    assert (wanted.name, len(hub.requests)) == (OTHER, 1)
    assert str(wanted.reason).startswith(f"{BEST} cannot be fetched: ")
    assert wanted.entry is not None
    assert [type(place) for place in wanted.entry.places] == [HubPlace, WheelPlace]


def test_what_is_on_this_disk_is_taken_without_a_word_and_without_the_network(
    hub: FakeHub, environment: Environment
) -> None:
    """Also where a better one could be fetched: what was chosen stays chosen."""
    assert expected_default(environment).name == BEST
    hub.refusal = (404, {})
    assert fetch(environment)[0].name == OTHER
    hub.refusal, asked = None, len(hub.requests)
    for offline in (False, True):
        wanted = choose(environment, offline=offline)
        assert (wanted.name, wanted.reason) == (OTHER, None)
    assert fetch(environment)[1] == []
    assert expected_default(environment).name == OTHER
    assert len(hub.requests) == asked

    resolve(BEST, environment)
    assert choose(environment).name == BEST, "now it is on this disk too"


def test_the_next_one_follows_where_the_best_cannot_be_fetched_after_all(
    hub: FakeHub, environment: Environment
) -> None:
    candidates = default_policies(environment, offline=False)
    assert next(candidates).name == BEST
    assert next(candidates) == WantedPolicy(
        OTHER, load_catalogue(environment.config_dir).get(OTHER), None, "best could not be fetched"
    )
    assert next(candidates, None) is None


@pytest.mark.parametrize("how", ["option", "HF_HUB_OFFLINE"])
def test_offline_with_none_on_this_disk_asks_nobody_and_says_what_to_pull(
    hub: FakeHub, environment: Environment, how: str
) -> None:
    variables = {**environment.variables, **({} if how == "option" else {how: "1"})}
    with pytest.raises(ModelMissing, match=r"offline.*best is not.*other is not") as caught:
        choose(Environment(variables=variables), offline=how == "option")
    assert "`pfsolve models pull best`" in str(caught.value.hint)
    assert hub.requests == []


def test_the_last_needs_no_check_and_its_failure_tells_all(
    environment: Environment, tmp_path: Path
) -> None:
    """Unless all its places are known to be out of reach: then nobody is asked again."""
    config = tmp_path / "models.toml"
    config.write_text(DEFAULTS[: DEFAULTS.rindex("[[models.places]]")])
    with pytest.raises(ModelMissing, match=r"best cannot be fetched: .*; other cannot") as caught:
        choose(environment)
    assert "policy" in str(caught.value.hint)
    config.write_text(DEFAULTS.replace('["best", "other"]', '["best"]'))
    assert choose(environment).name == BEST


# -- the check of a place --


def test_a_token_is_used_and_a_gated_model_is_no_unreachable_hub(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    HUB_PLACE.check(5.0)
    assert hub.requests[0][2]["authorization"] == "Bearer hf_secret"
    hub.refusal = (401, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(PlaceFailed, match="is gated") as caught:
        HUB_PLACE.check(5.0)
    assert not isinstance(caught.value, PlaceUnreachable)


def test_a_hub_that_gives_only_whole_files_gives_no_more_than_is_wanted(hub: FakeHub) -> None:
    hub.ignore_range = True
    hub.stall_after = 2 * SAMPLE
    HUB_PLACE.check(5.0)


def test_unusable_proxy_settings_are_no_unreachable_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.utils import close_session

    close_session()
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(PlaceFailed, match="proxy settings cannot be used"):
        HUB_PLACE.check(5.0)
