"""Programs in a search: they run as they are written, die when they fail, and are drawn again.

The tokens are dictated, so that a model too small to write programs does; it decodes them, and the
sandbox runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from pfsolve.engine.policy import Policy, StepDraft
from pfsolve.errors import PfsolveError, ProgramsUnavailable
from pfsolve.events import Event
from pfsolve.events.search import ProgramRan
from pfsolve.particle import Finish, Kind
from pfsolve.problems import Problem
from pfsolve.programs.base import ProgramResult, Sandbox
from pfsolve.rewards.base import Memoryless, Prefix, Reward, Uniform
from pfsolve.settings import Settings
from pfsolve.solver.answering import answer_is_settled
from pfsolve.solver.lots import search_of, waves_of
from pfsolve.solver.scheduler import Scheduler
from pfsolve.solver.streams import resampling_rng
from pfsolve.solver.task import Outcome, Task, Writer
from tests.engine.fixtures import is_empty
from tests.solver.test_ending import Decodes

FENCE = "```\n"
RIGHT = "x = 6 * 7\n\nprint(x)\n" + FENCE
FAILS = "y = 1 / 0\n\nprint(y)\n" + FENCE
SILENT = "x = 6 * 7\n" + FENCE
TEXT = "Six times seven.\n\nSo it is \\boxed{42}."


class Dictated(Policy):
    """A policy that writes what it is told to: in each slot one text after the other from the prompt."""

    scripts: dict[int, list[str]]

    def start(self, scripts: list[list[str]]) -> None:
        self.scripts = {slot: list(texts) for slot, texts in enumerate(scripts)}
        self._texts: dict[int, list[int]] = {}

    def _draw(self, draft: StepDraft, row: np.ndarray) -> None:
        place = draft.particle.n_tokens + len(draft.tokens)
        author = draft.particle.steps[0].slot if draft.particle.steps else draft.slot
        if place == 0:
            text = self.scripts[author].pop(0)
            self._texts[author] = [
                *self.model.tokenize(text),
                *self.model.tokenize("<|im_end|>", special=True),
            ]
        forced = np.full_like(row, -np.inf)
        forced[self._texts[author][place]] = 0.0
        super()._draw(draft, forced)


Search = Callable[..., tuple[Outcome, list[Event]]]


@pytest.fixture
def searched(make_policy: Callable[..., Policy], sandbox: Sandbox) -> Search:
    """Search with the texts of each slot, texts' slots before programs' in each wave."""

    def search(
        scripts: list[list[str]],
        reward: Reward | None = None,
        box: Sandbox | None = None,
        stop_after: int | None = None,
        max_program_tokens: int = 400,
        max_step_tokens: int = 64,
        max_steps: int = 8,
        **settings: Any,
    ) -> tuple[Outcome, list[Event]]:
        limits = {"max_step_tokens": max_step_tokens, "context": 400, "max_steps": max_steps}
        plain = make_policy(**limits, max_program_tokens=max_program_tokens)
        policy = Dictated(plain.cache, plain.chat, plain.sampling, plain.rules)
        policy.start(scripts)
        decodes = Decodes(policy)
        chosen = Settings(
            **{"particles": len(scripts), "programs": 0.5, "early_stop": False, **settings}
        )
        waves = waves_of(chosen, at_once=False)
        prompt = policy.chat.prompt("Think.", "What is 6 times 7?")
        events: list[Event] = []
        task = Task(
            problem=Problem("1", 1, "What is 6 times 7?"),
            writers=[
                Writer(lot.kind, prompt, lot.greedy)
                for wave in waves
                for lot in wave
                for _ in range(lot.particles)
            ],
            seed=1,
            search=search_of(waves, chosen, resampling_rng(1)),
            listen=events.append,
            settled=(lambda *seen: answer_is_settled("vote", *seen))
            if chosen.stops_early
            else None,
        )
        with Scheduler(
            policy,
            reward or Uniform(),
            box or sandbox,
            stopping=lambda: stop_after is not None and decodes.count >= stop_after,
        ) as scheduler:
            scheduler.begin(task)
            while scheduler.running:
                for _, end in scheduler.advance():
                    if isinstance(end, PfsolveError):
                        raise end
                    outcome = end
        assert is_empty(policy.cache)
        return outcome, events

    return search


def test_a_program_is_written_in_steps_and_its_answer_is_what_it_prints(searched: Search) -> None:
    outcome, events = searched([[TEXT], [RIGHT]])
    text, program = outcome.particles
    assert (text.kind, text.answer, text.finish) == (Kind.TEXT, "42", Finish.BOXED)
    assert (program.kind, program.answer, program.finish) == (Kind.PROGRAM, "42", Finish.END)
    assert [step.data.decode() for step in program.steps] == ["x = 6 * 7\n\n", "print(x)\n```"]
    assert program.output == "42\n"
    assert [e for e in events if isinstance(e, ProgramRan)] == [ProgramRan(2, 1, None, "42\n")]
    assert outcome.population.weights.normalised.tolist() == [0.5, 0.5]
    assert outcome.sandbox_seconds > 0


def test_a_program_that_raises_dies_at_that_step_and_is_drawn_again(searched: Search) -> None:
    outcome, events = searched([[TEXT], [FAILS, RIGHT]])
    assert outcome.counts.redrawn == 1
    assert outcome.particles[1].answer == "42"
    first, second = (e for e in events if isinstance(e, ProgramRan))
    assert first.error is not None
    assert first.error.startswith("ZeroDivisionError")
    assert (first.step, second.error) == (1, None), "it was written on though it was dead"


def test_a_program_that_prints_nothing_is_dead_and_says_so(searched: Search) -> None:
    outcome, _ = searched([[TEXT], [SILENT, SILENT]])
    dead = outcome.particles[1]
    assert (dead.finish, dead.answer) == (Finish.FAILED, None)
    assert dead.error == "it prints no answer"
    assert outcome.counts.redrawn == 1
    assert outcome.population.weights.normalised.tolist() == [1.0, 0.0]


def test_half_a_program_is_not_held_against_it(searched: Search) -> None:
    """A loop may go on behind a blank line, and a bracket or a function is open there."""
    halves = (
        "total = 0\nfor i in range(7):\n    total += 6\n\n    total += 0\n\nprint(total)\n" + FENCE
    )
    outcome, _ = searched([[halves]], programs=1.0)
    assert outcome.particles[0].answer == "42"
    assert outcome.counts.redrawn == 0


def test_a_program_that_is_cut_short_is_dead(searched: Search) -> None:
    """However much it has printed: its last line is not there."""
    endless = "print(42)\n\n" + "".join(f"x{i} = {i}\n\n" for i in range(20))
    outcome, _ = searched([[TEXT], [endless, endless]])
    assert outcome.particles[1].finish is Finish.MAX_STEPS
    assert outcome.particles[1].answer is None
    assert outcome.population.weights.normalised[1] == 0.0


def test_a_program_that_goes_on_and_on_is_cut_and_no_text_is(searched: Search) -> None:
    endless = "".join(f"print({i}) # and so on\n" for i in range(99))
    long = "And so on. " * 9 + "\n\n" + TEXT
    outcome, _ = searched([[long], [endless, endless]], max_program_tokens=20)
    assert outcome.particles[0].answer == "42"
    assert outcome.particles[1].finish is Finish.TRUNCATED
    assert (outcome.particles[1].n_tokens, outcome.counts.redrawn) == (20, 1)


def test_the_dead_continue_as_copies_of_the_living_where_particles_share(searched: Search) -> None:
    outcome, _ = searched([[RIGHT], [FAILS]], programs=1.0)
    assert [particle.answer for particle in outcome.particles] == ["42", "42"]
    assert outcome.particles[1].steps[0].slot == 0
    assert outcome.counts.redrawn == 1


def test_two_kinds_that_agree_at_once_end_the_search(searched: Search) -> None:
    none: list[list[str]] = [[]] * 6
    outcome, _ = searched([[TEXT], [RIGHT], *none], early_stop=True)
    assert [particle.answer for particle in outcome.particles] == ["42", "42"]
    assert outcome.population.weights.normalised.tolist() == [0.5, 0.5]


def test_two_kinds_that_differ_go_on_to_the_next_wave(searched: Search) -> None:
    wrong = RIGHT.replace("6", "5")
    others = [["Seven sixes.\n\nSo \\boxed{42}"], ["6 * 7.\n\nSo \\boxed{42}"], [RIGHT]]
    others += [[RIGHT.replace("x", "y")], [], []]
    outcome, _ = searched([[TEXT], [wrong], *others], early_stop=True)
    answers = [particle.answer for particle in outcome.particles]
    assert answers[:2] == ["42", "35"]
    assert answers[2:].count("42") >= 2
    assert len(answers) == 6, "the third wave was not needed"


@pytest.mark.parametrize("scripts", [[[SILENT]], [[SILENT], [SILENT], [SILENT]]])
def test_a_search_that_is_stopped_as_all_programs_die_ends_without_an_answer(
    searched: Search, scripts: list[list[str]]
) -> None:
    """Nothing is drawn again then, and no wave begins."""
    tokens = 8  # of SILENT, its end token included
    outcome, _ = searched(scripts, programs=1.0, early_stop=True, stop_after=tokens)
    assert outcome.cut is Finish.INTERRUPTED
    assert [particle.answer for particle in outcome.particles] == [None] * len(scripts)
    assert outcome.counts.redrawn == 0


def test_what_has_finished_answers_when_the_rest_is_cut(searched: Search) -> None:
    endless = "And so on, and on. " * 60
    outcome, _ = searched([[TEXT], [endless]], programs=0.0, stop_after=80)
    first, second = outcome.particles
    assert (first.answer, first.finish) == ("42", Finish.BOXED)
    assert (second.answer, second.finish) == (None, Finish.INTERRUPTED)
    assert len(second.steps) == 2
    assert outcome.population.weights.normalised.tolist() == [0.5, 0.5]


def test_a_program_that_is_cut_votes_with_what_it_has_printed(searched: Search) -> None:
    """What is left of its step is not run: a number in it may lack its end."""
    printed = "print(42)\n\n" + "x = 1\n" * 40
    silent = "x = 42\n\n" + "print(4)\n" * 40
    outcome, _ = searched([[printed], [silent]], programs=1.0, stop_after=40)
    assert [particle.finish for particle in outcome.particles] == [Finish.INTERRUPTED] * 2
    assert [particle.answer for particle in outcome.particles] == ["42", None]


@pytest.mark.parametrize("max_step_tokens", range(3, 13))
def test_a_program_is_not_judged_where_its_step_was_cut(
    searched: Search, max_step_tokens: int
) -> None:
    """Wherever that is: behind "1 / 0" it would raise, and does not once ".5" has followed."""
    code = "x = 1 / 0.5\nfor i in range(3):\n    x += 1 / 0.25\n\nprint(x)\n" + FENCE
    outcome, _ = searched([[code]], programs=1.0, max_step_tokens=max_step_tokens, max_steps=40)
    assert outcome.counts.redrawn == 0
    assert outcome.particles[0].answer == "14"


def test_a_reward_for_texts_is_not_shown_programs(searched: Search) -> None:
    class TextsOnly(Memoryless):
        name = "texts"

        def score(self, prefixes: list[Prefix]) -> np.ndarray:
            assert all(prefix.particle.kind is Kind.TEXT for prefix in prefixes)
            return np.full(len(prefixes), 3.0)

    class Both(TextsOnly):
        reads_programs = True

        def score(self, prefixes: list[Prefix]) -> np.ndarray:
            return np.full(len(prefixes), 3.0)

    outcome, _ = searched([[TEXT], [RIGHT]], TextsOnly())
    assert outcome.population.log_odds.tolist() == [3.0, 0.0]
    outcome, _ = searched([[TEXT], [RIGHT]], Both())
    assert outcome.population.log_odds.tolist() == [3.0, 3.0]


def test_texts_still_answer_when_the_sandbox_breaks(searched: Search) -> None:
    class Broken:
        def submit(self, program: str) -> Future[ProgramResult]:
            future: Future[ProgramResult] = Future()
            future.set_exception(ProgramsUnavailable("the sandbox broke"))
            return future

    outcome, _ = searched([[TEXT], [RIGHT, RIGHT]], box=Broken())
    assert outcome.particles[0].answer == "42"
    assert outcome.particles[1].error == "the sandbox broke"
