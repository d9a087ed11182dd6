"""Names of settings that are none, and what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from pfsolve.errors import UsageError

_ALIKE = 0.75  # of two names, as difflib measures it: "particle" and "particles", not "record" and "reward"


def near(name: str, known: Collection[str]) -> list[str]:
    """The known name that is most like this one, if any is."""
    return difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)


def unknown(name: str, known: Collection[str], *, listing: bool = False) -> UsageError:
    """The error that says that a name is no setting's, and which one may have been meant.

    Args:
        listing: whether it lists the names that there are, also where one is near.
    """
    hints = []
    if meant := near(name.lower().replace("-", "_"), known):
        hints.append(f"did you mean {meant[0]!r}?")
    elif not listing:
        hints.append(
            "options that are no settings, such as --quiet, are for the command line only;"
        )
    if listing or not meant:
        hints.append(f"the settings are {', '.join(sorted(known))}")
    return UsageError(f"unknown setting {name!r}", " ".join(hints))
