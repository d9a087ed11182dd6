"""From a problem to the tokens that ask for its solution."""

from __future__ import annotations

from pfsolve.engine.policy import Policy
from pfsolve.errors import ProblemTooLong, UsageError, named
from pfsolve.particle import SHORTEST_SOLUTION

# The prompt the policies' makers recommend for mathematics (Qwen2.5-Math's model card).
SYSTEM_PROMPT = "Please reason step by step, and put your final answer within \\boxed{}."

# The most bytes that a token of any sensible text holds. A longer problem need not be tokenised, which
# takes long, and with some vocabularies' regular expressions overflows the stack.
_MOST_BYTES = 64


def prompt_tokens(policy: Policy, system: str, problem: str) -> list[int]:
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
    prompt = policy.chat.prompt(system, problem)
    if context - len(prompt) < SHORTEST_SOLUTION:
        raise _too_long(f"takes {len(prompt)} tokens", context)
    return prompt


def _too_long(what: str, context: int) -> ProblemTooLong:
    return ProblemTooLong(
        f"the problem {what}, and a particle holds {context} tokens",
        f"shorten it, or use a larger {named('context')}",
    )
