"""What a probe learns from, kept in a folder: one file a problem, so that collecting can be resumed.

Kept is what the policy has computed, and not what a head makes of it: heads that look at something else
can be trained from the same files.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import ResourceError, UsageError
from pfsolve.files import check_writable, digest, replacing
from pfsolve.particle import Finish, Kind, Particle

RECORD = 1  # format of the files


@dataclass(frozen=True, slots=True)
class SeenStep:
    """A step of L tokens."""

    tokens: NDArray[np.int32]  # (L,) ids, without an end-of-generation token
    data: bytes  # those of the tokens
    # (U, 3) log-probability, entropy and margin in nats, as `TokenUncertainty`; U is L, or L + 1 with an
    # end token, or fewer with a thought.
    sureness: NDArray[np.float32]
    digits: NDArray[np.bool_]  # (U,) whether a token holds a digit
    # (layers + 1, width) mean over the tokens of what some layers put out and, last, of the final-norm
    # state; None where no token has any.
    states: NDArray[np.float16] | None


@dataclass(frozen=True, slots=True)
class Rollout:
    """A solution, or the beginning of one that died."""

    kind: str  # a `Kind`
    steps: tuple[SeenStep, ...]  # a dead one's last step is not among them
    answer: str | None  # None without one
    right: bool  # whether the answer is
    finish: str  # a `Finish`; "failed" or "loop" of a dead one that gave way to another
    error: str | None = None  # what its program raised, in one line

    @property
    def dead(self) -> bool:
        """Whether no answer could come of it, as `Particle.is_dead`."""
        return Particle(finish=Finish(self.finish), kind=Kind(self.kind)).is_dead

    @property
    def n_embd(self) -> int:
        """Width of a state; 0 where no step has any."""
        return next((s.states.shape[1] for s in self.steps if s.states is not None), 0)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a problem's rollouts come from."""

    problem: str  # its text
    gold: str  # its answer
    file: str  # name of the file it stands in
    file_sha256: str
    policy: str  # name
    policy_sha256: str
    seed: int  # the problem's own
    settings: dict[str, Any]  # those that decide what the policy writes
    depths: tuple[float, ...]  # of the layers, as shares of the model's depth

    @property
    def key(self) -> str:
        """A name for what was made under these facts; the file's are none."""
        facts = asdict(self) | {"file": None, "file_sha256": None, "record": RECORD}
        return digest(facts, size=12)


@dataclass(frozen=True, slots=True)
class Item:
    """The rollouts of one problem."""

    origin: Provenance
    rollouts: tuple[Rollout, ...]


class Folder:
    """A folder of items. A file appears in it whole or not at all.

    Raises:
        UsageError: it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            check_writable(path / ".new")
        except OSError as error:
            raise UsageError(
                f"cannot write into the folder {path}: {error.strerror}", "name another for --keep"
            ) from error

    def has(self, origin: Provenance) -> bool:
        return self._file(origin).is_file()

    def write(self, item: Item) -> None:
        """Keep an item.

        Raises:
            ResourceError: the disk does not take it.
        """
        try:
            self._write(item)
        except OSError as error:
            raise ResourceError(
                f"cannot write to {error.filename}: {error.strerror}",
                "what is finished is kept; with room on the disk, the same command does the rest",
            ) from error

    def _write(self, item: Item) -> None:
        rollouts = [_facts(rollout) for rollout in item.rollouts]
        steps = [step for rollout in item.rollouts for step in rollout.steps]
        states = [step.states for step in steps if step.states is not None]
        with replacing(self._file(item.origin)) as file:
            np.savez(
                file,
                about=np.array(json.dumps([RECORD, asdict(item.origin), rollouts])),
                tokens=_joined([step.tokens for step in steps], np.int32),
                sureness=np.concatenate(
                    [np.empty((0, 3), np.float32), *(s.sureness for s in steps)]
                ),
                digits=_joined([step.digits for step in steps], np.bool_),
                data=_joined([np.frombuffer(step.data, np.uint8) for step in steps], np.uint8),
                lengths=np.array(
                    [
                        (len(s.tokens), len(s.sureness), len(s.data), s.states is not None)
                        for s in steps
                    ]
                ).reshape(-1, 4),
                states=np.stack(states) if states else np.empty((0, 1, 1), np.float16),
            )

    def read(self, policy: str) -> Iterator[Item]:
        """The whole items of this policy, in the order of their files' names."""
        for path in sorted(self.path.glob("*.npz")):
            try:
                item = _read(path)
            except Exception:  # a damaged file can fail in any way, and costs no other
                continue
            if item.origin.policy == policy:
                yield item

    def _file(self, origin: Provenance) -> Path:
        return self.path / f"{origin.key}.npz"


def origin_of(items: Sequence[Item]) -> dict[str, Any]:
    """Where a head is from that is made of these items, all of one policy; plain JSON values."""
    files = Counter((item.origin.file, item.origin.file_sha256) for item in items)
    origin = items[0].origin
    policies = {(item.origin.policy_sha256, item.origin.depths) for item in items}
    if len(policies) > 1:
        raise UsageError(
            f"the folder holds what {len(policies)} different files of {origin.policy} wrote, or one of them "
            "with different states",
            "name a folder of its own for --keep",
        )
    return {
        "policy": origin.policy,
        "policy_sha256": origin.policy_sha256,
        "files": [
            {"file": name, "rows": count, "sha256": sha256}
            for (name, sha256), count in sorted(files.items())
        ],
        "settings": {
            name: value
            for name, value in origin.settings.items()
            if all(item.origin.settings.get(name) == value for item in items)
        },
    }


def _facts(rollout: Rollout) -> dict[str, Any]:
    """All but its steps, of which it has the number."""
    return {
        "kind": rollout.kind,
        "answer": rollout.answer,
        "right": rollout.right,
        "finish": rollout.finish,
        "error": rollout.error,
        "steps": len(rollout.steps),
    }


def _joined(parts: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *parts])


def _read(path: Path) -> Item:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        record, origin, rollouts = json.loads(str(arrays["about"]))
        if record != RECORD:
            raise ValueError(f"record {record}")
        lengths = arrays["lengths"]
        ends = np.cumsum(lengths, axis=0)[:-1]
        tokens = np.split(arrays["tokens"], ends[:, 0])
        sureness = np.split(arrays["sureness"], ends[:, 1])
        digits = np.split(arrays["digits"], ends[:, 1])
        data = np.split(arrays["data"], ends[:, 2])
        states = iter(arrays["states"])
    steps = iter(
        [
            SeenStep(
                tokens[i], data[i].tobytes(), sureness[i], digits[i], next(states) if has else None
            )
            for i, has in enumerate(lengths[:, 3])
        ]
    )
    found = []
    for facts in rollouts:
        own = tuple(next(steps) for _ in range(facts.pop("steps")))
        found.append(Rollout(steps=own, **facts))
    return Item(Provenance(**{**origin, "depths": tuple(origin["depths"])}), tuple(found))
