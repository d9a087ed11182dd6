"""Caches and policies on the small model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.policy import Policy
from pfsolve.engine.sampling import Sampling
from pfsolve.particle import Kind, StepRules
from tests.conftest import THREADS

CELLS = 512

# Two decodes of the same tokens differ with the shape of the batch and the cells they land in: the
# quantized small model rounds activations to 8 bits and attention to 16. Measured: a total variation
# of up to 0.08. A wrong history, by contrast, moves more than half of the mass.
TOLERANCE = 0.15


@pytest.fixture
def cache(small_model: LoadedModel) -> Iterator[Cache]:
    with Cache(small_model, cells=CELLS, sequences=16, threads=THREADS) as cache:
        yield cache


@pytest.fixture
def make_policy(small_model: LoadedModel, cache: Cache) -> Callable[..., Policy]:
    def make(temperature: float = 0.8, **rules: int) -> Policy:
        limits = {"max_steps": 3, "max_step_tokens": 16, "context": 160, **rules}
        sampling = dict.fromkeys(Kind, Sampling(temperature))
        return Policy(cache, Chat(small_model), sampling, StepRules(**limits))

    return make


class Thinker:
    """A model with a template that opens a thought, whatever it is asked for; else as it is."""

    chat_template = (
        "{%- for message in messages %}"
        "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
        "{%- endfor %}{{- '<|im_start|>assistant\n<think>\n' }}"
    )

    def __init__(self, model: LoadedModel) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def thinking(policy: Policy) -> Policy:
    """The same policy with a template that opens thoughts."""
    model: Any = Thinker(policy.model)
    return Policy(policy.cache, Chat(model), policy.sampling, policy.rules)


def distribution(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits.astype(np.float64) - logits.max())
    return odds / odds.sum()


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Total variation between two next-token distributions, 0 to 1."""
    return float(0.5 * np.abs(one - other).sum())


def is_empty(cache: Cache) -> bool:
    """Whether llama.cpp itself has every cell free: only then a token fits for each of them."""
    from pfsolve.engine.cache import TokenRun

    if cache.sequences:
        return False
    probe = cache.new()
    cache.decode([TokenRun(probe, [1] * cache.cells, output=False)])
    cache.drop(probe)
    return True
