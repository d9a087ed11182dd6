"""The published way to read and to score, by transformers and torch, and ours: see make_fixtures.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pfsolve.rewards.prm.model import Prm
from tests.rewards.conftest import known_scores

CHECKPOINTS = ("logits", "linear", "mlp", "value")

TOLERANCE = 2e-3  # of a converted model in 16-bit floats


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_scores_are_those_of_transformers(kind: str, open_tiny: Callable[..., Prm]) -> None:
    prm = open_tiny(kind)
    known = known_scores(kind)["solutions"]
    everything = np.concatenate([solution["log_odds"] for solution in known])
    assert np.ptp(everything) > 50 * TOLERANCE, "the fixture cannot tell"
    for solution in known:
        scorer = prm.open(solution["problem"], 1)
        scores = [
            scorer.score_texts([0], [solution["steps"][: n + 1]])[0]
            for n in range(len(solution["steps"]))
        ]
        assert scores == pytest.approx(solution["log_odds"], abs=TOLERANCE)
        scorer.close()


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_tokens_are_those_of_the_whole_text_tokenised_at_once(
    kind: str, open_tiny: Callable[..., Prm]
) -> None:
    template = open_tiny(kind).template
    for solution in known_scores(kind)["solutions"]:
        for n, tokens in enumerate(solution["tokens"]):
            assert template.render(solution["problem"], solution["steps"][: n + 1]) == tokens


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_a_solution_read_as_one_step_has_one_marker(
    kind: str, open_tiny: Callable[..., Prm]
) -> None:
    """As if the model's makers had been given the whole text for a single step."""
    prm, apart = open_tiny(kind, whole=True), open_tiny(kind)
    for solution in known_scores(kind)["solutions"]:
        problem, steps = solution["problem"], solution["steps"]
        whole, single = prm.open(problem, 1), apart.open(problem, 1)
        for n in range(len(steps)):
            score = whole.score_texts([0], [steps[: n + 1]])
            expected = single.score_texts([0], [["\n\n".join(steps[: n + 1])]])
            assert score == pytest.approx(expected, abs=1e-2)
        whole.close()
        single.close()
