"""What a search says in words, and its page: without a search."""

import re

import numpy as np
import pytest
from PIL import Image

from rara.extractors.efficientnet_lite0 import SPEC
from rara.image_search.match import Match, QueryMatches
from rara.image_search.matches import Matches
from rara.provenance.parts import SamplesPart, SearchedPart
from rara.provenance.provenance import SearchProvenance
from rara.report.formatting import p_in_words, width

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
PART = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
HOSTILE = "<script>alert(1)</script>" + "long" * 30 + ".png"


def match(rank, source, **changed):
    plain = {
        "same": None, "distance": 0.5, "pixel_distance": 100, "p": None, "sample_region": None,
        "source_region": None, "edit": None, "looked": True,
    }  # fmt: skip
    return Match(rank=rank, source=source, **{**plain, **changed})


def evidence(p=1e-9, edit="mirrored, cropped to 25 %"):
    return {"p": p, "edit": edit, "sample_region": WHOLE, "source_region": PART}


QUERIES = {
    "copy": [match(1, HOSTILE, **evidence()), match(2, "b.png")],
    "itself": [match(1, "c.png", same="content", distance=0.0, **evidence(1e-20))],
    "new": [match(1, "b.png"), match(2, "c.png", pixel_distance=None)],
    "gone": [match(1, "b.png", looked=False)],
}


def matches(queries=None, **changed):
    queries = QUERIES if queries is None else queries
    known = {"readable": True, "detailed": True, **changed}
    part = SamplesPart(location="samples/", count=len(queries), skipped=())
    reference = SearchedPart(
        location="train/" + HOSTILE, count=612, skipped=0, metric="hellinger", fingerprint="",
        unavailable=1,
    )  # fmt: skip
    provenance = SearchProvenance(
        samples=part, reference=reference, by="copy", top=5, candidates=(), extractor=SPEC
    )
    return Matches(
        tuple(QueryMatches(id=n, matches=tuple(m), **known) for n, m in queries.items()),
        provenance,
        pictures,
    )


def pictures(side, ids):
    rng = np.random.default_rng(0)
    return {
        name: Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8))
        for name in ids
        if name != "gone"
    }


def block(summary, name):
    return summary.partition(f"\n{name}\n")[2].partition("\n\n")[0].splitlines()


def test_each_sample_has_a_short_block():
    summary = matches().summary()
    assert block(summary, "copy")[1:] == [
        "     mirrored, cropped to 25 %; p = 1e-09",
        "  near, without a common region",
        "  2  b.png                       distance 0.5000, 100 bits",
    ]
    assert block(summary, "itself") == [
        "  the same content as c.png",
        "  1  c.png",
        "     the same content",
    ]
    assert block(summary, "new") == [
        "  no region of 612 reference images was found in it",
        "  1  b.png                       distance 0.5000, 100 bits",
        "  2  c.png                       distance 0.5000",
    ]
    assert block(summary, "gone")[0] == (
        "  evidence not available: no reference image could be read again"
    )
    assert "Found     a source of 2 of 4 samples" in summary


def test_every_line_fits_into_60_columns():
    summary = matches({**QUERIES, HOSTILE: QUERIES["copy"]}).summary()
    long = [line for line in summary.splitlines() if width(line) > 60]
    assert long == [line for line in long if "evidence not available" in line]


@pytest.mark.parametrize(("changed", "words"), [
    ({"readable": False}, "the picture could not be read again"),
    ({"detailed": False}, "it has too little detail to be found"),
])  # fmt: skip
def test_the_headline_says_why_nothing_was_found(changed, words):
    assert words in matches({"a": QUERIES["new"]}, **changed).summary()


def test_only_the_first_samples_are_named():
    summary = matches({str(i): QUERIES["new"] for i in range(25)}).summary()
    assert "And 5 more samples: --json, --report and -o have them all." in summary
    assert not block(summary, "20")
    assert block(summary, "19")


def test_p_values_are_said_in_one_way():
    said = [p_in_words(p) for p in (0.0123, 0.05, 3e-9, 1e-15, 1e-40)]
    assert said == ["p = 0.012", "p = 0.05", "p = 3e-09", "p = 1e-15", "p < 1e-15"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    matches().report(path)
    return path.read_text(encoding="utf-8")


def test_the_page_draws_the_region_on_both(page):
    article = page.partition('<article class="source">')[2].partition("</article>")[0]
    corners = re.findall(r'<polygon class="region line" points="([^"]*)"', article)
    assert [one.split() for one in corners] == [
        ["0.00,0.00", "120.00,0.00", "120.00,90.00", "0.00,90.00"],
        ["30.00,22.50", "90.00,22.50", "90.00,67.50", "30.00,67.50"],
    ]
    text = re.sub(r"<[^>]*>", "", article).replace("\u00a0", " ")
    assert "Mirrored, cropped to 25 %. p = 1e-09." in text
    assert "25 % of the source is 100 % of the sample." in text


def test_the_page_loads_nothing_and_names_are_names(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert "No region of 612 reference images was found in it." in page
    assert "The same content as c.png." in page
    assert "1 reference image could not be read again" in page


def test_a_page_without_pictures_shows_names(tmp_path):
    one = matches()
    Matches(one.queries, one.provenance).report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<polygon" not in page
    assert "b.png" in page
