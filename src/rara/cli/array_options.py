"""Which array or column of a file holds the images: what several commands take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from rara.cli.options import IMAGES, Place
from rara.errors import ParameterError
from rara.sources import holds_tables
from rara.sources.names import has_suffix
from rara.sources.paths import split_key, with_key


@Parameter(name="*", group=IMAGES)
@dataclass(frozen=True)
class Reading:
    """Which array or column of a file holds the images, where several could."""

    array: Annotated[
        str | None,
        Parameter(
            metavar="NAME",
            show_default="one of a usual name",
            help="The array of images in each .npz. For one file alone write `file.npz#name`.",
        ),
    ] = None
    image_column: Annotated[
        str | None,
        Parameter(
            metavar="NAME",
            show_default="one of a usual name",
            help="The column of images in each table. For one alone write `file.parquet#name`.",
        ),
    ] = None

    def place(self, place: Place) -> str:
        """One place with the array or column that is meant behind it."""
        return self.places([place])[0]

    def places(self, places: Sequence[Place]) -> list[str]:
        """The places, those of arrays and tables with what is meant; a place that says it keeps it.

        Raises ParameterError where an option fits none of them.
        """
        named = [self._named(str(place)) for place in places]
        for option, fits in (("array", _holds_arrays), ("image_column", holds_tables)):
            key = getattr(self, option)
            if key is not None and not any(fits(split_key(place)[0]) for place in named):
                raise ParameterError(
                    f"--{option.replace('_', '-')} {key}: {' and '.join(map(str, places))} "
                    f"hold{'s' if len(places) == 1 else ''} no "
                    f"{'.npz' if option == 'array' else 'table'}. Remove the option."
                )
        return named

    def _named(self, place: str) -> str:
        inner, key = split_key(place)
        if key is not None:
            return place
        meant = self.array if _holds_arrays(inner) else self.image_column
        if meant is None:
            return place
        named = with_key(place, meant)
        fits = split_key(named)[1] == meant
        return named if fits and (_holds_arrays(inner) or holds_tables(inner)) else place


def _holds_arrays(place: str) -> bool:
    return has_suffix(place, (".npz",))
