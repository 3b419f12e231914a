"""Arguments from outside, checked in one place: whole numbers, numbers, paths and lists.

Raises ParameterError, with the name of the argument, the value and what is allowed. Ranges that
hang on other things are checked where these are known.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rara.errors import ParameterError

_LONGEST = 60
"""Of a value in a message."""
_LARGEST = 2**63 - 1
"""What counters and seeds can hold."""


def whole(value: object, name: str, *, least: int = 1) -> int:
    """A whole number, also of numpy; True, 3.0 and "3" are none.

    >>> whole(3, "k")
    3
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ParameterError(f"{name} = {short(value)}: give a whole number of at least {least}.")
    if value < least:
        raise ParameterError(f"{name} = {short(value)}: give at least {least}.")
    if int(value) > _LARGEST:
        raise ParameterError(f"{name} = {short(value)}: give a smaller number.")
    return int(value)


def number(value: object, name: str) -> float:
    """A number, also of numpy."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ParameterError(f"{name} = {short(value)}: give a number.")
    try:
        return float(value)
    except OverflowError:
        raise ParameterError(f"{name} = {short(value)}: give a smaller number.") from None


def flag(value: object, name: str) -> bool:
    """True or False, also of numpy; nothing else is taken for one."""
    if not isinstance(value, (bool, np.bool_)):
        raise ParameterError(f"{name} = {short(value)}: give True or False.")
    return bool(value)


def path_of(value: Any, name: str = "path") -> Path:
    """A path that the system can look up, whether something is there or not."""
    try:
        text = os.fspath(value)
        if not isinstance(text, str):
            raise TypeError
        Path(text).stat()
    except TypeError:
        raise ParameterError(f"{name} = {short(value)}: give a path as text.") from None
    except ValueError:  # a null character, or half of a surrogate pair
        raise ParameterError(f"{name} = {short(value)}: no path can hold that.") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ParameterError(
                f"{name} = {short(value)}: {len(text):,} characters are too long for a path."
            ) from None
    return Path(text)


def listed(values: Iterable[Any], name: str, *, vectors: int | None = None) -> list[Any]:
    """A list of what can be gone through: one for each of so many vectors, where that is given."""
    try:
        items = list(values)
    except TypeError:
        raise ParameterError(f"{name} = {short(values)}: give a list.") from None
    if vectors is not None and len(items) != vectors:
        raise ParameterError(f"{len(items)} {name} for {vectors} vectors: give one for each.")
    return items


def array_of(values: ArrayLike) -> NDArray[Any]:
    """An array; an empty one of objects where the values make up none, as lists of several lengths.

    What it may hold is for the caller to check.
    """
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError):
        return np.empty(0, dtype=object)


def short(value: object) -> str:
    """A value as a message can hold it."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        text = f"a {type(value).__name__} that is too long"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
