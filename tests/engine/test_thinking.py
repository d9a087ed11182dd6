"""Thoughts on a real model: part of one step, with a budget, and always an answer behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pfsolve.engine.library import LoadedModel
from pfsolve.engine.policy import Policy, StepDraft
from pfsolve.particle import Finish, Kind, Particle
from pfsolve.problems import Problem
from pfsolve.rewards.base import Uniform
from pfsolve.search.methods import METHODS
from pfsolve.settings import Settings
from pfsolve.solver.scheduler import Scheduler
from pfsolve.solver.solver import Solver
from pfsolve.solver.streams import resampling_rng
from pfsolve.solver.task import Outcome, Task, Writer
from tests.conftest import SMALL
from tests.engine.fixtures import Thinker, is_empty, thinking
from tests.engine.test_policy import end_token, ids, write

MakePolicy = Callable[..., Policy]
ASKED = b"</think>\n\nThe final answer is \\boxed{"


@pytest.fixture
def thinker(make_policy: MakePolicy) -> Iterator[MakePolicy]:
    """Makes policies whose template opens a thought; all that they held must be given back."""
    made: list[Policy] = []

    def make(**limits: Any) -> Policy:
        made.append(thinking(make_policy(**{"context": 120, **limits})))
        return made[-1]

    yield make
    assert all(is_empty(policy.cache) for policy in made)


class Dictated(Policy):
    """A policy that is told each token that it draws, given what it has written of the step."""

    says: Callable[[StepDraft], int]

    def _draw(self, draft: StepDraft, row: np.ndarray) -> None:
        told = np.full_like(row, -np.inf)
        told[self.says(draft)] = 0.0
        super()._draw(draft, told)


def dictate(policy: Policy, says: Callable[[StepDraft], int], **draft: Any) -> StepDraft:
    """One step of a policy that draws what it is told."""
    dictated = Dictated(policy.cache, policy.chat, policy.sampling, policy.rules)
    dictated.says = says
    written = begin(dictated, 1, **draft)
    write(dictated, written)
    dictated.drop(written[0].branch)
    return written[0]


def begin(policy: Policy, n: int, **draft: Any) -> list[StepDraft]:
    root = policy.open(policy.chat.prompt("Be brief.", "What is 3 + 4?"))
    branches = [root, *(policy.fork(root) for _ in range(n - 1))]
    particle = Particle(opening=policy.chat.opening)
    return [
        StepDraft(particle, branch, slot, np.random.default_rng(slot), **draft)
        for slot, branch in enumerate(branches)
    ]


def words(model: LoadedModel, *endings: tuple[bytes, str]) -> Callable[[StepDraft], int]:
    """Says no word twice; what stands in `endings` goes on with the token that is there."""
    plain = [t for t in range(2000, 5000) if model.piece(t).strip().isalpha()]
    said = iter(plain)

    def says(draft: StepDraft) -> int:
        for ending, token in endings:
            if draft.data.endswith(ending):
                return ids(model, token)[0]
        return next(said)

    return says


ANSWERS = ((b"\\boxed{", "7"), (b"\\boxed{7", "}"), (b"7}", "\n"))


def test_a_thought_is_one_step_with_what_follows_it(
    thinker: MakePolicy, small_model: LoadedModel
) -> None:
    """Blank lines, a box and many tokens end no step, as long as they are thought."""
    text = "So.\n\nIs it \\boxed{3}?\n\nNo, that cannot be so.</think>\n\n\nIt is more.\n\nNow"
    for policy in (thinker(max_step_tokens=10), thinker(max_step_tokens=4)):
        script = iter(ids(small_model, text))
        draft = dictate(policy, lambda _, script=script: next(script))  # type: ignore[misc]
        cut = policy.rules.max_step_tokens == 4
        assert draft.data.endswith(b"\n\nIt is" if cut else b"more.\n\n")
        assert len(draft.tokens) > 16
        assert draft.finish is None


@pytest.mark.parametrize("budget", [0, 1, 20])
def test_at_its_budget_a_thought_is_closed_and_the_answer_written(
    thinker: MakePolicy, budget: int
) -> None:
    policy = thinker(temperature=1.0, max_steps=1, max_step_tokens=40, thinking_tokens=budget)
    drafts = begin(policy, 4)
    write(policy, drafts)
    closed = boxed = 0
    for draft in drafts:
        thought = b"".join(map(policy.model.piece, draft.tokens[:budget]))
        particle = draft.particle.extended(draft.step, draft.finish)
        policy.drop(draft.branch)
        assert particle.finish is not None
        if b"</think>" not in thought:  # else it came to its end in time
            assert draft.data.startswith(thought + b"\n" + ASKED)
            assert len(draft.tokens) < budget + 60
            closed += 1
            boxed += particle.answer is not None
    assert closed >= 2
    assert boxed >= closed - 1


def test_the_context_is_a_budget(thinker: MakePolicy, small_model: LoadedModel) -> None:
    """Without another one a thought leaves an eighth of the context, and the answer is written there."""
    policy = thinker()
    draft = dictate(policy, words(small_model, *ANSWERS))
    assert draft.finish is Finish.BOXED
    assert draft.data.endswith(ASKED + b"7}\n")
    prompt = policy.chat.prompt("Be brief.", "What is 3 + 4?")
    assert 105 <= len(prompt) + len(draft.tokens) <= 108


def test_a_context_without_room_for_an_answer_is_truncated(
    thinker: MakePolicy, small_model: LoadedModel
) -> None:
    prompt = len(thinker().chat.prompt("Be brief.", "What is 3 + 4?"))
    for left in (0, 3, 40):
        policy = thinker(context=prompt + left)
        draft = dictate(policy, words(small_model, *ANSWERS))
        assert draft.finish is (Finish.BOXED if left == 40 else Finish.TRUNCATED)
        assert len(draft.tokens) <= left


def test_a_thought_in_circles_is_closed(thinker: MakePolicy, small_model: LoadedModel) -> None:
    circles = ids(small_model, " and so on")

    def says(draft: StepDraft) -> int:
        for ending, token in ANSWERS:
            if draft.data.endswith(ending):
                return ids(small_model, token)[0]
        return circles[len(draft.tokens) % len(circles)]

    draft = dictate(thinker(context=200), says)
    assert draft.finish is Finish.BOXED
    assert draft.data.endswith(b"and so on\n" + ASKED + b"7}\n")
    assert len(draft.tokens) < 130


def test_a_turn_that_ends_in_a_thought_is_asked_for_the_answer(
    thinker: MakePolicy, small_model: LoadedModel
) -> None:
    hm = words(small_model, *ANSWERS)
    end = end_token(small_model)
    draft = dictate(thinker(), lambda d: end if len(d.tokens) == 5 else hm(d))
    assert draft.finish is Finish.BOXED
    assert draft.data.endswith(ASKED + b"7}\n")
    assert draft.thought < 12


def test_what_follows_a_thought_is_asked_for_its_answer_before_it_is_cut(
    thinker: MakePolicy, make_policy: MakePolicy, small_model: LoadedModel
) -> None:
    """And only that: what never thought is truncated as ever."""
    policy = thinker(max_step_tokens=500)
    hm = words(small_model, (b"\n", "</"), (b"</", "think"), (b"</think", ">"), *ANSWERS)
    newline = ids(small_model, "\n")[0]
    draft = dictate(policy, lambda d: newline if len(d.tokens) == 9 else hm(d))
    assert draft.finish is Finish.BOXED
    assert draft.data.endswith(b"\nThe final answer is \\boxed{7}\n")
    assert draft.data.count(b"The final answer") == 1
    assert 9 < draft.thought < 15
    draft = dictate(make_policy(max_step_tokens=500, context=90), words(small_model, *ANSWERS))
    assert draft.finish is Finish.TRUNCATED
    assert b"boxed" not in draft.data


def test_a_thought_that_the_policy_opens_itself_has_the_same_budget(
    make_policy: MakePolicy, small_model: LoadedModel
) -> None:
    policy = make_policy(thinking_tokens=9, max_step_tokens=60)
    assert policy.chat.opening == ""
    script = iter(ids(small_model, "Hm. <think>"))
    hm = words(small_model, *ANSWERS)
    draft = dictate(policy, lambda d: next(script, None) or hm(d))
    assert draft.data.startswith(b"Hm. <think>")
    assert draft.data.endswith(ASKED + b"7}\n")
    assert draft.finish is Finish.BOXED
    assert 9 < draft.thought < 9 + 6


def test_a_program_may_write_what_it_likes(
    make_policy: MakePolicy, small_model: LoadedModel
) -> None:
    policy = make_policy(thinking_tokens=0, max_step_tokens=500)
    root = policy.open(policy.chat.prompt("Be brief.", "?"))
    dictated = Dictated(policy.cache, policy.chat, policy.sampling, policy.rules)
    script = iter(ids(small_model, 'tag = "<think>"\n\nprint(tag)'))
    dictated.says = lambda _: next(script)
    draft = StepDraft(Particle(kind=Kind.PROGRAM), root, 0, np.random.default_rng(0))
    write(dictated, [draft])
    assert draft.data == b'tag = "<think>"\n\n'
    policy.drop(root)


def test_a_trace_holds_what_was_said(thinker: MakePolicy) -> None:
    policy = thinker(temperature=1.0, max_step_tokens=40, thinking_tokens=12)
    for draft in begin(policy, 2, traced=True):
        write(policy, [draft])
        trace = policy.trace(draft)
        assert trace is not None
        assert len(draft.tokens) - draft.thought == len(trace.hidden) < len(draft.tokens)
        _, _, said = draft.data.partition(b"</think>")
        assert b"".join(trace.pieces) == said
        ends = draft.finish is Finish.END
        assert len(trace.uncertainties) == len(trace.pieces) == len(trace.hidden) + ends
        asked = len(b"\n\nThe final answer is \\boxed{")
        lengths = np.cumsum([len(piece) for piece in trace.pieces])
        for length, uncertainty in zip(lengths, trace.uncertainties, strict=True):
            assert (uncertainty == (0.0, 0.0, 0.0)) == (length <= asked)
        policy.drop(draft.branch)


def search(policy: Policy, method: str, *, stopped: bool = False) -> Outcome:
    """A whole search of four particles."""
    prompt = policy.chat.prompt("Be brief.", "What is 3 + 4?")
    task = Task(
        Problem("1", 1, "What is 3 + 4?"),
        [Writer(Kind.TEXT, prompt, opening=policy.chat.opening)] * 4,
        seed=1,
        search=METHODS[method](Settings(particles=4, beam_width=2), resampling_rng(1)),
    )
    with Scheduler(policy, Uniform(), stopping=lambda: stopped) as scheduler:
        scheduler.begin(task)
        while not (ended := scheduler.advance()):
            pass
    ((_, outcome),) = ended
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.mark.parametrize("method", ["pf", "pg", "beam"])
def test_a_search_with_a_small_budget_ends_with_answers_and_a_seed_repeats(
    thinker: MakePolicy, method: str
) -> None:
    policy = thinker(temperature=1.0, max_step_tokens=60, max_steps=4, thinking_tokens=15)
    outcome, again = (search(policy, method) for _ in range(2))
    assert [p.tokens for p in outcome.particles] == [p.tokens for p in again.particles]
    assert all(particle.finish is not None for particle in outcome.particles)
    assert all("".join(particle.step_texts).strip() for particle in outcome.particles)
    assert any(particle.answer for particle in outcome.particles)


def test_a_search_that_is_stopped_is_cut_in_its_thought(thinker: MakePolicy) -> None:
    policy = thinker(temperature=1.0, max_step_tokens=60)
    outcome = search(policy, "pf", stopped=True)
    for particle in outcome.particles:
        assert particle.finish is Finish.INTERRUPTED
        assert len(particle.tokens) <= 2


def test_a_solve_with_a_tiny_budget_has_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts begin in the thought that the template opens, programs behind it."""
    monkeypatch.setattr(LoadedModel, "chat_template", Thinker.chat_template)
    settings = Settings(
        policy=SMALL, particles=4, programs=0.5, reward="self-evaluation", context=320,
        thinking_tokens=8, early_stop=False, max_steps=4, seed=3,
    )  # fmt: skip
    with Solver(settings) as solver:
        solution = solver.solve("What is 3 + 4?")
        scored = solver.read_solution("What is 3 + 4?", ["3 + 4 = 7.", r"\boxed{7}"])
    texts = [p for p in solution.particles if p.kind is Kind.TEXT]
    assert len(texts) == 2
    assert all(p.opening == "<think>" and ASKED in p.steps[0].data for p in texts)
    assert any(p.answer for p in texts)
    assert all(not p.opening for p in solution.particles if p.kind is Kind.PROGRAM)
    assert np.isfinite(scored.log_odds).all()
