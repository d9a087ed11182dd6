"""Seeds and shards follow from ids alone, the same on every machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.errors import UsageError
from pfsolve.problems import Problem, Shard


@pytest.mark.parametrize(
    ("root", "name", "seed"),
    [
        (0, "1", 4230478857458723097),
        (0, "2", 9022023493646252404),
        (2**63 - 1, "test/algebra/1.json", 6364851774082998822),
        (7, "é", 6162479986559110830),
    ],
)
def test_seeds_are_the_same_on_every_machine(root: int, name: str, seed: int) -> None:
    assert Problem(name, 1, "1+1").seed(root) == seed


@given(st.integers(0, 2**63 - 1), st.text())
def test_a_seed_depends_on_root_and_id_alone(root: int, name: str) -> None:
    seed = Problem(name, 1, "a", "b").seed(root)
    assert seed == Problem(name, 7, "c").seed(root)
    assert 0 <= seed < 2**63
    assert seed != Problem(name + "x", 1, "a").seed(root)
    assert seed != Problem(name, 1, "a").seed(root + 1)


def test_root_and_id_are_not_confused() -> None:
    assert Problem("1:a", 1, "a").seed(1) != Problem("a", 1, "a").seed(11)
    assert Problem("23", 1, "a").seed(1) != Problem("3", 1, "a").seed(12)


def test_shards_are_the_same_on_every_machine() -> None:
    found = [
        next(s for s in range(1, 5) if Shard(s, 4).holds(name)) for name in ("1", "2", "é", "a#2")
    ]
    assert found == [1, 2, 1, 3]


@given(st.text(), st.integers(1, 60))
def test_each_id_is_in_exactly_one_shard(name: str, count: int) -> None:
    assert sum(Shard(index, count).holds(name) for index in range(1, count + 1)) == 1


def test_shards_are_of_about_the_same_size() -> None:
    sizes = [sum(Shard(i, 4).holds(str(number)) for number in range(4000)) for i in range(1, 5)]
    assert sum(sizes) == 4000
    assert all(850 < size < 1150 for size in sizes)


@given(st.integers(1, 10_000), st.data())
def test_a_shard_is_read_as_it_is_written(count: int, data: st.DataObject) -> None:
    shard = Shard(data.draw(st.integers(1, count)), count)
    assert Shard.parse(str(shard)) == shard


@pytest.mark.parametrize(
    "text",
    [
        "", "0/4", "5/4", "a/b", "2", "2/", "/4", "2/0", "0/0", "-1/4", "2/4/4", " 2/4", "2/4\n",
        "2.0/4", "²/4", "٢/٤", "1/10001", "1/999999999999999999999999", "9" * 5000 + "/4",
    ],
)  # fmt: skip
def test_what_names_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="shard") as caught:
        Shard.parse(text)
    assert len(caught.value.message) < 100
