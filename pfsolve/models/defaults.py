"""The policy where the user names none: the best that is on this disk, or else the best within reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pfsolve.environment import Environment
from pfsolve.errors import ModelMissing, named
from pfsolve.models.catalogue import Catalogue, load_catalogue
from pfsolve.models.download import absence, find
from pfsolve.models.entry import ModelEntry
from pfsolve.models.place import Place
from pfsolve.models.resolve import WantedPolicy, look_up_policy
from pfsolve.models.store import Store
from pfsolve.models.transfer import PlaceFailed, PlaceUnreachable

REACH_S = 2.5  # seconds for a place to show that it gives a model


def expected_default(environment: Environment) -> ModelEntry:
    """The first of the default policies that is on this disk, or else the first of all. No network.

    Raises:
        UsageError: the user's models.toml is not valid.
    """
    catalogue = load_catalogue(environment.config_dir)
    return _on_disk(catalogue, environment) or catalogue.get(catalogue.default_policies[0])


def expected_policy(name_or_path: str | None, environment: Environment) -> WantedPolicy:
    """The policy that will be used, as far as can be known without network.

    Raises:
        UsageError, ModelMissing: as in `look_up_policy`.
    """
    if name_or_path is not None:
        return look_up_policy(name_or_path, environment)
    entry = expected_default(environment)
    return WantedPolicy(entry.name, entry)


def default_policies(environment: Environment, *, offline: bool) -> Iterator[WantedPolicy]:
    """The default policies that may be had, the best first; the next where that one cannot be fetched.

    One that is on this disk is the only one. Of the others, all but the last have shown that their
    first bytes come. Places whose host cannot be reached are found out once, and left out.

    Raises:
        ModelMissing: none is on this disk, and this is `offline` or no place can be reached.
        UsageError: the user's models.toml is not valid.
    """
    catalogue = load_catalogue(environment.config_dir)
    if entry := _on_disk(catalogue, environment):
        yield WantedPolicy(entry.name, entry)
        return
    first, last = catalogue.default_policies[0], catalogue.default_policies[-1]
    if offline or environment.offline:
        store = Store(environment.models_dir)
        raise ModelMissing(
            "no policy is named, and pfsolve is to stay offline; of the defaults "
            + "; ".join(absence(catalogue.get(name), store) for name in catalogue.default_policies),
            f"go online once for `pfsolve models pull {first}`",
        )
    closed: dict[type[Place], PlaceFailed] = {}
    passed_over: list[str] = []
    for name in catalogue.default_policies:
        entry = catalogue.get(name)
        places, failures = _open_places(entry, closed, check=name != last)
        if places:
            better = "; ".join(passed_over) or "it is the best of those within reach"
            yield WantedPolicy(name, replace(entry, places=places), reason=better)
            passed_over.append(f"{name} could not be fetched")
        else:
            why = "; ".join(dict.fromkeys(failure.reason for failure in failures))
            passed_over.append(f"{name} cannot be fetched: {why or 'no place has it'}")
    if not places:
        raise ModelMissing(
            "; ".join(passed_over),
            f"{named('policy')} takes another model: a name from `pfsolve models list`, or a GGUF file",
        )


def _on_disk(catalogue: Catalogue, environment: Environment) -> ModelEntry | None:
    store = Store(environment.models_dir)
    entries = map(catalogue.get, catalogue.default_policies)
    return next((entry for entry in entries if find(entry, store)), None)


def _open_places(
    entry: ModelEntry, closed: dict[type[Place], PlaceFailed], *, check: bool
) -> tuple[tuple[Place, ...], list[PlaceFailed]]:
    """The places that may give a model, the first of them checked, and what those before it said.

    Args:
        closed: kinds of places whose host cannot be reached, and why; this adds to them.
    """
    places: list[Place] = []
    failures: list[PlaceFailed] = []
    for place in entry.places:
        kind = type(place)
        try:
            if kind in closed:
                raise closed[kind]
            if check and not places:
                place.check(REACH_S)
            places.append(place)
        except PlaceFailed as failure:
            failures.append(failure)
            if isinstance(failure, PlaceUnreachable):
                closed[kind] = failure
    return tuple(places), failures
