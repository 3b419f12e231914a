"""A report in a file: HTML to look at, Markdown to paste, JSON for programs, of the same facts.

table + pictures --save_report--> PAGE.html, with or without a folder beside it; .md; .json
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rara.errors import ParameterError
from rara.provenance.provenance import Provenance
from rara.report.assets import AssetFolder
from rara.report.facts import checked_cards, facts
from rara.report.markdown import to_markdown
from rara.report.records import records
from rara.report.reference_quantiles import own_spreads
from rara.report.score_page import copied, summarise, to_html
from rara.report.thumbnails import Pictures
from rara.storage.atomic import write_text
from rara.text import json_of

if TYPE_CHECKING:
    import pyarrow as pa

HTML, MARKDOWN, JSON = (".html", ".htm"), (".md", ".markdown"), (".json",)


def checked_report(path: Path, *, assets: Path | None = None) -> str:
    """The ending of a report's name; raises ParameterError where it is none, or has no folder."""
    ending = path.suffix.lower()
    if ending not in (*HTML, *MARKDOWN, *JSON):
        raise ParameterError(
            f"The report '{path}' is HTML, Markdown or JSON: end its name in .html, .md or .json."
        )
    if assets is not None and ending not in HTML:
        raise ParameterError(f"Only a page has files beside it: '{path}' does not end in .html.")
    return ending


def save_report(
    table: pa.Table,
    provenance: Provenance,
    pictures: Pictures | None,
    path: Path,
    *,
    cards: int | None = None,
    assets: Path | None = None,
) -> None:
    """Write the report in the form that its name ends in.

    `cards`: how many samples a section shows; `assets`: a folder for what would make the page
    large. Raises ParameterError where the name has another ending, UnwritableError where the folder
    holds other files.
    """
    ending, many = checked_report(path, assets=assets), checked_cards(cards)
    if ending in JSON:
        text = json_of(facts(table, provenance, cards=many).to_json(), indent=1) + "\n"
    elif ending in MARKDOWN:
        copies = records(table, copied(table), own_spreads(provenance.reference))
        text = to_markdown(facts(table, provenance, cards=many), copies)
    else:
        folder = None if assets is None else AssetFolder(assets, path)
        text = to_html(summarise(table, provenance, pictures, cards=many, assets=folder))
    write_text(path, text)
