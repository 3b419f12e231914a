"""The knob of a sweep: the number that each generator was made with.

names, metadata --knob_of--> {name: number}
one place, a key --split--> a generator for each value
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rara.arguments import short
from rara.errors import ParameterError
from rara.features.features import Features
from rara.report.formatting import counted

UNSIGNED = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+(?![^\W_]))?"
NUMBER = rf"[-+]?{UNSIGNED}"
_SEEN = 6


def split(features: Features, key: str) -> Iterator[tuple[str, Features | str]]:
    """The samples of one place by their value of a key, in ascending order.

    Those without a number come last: what is said of them stands for their features.
    """
    values = [_number(record.get(key)) for record in features.records]
    for value in sorted({one for one in values if one is not None}):
        rows = np.flatnonzero([one == value for one in values])
        yield f"{key}={exactly(value)}", features.take(rows, features.location)
    if without := values.count(None):
        yield f"{key}=?", f"{counted(without, 'sample')} without a number under '{key}'."


def exactly(value: float) -> str:
    """A number in the fewest letters that no other number has.

    >>> exactly(1.0), exactly(1000001.0), exactly(0.1)
    ('1', '1000001', '0.1')
    """
    return repr(float(value)).removesuffix(".0")


def has_numbers(features: Features, key: str) -> bool:
    """Whether the samples have two or more numbers under a key."""
    values = {_number(record.get(key)) for record in features.records} - {None}
    return len(values) > 1


def knob_of(sweep: str, generators: Mapping[str, Features | None]) -> dict[str, float]:
    """The number of each generator: from a pattern, from its metadata, or from its name.

    Raises ParameterError, with the names, where one has no number or all have the same.
    """
    if not isinstance(sweep, str) or not sweep.strip():
        raise ParameterError(
            f"sweep = {short(sweep)}: give a key, or a pattern such as gan-{{psi}}."
        )
    names = list(generators)
    found = _numbers(sweep, names, list(generators.values()))
    knob = {name: value for name, value in zip(names, found, strict=True) if value is not None}
    if missing := [name for name in names if name not in knob]:
        raise ParameterError(
            f"sweep '{sweep}': no number for {', '.join(missing[:_SEEN])}. Give a key of the "
            f"metadata, numbers in the names as in {knob_name(sweep)}-0.5, or a pattern such as "
            "'gan-{psi}'."
        )
    if len(set(knob.values())) < 2:
        raise ParameterError(
            f"sweep '{sweep}': all generators have {next(iter(knob.values())):g}. Give two values "
            "or more."
        )
    return knob


def _numbers(
    sweep: str, names: Sequence[str], generators: Sequence[Features | None]
) -> list[float | None]:
    if "{" in sweep:
        return [_by_pattern(sweep, name) for name in names]
    known = _by_metadata(sweep, generators)
    if known is not None:
        return known
    by_key = [_by_key(sweep, name) for name in names]
    return (_only_numbers(names) or by_key) if None in by_key else by_key


def knob_name(sweep: str) -> str:
    """What the knob is called: the key, or the word in the braces of a pattern.

    >>> knob_name("gan-{psi}"), knob_name("step")
    ('psi', 'step')
    """
    inner = re.search(r"{(\w*)}", sweep)
    return (inner[1] if inner else sweep) or "knob"


def _by_pattern(pattern: str, name: str) -> float | None:
    parts = re.split(r"{\w*}", pattern)
    if len(parts) != 2:
        raise ParameterError(f"sweep '{pattern}': give one number in braces, as in gan-{{psi}}.")
    found = re.fullmatch(f"{re.escape(parts[0])}({NUMBER}){re.escape(parts[1])}", name)
    return float(found[1]) if found else None


def _by_key(key: str, name: str) -> float | None:
    """The number behind the key, as in step-1000 or psi=0.5. A sign needs another one before it."""
    number = rf"[-_= ]?{UNSIGNED}|[-_= ]{NUMBER}"
    found = re.search(rf"(?<![^\W\d_]){re.escape(key)}({number})", name, re.IGNORECASE)
    if not found:
        return None
    text = found[1]
    return float(text if text[0].isdigit() else text[1:])


def _only_numbers(names: Sequence[str]) -> list[float | None] | None:
    """The one number in which the names differ; None where there is not exactly one."""
    numbers = [re.findall(rf"(?:(?<=[-_= ])[-+])?{UNSIGNED}", name) for name in names]
    if len({len(one) for one in numbers}) != 1 or not numbers[0]:
        return None
    columns = [column for column in zip(*numbers, strict=True) if len(set(column)) > 1]
    return [float(text) for text in columns[0]] if len(columns) == 1 else None


def _by_metadata(key: str, generators: Sequence[Features | None]) -> list[float | None] | None:
    """The one number that all samples of a generator have; None where one has none or several."""
    found: list[float | None] = []
    for features in generators:
        values = set() if features is None else {_number(one.get(key)) for one in features.records}
        if features is not None and (len(values) != 1 or None in values):
            return None
        found.append(values.pop() if values else None)
    return found if any(value is not None for value in found) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    if not isinstance(value, (int, float)) and not re.fullmatch(NUMBER, text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
