"""Tables that studies write into pages, each between two marks.

<!-- studies/NAME.py -->  or  <!-- studies/NAME.py SECTION -->
what insert() writes
<!-- end -->
"""

from __future__ import annotations

from pathlib import Path

END = "<!-- end -->\n"


def insert(page: Path, tables: str, study: str, section: str = "") -> None:
    """Replace what stands between the two marks; ends the program where a mark is missing."""
    begin = f"<!-- studies/{study}.py{' ' if section else ''}{section} -->\n"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise SystemExit(f"'{page}' has no {begin.strip()} with {END.strip()} below it.")
    page.write_text(f"{before}{begin}\n{tables}\n{END}{after}", encoding="utf-8")
