"""A card: read, written, and looked at.

CardContent --Card--> its text and digest, lines, a page
file --Card.load--> Card, once its form and its digest are right
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from rara.arguments import path_of, short
from rara.cards.canonical import MOST_BYTES, content_in, digest_of, text_of
from rara.cards.content import CardContent, Shown, content_of
from rara.cards.page import notebook_html, save_page
from rara.cards.sentences import COLUMNS, card_lines, reason_of, verdict_of
from rara.errors import CardError, DamagedStoreError, ParameterError, SourceNotFoundError
from rara.provenance.json_format import JsonObject
from rara.storage.atomic import write_text
from rara.storage.plain_files import open_plain

ENDING: Final = ".json"


@dataclass(frozen=True, slots=True, repr=False)
class Card:
    """The judgement of one picture, judged alone. Made by `rara.card`, checked by `rara.verify`.

    `card["rarity"]` is a column of its record; docs/reference/columns.md lists them. Images have
    digests there in place of names.
    """

    content: CardContent
    shown: Shown = field(default_factory=Shown, compare=False)
    """Names and pictures of the images; a card from a file has none."""

    __hash__ = None  # type: ignore[assignment]  # its record is a mapping

    @property
    def verdict(self) -> str:
        """What may be concluded of the picture."""
        return verdict_of(self.content)

    @property
    def reason(self) -> str:
        """The evidence in one sentence; images have names there, where these are at hand."""
        return reason_of(self.content, self.shown.names)

    @property
    def digest(self) -> str:
        """sha256, in hex, of all of it."""
        return digest_of(self.content.to_json())

    @property
    def text(self) -> str:
        """The file: JSON in its one form, the digest last."""
        return text_of(self.content.to_json())

    def __getitem__(self, column: str) -> object:
        if not isinstance(column, str) or column not in self.content.record:
            raise ParameterError(f"No column {short(column)} in {self!r}.")
        return self.content.record[column]

    def to_dict(self) -> JsonObject:
        """The keys of the file: docs/reference/json.md lists them."""
        return {**self.content.to_json(), "digest": self.digest}

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a card. Raises CardError for a file that is not, byte for byte, what rara wrote.

        That nobody wrote another one in its place, no digest can show: see `rara.verify`.
        """
        data = bytes_in(path)
        try:
            return cls(content_of(content_in(data)))
        except CardError as error:
            raise CardError(f"'{path}' cannot be read as a card: {error}.") from None

    def save(self, path: str | Path) -> None:
        """Write the file, in place of an earlier one; the name ends in .json."""
        place = path_of(path)
        if place.suffix.lower() != ENDING:
            raise ParameterError(f"A card is JSON: end the name '{path}' in .json.")
        write_text(place, self.text)

    def summary(self, columns: int = COLUMNS) -> str:
        """The verdict and what it rests on, in a few plain lines of at most so many columns."""
        shown = self.shown
        return "\n".join(card_lines(self.content, shown.names, shown.sample, columns))

    def report(self, path: str | Path) -> None:
        """Write a page to look at: one HTML file that needs nothing else."""
        save_page([(self.content, self.shown)], path_of(path))

    def __repr__(self) -> str:
        image, reference = self.content.image, self.content.reference
        return (
            f"Card of a picture of {image.width} × {image.height} pixels, judged {self.verdict} by "
            f"{reference.count} reference images (sha256 {self.digest[:12]})"
        )

    def _repr_html_(self) -> str:
        return notebook_html(self.content, self.shown)


def bytes_in(path: str | Path) -> bytes:
    """The bytes of a card's file, and no more than tell that it is none.

    Raises SourceNotFoundError where there is no file, CardError for what cannot be read as one.
    """
    try:
        with open_plain(path_of(path).resolve()) as file:
            return file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFoundError(f"No card at '{path}'.") from None
    except (DamagedStoreError, OSError, RuntimeError) as error:  # a loop of links is the last one
        raise CardError(f"No card can be read at '{path}'. {error}") from None
