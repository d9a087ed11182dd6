"""Where the head of a policy's probe is found."""

from __future__ import annotations

from pathlib import Path

from pfsolve.environment import own_path
from pfsolve.errors import ModelMissing, UsageError, named
from pfsolve.files import check_writable
from pfsolve.settings import PROBE_FILES

PACKAGED = Path(__file__).parent / "heads"


def names_probe(reward: str) -> bool:
    """Whether `--reward` asks for a probe: by its name, or with a head's file."""
    return reward == "probe" or reward.lower().endswith(PROBE_FILES)


def own_file(policy: str, config_dir: Path) -> Path:
    """Where the user's own head for a policy belongs; `pfsolve reward train` writes it there."""
    return config_dir / "probes" / (policy + PROBE_FILES)


def check_output(path: Path) -> None:
    """Refuse a file that `--reward` would not know for a probe, or that cannot be written.

    Raises:
        UsageError: its name does not end as those of heads do, or it cannot be written.
    """
    if path.suffix.lower() != PROBE_FILES:
        raise UsageError(
            f"{path} does not end in {PROBE_FILES}, by which {named('reward')} knows a probe",
            f"name it {path.stem}{PROBE_FILES}",
        )
    try:
        check_writable(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "name another file") from error


def check_own_folder(config_dir: Path) -> None:
    """Make the folder of the user's own heads where it is missing, and refuse one that cannot be written.

    Raises:
        UsageError: it cannot.
    """
    path = own_file("new", config_dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_writable(path)
    except OSError as error:
        raise UsageError(
            f"cannot write to {path.parent}: {error.strerror}",
            "name a file for the head with -o, such as head.npz",
        ) from error


def head_of(policy: str, config_dir: Path) -> Path | None:
    """The file of a policy's head: the user's own, or else the one that comes with pfsolve."""
    files = (own_file(policy, config_dir), PACKAGED / (policy + PROBE_FILES))
    return next((path for path in files if path.is_file()), None)


def find_head(reward: str, policy: str, config_dir: Path) -> Path:
    """The file of the head that `reward` means: the one it names, or that of this policy.

    Raises:
        ModelMissing: there is none.
    """
    if reward != "probe":
        return own_path(reward)
    if (path := head_of(policy, config_dir)) is not None:
        return path
    packaged = sorted(path.stem for path in PACKAGED.glob("*" + PROBE_FILES))
    comes_with = f"; pfsolve comes with those of {', '.join(packaged)}" if packaged else ""
    raise ModelMissing(
        f"there is no probe for {policy}",
        f"`pfsolve reward train --policy {policy}` makes one{comes_with}",
    )
