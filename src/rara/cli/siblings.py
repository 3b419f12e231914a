"""`rara siblings`: the odd ones among the outputs of each prompt, without a reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.among_siblings import compare_siblings
from rara.cli.options import Extraction, Working, whole
from rara.cli.output import check_page, check_target, list_unusual
from rara.cli.printing import say, say_json
from rara.extractors import DEFAULT
from rara.results import check_format


def siblings(
    samples: str,
    *,
    by: str = "prompt",
    k: Annotated[int, Parameter(name=["-k"], converter=whole)] = 3,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    report: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
    extraction: Extraction | None = None,
    working: Working | None = None,
) -> None:
    """Find the odd ones among the outputs of each prompt; no reference is needed.

    Prints a short summary; `-o` writes the whole table, `--report` a page to look at.

    Parameters
    ----------
    samples
        The images to compare: a folder, a .zip, .tar, .npz or .parquet, or a folder of features.
    by
        What siblings share: `prompt`, `label` (the first folder), or any other key of theirs.
    k
        An image stands as far apart as its k-th nearest sibling is away.
    output
        Where to write the table, one row an image: .parquet, .csv or .json.
    report
        Where to write the page, one HTML file.
    json
        Print the findings as JSON.
    """
    if output:
        check_format(output)
        check_target(output)
    check_page(report)
    run = (working or Working()).run()
    network = (extraction or Extraction()).make(run) or DEFAULT
    found = compare_siblings(samples, by=by, k=k, extractor=network, run=run)
    if output:
        found.save(output)
    if report:
        found.report(report)
    list_unusual(found.provenance["samples"], "sample")
    written = "  ".join(str(path) for path in (report, output) if path)
    last = f"{'Written':<10}{written}" if written else f"{'More':<10}--report page.html, -o all.csv"
    lines = f"{found.summary()}\n{last}\n"
    if json:
        say_json(found.to_dict())
    else:
        say(lines)
