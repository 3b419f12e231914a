"""What is known of an image besides its pixels: class folder, tables, sidecars.

The later wins: a folder is the `label` (folder_labels.py); `metadata.csv`, `.jsonl`, `.parquet`
and `dataset.json` describe the files of their own folder and below (rows.py), joined by
name (matching.py); `x.json`, `x.cls` and `x.txt` describe `x.png` (sidecars.py).
Whatever is not joined, not used or changed is counted in `remarks`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import PurePosixPath

from rara.errors import ImageError
from rara.sources.layouts.folder_labels import Labels
from rara.sources.metadata.matching import ImageNames
from rara.sources.metadata.records import Record, Tidier
from rara.sources.metadata.rows import FILE_NAME, NamedRows, UnusedTableError, damaged, read_rows
from rara.sources.metadata.sidecars import Sidecars
from rara.sources.names import LABEL_TABLE, TABLES, member_name, printable, shown, stem


class Metadata:
    """Looks up what is known of each image among other files that can be read."""

    def __init__(
        self,
        images: Sequence[str],
        others: Collection[str],
        read: Callable[[str], bytes],
        *,
        location: str,
        wrapper: str = "",
    ) -> None:
        """Read all tables. `wrapper` is a folder (`train/`) that holds everything and says nothing.

        `others` are the names of files that are no images: with none of them, only folders speak.
        Raises `DamagedArchiveError` for a table that cannot be read to its end.
        """
        self._images = images
        self._names = ImageNames(images)
        self._read = read
        self._location = location
        self._tidier = Tidier()
        self._remarks: list[str] = []
        self._used: set[str] = set()
        self._replaced: dict[str, set[tuple[str, str]]] = {}
        self._rows = self._read_tables([n for n in others if n.rpartition("/")[2] in TABLES])
        numbered = wrapper + LABEL_TABLE in self._used
        self._labels = Labels(images, wrapper=wrapper, numbered=numbered)
        free = set(others) - self._used
        self._sidecars = Sidecars(images, free, read, self._tidier)

    @property
    def used(self) -> frozenset[str]:
        """Names of the tables that were read and of all sidecars."""
        return self._sidecars.used | self._used

    @property
    def remarks(self) -> list[str]:
        """What was not joined, not used or changed; complete once all images were asked for."""
        tables, sidecars = self._remarks, self._sidecars.remarks
        replaced = [
            f"{len(values):,} metadata {'value was' if len(values) == 1 else 'values were'} "
            f"replaced by what {where} says of the same image and key."
            for where, values in self._replaced.items()
        ]
        remarks = [*self._labels.remarks, *tables, *sidecars, *replaced, *self._tidier.remarks]
        return [printable(remark) for remark in remarks]

    def of(self, name: str) -> Record:
        """All that is known of the image of this name."""
        own = self._sidecars.record(name)
        return {**self._labels.of(name)} | self._laid_over(
            self._rows.get(name, {}), own, name, "a sidecar"
        )

    def _laid_over(self, first: Record, later: Record, image: str, where: str) -> Record:
        """Two records as one; values of the first that differ from the later one are counted."""
        replaced = {(image, key) for key in first.keys() & later.keys() if first[key] != later[key]}
        if replaced:
            self._replaced.setdefault(where, set()).update(replaced)
        return first | later

    # -- tables -------------------------------------------------------------------------

    def _read_tables(self, tables: Sequence[str]) -> dict[str, Record]:
        """All rows of all tables by the image's name, those of inner folders last."""
        by_image: dict[str, Record] = {}
        joined: list[str] = []
        for name in sorted(tables, key=lambda name: (name.count("/"), name)):
            if (rows := self._rows_of(name)) is None:
                continue
            records = self._joined(name, rows)
            joined += [name] if records else []
            for image, record in records.items():
                by_image[image] = self._laid_over(
                    by_image.get(image, {}), record, image, f"'{name}'"
                )
        self._say_who_has_none(by_image, joined)
        return by_image

    def _rows_of(self, name: str) -> NamedRows | None:
        where = shown(f"{self._location}/{name}")
        try:
            rows = read_rows(name, self._read(name), where)
        except UnusedTableError as error:
            self._used.add(name)
            self._remarks.append(f"'{name}' was not used: {error}.")
            return None
        except ImageError as error:
            raise damaged(where, f" cannot be read: {error}") from None
        self._used.add(name)
        if rows.column != FILE_NAME:
            self._remarks.append(f"'{name}' names its images in the column '{rows.column}'.")
        return rows

    def _joined(self, table: str, rows: NamedRows) -> dict[str, Record]:
        """The records of one table by image."""
        places = self._places(table)
        by_image: dict[str, list[Record]] = {}
        lost: list[str] = []
        above = 0
        for file_name, row in rows.rows:
            image, removed = self._image(file_name, places)
            if image is None:
                lost.append(file_name)
            else:
                above += removed
                by_image.setdefault(image, []).append(self._tidier.tidy(row, image))
        self._say_what_is_lost(table, lost, len(rows.rows))
        if above:
            lines, begin = ("row", "begins") if above == 1 else ("rows", "begin")
            self._remarks.append(
                f"{above:,} {lines} of '{table}' {begin} with the name of its own folder, and "
                f"{'was' if above == 1 else 'were'} joined without it."
            )
        self._say_what_repeats(table, by_image)
        return {image: self._tidier.joined(records, image) for image, records in by_image.items()}

    def _places(self, table: str) -> tuple[str, str]:
        """The folder of a table, and what names taken from the folder above begin with."""
        folder = table[: table.rfind("/") + 1]
        own = PurePosixPath(folder or stem(self._location)).name
        return folder, f"{own}/"

    def _image(self, file_name: str, places: tuple[str, str]) -> tuple[str | None, bool]:
        """The image that a row means, and whether it named the table's own folder."""
        folder, own = places
        name = member_name(file_name)
        image = self._names.find(folder + name) if name else None
        if image is None and name.startswith(own):
            image = self._names.find(folder + name.removeprefix(own))
            return image, image is not None
        return image, False

    # -- what there is to say -----------------------------------------------------------

    def _say_what_is_lost(self, table: str, lost: Sequence[str], rows: int) -> None:
        if not lost:
            return
        first = f"the first is '{lost[0][:200]}'" if lost[0] else "the first has no file name"
        match = "matches" if len(lost) == 1 else "match"
        self._remarks.append(
            f"{len(lost):,} of {rows:,} rows of '{table}' {match} no image; {first}. "
            "File names are relative to the table's folder."
        )

    def _say_what_repeats(self, table: str, by_image: dict[str, list[Record]]) -> None:
        several = [len(records) for records in by_image.values() if len(records) > 1]
        if several:
            have = "image has" if len(several) == 1 else "images have"
            self._remarks.append(
                f"{len(several):,} {have} several rows in '{table}' ({sum(several):,} rows): "
                "values that differ are stored as a JSON list."
            )

    def _say_who_has_none(self, by_image: dict[str, Record], joined: Sequence[str]) -> None:
        """Count images in the folders of tables that no row describes."""
        folders = tuple({table[: table.rfind("/") + 1] for table in joined})
        without = [n for n in self._images if n not in by_image and n.startswith(folders)]
        if not without or not joined:
            return
        where = f"'{joined[0]}'" if len(joined) == 1 else f"the {len(joined)} metadata tables"
        have = "image has" if len(without) == 1 else "images have"
        self._remarks.append(
            f"{len(without):,} {have} no row in {where}; the first is '{without[0]}'."
        )
