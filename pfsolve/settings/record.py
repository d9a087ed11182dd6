"""Every setting of a solve: a frozen record whose fields are their declarations.

The checks, the command line's options, the keys of the config file and the variables all follow from
the declarations (`SETTINGS`).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import inf
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.settings.contradictions import (
    GIBBS,
    MAX_PARTICLES,
    SOFTMAX_TEMPERATURES,
    contradictions,
)
from pfsolve.settings.declaration import Setting, declarations, for_python, setting
from pfsolve.settings.presets import PRESETS

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
    "greedy": {
        "final": "vote",
        "reward": "none",
        "particles": 1,
        "temperature": 0.0,
        "program_temperature": 0.0,
    },
}
RESAMPLING = ("systematic", "multinomial", "stratified", "residual")
WEIGHTS = ("score", "ratio")
FINISHED = ("stay", "absorb")
FINAL = ("vote", "weighted-vote", "argmax")
# Any other reward is a process reward model, or the file of a probe's head, which ends as below.
REWARDS = ("probe", "self-evaluation", "confidence", "none")
PROBE_FILES = ".npz"
DEFAULT_REWARDS = ("probe", "none")  # the first that the policy has
KV_TYPES = ("f16", "q8_0")
AGGREGATIONS = ("last", "model", "prod", "min")

# Sections of the help.
FILES, METHOD, SAMPLING, MODELS = "Many problems", "Method", "Sampling", "Models and machine"
OUTPUT = "Output"


@for_python
@dataclass(frozen=True, slots=True)
class Settings:
    """How to solve a problem; None leaves a value open to the policy, the machine or chance.

    Raises:
        UsageError: a value is not allowed, or two contradict each other.
    """

    method: str = setting(
        "pf",
        "Search method: a particle filter or a variant of it, beams, or independent samples.",
        METHOD,
        choices=tuple(METHODS),
        hidden=("tempering",),  # experimental
    )
    particles: int = setting(
        8,
        "Number of solutions written at a time.",
        METHOD,
        short="-n",
        between=(1, MAX_PARTICLES),
        common=True,
    )
    programs: float | None = setting(
        None,
        "Share of the particles that write programs.",
        METHOD,
        between=(0.0, 1.0),
        metavar="SHARE",
        common=True,
        default_text="the policy's own; 0 with argmax",
    )
    reward: str | None = setting(
        None,
        "What scores a step: a probe of the policy, the policy itself, or a process reward model.",
        METHOD,
        metavar="|".join((*REWARDS, "MODEL")),
        common=True,
        default_text="{}, or {} for a policy without one".format(*DEFAULT_REWARDS),
    )
    aggregate: str = setting(
        "last",
        "How the scores of steps become that of a solution; model: a process reward model reads all "
        "steps as one.",
        METHOD,
        choices=AGGREGATIONS,
    )
    resampling: str = setting(
        "systematic", "How the surviving particles are drawn.", METHOD, choices=RESAMPLING
    )
    weights: str = setting(
        "score",
        "What a step weighs: its score, or the ratio of its score to the one before.",
        METHOD,
        choices=WEIGHTS,
    )
    ess_threshold: float = setting(
        0.5,
        "Resample only when the effective sample size is below this share of the particles; 1 is at "
        "every step.",
        METHOD,
        between=(0.0, 1.0),
    )
    softmax_temperature: float = setting(
        3.0, "Divisor of the scores' log-odds.", METHOD, between=SOFTMAX_TEMPERATURES
    )
    deduplicate: bool = setting(
        False,
        "Particles that have written the same share one weight; for pf, entropic and islands with "
        "score weights.",
        METHOD,
    )
    finished: str = setting(
        "stay",
        "Finished particles stay in resampling, or are set aside (absorb).",
        METHOD,
        choices=FINISHED,
    )
    final: str | None = setting(
        None,
        "How the answer is chosen.",
        METHOD,
        choices=FINAL,
        default_text="vote, or weighted-vote if the reward is calibrated; argmax with beam, dvts and bon",
    )
    early_stop: bool | None = setting(
        None,
        "End a search once its unfinished particles will hardly change the vote.",
        METHOD,
        default_text="on, where a vote chooses the answer",
    )
    time: float | None = setting(
        None,
        "Time for each problem once models are loaded, as 90s or 1m30s; then what is there answers.",
        METHOD,
        between=(0.0, inf),
        above=True,
        duration=True,
        default_text="no limit",
    )
    max_steps: int = setting(40, "Largest number of steps.", METHOD, between=(1, 10_000))
    max_step_tokens: int | None = setting(
        None,
        "Number of tokens after which a step is cut; the next one continues it.",
        METHOD,
        between=(1, 1_000_000),
        default_text="four usual steps of the policy, or 256",
    )
    sweeps: int = setting(
        2, "Number of filters that pg runs, one after the other.", METHOD, between=(1, 1000)
    )
    islands: int = setting(
        2,
        "Number of independent filters among which islands shares the particles.",
        METHOD,
        between=(1, MAX_PARTICLES),
    )
    ladder: tuple[float, ...] = setting(
        (2.0, 1.0),
        "Softmax temperatures of the chains of tempering (experimental), hottest first.",
        METHOD,
    )
    beam_width: int = setting(
        4,
        "Number of ways in which beam and dvts expand a prefix.",
        METHOD,
        between=(1, MAX_PARTICLES),
    )
    expected_steps: int = setting(
        12, "Number of steps that entropic expects of a solution.", METHOD, between=(1, 10_000)
    )
    temperature: float | None = setting(
        None,
        "Sampling temperature; 0 is greedy.",
        SAMPLING,
        between=(0.0, 10.0),
        default_text="the policy's own, or 0.8",
    )
    program_temperature: float | None = setting(
        None,
        "Sampling temperature of programs; 0 is greedy.",
        SAMPLING,
        between=(0.0, 10.0),
        default_text="the policy's own, or 0.4",
    )
    top_p: float | None = setting(
        None,
        "Keep the likeliest tokens of this probability mass.",
        SAMPLING,
        between=(0.0, 1.0),
        above=True,
        default_text="the policy's own, or 1",
    )
    top_k: int | None = setting(
        None,
        "Number of likeliest tokens to keep; 0 keeps all.",
        SAMPLING,
        between=(0, inf),
        default_text="the policy's own, or 0",
    )
    min_p: float | None = setting(
        None,
        "Keep tokens of at least this share of the likeliest one's probability.",
        SAMPLING,
        between=(0.0, 1.0),
        default_text="the policy's own, or 0",
    )
    thinking_tokens: int | None = setting(
        None,
        "Number of tokens after which a thought is closed and the answer asked for.",
        SAMPLING,
        between=(0, inf),
        default_text="as many as the context leaves",
    )
    seed: int | None = setting(
        None,
        "Random seed.",
        SAMPLING,
        between=(0, 2**63 - 1),
        default_text="a new one; 0 for a file of problems",
        common=True,
    )
    policy: str | None = setting(
        None,
        "Model that writes the solutions: a name from pfsolve models list, or a GGUF file.",
        MODELS,
        metavar="MODEL",
        common=True,
        default_text="qwen2.5-math-1.5b-instruct, or qwen2.5-coder-1.5b-instruct without the Hub",
    )
    context: int | None = setting(
        None,
        "Number of tokens of problem and solution a particle may hold.",
        MODELS,
        between=(16, inf),
        default_text="2048, or the model's own limit if that is lower",
    )
    kv_type: str = setting(
        "f16",
        "What the policy's cache keeps keys and values as; q8_0 takes half the memory.",
        MODELS,
        choices=KV_TYPES,
    )
    threads: int | None = setting(
        None,
        "Number of CPU threads.",
        MODELS,
        between=(1, 1024),
        machine=True,
        default_text="physical cores",
    )
    gpu_layers: int | None = setting(
        None,
        "Number of layers on the GPU.",
        MODELS,
        between=(0, inf),
        auto=True,
        machine=True,
        default_text="auto: all, if there is one",
    )
    offline: bool = setting(False, "Never use the network.", MODELS, machine=True)
    parallel: int | None = setting(
        None,
        "Number of problems to search side by side.",
        FILES,
        between=(1, MAX_PARTICLES),
        auto=True,
        machine=True,
        default_text="auto: as many as fill a batch",
    )
    history: bool = setting(
        True, "Keep the last runs of single problems, for pfsolve show.", OUTPUT, machine=True
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = SETTINGS[field.name].checked(getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        for wrong, message, hint in contradictions(self):
            if wrong:
                raise UsageError(message, hint)

    @property
    def stops_early(self) -> bool:
        """Whether a search ends once its vote is settled; left open, it does where it has one vote."""
        if self.early_stop is not None:
            return self.early_stop
        return self.final != "argmax" and not (self.method in GIBBS and self.sweeps > 1)

    def to_dict(self) -> dict[str, Any]:
        """Its values as plain JSON ones."""
        return {**dataclasses.asdict(self), "ladder": list(self.ladder)}


# What a layer of values may speak of: the fields of `Settings`, and what stands for several of them.
SETTINGS = declarations(Settings) | {
    "preset": Setting(
        name="preset",
        kind=str,
        default=None,
        help="Settings of a published method; other options still win.",
        panel=METHOD,
        choices=tuple(PRESETS),
    ),
    "profile": Setting(
        name="profile",
        kind=str,
        default=None,
        help="A policy with its reward and particles, see pfsolve models suggest; other options still win.",
        panel=MODELS,
        metavar="small|balanced|large|paper|NAME",
    ),
}
MACHINE = frozenset(name for name, setting in SETTINGS.items() if setting.machine)
