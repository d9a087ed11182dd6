"""What a shell offers for a word that is being written: choices of settings and names of models.

For a file's name nothing is offered here: then the shell completes files by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping

from pfsolve.settings import Setting

Completion = Callable[[str], list[str]]

_KINDS = {"policy": "policy", "reward": "prm"}  # settings that name a model, and of which kind


def part_options(variables: Mapping[str, str]) -> None:
    """Make two words of `--method=p` in bash's variables, where it may be one or, with the "=", three.

    Typer would complete a word after it as the problem, or as a command.
    """
    if "COMP_WORDS" not in variables or not isinstance(variables, MutableMapping):
        return
    words, at = variables["COMP_WORDS"].split("\n"), int(variables["COMP_CWORD"])
    if at < len(words) and words[at].startswith("--") and "=" in words[at]:
        words[at : at + 1] = words[at].split("=", 1)
        at += 1
    elif at >= 2 and words[at - 1] == "=" and words[at - 2].startswith("--"):
        del words[at - 1]
        at -= 1
    variables["COMP_WORDS"], variables["COMP_CWORD"] = "\n".join(words), str(at)


def among(*choices: str) -> Completion:
    """Completes to one of these."""
    return lambda incomplete: _beginning(incomplete, choices)


def models(incomplete: str) -> list[str]:
    """Completes to the name of a known model."""
    return _beginning(incomplete, _names())


def of_setting(setting: Setting) -> Completion:
    """Completes to a value of the setting, as far as they have names."""
    # What its values are called in capitals, such as MODEL, stands for others.
    choices = [value for value in setting.values.split("|") if value.islower()]
    kind = _KINDS.get(setting.name)
    return lambda incomplete: _beginning(incomplete, [*choices, *(_names(kind) if kind else ())])


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _names(kind: str | None = None) -> list[str]:
    from pfsolve.environment import Environment
    from pfsolve.errors import PfsolveError
    from pfsolve.models.catalogue import load_catalogue

    try:
        entries = load_catalogue(Environment().config_dir).entries.values()
    except PfsolveError:  # of the user's own models.toml; a command will say so
        return []
    return [entry.name for entry in entries if kind in (None, entry.kind)]
