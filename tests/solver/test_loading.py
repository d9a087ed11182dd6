"""What is decided before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pfsolve.environment import Environment
from pfsolve.rewards.probe.features import NUMBERS
from pfsolve.rewards.probe.files import own_file
from pfsolve.rewards.probe.head import ProbeHead
from pfsolve.solver.loading import choose_reward


def test_a_policy_is_judged_by_its_own_probe_where_it_has_one(tmp_path: Path) -> None:
    environment = Environment(variables={"PFSOLVE_CONFIG_DIR": str(tmp_path)})
    assert environment.config_dir == tmp_path
    assert choose_reward(None, "a-policy", environment) == "self-evaluation"
    layer = (np.zeros((1, 4 + NUMBERS), np.float32), np.zeros(1, np.float32))
    ProbeHead((layer,)).save(own_file("a-policy", tmp_path))
    assert choose_reward(None, "a-policy", environment) == "probe"
    assert choose_reward(None, "another", environment) == "self-evaluation"
    assert choose_reward("none", "a-policy", environment) == "none", "what is said is done"
