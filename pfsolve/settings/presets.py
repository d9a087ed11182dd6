"""Settings that make a run comparable with published tables."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # arXiv:2502.01618, algorithm 1 and section 4.1
    "paper": {
        "programs": 0.0,
        "resampling": "multinomial",
        "weights": "score",
        "finished": "stay",
        "ess_threshold": 1.0,
        "softmax_temperature": 1.0,
        "deduplicate": False,
        "final": "argmax",
        "early_stop": False,
        "temperature": 0.8,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "max_steps": 40,
    },
}
