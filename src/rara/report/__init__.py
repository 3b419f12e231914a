"""What people see: a score table and its provenance become facts, lines and one HTML page.

From the ground up:

    table + provenance --facts--> Facts --summary_lines--> a few lines of text
                                        --to_json--> JSON
    table + provenance + pictures --summarise--> ReportPage --to_html--> one self-contained file

    formatting             numbers, counts and names as people read them
    rows                   a row of a table, read by kind
    reference_quantiles    where a value stands among the reference's own images
    histogram              rarity of the samples and of the reference, in the same bins
    chart                  the geometry of the histogram
    multiples              small multiples: numbers with intervals on one scale
    thumbnails             pictures as data URIs, each embedded once
    verdicts               how many samples have which verdict
    rarest                 the order of the rarest
    decisions              on how many samples people's decisions bear
    found_sources          what a comparison of the pictures found in a sample
    looked                 what a comparison of the pictures found
    disagreement           which verdicts are contested
    calibration            how many samples the calibrated p-values call
    two_sample             the result of the two-sample test
    groups                 groups: how many samples stand out in each
    siblings               the odd ones out among siblings
    repeats                samples that repeat one another
    records                one sample, and where it stands
    scripts                the scripts of pages, each with its digest
    controls               pairs that people decide of on a page
    copied                 the image that a sample is called a copy of, and what named it
    picks                  which samples are worth a look
    conclusion             each count beside what real images would give, and the headline
    facts                  everything that a table says
    sentences              one plain sentence about one sample
    summary                the lines in a terminal
    every                  every sample by name and numbers
    assets                 pictures and rows in files beside the page
    sections               what the cards under a heading have in common
    cards                  the samples worth a look, beside reference images
    gallery                which pictures the page holds
    order                  in which order the page shows its sections
    score_page             the whole page
    markdown               the same facts as Markdown
    saving                 a report in a file, in the form of its name
    audit_facts            what an audit found
    trust                  how far FID and k-NN figures may be believed
    audit_page             an audit of a reference: lines and page
    siblings_page          samples compared with their siblings alone: lines and page
    notebook               tables, references and audits in a notebook
"""

from rara.report.facts import facts
from rara.report.score_page import summarise, to_html
from rara.report.summary import summary_lines

__all__ = ["facts", "summarise", "summary_lines", "to_html"]
