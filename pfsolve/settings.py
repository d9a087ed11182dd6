"""Every knob of a solve: one frozen record, its checks, and how layers of values become one.

Values come from the defaults, the user's config file, the environment and the flags, the later
winning; `merge` is that rule. The checks live in the record itself, so that the command line, the
config file and Python callers meet the same ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError

# Every method of `pfsolve.search.methods`, and the settings that go with it unless others are given.
METHODS: dict[str, dict[str, Any]] = {
    "pf": {},
    "entropic": {},
    "pg": {},
    "islands": {},
    "tempering": {},
    "beam": {"final": "argmax"},
    "dvts": {"final": "argmax"},
    "bon": {"final": "argmax"},
    "sc": {"final": "vote", "reward": "none"},
    "greedy": {"final": "vote", "reward": "none", "particles": 1, "temperature": 0.0},
}
RESAMPLING = ("systematic", "multinomial", "stratified", "residual")
WEIGHTS = ("score", "ratio")
FINISHED = ("stay", "absorb")
FINAL = ("weighted-vote", "vote", "argmax")
# Any other reward is a process reward model, or the file of a probe's head.
REWARDS = ("probe", "self-evaluation", "confidence", "none")
DEFAULT_REWARDS = ("probe", "self-evaluation")  # the first that the policy has
PROBE_FILES = ".npz"  # what the files of heads end in
AGGREGATIONS = ("last", "model", "prod", "min")
INPUTS = ("auto", "lines", "text", "jsonl", "csv")  # how a file of problems can be read

AUTOMATIC = ("gpu_layers", "parallel")  # settings that may be "auto"
# Settings of the machine and not of the method: they change how fast a result comes, not which.
MACHINE = frozenset({"threads", "gpu_layers", "offline", "parallel"})

MAX_PARTICLES = 256  # as many sequences as llama.cpp holds in one cache

# Settings that make a run comparable with published tables.
PRESETS: dict[str, dict[str, Any]] = {
    # arXiv:2502.01618, algorithm 1 and section 4.1
    "paper": {
        "resampling": "multinomial",
        "weights": "score",
        "finished": "stay",
        "ess_threshold": None,
        "softmax_temperature": 1.0,
        "deduplicate": False,
        "final": "argmax",
        "early_stop": False,
        "temperature": 0.8,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "max_steps": 40,
    },
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to solve a problem.

    Args:
        method: one of `METHODS`.
        policy: a model's name in the catalogue, or a path to a GGUF file; None for the default.
        reward: what scores a prefix: one of `REWARDS`, the path of a probe's head (.npz), or a process
            reward model's name in the catalogue or path; None for the first of `DEFAULT_REWARDS` that
            the policy has.
        aggregate: how scores of steps become that of a prefix: the last step's, their product or
            minimum; "model" has a process reward model read all steps as a single one.
        particles: partial solutions held at a time, 1 to 256.
        sweeps: of particle Gibbs and of tempering's chains; each after the first starts anew but for
            its reference, and the tokens grow with them.
        islands: independent filters among which method "islands" shares the particles.
        ladder: softmax temperatures of the chains among which "tempering" shares them, hottest
            first; they take the place of softmax_temperature.
        beam_width: ways in which "beam" and "dvts" expand each of particles / beam_width beams.
        expected_steps: of a solution; "entropic" flattens weights in the first half of them.
        temperature: of sampling; 0 is greedy; None for the policy's own in models.toml, else 0.8.
        top_p, top_k, min_p: truncation of the next-token distribution; 1, 0 and 0 leave it whole.
        max_steps: reasoning steps a particle may take.
        max_step_tokens: tokens after which a step is cut.
        context: tokens of prompt and solution one particle may hold; None for 2048 or the model's
            own limit where that is lower.
        resampling, weights, finished, ess_threshold, softmax_temperature, deduplicate: see
            `pfsolve.search.particle_filter.FilterRules`.
        final: how the answer is chosen, see `pfsolve.search.selection`.
        early_stop: end the search once its unfinished particles cannot change the vote any more, see
            `pfsolve.search.selection.is_settled`.
        seed: of every random draw, 0 to 2^63 - 1; None draws one.
        threads: CPU threads; None for the number of physical cores.
        gpu_layers: layers to offload; None for all when the build can offload.
        offline: never use the network.
        parallel: problems of a file to search side by side; None for as many as fill a batch.

    Raises:
        UsageError: a value is out of range, or two contradict each other.
    """

    method: str = "pf"
    policy: str | None = None
    reward: str | None = None
    aggregate: str = "last"
    particles: int = 8
    sweeps: int = 2
    islands: int = 2
    ladder: tuple[float, ...] = (2.0, 1.0)
    beam_width: int = 4
    expected_steps: int = 12
    temperature: float | None = None
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_steps: int = 40
    max_step_tokens: int = 512
    context: int | None = None
    resampling: str = "systematic"
    weights: str = "score"
    finished: str = "stay"
    ess_threshold: float | None = None
    softmax_temperature: float = 1.0
    deduplicate: bool = False
    final: str = "weighted-vote"
    early_stop: bool = False
    seed: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None
    offline: bool = False
    parallel: int | None = None

    def __post_init__(self) -> None:
        _between("particles", self.particles, 1, MAX_PARTICLES)
        _between("sweeps", self.sweeps, 1, 1000)
        _between("islands", self.islands, 1, MAX_PARTICLES)
        _between("beam-width", self.beam_width, 1, MAX_PARTICLES)
        _between("expected-steps", self.expected_steps, 1, 10_000)
        _between("temperature", self.temperature, 0.0, 10.0)
        _between("top-p", self.top_p, 0.0, 1.0, above=True)
        _between("top-k", self.top_k, 0, None)
        _between("min-p", self.min_p, 0.0, 1.0)
        _between("max-steps", self.max_steps, 1, 10_000)
        _between("max-step-tokens", self.max_step_tokens, 1, 1_000_000)
        _between("context", self.context, 16, None)
        _between("ess-threshold", self.ess_threshold, 0.0, 1.0)
        _between("softmax-temperature", self.softmax_temperature, 0.0, None, above=True)
        _between("seed", self.seed, 0, 2**63 - 1)
        _between("threads", self.threads, 1, 1024)
        _between("gpu-layers", self.gpu_layers, 0, None)
        _between("parallel", self.parallel, 1, MAX_PARTICLES)
        _one_of("method", self.method, tuple(METHODS))
        _one_of("aggregate", self.aggregate, AGGREGATIONS)
        _one_of("resampling", self.resampling, RESAMPLING)
        _one_of("weights", self.weights, WEIGHTS)
        _one_of("finished", self.finished, FINISHED)
        _one_of("final", self.final, FINAL)
        if self.ess_threshold is not None and self.weights != "ratio":
            raise UsageError(
                f"--ess-threshold {self.ess_threshold:g} needs ratio weights, not {self.weights!r}",
                "add --weights ratio: score weights forget a step at which nothing was resampled",
            )
        if self.deduplicate and self.weights != "score":
            raise UsageError(
                f"--deduplicate needs score weights, not {self.weights!r}",
                "leave out one of --deduplicate and --weights",
            )
        _descending("ladder", self.ladder)
        self._check_method()

    def to_dict(self) -> dict[str, Any]:
        """Its values as plain JSON ones."""
        values = dataclasses.asdict(self)
        return {**values, "ladder": list(self.ladder)}

    def _check_method(self) -> None:
        """Refuse what the method cannot work with."""
        n, method = self.particles, self.method
        groups, what = {
            "islands": (self.islands, "islands"),
            "tempering": (len(self.ladder), "chains of the ladder"),
            "beam": (self.beam_width, "ways of the beam width"),
            "dvts": (self.beam_width, "ways of the beam width"),
        }.get(method, (1, "particle"))
        if n % groups:
            raise UsageError(
                f"--particles is {n}, which is no multiple of the {groups} {what}",
                f"use -n {groups * max(1, round(n / groups))}",
            )
        if method in ("pg", "tempering") and self.sweeps > 1 and n < 2 * groups:
            raise UsageError(
                f"--particles is {n}, and --method {method} needs two at least for each chain",
                f"use -n {2 * groups} or more: of each chain one stays as its reference",
            )
        if method == "sc" and self.final == "argmax":
            raise UsageError(
                "--final argmax takes the highest score, and --method sc has none",
                "use --final vote, or --method bon",
            )
        if self.deduplicate and method in ("pg", "tempering"):
            raise UsageError(
                f"--deduplicate cannot count the reference of --method {method} with its copies",
                "use --method pf, entropic or islands",
            )
        if self.early_stop and self.final == "argmax":
            raise UsageError(
                "--early-stop waits until a vote is settled, and --final argmax holds none",
                "use --final weighted-vote",
            )
        if self.early_stop and method in ("pg", "tempering") and self.sweeps > 1:
            raise UsageError(
                f"--early-stop would end --method {method} with its first sweep",
                "leave it out, or use --sweeps 1",
            )
        if method == "greedy" and (n != 1 or self.temperature != 0.0):
            raise UsageError(
                "--method greedy is one particle at temperature 0",
                "leave out --particles and --temperature, or use --method sc",
            )


