"""Small files beside images: `x.json`, `x.cls` and `x.txt` describe `x.png`.

WebDataset's convention. A sidecar describes the images of its name; one that has none
describes those whose name up to the first dot it is, as `x.json` does `x.left.png`.
Names are compared as those in tables are (matching.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from rara.errors import ImageError
from rara.sources.metadata.matching import ImageNames
from rara.sources.metadata.records import Record, Tidier
from rara.sources.metadata.rows import encoding_of
from rara.sources.names import IMAGE_SUFFIXES, SIDECAR_SUFFIXES, base_name, has_suffix, stem

_BOX = re.compile(r"\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?(?:\s+[-+]?[\d.]+(?:[eE][-+]?\d+)?){4,}\s*")
_NAMED = 3


class Sidecars:
    """Finds and reads the sidecars of each image."""

    def __init__(
        self,
        images: Sequence[str],
        others: Collection[str],
        read: Callable[[str], bytes],
        tidier: Tidier,
    ) -> None:
        self._read = read
        self._tidier = tidier
        self._of = _by_image(images, others) if others else {}
        self._broken: dict[str, str] = {}
        self._replaced: set[str] = set()
        self._boxes: set[str] = set()

    @property
    def used(self) -> frozenset[str]:
        """The names of all sidecars of images."""
        return frozenset(name for names in self._of.values() for name in names)

    @property
    def remarks(self) -> list[str]:
        """What could not be read as it is; complete once all records were asked for."""
        remarks = []
        if self._broken:
            named = ", ".join(f"'{n}' ({why})" for n, why in list(self._broken.items())[:_NAMED])
            used = "its image is" if len(self._broken) == 1 else "their images are"
            remarks.append(
                f"{_counted(self._broken)} could not be read, and {used} used without: "
                f"{named}{', …' if len(self._broken) > _NAMED else ''}."
            )
        if self._replaced:
            verb = "is" if len(self._replaced) == 1 else "are"
            remarks.append(
                f"{_counted(self._replaced)} in .txt or .cls {verb} not UTF-8: what cannot be read "
                "is replaced by '\ufffd'."
            )
        if self._boxes:
            verb = "holds" if len(self._boxes) == 1 else "hold"
            remarks.append(
                f"{_counted(self._boxes)} in .txt {verb} rows of numbers: stored as 'boxes', not "
                "as 'prompt'."
            )
        return remarks

    def record(self, image: str) -> Record:
        """All that the sidecars of an image say."""
        record: Record = {}
        for name in self._of.get(image, ()):
            record |= self._tidier.tidy(self._content(name), image)
        return record

    def _content(self, name: str) -> Mapping[str, object]:
        try:
            data = self._read(name)
            return _json(data) if has_suffix(name, (".json",)) else self._text(name, data)
        except ImageError as error:
            self._broken[name] = str(error)
            return {}

    def _text(self, name: str, data: bytes) -> Mapping[str, object]:
        text = data.decode(encoding_of(data), errors="replace").strip()
        if "\ufffd" in text:
            self._replaced.add(name)
        if not text:
            return {}
        if has_suffix(name, (".cls",)):
            return {"label": text}
        if all(_BOX.fullmatch(line) for line in text.splitlines() if line.strip()):
            self._boxes.add(name)
            return {"boxes": text}
        return {"prompt": text}


def _json(data: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"not JSON: {error}") from None
    return value if isinstance(value, dict) else {"json": value}


def _by_image(images: Sequence[str], others: Collection[str]) -> dict[str, list[str]]:
    """The sidecars of each image: those of its name, or unclaimed ones of its base name."""
    named = {image: _own_name(image) for image in images}
    claimed = set(named.values())
    called = _called(others, claimed.union(map(base_name, images)))
    by_image: dict[str, list[str]] = {}
    for image, own in named.items():
        base = base_name(image)
        for suffix in SIDECAR_SUFFIXES:
            if own + suffix in called:
                by_image.setdefault(image, []).append(called[own + suffix])
            elif base not in claimed and base + suffix in called:
                by_image.setdefault(image, []).append(called[base + suffix])
    return by_image


def _called(others: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """The sidecars by the names that images would have them called."""
    sidecars = sorted(name for name in others if has_suffix(name, SIDECAR_SUFFIXES))
    names = ImageNames(wanted)
    called = {name: name for name in sidecars}
    for name in sidecars:
        own = stem(name)
        if (meant := names.find(own)) is not None:
            called.setdefault(meant + name[len(own) :].lower(), name)
    return called


def _own_name(image: str) -> str:
    """An unusual suffix, as in `frame.0001`, is a part of the name."""
    return stem(image) if has_suffix(image, IMAGE_SUFFIXES) else image


def _counted(names: Collection[str]) -> str:
    return f"{len(names):,} {'sidecar' if len(names) == 1 else 'sidecars'}"
