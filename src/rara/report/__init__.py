"""What people see: a score table and its provenance become facts, lines and one HTML page.

    table + provenance --facts--> dict --summary_lines--> at most ten lines of text
    table + provenance + pictures --summarise--> dict --to_html--> one self-contained file

Both dicts are plain (JSON-able), so whatever shows them needs nothing else of rara.

    words        numbers, counts and names as people read them
    spread       where a value stands among the reference's own images
    told_apart   what the classifier two-sample test says of all samples together
    verdicts     how many samples got which verdict
    dissent      which verdicts others contest
    calibrated   what the p-values say of all samples together
    grouped      groups: for each how many stand out, and who is astray
    odd_ones     the odd ones out among siblings
    findings     facts: the counts, the quantiles, the samples picked to be shown
    sentences    one plain sentence about one sample
    terminal     the ten lines
    thumbnails   pictures as data URIs, each embedded once
    histogram    rarity of the samples and of the reference, counted into bins
    page         the dict of the whole report, and its HTML
    among_siblings  samples compared with their siblings alone: lines, and HTML
    audited      an audit of a reference: its lines, and its HTML
"""

from __future__ import annotations

from rara.report.findings import facts
from rara.report.page import summarise, to_html
from rara.report.terminal import summary_lines

__all__ = ["facts", "summarise", "summary_lines", "to_html"]