DEFAULTS: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Settings)}
NAMES = frozenset({*DEFAULTS, "preset"})  # what a layer of values may speak of


def merge(*layers: Mapping[str, Any]) -> Settings:
    """One `Settings` from layers of values, weakest first; None in a layer means "not said here".

    A layer's "preset" fills in that preset's values just below the layer's own, and so does the
    strongest "method" what goes with it; the methods of weaker layers leave no trace.

    Raises:
        UsageError: an unknown setting or preset, a value of the wrong type or out of range.
    """
    types = {field.name: str(field.type) for field in dataclasses.fields(Settings)}
    merged: dict[str, Any] = {}
    strongest = max((i for i, layer in enumerate(layers) if layer.get("method")), default=None)
    for number, layer in enumerate(layers):
        preset = layer.get("preset")
        if preset is not None:
            _one_of("preset", preset, tuple(PRESETS))
            merged |= PRESETS[preset]
        if number == strongest:
            method = _typed("method", layer["method"], types["method"])
            merged |= METHODS.get(str(method), {})
        for name, value in layer.items():
            if name == "preset" or value is None:
                continue
            if name not in types:
                raise UsageError(
                    f"unknown setting {name!r}", f"the settings are {', '.join(sorted(NAMES))}"
                )
            merged[name] = _typed(name, value, types[name])
    return Settings(**merged)


