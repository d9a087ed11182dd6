"""Whether a line of a results file, or a run record, holds what all that read it take for granted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from pfsolve.errors import UsageError
from pfsolve.problems import Shard
from pfsolve.results.line import SCHEMA, ResultLine, upgraded
from pfsolve.wording import shortened

_Check: TypeAlias = Callable[[Any], bool]
_MOST = 2**63 - 1  # of a number; so much is a float too


class Fault(Exception):
    """What is wrong with a line, in a few words; it names the field."""


def parsed(line: bytes) -> ResultLine:
    """The result, or the scores of a reward, that a line holds, as of today's schema.

    A line of a later schema is returned as it is.

    Raises:
        Fault: it holds neither, or a field is missing or of the wrong type.
    """
    try:
        record = json.loads(line)
    except RecursionError:
        raise Fault("it is nested too deeply") from None
    except ValueError:
        raise Fault("it is no JSON") from None
    if not isinstance(record, dict):
        raise Fault("it is no JSON object")
    _check(record, _NAMED)
    if record["schema"] > SCHEMA:
        return upgraded(record)
    if "log_odds" in record or "log_scores" in record:
        record = _upgraded(record)
        _check(record, _SCORES, _OPTIONAL)
        return record
    _check(record, _ORIGIN)
    record = _upgraded(record)
    _check(record, _RESULT, _OPTIONAL)
    return record


def check_record(record: Mapping[str, Any]) -> None:
    """Refuse what is no run record of today's schema.

    Raises:
        Fault: a field is missing or of the wrong type.
    """
    _check(record, _RECORD)
    _check(record, {}, {**_OPTIONAL, **_OF_RECORDS})
    if "error" not in record:
        _check(record, _SOLVED)
        if record.get("chosen") not in (None, *range(len(record["particles"]))):
            raise Fault(f"`chosen` is {record['chosen']}, and so many particles there are not")


def _upgraded(record: dict[str, Any]) -> ResultLine:
    try:
        return upgraded(record)
    except (TypeError, ValueError, RecursionError):
        raise Fault(f"`settings` is {shortened(record.get('settings'))}") from None


def _check(
    record: Mapping[str, Any], needed: Mapping[str, tuple[_Check, str]], optional: Any = ()
) -> None:
    for name, (is_good, wanted) in {**needed, **dict(optional)}.items():
        if name not in record:
            if name in needed:
                raise Fault(f"`{name}` is missing")
        elif not is_good(record[name]):
            raise Fault(f"`{name}` is {shortened(record[name])}, not {wanted}")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _MOST  # no NaN is


def _is(*kinds: type) -> _Check:
    return lambda value: type(value) in kinds


def _or_null(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _list_of(check: _Check) -> _Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return False
    return True


def _is_shard(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(Shard.parse(value))
    except UsageError:
        return False


def _is_settings(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("method"), str)


def _is_versions(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _has(value: Any, **checks: _Check) -> bool:
    return isinstance(value, dict) and all(
        name in value and check(value[name]) for name, check in checks.items()
    )


def _is_error(value: Any) -> bool:
    return _has(value, kind=_is(str), message=_is(str))


def _is_timings(value: Any) -> bool:
    return _has(value, solve_seconds=_is_number) and _is_number(value.get("sandbox_seconds", 0.0))


_log_odds = _list_of(_or_null(_is_number))


def _is_pool(value: Any) -> bool:
    names = {
        "classes": _list_of(_is(int)),
        "log_odds": _log_odds,
        "weights": _list_of(_is_number),
        "tokens": _list_of(_is_count),
    }
    if not _has(value, **names):
        return False
    kinds = value.get("kinds", value["classes"])
    lists = [kinds, *(value[name] for name in names)]
    return isinstance(kinds, list) and len({len(each) for each in lists}) == 1


def _is_particle(value: Any) -> bool:
    needed: dict[str, _Check] = {
        "steps": _list_of(_is(str)),
        "log_odds": _log_odds,
        "weight": _is_number,
        "answer": _or_null(_is(str)),
    }
    texts = ("output", "error", "finish")
    return (
        _has(value, **needed)
        and value.get("kind", "text") in ("text", "program")
        and all(isinstance(value.get(name), str | None) for name in texts)
    )


def _is_candidate(value: Any) -> bool:
    return _has(value, answer=_is(str), particles=_is_count, share=_is_number)


_COUNT, _TEXT = (_is_count, "a whole number"), (_is(str), "a text")
_TEXT_OR_NULL = (_or_null(_is(str)), "a text or null")
_NUMBER, _TRUTH = (_is_number, "a number"), (_is(bool), "true or false")

# What a line is told by; what its origin is; what else a result has, and what it may have.
_NAMED = {"schema": _COUNT, "id": _TEXT}
_ORIGIN = {
    "settings": (_is_settings, "settings"),
    "versions": (_is_versions, "texts by name"),
}
_RESULT = {
    "line": _COUNT,
    "rows": _COUNT,
    "settings_hash": _TEXT,
    "at": (_is_time, "a time as in ISO 8601"),
    "answer": _TEXT_OR_NULL,
    "correct": (_or_null(_is(bool)), "true, false or null"),
}
_OPTIONAL = {
    "problem": _TEXT_OR_NULL,
    "expected": _TEXT_OR_NULL,
    "chosen": (_or_null(_is_count), "a whole number or null"),
    "agreement": _NUMBER,
    "candidates": (_list_of(_is(dict)), "a list of objects"),
    "interrupted": _TRUTH,
    "out_of_time": _TRUTH,
    "error": (_is_error, "an object with `kind` and `message`"),
    "seed": _COUNT,
    "tokens": _COUNT,
    "reward_tokens": _COUNT,
    "redrawn": _COUNT,
    "prompt_tokens": _COUNT,
    "prompt_tokens_saved": _COUNT,
    "rows_saved": _COUNT,
    "timings": (_is_timings, "an object with `solve_seconds`"),
    "shard": (_or_null(_is_shard), "a shard such as 2/4, or null"),
    "bench": _TEXT,
    "pool": (_is_pool, "lists of one length"),
}
_SCORES = {
    "log_odds": (_log_odds, "a list of numbers"),
    "tokens": _COUNT,
    "seconds": _NUMBER,
}
# What a run record has; beside it if its search has not failed; and what it may have.
_RECORD = {
    "schema": _COUNT,
    "problem": _TEXT,
    "answer": _TEXT_OR_NULL,
    "particles": (_list_of(_is_particle), "a list of particles"),
}
_SOLVED = {
    "agreement": _NUMBER,
    "candidates": (_list_of(_is_candidate), "a list of answers"),
    "seed": _COUNT,
    "timings": _OPTIONAL["timings"],
    "tokens": _COUNT,
}
_OF_RECORDS = {
    "correct": _RESULT["correct"],
    "at": _RESULT["at"],
    "settings": (_is(dict), "settings"),
}
