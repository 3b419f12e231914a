"""Notes on stderr about skipped and noted images, and a guard of files that must not be lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from rara.cli.printing import tell
from rara.errors import ParameterError, UnwritableError
from rara.features.features import NAMED, Features, Noted, Skipped
from rara.features.origin import origin_in
from rara.provenance.parts import CalibrationImages, SamplesPart
from rara.report.assets import check_folder
from rara.report.formatting import counted, shorten
from rara.report.saving import checked_report
from rara.storage.atomic import refuse_scheme
from rara.storage.folder import kind_of, read_folder
from rara.table.writing import check_format
from rara.text import encodable

LISTED = 10
"""Skipped images, or small groups, that are named; tables and reports name them all."""


def list_remarks(remarks: Iterable[str], noun: str) -> None:
    """Say how images were read, where that may surprise."""
    for remark in remarks:
        tell(f"{noun.capitalize()}s: {remark}")


def list_skipped(skipped: Sequence[Skipped], noun: str) -> None:
    """Name the first few images that could not be used, each with its reason."""
    if skipped:
        named = [(item.id, item.reason) for item in skipped]
        tell_first(f"Skipped {counted(len(skipped), noun)}:", named)


def tell_first(heading: str, named: Sequence[tuple[str, str]]) -> None:
    """Say on stderr what there is to say of the first few names, and how many more there are."""
    lines = [f"  {shorten(name, 60)}: {text}" for name, text in named[:LISTED]]
    more = len(named) - LISTED
    tell(heading, *lines, *([f"  and {more:,} more"] if more > 0 else []))


def list_all(images: Features | SamplesPart | CalibrationImages, noun: str) -> None:
    """Say how images were read, which were skipped, and what there is to say of others."""
    list_remarks(images.remarks, noun)
    list_skipped(images.skipped, noun)
    list_noted(images.noted, noun)


def list_noted(noted: Iterable[Noted] | None, noun: str) -> None:
    """Say what there is to say of images that were used, each with the first ids."""
    for remark in noted or ():
        names = ", ".join(shorten(name, 60) for name in remark.ids[:NAMED])
        more = f" and {remark.count - NAMED:,} more" if remark.count > NAMED else ""
        tell(f"Noted {counted(remark.count, noun)}: {remark.note} ({names}{more}).")


def last_line(written: Sequence[Path | None], more: str, *, label: int = 10) -> str:
    """The files that were written, or the options that write them; behind so wide a label."""
    names = "  ".join(str(path) for path in written if path)
    return f"{'Written' if names else 'More':<{label}}{names or more}"


def check_table(output: Path | None) -> None:
    """Refuse before the work a table that could not be written after it."""
    if output is not None:
        check_format(output)
        check_target(output)


def check_page(report: Path | None) -> None:
    """Refuse before the work a report that could not be written after it."""
    if report is None:
        return
    if report.suffix.lower() not in {".html", ".htm"}:
        raise ParameterError(f"The report '{report}' is one HTML file: end its name in .html.")
    check_target(report)


def check_report(report: Path | None, assets: Path | None) -> None:
    """Refuse before the work a report in any form, and a folder beside it, that could not be
    written after it."""
    if report is not None:
        checked_report(report, assets=assets)
        check_target(report)
    elif assets is not None:
        raise ParameterError(f"--assets {assets} is for the page: give --report page.html too.")
    if assets is not None:
        check_folder(assets)
        check_target(assets / "picture-1.webp")


def check_target(target: Path) -> None:
    """Refuse before the work a file that could not be written after it."""
    refuse_scheme(target)
    folder = target.absolute().parent
    if target.is_dir():
        raise UnwritableError(f"'{target}' is a folder: give the name of a file.")
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise UnwritableError(f"'{folder}' cannot be written to: choose another place.")


def refuse_other(folder: Path, *, kind: str, location: str) -> None:
    """Refuse to replace a whole folder that was made of something else."""
    refuse_scheme(folder)
    if kind_of(folder) not in {"features", "reference"}:
        return
    stored = read_folder(folder)
    _, origin, _ = origin_in(stored)
    if (stored.kind, origin) != (kind, encodable(location)):
        raise UnwritableError(
            f"'{folder}' holds {stored.kind} of '{origin}': give another folder, or delete it "
            "first."
        )
