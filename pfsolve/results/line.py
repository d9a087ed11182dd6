"""The one JSON shape of a result: for one problem or many, on standard output, in files, in records.

A line says all that is needed to check it, to reproduce it and to join it with others: the problem,
its own seed, the settings with their hash, and the versions of what computed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

from pfsolve.errors import PfsolveError
from pfsolve.files import digest, json_safe
from pfsolve.problems import BadRow, Problem
from pfsolve.settings import MACHINE, Settings
from pfsolve.settings.effect import READ_BY

if TYPE_CHECKING:
    from pfsolve.solution import Solution

SCHEMA = 2  # of the lines; a change that older readers would misread raises it

# What a setting counts as where a result is older than it: its default, or else what was done before.
BEFORE = Settings(
    programs=0.0,
    ess_threshold=1.0,
    softmax_temperature=1.0,
    final="weighted-vote",
    early_stop=False,
    top_p=1.0,
    top_k=0,
    min_p=0.0,
).to_dict()


class CandidateLine(TypedDict):
    """One answer of the final population, with all that are equivalent to it."""

    answer: str
    particles: int  # the number of particles that reached it
    share: float  # of the weight or of the votes, 0 to 1


class ParticleLine(TypedDict):
    """One particle of the final population, with S steps."""

    steps: list[str]  # (S,) text of each step
    log_odds: list[float | None]  # (S,) of the prefix that ends there; null: -inf, or not scored
    ancestors: list[int]  # (S,) slot of the particle that wrote the step
    tokens: int  # the number of tokens in its steps
    weight: float  # share of the population, 0 to 1
    answer: str | None
    finish: str | None  # why it took no further step: a value of `pfsolve.particle.Finish`
    # Records from before programs lack these; they are of texts.
    kind: NotRequired[
        str
    ]  # a value of `pfsolve.particle.Kind`; the steps of a program are its code
    output: NotRequired[str | None]  # what a program printed when it last ran; null for a text
    error: NotRequired[str | None]  # why a program failed, in one line; null if it did not


class ErrorLine(TypedDict):
    """Why a row has no solution."""

    kind: str  # class of the error, or "malformed" for a row that holds no problem
    message: str


class Timings(TypedDict):
    """How long a solve took."""

    load_seconds: float
    solve_seconds: float
    tokens_per_second: float | None  # written by the policy, of solve_seconds
    sandbox_seconds: NotRequired[float]  # of programs' runs, added up; absent before programs


class PoolLine(TypedDict):
    """The final population of n particles in short."""

    classes: list[int]  # (n,) equal for equivalent answers: 0 the right one's, -1 without an answer
    log_odds: list[float | None]  # (n,) of the whole solution; null for -inf, 0 where not scored
    weights: list[float]  # (n,) shares of the population, 0 to 1
    tokens: list[int]  # (n,) in its steps
    kinds: NotRequired[list[str]]  # (n,) values of `pfsolve.particle.Kind`; absent if all are texts


class ResultLine(TypedDict, total=False):
    """The result of one problem. A row without a solution has `error` and lacks what only one gives."""

    schema: int
    id: str  # unique in its file
    line: int  # where the row starts in its file, from 1
    problem: str | None  # null for a malformed row
    expected: str | None  # the right answer, where the file gives it
    correct: bool | None  # null where `expected` is
    answer: str | None
    chosen: int | None  # index of the particle that the answer is taken from; absent in older files
    best: ParticleLine | None  # that particle; likewise
    agreement: float  # the answer's share of the weight, 0 to 1
    candidates: list[CandidateLine]  # all answers, the heaviest first
    log_evidence: float | None  # null where the method has none, and for -inf
    interrupted: bool  # whether the user stopped it before its end
    out_of_time: bool  # whether its time was up before its end; absent before there was a limit
    error: ErrorLine
    settings: dict[str, Any]  # resolved; their seed is the run's
    seed: int  # the problem's own
    # Of programs and libraries; sha256 of model files, or a fingerprint of one's own.
    versions: dict[str, str]
    tokens: int  # written by the policy
    reward_tokens: int  # read to score them, by whichever model
    redrawn: int  # number of times a dead particle was drawn again; absent before programs
    # Absent in older files: tokens that ask for solutions, those of each kind once; of them, in the
    # cache already; of `tokens`, decoded in the row of another particle that was still alike.
    prompt_tokens: int
    prompt_tokens_saved: int
    rows_saved: int
    timings: Timings
    settings_hash: str  # equal for two runs that must come to the same results
    rows: int  # the number of rows in the whole input
    shard: str | None  # "i/n", or null for the whole input
    at: str  # when it ended, ISO 8601, UTC
    particles: list[ParticleLine]  # only in a run record, or where asked for
    events: list[dict[str, Any]]  # of the search, in order; only in a run record
    bench: str  # the method's label; only in a comparison
    pool: PoolLine  # only in a comparison


def no_extra(row: Problem | BadRow, solution: Solution | None) -> ResultLine:
    """Nothing beside the result."""
    return {}


@dataclass(frozen=True, slots=True)
class Origin:
    """What all lines of a run share."""

    settings: Settings  # resolved; their seed is the root of all problems' own
    versions: Mapping[str, str]
    rows: int  # the number of rows in the whole input
    shard: str | None = None  # "i/n", or None for the whole input
    # More for the line of a row, from the row and its solution, None where there is none.
    extra: Callable[[Problem | BadRow, Solution | None], ResultLine] = no_extra

    @property
    def settings_hash(self) -> str:
        return hash_of(self.settings.to_dict(), self.versions)

    def solved(
        self, problem: Problem, solution: Solution, *, particles: bool = False
    ) -> ResultLine:
        """The line of a problem whose search ended, with an answer or without one."""
        speed = round(solution.tokens / solution.seconds, 2) if solution.seconds else None
        outcome: ResultLine = {
            **grade(problem.answer, solution.answer),
            "problem": problem.text,
            "answer": solution.answer,
            "chosen": solution.chosen,
            "best": None if solution.chosen is None else _particle(solution, solution.chosen),
            "agreement": solution.agreement,
            "candidates": [cast(CandidateLine, asdict(each)) for each in solution.candidates],
            "log_evidence": json_safe(solution.log_evidence),
            "interrupted": solution.interrupted,
            "out_of_time": solution.out_of_time,
            "seed": solution.seed,
            "tokens": solution.tokens,
            "reward_tokens": solution.reward_tokens,
            "redrawn": solution.redrawn,
            "prompt_tokens": solution.prompt_tokens,
            "prompt_tokens_saved": solution.prompt_tokens_saved,
            "rows_saved": solution.rows_saved,
            "timings": {
                "load_seconds": round(solution.load_seconds, 3),
                "solve_seconds": round(solution.seconds, 3),
                "tokens_per_second": speed,
                "sandbox_seconds": round(solution.sandbox_seconds, 3),
            },
        }
        line = self._line(problem, solution, outcome)
        if particles:
            line["particles"] = [_particle(solution, i) for i in range(len(solution.particles))]
        return line

    def failed(self, row: Problem | BadRow, error: PfsolveError | None = None) -> ResultLine:
        """The line of a problem that could not be searched, or of a row that holds none."""
        text, expected, message = None, None, str(error)
        if isinstance(row, Problem):
            text, expected = row.text, row.answer
        else:
            message = row.reason
        kind = "malformed" if error is None else type(error).__name__
        outcome: ResultLine = {
            **grade(expected, None),
            "problem": text,
            "answer": None,
            "error": {"kind": kind, "message": message},
        }
        return self._line(row, None, outcome)

    def _line(
        self, row: Problem | BadRow, solution: Solution | None, outcome: ResultLine
    ) -> ResultLine:
        head: ResultLine = {"schema": SCHEMA, "id": row.id, "line": row.line}
        tail: ResultLine = {
            "settings": self.settings.to_dict(),
            "versions": dict(self.versions),
            "settings_hash": self.settings_hash,
            "rows": self.rows,
            "shard": self.shard,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        return head | outcome | self.extra(row, solution) | tail


def grade(expected: str | None, answer: str | None) -> ResultLine:
    """The right answer, where it is known, and whether this one is right."""
    from pfsolve.answers import equivalent

    if expected is None:
        return {"expected": None, "correct": None}
    return {"expected": expected, "correct": answer is not None and equivalent(expected, answer)}


def alone(solution: Solution, *, particles: bool = False) -> ResultLine:
    """The line of a problem that was solved alone: as that of a file with one row."""
    origin = Origin(replace(solution.settings, seed=solution.seed), solution.versions, rows=1)
    return origin.solved(Problem("1", 1, solution.problem), solution, particles=particles)


def _particle(solution: Solution, index: int) -> ParticleLine:
    particle = solution.particles[index]
    return {
        "steps": list(particle.texts),
        "log_odds": json_safe([step.log_odds for step in particle.steps]),
        "ancestors": [step.slot for step in particle.steps],
        "tokens": particle.n_tokens,
        "weight": solution.weights[index],
        "answer": particle.answer,
        "finish": None if particle.finish is None else str(particle.finish),
        "kind": str(particle.kind),
        "output": particle.output,
        "error": particle.error,
    }


def brief(line: ResultLine) -> ResultLine:
    """The line without its particles."""
    return cast(ResultLine, {name: value for name, value in line.items() if name != "particles"})


def hash_of(settings: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """A fingerprint of all that decides a result, the machine's settings and speed aside.

    A setting that is missing, since the result is older than it, counts as what was done before.
    """
    whole = {**BEFORE, **settings}
    if whole["programs"] == 0:
        whole["program_temperature"] = None
    # Whose defaults are no longer what they were.
    for name in ("ess_threshold", "softmax_temperature"):
        if whole["method"] not in READ_BY[name]:
            whole[name] = BEFORE[name]
    if whole["ess_threshold"] == 1:  # as null meant it, before it was a number
        whole["ess_threshold"] = None
    deciding = {name: value for name, value in whole.items() if name not in MACHINE}
    files = {name: value for name, value in versions.items() if name.endswith("sha256")}
    return digest(deciding | files)


# Schema 1 called the log-odds "log_scores" in scores, pools and events, "log_weights" in particles.
_NEW_NAMES = {"confidence": "agreement", "log_scores": "log_odds", "log_weights": "log_odds"}
_NEW_VALUES = {("event", "Scored"): "StepScored", ("weights", "level"): "score"}


def upgraded(record: dict[str, Any]) -> ResultLine:
    """A result, scores of a reward or a run record of this schema or an earlier one, as of today.

    Schema 1 gets the words of schema 2; where settings are missing that are younger than the record,
    the hash is what it is with what was done before. A record of a later schema is returned as it is.
    """
    schema, new = record.get("schema", 1), dict(record)
    if schema == 1:
        new = {**_renamed(record), "schema": SCHEMA}
        for name in ("pool", "settings"):
            if name in new:
                new[name] = _renamed(new[name])
        for name in ("particles", "events"):
            if isinstance(new.get(name), list):
                new[name] = [_renamed(each) for each in new[name]]
    settings, versions = new.get("settings"), new.get("versions")
    if not (isinstance(settings, dict) and isinstance(versions, dict)):
        return cast(ResultLine, new)  # scores, whose hash stays, or no result of ours
    is_older = schema == 1 or (schema == SCHEMA and not BEFORE.keys() <= settings.keys())
    if "settings_hash" in new and is_older:
        new["settings_hash"] = hash_of(settings, versions)
    return cast(ResultLine, new)


def _renamed(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    return {
        _NEW_NAMES.get(name, name): _NEW_VALUES.get((name, value), value)
        if isinstance(value, str)
        else value
        for name, value in values.items()
    }
