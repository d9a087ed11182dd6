"""Has every solution scored, writes the scores as they come, and resumes where a run stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, cast

import numpy as np

from pfsolve.errors import EngineError, Interrupted, ProblemTooLong, UsageError
from pfsolve.events import Listener, ignore
from pfsolve.events.work import Scoring
from pfsolve.files import digest, json_safe
from pfsolve.lab.evaluation.labelled import Labelled, LabelledRow
from pfsolve.problems import Problem
from pfsolve.problems.problem import with_unique_ids
from pfsolve.results.file import ResultsFile
from pfsolve.results.line import SCHEMA, ResultLine
from pfsolve.solution import ScoredSolution

# From a problem and the texts of a solution's steps, as the file has them, to their scores.
ScoreSolution: TypeAlias = Callable[[str, Sequence[str]], ScoredSolution]


class ScoreLine(ResultLine, total=False):
    """One line of a scores file: what a reward says of a solution of L steps."""

    solution: str  # a digest of the steps
    log_odds: list[float | None]  # (L,) of the prefix that ends with each step; null for -inf
    seconds: float


@dataclass(frozen=True, slots=True)
class Scores:
    """What came of all rows."""

    # Of each row the scores of its solutions, in order; None if one of them could not be scored.
    rows: tuple[tuple[ScoredSolution, ...] | None, ...]
    complaints: tuple[str, ...]  # a line on each solution that could not be scored


def score_rows(
    rows: Sequence[LabelledRow],
    score: ScoreSolution,
    settings: Mapping[str, object],
    *,
    output: ResultsFile | None = None,
    stopping: Callable[[], bool] = lambda: False,
    listen: Listener = ignore,
) -> Scores:
    """Score every solution that has no scores under these settings yet.

    Args:
        settings: all that the scores depend on, as plain JSON values. Rollouts whose `origin` agrees
            with all of it keep the scores they come with.
        output: gets a line for each solution. What it has is not scored again; open it to resume.
        stopping: asked after each solution.
        listen: hears of each solution.

    Raises:
        UsageError: the output holds something else, or scores of other solutions.
        EngineError: llama.cpp fails, or a score is no number.
        Interrupted: it was to stop before all were scored.
    """
    hashed = digest(dict(settings))
    tasks = list(_tasks(rows))
    done = _known(tasks, hashed, output) if output is not None else {}
    complaints: list[str] = []
    waiting = [task for task in tasks if task.problem.id not in done]
    before, scored_now, tokens, seconds = len(done), 0, 0, 0.0
    listen(Scoring(before, len(tasks), 0, 0, 0.0))
    for count, task in enumerate(waiting, 1):
        if stopping():
            raise Interrupted(
                f"interrupted: {len(done)} of {len(tasks)} solutions are scored",
                None if output is None else "the same command resumes it",
            )
        try:
            scored = ScoredSolution(np.empty(0), 0, 0.0)
            if task.steps:
                known = task.given(settings)
                scored = _checked(task, known or score(task.problem.text, task.steps))
        except (UsageError, ProblemTooLong) as error:
            complaints.append(f"solution {task.problem.id}: {error.message}")
        else:
            done[task.problem.id] = scored
            scored_now += 1
            tokens, seconds = tokens + scored.tokens, seconds + scored.seconds
            if output is not None:
                output.write(_line(task, scored, settings, hashed))
        listen(Scoring(before + count, len(tasks), scored_now, tokens, seconds))
    by_row: list[list[ScoredSolution] | None] = [[] for _ in rows]
    for task in tasks:
        scores = by_row[task.row]
        if task.problem.id not in done:
            by_row[task.row] = None
        elif scores is not None:
            scores.append(done[task.problem.id])
    return Scores(
        tuple(None if scores is None else tuple(scores) for scores in by_row), tuple(complaints)
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """A solution to score."""

    problem: Problem  # with an id of the solution's own
    steps: tuple[str, ...]  # (L,)
    row: int  # index of the row that it is in
    log_odds: tuple[float, ...] | None = None  # (L,) that it comes with
    origin: Mapping[str, object] = field(default_factory=dict)  # of those: settings and versions

    def given(self, settings: Mapping[str, object]) -> ScoredSolution | None:
        """The scores it comes with, if they are those that these settings give."""
        if self.log_odds is None or not self.origin.items() >= settings.items():
            return None
        return ScoredSolution(np.array(self.log_odds, float), 0, 0.0)


def _tasks(rows: Sequence[LabelledRow]) -> Iterator[_Task]:
    named = []
    for index, row in enumerate(rows):
        if isinstance(row, Labelled):
            named.append(_Task(row.problem, row.steps, index))
        else:
            named += [
                _Task(
                    replace(row.problem, id=f"{row.problem.id}/{k}"),
                    attempt.steps,
                    index,
                    attempt.log_odds,
                    row.origin,
                )
                for k, attempt in enumerate(row.attempts, 1)
            ]
    for task, problem in zip(named, with_unique_ids(t.problem for t in named), strict=True):
        assert isinstance(problem, Problem)  # as all were
        yield replace(task, problem=problem)


def _known(tasks: Sequence[_Task], hashed: str, output: ResultsFile) -> dict[str, ScoredSolution]:
    """What the output says of these solutions, by id."""
    if any("log_odds" not in record for record in output.records):
        raise UsageError(
            f"{output.path.name} holds results of solving, not scores", "name another file"
        )
    finished = cast(dict[str, ScoreLine], output.resume(hashed, [task.problem for task in tasks]))
    known = {}
    for task in tasks:
        record = finished.get(task.problem.id)
        if record is None:
            continue
        if record.get("solution") != digest(task.steps):
            raise UsageError(
                f"{output.path.name} has scores of another solution {task.problem.id!r}",
                "they belong to another file: name another output",
            )
        scores = [-np.inf if value is None else value for value in record["log_odds"]]
        scored = ScoredSolution(np.array(scores, float), record["tokens"], record["seconds"])
        known[task.problem.id] = _checked(task, scored)
    return known


def _line(
    task: _Task, scored: ScoredSolution, settings: Mapping[str, object], hashed: str
) -> ScoreLine:
    return {
        "schema": SCHEMA,
        "id": task.problem.id,
        "line": task.problem.line,
        "problem": task.problem.text,
        "solution": digest(task.steps),
        "log_odds": json_safe(scored.log_odds.tolist()),
        "tokens": scored.tokens,
        "seconds": round(scored.seconds, 4),
        "settings": dict(settings),
        "settings_hash": hashed,
    }


def _checked(task: _Task, scored: ScoredSolution) -> ScoredSolution:
    if scored.log_odds.shape != (len(task.steps),):
        raise EngineError(
            f"solution {task.problem.id} has {len(task.steps)} steps, and the reward gave "
            f"{len(scored.log_odds)} scores"
        )
    bad = np.flatnonzero(np.isnan(scored.log_odds) | np.isposinf(scored.log_odds))
    if len(bad):
        raise EngineError(
            f"the reward gave {scored.log_odds[bad[0]]} to step {bad[0]} of solution "
            f"{task.problem.id}"
        )
    return scored
