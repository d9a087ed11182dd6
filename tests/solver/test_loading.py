"""What is decided before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pfsolve.environment import Environment
from pfsolve.errors import UsageError
from pfsolve.rewards.kinds import choose_reward
from pfsolve.rewards.probe.features import NUMBERS
from pfsolve.rewards.probe.files import own_file
from pfsolve.rewards.probe.head import ProbeHead
from pfsolve.solver.loading import CPU_ROWS, choose_parallel


def test_a_policy_is_judged_by_its_own_probe_where_it_has_one(tmp_path: Path) -> None:
    environment = Environment(variables={"PFSOLVE_CONFIG_DIR": str(tmp_path)})
    assert environment.config_dir == tmp_path
    assert choose_reward(None, "a-policy", environment) == "self-evaluation"
    layer = (np.zeros((1, 4 + NUMBERS), np.float32), np.zeros(1, np.float32))
    ProbeHead((layer,)).save(own_file("a-policy", tmp_path))
    assert choose_reward(None, "a-policy", environment) == "probe"
    assert choose_reward(None, "another", environment) == "self-evaluation"
    assert choose_reward("none", "a-policy", environment) == "none", "what is said is done"


@pytest.mark.parametrize(
    ("particles", "problems", "parallel"),
    [(1, 60, 32), (4, 60, 16), (8, 60, 8), (8, 2, 2), (64, 9, 1), (8, None, 1)],
)
def test_as_many_problems_side_by_side_as_fill_a_batch(
    particles: int, problems: int | None, parallel: int
) -> None:
    assert choose_parallel(particles, CPU_ROWS, None, problems, 99) == parallel


def test_what_was_asked_for_is_done_within_the_number_of_sequences() -> None:
    assert choose_parallel(8, CPU_ROWS, 32, 99, 1) == 32
    assert choose_parallel(8, CPU_ROWS, 32, None, 1) == 32
    assert choose_parallel(8, CPU_ROWS, None, 99, 3) == 3, "what was not keeps within memory"
    with pytest.raises(UsageError, match="parallel=33") as caught:
        choose_parallel(8, CPU_ROWS, 33, 99, 1)
    assert "parallel=32" in (caught.value.hint or "")
