"""Wall time of a problem against its_hub's ParticleFiltering over llama-cpp-python's own server.

    pip install its-hub "llama-cpp-python[server]"   # by hand, best in an environment of its own
    python tests/benchmarks/peer.py [--policy NAME] [--particles 8] [--steps 4] [--step-tokens 24]

Both use the same GGUF file, the same prompt, texts alone, steps that end with a blank line and are cut
after --step-tokens, at most --steps of them, and no reward: the peer's gives a constant. Models are
loaded beforehand. The peer asks the server for one step of each particle, all at once; the server
answers one request after the other. Problems go to both in turn. Prints the seconds and the number of
tokens of each problem, and the ratios of the peer's seconds to pfsolve's, as they are and for a token.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from typing import Any

from its_hub.api import AbstractLanguageModel, AbstractProcessRewardModel, ChatMessage
from its_hub.core.algorithms.particle_gibbs import ParticleFiltering
from its_hub.core.lms.step_generation import StepGeneration

from pfsolve.environment import Environment
from pfsolve.models.resolve import resolve
from pfsolve.settings import Settings
from pfsolve.solver.solver import Solver

PROBLEMS = [
    "A baker fills 6 trays with 14 rolls each and sells 57 rolls. How many rolls are left?",
    "Lena has 3 times as many stickers as Omar. Together they have 68. How many has Lena?",
    "A train takes 40 minutes for 48 km. How many kilometres does it go in 2 hours at that speed?",
]


class ServerModel(AbstractLanguageModel):
    """The server's model, asked to continue ChatML; it counts the tokens that it gets."""

    def __init__(self, url: str, system: str, step_tokens: int) -> None:
        self.url, self.system, self.step_tokens, self.tokens = url, system, step_tokens, 0

    async def agenerate(self, messages: Any, stop: str | None = None, **how: Any) -> Any:
        if isinstance(messages[0], list):
            return await asyncio.gather(*(self.agenerate(each, stop, **how) for each in messages))
        question, *said = messages
        prompt = (
            f"<|im_start|>system\n{self.system}<|im_end|>\n<|im_start|>user\n{question.content}"
            f"<|im_end|>\n<|im_start|>assistant\n{''.join(each.content for each in said)}"
        )
        asked = {
            "prompt": prompt,
            "stop": [stop],
            "max_tokens": self.step_tokens,
            "temperature": how["temperature"],
            "top_k": 0,
            "top_p": 1.0,
            "min_p": 0.0,
            "repeat_penalty": 1.0,
        }
        answer = await asyncio.to_thread(post, f"{self.url}/v1/completions", asked)
        self.tokens += answer["usage"]["completion_tokens"]
        return {"role": "assistant", "content": answer["choices"][0]["text"]}


class Constant(AbstractProcessRewardModel):
    """The same score for all."""

    def score(self, prompt: Any, steps: list[str]) -> list[float]:
        return [0.5] * len(steps)

    async def ascore(self, prompt: Any, steps: list[str]) -> list[float]:
        return self.score(prompt, steps)


def post(url: str, data: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        url, json.dumps(data).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def served(path: str, threads: int) -> tuple[subprocess.Popen[bytes], str]:
    """The server with this model loaded, and its address."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    how = {"model": path, "port": port, "n_ctx": 2048}
    how |= {"n_threads": threads, "n_threads_batch": threads}
    words = [word for name, value in how.items() for word in (f"--{name}", str(value))]
    server = subprocess.Popen(
        [sys.executable, "-m", "llama_cpp.server", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(120):
        time.sleep(1)
        try:
            urllib.request.urlopen(f"{url}/v1/models", timeout=5).close()
        except OSError:
            if server.poll() is not None:
                raise SystemExit("the server did not start") from None
        else:
            return server, url
    server.kill()
    raise SystemExit("the server did not start in two minutes")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--policy", default="qwen2.5-coder-1.5b-instruct")
    parser.add_argument("--particles", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--step-tokens", type=int, default=24)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--problems", type=int, default=len(PROBLEMS))
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server must not stay behind
    settings = Settings(
        policy=args.policy,
        particles=args.particles,
        reward="none",
        programs=0.0,
        early_stop=False,
        temperature=0.8,
        max_steps=args.steps,
        max_step_tokens=args.step_tokens,
        threads=args.threads,
    )
    found = resolve(args.policy, Environment())
    assert found.entry is not None
    with Solver(settings) as solver:
        assert solver.settings.threads is not None
        server, url = served(str(found.path), solver.settings.threads)
        try:
            system = found.entry.system or ""
            model = ServerModel(url, system, args.step_tokens)
            # It stops after `max_steps` steps that are there already, and one more.
            steps = StepGeneration(args.steps - 1, "\n\n", "\\boxed", temperature=0.8)
            peer = ParticleFiltering(steps, Constant())
            warm = [ChatMessage(role="user", content="1+1")]
            asyncio.run(model.agenerate(warm, "\n\n", temperature=0.8))
            solver.solve("1+1", seed=1)
            seconds, by_token = [], []
            for number, problem in enumerate(PROBLEMS[: args.problems]):
                ours = solver.solve(problem, seed=number)
                model.tokens, start = 0, time.monotonic()
                asyncio.run(peer.ainfer(model, problem, args.particles))
                theirs = time.monotonic() - start
                seconds.append(theirs / ours.seconds)
                by_token.append(theirs / model.tokens / (ours.seconds / ours.tokens))
                print(
                    f"problem {number + 1}: pfsolve {ours.seconds:.1f} s, {ours.tokens} tokens; "
                    f"its_hub {theirs:.1f} s, {model.tokens} tokens; ratio {seconds[-1]:.2f}, "
                    f"for a token {by_token[-1]:.2f}",
                    flush=True,
                )
        finally:
            server.kill()
            server.wait()
    for what, ratios in (("a problem", seconds), ("a token", by_token)):
        median, least, most = statistics.median(ratios), min(ratios), max(ratios)
        print(f"its_hub / pfsolve for {what}: median {median:.2f}, {least:.2f} to {most:.2f}")


if __name__ == "__main__":
    main()
