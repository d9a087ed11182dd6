"""From a problem to the tokens that ask for its solution."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pfsolve.engine.policy import Policy
from pfsolve.errors import ProblemTooLong, UsageError, named
from pfsolve.models.entry import ModelEntry
from pfsolve.particle import SHORTEST_SOLUTION, Kind
from pfsolve.programs.writing import OPENING

# The prompt the policies' makers recommend for mathematics (Qwen2.5-Math's model card).
SYSTEM_PROMPT = "Please reason step by step, and put your final answer within \\boxed{}."

# Without the words on several solutions `print(solve(x**2 - 4)[0])` is common.
PROGRAM_SYSTEM_PROMPT = (
    "You solve mathematics problems by writing one short Python program. Use sympy or the standard "
    "library where it helps. The program must print the final answer, and nothing else, on its last "
    "line; if there are several solutions, all of them. Answer with a single ```python code block."
)

# The most bytes that a token of any sensible text holds. A longer problem need not be tokenised, which
# takes long, and with some vocabularies' regular expressions overflows the stack.
_MOST_BYTES = 64

_UNLIKE = ("1", "A")  # problems that have no token in common


@dataclass(frozen=True, slots=True)
class Asking:
    """How a policy is asked for solutions of one kind."""

    system: str  # the system prompt
    opening: str = ""  # with which the assistant's turn begins
    thought: bool = True  # whether a thought may come first


def ways_of_asking(entry: ModelEntry | None) -> dict[Kind, Asking]:
    """How a policy is asked for solutions of each kind: its own way, or else the usual one."""
    own = entry.programs if entry is not None else None
    return {
        Kind.TEXT: Asking((entry and entry.system) or SYSTEM_PROMPT),
        Kind.PROGRAM: Asking(
            (own and own.system) or PROGRAM_SYSTEM_PROMPT,
            (own and own.opening) or OPENING,
            thought=False,
        ),
    }


def keep_heads(policy: Policy, askings: Iterable[Asking]) -> None:
    """What all problems' prompts begin with, the system prompt in most formats, stays in the cache."""
    for asking in askings:
        policy.heads.add(*(policy.chat.prompt(asking.system, problem) for problem in _UNLIKE))


def prompt_tokens(policy: Policy, asking: Asking, problem: str) -> list[int]:
    """Tokens that ask for a problem's solution.

    Raises:
        UsageError: the problem is empty.
        ProblemTooLong: it leaves no room for a solution in a particle's context.
    """
    if not problem:
        raise UsageError("the problem is empty", 'try: pfsolve "Solve x^2=4"')
    context = policy.rules.context
    size = len(problem.encode(errors="replace"))
    if size > _MOST_BYTES * context:
        raise _too_long(f"has {size} bytes", context)
    prompt = policy.chat.prompt(asking.system, problem, thought=asking.thought)
    if asking.opening:
        prompt += policy.model.tokenize(asking.opening, special=True, continued=True)
    if context - len(prompt) < SHORTEST_SOLUTION:
        raise _too_long(f"takes {len(prompt)} tokens", context)
    return prompt


def _too_long(what: str, context: int) -> ProblemTooLong:
    return ProblemTooLong(
        f"the problem {what}, and a particle holds {context} tokens",
        f"shorten it, or use a larger {named('context')}",
    )
