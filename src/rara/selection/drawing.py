"""A generator called for samples: what it gives is checked, named and opened.

generate, count --drawn--> Draws: names, images, features with a row for each that can be read
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from rara.arguments import short
from rara.errors import EmptySourceError, GeneratorError, RaraError
from rara.features.features import Features
from rara.reference.scorer import Scorer

Generate = Callable[[int], "Features | ArrayLike | list[Any]"]
"""Gives so many images, as arrays, Pillow images or encoded files, or vectors of shape (n, d)."""


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Some draws of a generator."""

    names: list[str]
    """Of all, in their order: `draw-000001` is the first one ever."""
    images: Mapping[str, object] | None
    """By name; None for vectors."""
    features: Features | None
    """Of those that can be read; None where none can."""

    def some(self, names: list[str]) -> Mapping[str, object] | Features:
        """Images, or features, of some of them."""
        if self.images is not None:
            return {name: self.images[name] for name in names}
        assert self.features is not None
        place = {name: row for row, name in enumerate(self.features.ids)}
        return self.features.take(np.array([place[name] for name in names]), "draws")


def drawn(generate: Generate, count: int, before: int, scorer: Scorer) -> Draws:
    """The next `count` draws, after `before` earlier ones.

    Raises GeneratorError where `generate` raises, or gives anything else than so many images or
    finite vectors.
    """
    given = _called(generate, count)
    names = [f"draw-{number:06d}" for number in range(before + 1, before + count + 1)]
    try:
        if isinstance(given, Features):
            return Draws(names, None, scorer.features(_named(given, names, count))[0])
        if isinstance(given, np.ndarray) and given.ndim == 2 and given.dtype.kind == "f":
            _check_finite(given, count)
            return Draws(names, None, scorer.features(Features.from_arrays(given, ids=names))[0])
        images = dict(zip(names, given, strict=True))
        return Draws(names, images, scorer.features(images)[0])
    except EmptySourceError as error:
        if not error.skipped:
            raise GeneratorError(f"generate({count}): {error}") from error
        return Draws(names, dict.fromkeys(names), None)
    except RaraError as error:
        if isinstance(error, GeneratorError):
            raise
        raise GeneratorError(f"generate({count}) gave samples that cannot be used: {error}") from (
            error
        )


def _called(generate: Generate, count: int) -> Any:
    try:
        given: Any = generate(count)
        if isinstance(given, Iterator):
            given = list(given)
    except Exception as error:
        raise GeneratorError(
            f"generate({count}) raised {type(error).__name__}: {str(error)[:300]}"
        ) from error
    if given is None or isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Sized):
        raise GeneratorError(
            f"generate({count}) returned {short(given)}: let it return {count} images, or vectors "
            f"of shape ({count}, d)."
        )
    if len(given) != count:
        raise GeneratorError(
            f"generate({count}) returned {len(given):,} samples: let it return {count}."
        )
    return given


def _check_finite(vectors: np.ndarray[Any, Any], count: int) -> None:
    lacking = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(lacking):
        raise GeneratorError(
            f"generate({count}) returned vectors that are not finite in {len(lacking)} of {count} "
            f"rows, the first is row {lacking[0]}: the generator or its extractor has diverged."
        )


def _named(features: Features, names: list[str], count: int) -> Features:
    """Features by the names of draws."""
    if len(features.items) != count or len(features) != count:
        raise GeneratorError(
            f"generate({count}) returned features with {len(features)} vectors: let it return one "
            "for each."
        )
    at = features.items.schema.get_field_index("id")
    column = features.items.schema.field(at)
    return replace(features, items=features.items.set_column(at, column, pa.array(names)))
