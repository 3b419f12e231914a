"""What follows from features alone, made once: a warm reference is asked for it again and again.

    features, what --made_once--> the value that `make` gave the first time

It lives as long as the features do. Without it, each call with one sample would sort, look up or
hash all of a reference again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sized
from threading import Lock
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

Made = TypeVar("Made")

MOST = 2_000_000
"""Of more images nothing is kept: it would take gigabytes."""

_KEPT: WeakKeyDictionary[Sized, dict[Hashable, object]] = WeakKeyDictionary()
_LOCK = Lock()


def made_once(features: Sized, what: Hashable, make: Callable[[], Made]) -> Made:
    """What `make` gave the first time for these features; nobody may change it. From any thread.

    Two threads that need it at once may both make it, which gives the same.
    """
    if len(features) > MOST:
        return make()
    with _LOCK:
        kept = _KEPT.setdefault(features, {})
    if what not in kept:
        kept[what] = make()
    return cast(Made, kept[what])
