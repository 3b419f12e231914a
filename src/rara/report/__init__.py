"""What people see: a score table and its provenance become facts, lines and one HTML page.

From the ground up:

    table + provenance --facts--> dict --summary_lines--> a few lines of text
    table + provenance + pictures --summarise--> dict --to_html--> one self-contained file

    formatting             numbers, counts and names as people read them
    reference_quantiles    where a value stands among the reference's own images
    verdicts               how many samples got which verdict
    rarest                 the order of the rarest
    disagreement           which verdicts are contested
    calibration            what the p-values say of all samples together
    two_sample             what the two-sample test says
    groups                 groups: how many samples stand out in each
    siblings               the odd ones out among siblings
    repeats                samples that repeat one another
    facts                  the counts, the quantiles, the samples picked to be shown
    sentences              one plain sentence about one sample
    summary                the lines in a terminal
    thumbnails             pictures as data URIs, each embedded once
    histogram              rarity of the samples and of the reference, in the same bins
    chart                  what the histogram's drawing is made of
    lists                  every sample that was called anything
    cards                  the samples worth a look, beside reference images
    score_page             the whole page
    audit_page             an audit of a reference: lines and page
    siblings_page          samples compared with their siblings alone: lines and page
    notebook               tables, references and audits in a notebook
"""

from rara.report.facts import facts
from rara.report.score_page import summarise, to_html
from rara.report.summary import summary_lines

__all__ = ["facts", "summarise", "summary_lines", "to_html"]
