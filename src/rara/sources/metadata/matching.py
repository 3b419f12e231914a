"""Which image a name in a table means.

The name itself counts first, then the same letters in Unicode's composed form (macOS
stores names decomposed), then the name in any case. What fits two images fits none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import cached_property


class ImageNames:
    """The names of all images, to be found by nearly the same name."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def find(self, name: str) -> str | None:
        """The one image that a name means, or None."""
        if name in self._names:
            return name
        composed = self._composed.get(_composed(name))
        return composed or self._folded.get(folded(name))

    @cached_property
    def _composed(self) -> dict[str, str | None]:
        return self._by(_composed)

    @cached_property
    def _folded(self) -> dict[str, str | None]:
        return self._by(folded)

    def _by(self, form: Callable[[str], str]) -> dict[str, str | None]:
        """Each form that belongs to one image alone; None where it belongs to several."""
        owners: dict[str, str | None] = {}
        for name in self._names:
            key = form(name)
            owners[key] = None if key in owners else name
        return owners


def folded(name: str) -> str:
    """What is the same for names that differ in their case or in Unicode's form."""
    return _composed(_composed(name).casefold())


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
