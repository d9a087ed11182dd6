"""Lets the policy solve problems with known answers, and keeps what it wrote."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pfsolve.answers import equivalent
from pfsolve.errors import Interrupted, NoAnswer, PfsolveError
from pfsolve.events import Event, Listener
from pfsolve.events.search import InProblem, ProgramRan, Progressed
from pfsolve.events.work import Collecting
from pfsolve.lab.training.files import TrainingFile
from pfsolve.lab.training.material import Folder, Item, Provenance, Rollout
from pfsolve.lab.training.recorder import Recorder, Recording
from pfsolve.particle import Finish, Kind, Particle
from pfsolve.problems import Problem

if TYPE_CHECKING:
    from pfsolve.solution import Solution
    from pfsolve.solver.solver import Solver

# How the policy must solve for its particles to be independent draws, at its own temperatures, whose every
# step is shown to the reward; over what the user's config file says.
INDEPENDENT = {
    "method": "bon",
    "final": "vote",
    "aggregate": "last",
    "early_stop": False,
}

# Settings that decide what the policy writes.
_WRITING = (
    "particles",
    "programs",
    "temperature",
    "program_temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_steps",
    "max_step_tokens",
    "context",
)


def collect(
    solver: Solver,
    recorder: Recorder,
    policy_sha256: str,
    file: TrainingFile,
    folder: Folder,
    seed: int,
    stopping: Callable[[], bool],
    listen: Listener,
) -> None:
    """Let the policy solve the problems of a file, each with a rollout for every particle.

    What is in the folder is not made again, and a problem that stands in the file twice is solved once.

    Args:
        solver: of the policy, under settings with `INDEPENDENT`, with a particle for each rollout of
            a problem, and with the recorder for its reward.
        recorder: that reward.
        policy_sha256: of the policy's file.
        folder: where items are kept.
        seed: from which each problem's own follows.
        stopping: asked now and then.
        listen: hears how far the collecting is.

    Raises:
        EngineError: llama.cpp fails.
        Interrupted: it was to stop.
    """
    settings = solver.settings
    assert settings.policy is not None  # the solver has found its name
    how = {name: getattr(settings, name) for name in _WRITING}
    distinct: dict[str, Problem] = {}
    for problem in file.problems:
        distinct.setdefault(problem.text, problem)
    origins = {
        problem.id: Provenance(
            problem=problem.text,
            gold=problem.answer or "",
            file=file.name,
            file_sha256=file.sha256,
            policy=settings.policy,
            policy_sha256=policy_sha256,
            seed=problem.seed(seed),
            settings=how,
            depths=tuple(recorder.depths),
        )
        for problem in distinct.values()
    }
    waiting = [each for each in distinct.values() if not folder.has(origins[each.id])]
    before, worked, started = len(origins) - len(waiting), 0, time.monotonic()
    tokens: dict[str, int] = {}

    def progress() -> None:
        done, seconds = before + worked, time.monotonic() - started
        total = sum(tokens.values())
        listen(Collecting(file.name, done, len(origins), worked, total, seconds))

    def hear(event: Event) -> None:
        match event:
            case InProblem(id, Progressed() as progressed):
                tokens[id] = progressed.tokens
                progress()
            case InProblem(id, ProgramRan(particle=slot, error=str(error))):
                recorder.failed(origins[id].problem, slot, error)

    progress()
    for problem, end in solver.solve_all(waiting, seed=seed, stopping=stopping, listen=hear):
        worked += 1
        seen = recorder.take(problem.text)
        if isinstance(end, NoAnswer):  # kept too, or it would be tried again each time
            rollouts = []
        elif isinstance(end, PfsolveError) or end.interrupted or end.out_of_time:
            continue
        else:
            tokens[problem.id] = end.tokens
            rollouts = _finished(problem, end, seen.recordings)
            rollouts += [_dead(recording) for recording in seen.dead]
        folder.write(Item(origins[problem.id], tuple(rollouts)))
        progress()
    if stopping():
        raise Interrupted("interrupted", "the same command resumes where it stopped")


def _finished(problem: Problem, end: Solution, recordings: list[Recording]) -> list[Rollout]:
    return [
        Rollout(
            kind=str(particle.kind),
            steps=tuple(recording.steps),
            answer=particle.answer,
            right=_is_right(problem, particle),
            finish=str(particle.finish),
            error=particle.error,
        )
        for particle, recording in zip(end.particles, recordings, strict=True)
    ]


def _dead(recording: Recording) -> Rollout:
    finish = Finish.LOOP if recording.error is None else Finish.FAILED
    return Rollout(
        str(Kind.PROGRAM), tuple(recording.steps), None, False, str(finish), recording.error
    )


def _is_right(problem: Problem, particle: Particle) -> bool:
    answer = particle.answer
    return answer is not None and problem.answer is not None and equivalent(problem.answer, answer)
