"""Where features come from: the extractor, the place and how it was read.

What a folder says of it is text that anybody may have written, so types are checked, and a name
stays a name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args

from rara.extractors.base import Metric, Spec
from rara.storage.folder import StoredFolder

AND = " + "
"""Between the places where joined features come from."""
HELD_OUT = " (held out: "
"""Behind the place where features come from that were held out, before which share that is."""
_KINDS = ("features", "reference")


def places_in(location: str) -> list[str]:
    """The places of the images themselves, of joined features each one's."""
    return [place.partition(HELD_OUT)[0] for place in location.split(AND)]


def fingerprint_of(spec: Spec, digests: Sequence[str]) -> str:
    """sha256 over an extractor and the contents of the images that it saw, in order."""
    return hashlib.sha256("\n".join([spec.fingerprint, *digests]).encode()).hexdigest()


def origin_in(stored: StoredFolder) -> tuple[Spec, str, tuple[str, ...]]:
    """The extractor's spec, the location and the remarks. Raises DamagedStoreError."""
    if stored.kind not in _KINDS:
        raise stored.wrong(f"{stored.kind[:80]!r} is neither features nor a reference")
    location, remarks = stored.facts.get("location"), stored.facts.get("remarks", [])
    if not isinstance(location, str):
        raise stored.wrong("no location")
    if not isinstance(remarks, list) or not all(isinstance(remark, str) for remark in remarks):
        raise stored.wrong("remarks that are no sentences")
    return _spec(stored), location, tuple(remarks)


def _spec(stored: StoredFolder) -> Spec:
    extractor = stored.facts.get("extractor")
    if not isinstance(extractor, Mapping) or not extractor.keys() <= {
        field.name for field in fields(Spec)
    }:
        raise stored.wrong("no extractor, or one with unknown fields")
    if not all(_fits(name, value) for name, value in extractor.items()):
        raise stored.wrong("an extractor with fields of another type")
    try:
        return Spec(**extractor)
    except TypeError:
        raise stored.wrong("an extractor with fields missing") from None


def _fits(name: str, value: Any) -> bool:
    if name == "dim":
        return type(value) is int and value > 0
    if name == "metric":
        return value in get_args(Metric)
    return isinstance(value, str)