def read_config(path: Path) -> dict[str, Any]:
    """The user's config.toml as one layer for `merge`; empty when there is no such file.

    Raises:
        UsageError: the file cannot be read or is no TOML.
    """
    import tomllib

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "correct the file or remove it") from error
    # Options are written as on the command line; both spellings are fine.
    return {name.replace("-", "_"): value for name, value in values.items()}


def _typed(name: str, value: object, declared: str) -> object:
    """`value` as the declared type of setting `name`; some may be "auto" or a number in text."""
    if name in AUTOMATIC and isinstance(value, str):
        if value == "auto":
            return None
        value = int(value) if value.isdecimal() else value
    if declared.startswith("tuple"):
        return _floats(name, value)
    wanted: type = {"int": int, "float": float, "str": str, "bool": bool}[declared.split(" ")[0]]
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not wanted:
        raise UsageError(
            f"{_option(name)} is {value!r}, which is no {wanted.__name__}",
            "see pfsolve --help for what it takes",
        )
    return value


def _floats(name: str, value: object) -> tuple[float, ...]:
    """Numbers as they are written in a config file, a list, or on the command line: "4,2,1"."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        if not isinstance(parts, list | tuple) or any(isinstance(part, bool) for part in parts):
            raise ValueError
        return tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        raise UsageError(
            f"{_option(name)} is {value!r}, which is no list of numbers",
            "separate them by commas: 4,2,1",
        ) from None


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _between(
    name: str,
    value: float | None,
    low: float,
    high: float | None,
    *,
    above: bool = False,
) -> None:
    """Raise unless low <= value <= high (low < value with `above`); None passes, NaN never does."""
    if value is None:
        return
    if (low < value if above else low <= value) and (high is None or value <= high):
        return
    if high is None:
        wanted = f"{'above' if above else 'at least'} {low:g}"
    else:
        wanted = f"{'above' if above else 'from'} {low:g} {'and up ' if above else ''}to {high:g}"
    hint = f"choose a value {wanted}"
    if name == "particles":
        hint += ", as many as llama.cpp has sequences"
    raise UsageError(f"{_option(name)} is {value:g}, which is out of range", hint)


def _descending(name: str, values: tuple[float, ...]) -> None:
    """Raise unless there are values, above 0 and from high to low."""
    if (
        values
        and values[-1] > 0
        and isfinite(values[0])
        and all(a > b for a, b in pairwise(values))
    ):
        return
    raise UsageError(
        f"{_option(name)} is {','.join(f'{value:g}' for value in values) or 'empty'}, which does not "
        "go down to a number above 0",
        "begin with the highest: 4,2,1",
    )


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(
            f"{_option(name)} is {value!r}, which is unknown", f"choose one of {', '.join(choices)}"
        )
