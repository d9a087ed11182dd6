"""How fast the policy writes here, as `python -m pfsolve.lab.doctor.trial SETTINGS` prints it.

In a process of its own: a build for another processor ends the one that computes with it. SETTINGS is
JSON, the layer that names the policy and the machine's own settings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from pfsolve.environment import Environment
from pfsolve.errors import PfsolveError, as_option
from pfsolve.events import Event
from pfsolve.events.search import Ended, Progressed
from pfsolve.settings import merge

SECONDS = 10.0  # that it writes, from its first tokens on
# The usual search, without what the trial does not measure: programs, a reward, its own early end.
_SEARCH = {"programs": 0.0, "reward": "none", "early_stop": False, "seed": 0, "offline": True}
_LONG = "Find all positive integers n below 60 for which n^2 + n + 41 is not prime, one by one."


def measure(machine: Mapping[str, Any], environment: Environment, seconds: float) -> dict[str, Any]:
    """Tokens that the usual search writes, in which time, with how many particles.

    What keeps it from being written is "error", with its "hint".
    """
    from pfsolve.solver.solver import Solver

    tokens, taken, began = 0, 0.0, 0.0

    def listen(event: Event) -> None:
        nonlocal tokens, taken, began
        if isinstance(event, Progressed | Ended):
            tokens, taken = event.tokens, event.seconds
            if tokens and not began:
                began = time.monotonic()

    def stopping() -> bool:
        return began > 0 and time.monotonic() - began >= seconds

    try:
        settings = merge(machine, _SEARCH)
        with Solver(settings, problems=1, environment=environment) as solver:
            particles = solver.settings.particles
            try:
                solver.solve(_LONG, stopping=stopping, listen=listen)
            except PfsolveError:
                if not tokens:  # else what came of it does not matter
                    raise
    except PfsolveError as error:
        message, hint = error.spelled(as_option)
        return {"error": message, "hint": hint}
    return {"tokens": tokens, "seconds": taken, "particles": particles}


if __name__ == "__main__":
    environment = Environment()
    found = measure(json.loads(environment.arguments[0]), environment, SECONDS)
    environment.stdout.write(json.dumps(found) + "\n")
