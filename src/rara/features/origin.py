"""Where features come from: the extractor, the place and how it was read.

What a folder says of it is text that anybody may have written, so types are checked, and a name
stays a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

from rara.extractors.base import Metric, Spec
from rara.storage.folder import Bundle

AND = " + "
"""Between the places where joined features come from."""
HELD_OUT = " (held out: "
"""Behind the place where features come from that were held out, before which share that is."""
_KINDS = ("features", "reference")


def places_in(location: str) -> list[str]:
    """The places of the images themselves, of joined features each one's."""
    return [place.partition(HELD_OUT)[0] for place in location.split(AND)]


def origin_in(bundle: Bundle) -> tuple[Spec, str, tuple[str, ...]]:
    """The extractor's spec, the location and the remarks. Raises DamagedStoreError."""
    if bundle.kind not in _KINDS:
        raise bundle.wrong(f"{bundle.kind[:80]!r} is neither features nor a reference")
    location, remarks = bundle.facts.get("location"), bundle.facts.get("remarks", [])
    if not isinstance(location, str):
        raise bundle.wrong("no location")
    if not isinstance(remarks, list) or not all(isinstance(one, str) for one in remarks):
        raise bundle.wrong("remarks that are no sentences")
    return _spec(bundle), location, tuple(remarks)


def _spec(bundle: Bundle) -> Spec:
    said = bundle.facts.get("extractor")
    if not isinstance(said, Mapping) or not said.keys() <= {field.name for field in fields(Spec)}:
        raise bundle.wrong("no extractor, or one with unknown fields")
    if not all(_fits(name, value) for name, value in said.items()):
        raise bundle.wrong("an extractor with fields of another type")
    try:
        return Spec(**said)
    except TypeError:
        raise bundle.wrong("an extractor with fields missing") from None


def _fits(name: str, value: Any) -> bool:
    if name == "dim":
        return type(value) is int and value > 0
    if name == "metric":
        return value in get_args(Metric)
    return isinstance(value, str)
