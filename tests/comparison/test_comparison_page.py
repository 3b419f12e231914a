"""The page of a comparison: what it concludes, what it draws, and how it behaves in a browser."""

import re
from dataclasses import replace

import numpy as np
import pytest

import rara
from accessibility import needs_axe, violations
from browser import browser
from make import features, gaussian
from pages import HOSTILE, needs_browser, outline, painted, shown
from rara import Run
from rara.comparison.findings import Findings
from rara.comparison.generator_row import FigureRow, Row
from rara.comparison.headline import headline_of
from rara.comparison.pairwise import Ranking
from rara.comparison.pictures import ALL, LEAST, kinds_of
from rara.comparison.sweep import ABSTAINS, Sweep
from rara.report.thumbnails import Album

ALONE = Run(threads=1)
REAL = gaussian(400, 6)


@pytest.fixture(scope="module")
def scorer():
    return rara.Reference.from_features(features(REAL), run=ALONE).scorer(run=ALONE)


@pytest.fixture(scope="module")
def found(scorer):
    """Generators with the worst names there are, one of which copies."""
    copier = gaussian(120, 6, seed=3)
    copier[:40] = REAL[:40]
    given = {name[:64]: features((1 + i / 4) * gaussian(120, 6, seed=i).astype(np.float32))
             for i, name in enumerate(HOSTILE, start=4)}  # fmt: skip
    made = rara.compare({"copier": features(copier), **given, "gone": "/no/such/place"}, scorer,
                        run=ALONE)  # fmt: skip
    return with_pictures(made)


@pytest.fixture(scope="module")
def swept(scorer):
    given = {f"step-{step}": features(scale * gaussian(120, 6, seed=step).astype(np.float32))
             for step, scale in ((1, 1.6), (2, 1.2), (10, 1.0))}  # fmt: skip
    return with_pictures(rara.compare(given, scorer, sweep="step", run=ALONE))


def with_pictures(made):
    scores = {name: replace(one, pictures=painted) for name, one in made.scores.items()}
    return replace(made, scores=scores)


def page_of(made, folder):
    made.report(folder / "page.html")
    return (folder / "page.html").read_text(encoding="utf-8")


# -- what it says first --


def row(name, *, samples=100, exact=0, auc_p=None, **figures):
    """A generator: each figure as share, share of real images, and p-value of the excess."""
    made = {
        figure: FigureRow(share, (share, share), real, share - real, (0.0, 0.0), p)
        for figure, (share, real, p) in figures.items()
    }
    return Row(name, name, samples, None, figures=made, exact_copies=exact,
               auc=None if auc_p is None else 0.9, auc_p=auc_p)  # fmt: skip


def says(found, *rows, **more):
    return headline_of(Findings(rows=rows, provenance=found.provenance, **more)).text


OFF = {"off_manifold": (0.3, 0.05, 0.001)}
SAME = {"off_manifold": (0.06, 0.05, 0.6), "copies": (0.01, 0.01, 0.9)}


def test_copies_come_first_then_what_lies_off(found):
    text = says(found, row("a", **SAME), row("b", copies=(0.2, 0.01, 0.001), **OFF))
    assert text == (
        "20.0 % of the samples of b lie as near to a reference image as 1.0 % of real images; "
        "30.0 % of the samples of b lie off the reference, where 5.0 % of real images do"
    )


def test_exact_copies_need_no_comparison(found):
    assert says(found, row("a", exact=3, **SAME)) == (
        "3 of 100 samples of a are exact copies of reference images"
    )


def test_the_best_is_named_only_where_it_is_sure(found):
    rows = row("a", **OFF), row("b", **SAME)
    sure = Ranking("off_manifold", ("b", "a"), (("b", "a"),), ())
    assert says(found, *rows, rankings=(sure,)).endswith("do; b has the fewest, 6.0 %")
    unsure = replace(sure, sure=(), unsure=(("b", "a"),))
    assert "fewest" not in says(found, *rows, rankings=(unsure,))


def test_one_of_many_is_no_finding_by_chance(found):
    """A p-value that is small for one generator is not for the smallest of twenty."""
    rows = [row(f"g{i}", off_manifold=(0.1, 0.05, 0.03 if i == 7 else 0.8)) for i in range(20)]
    assert says(found, *rows) == "None of 20 generators surely differs from real images"
    assert says(found, rows[7]).startswith("10.0 % of the samples of g7 lie off the reference")


def test_without_a_finding_that_is_said(found):
    assert says(found, row("a", **SAME)) == "a does not surely differ from real images"
    assert says(found, row("a", **SAME), row("b")).startswith("Neither generator surely differs")
    gone = replace(row("a"), reason="gone")
    assert says(found, gone) == "No generator could be judged"
    small = replace(found.provenance, halving=None)
    findings = Findings(rows=(row("a"), row("b")), provenance=small)
    assert headline_of(findings).text == (
        "2 generators beside too few real images to call any difference sure"
    )


def test_what_a_classifier_tells_apart_is_a_finding(found):
    text = says(found, row("a", auc_p=0.01, **SAME))
    assert text == "A classifier tells the samples of a from reference images (AUC 0.90)"
    assert "classifier" not in says(found, row("a", auc_p=0.2, **SAME))


def test_a_sweep_says_where_copying_starts_and_what_fidelity_costs(found):
    chosen = replace(ABSTAINS, last_before_copying="a", first_copying="b")
    sweep = Sweep("step", {"a": 1.0, "b": 2.0}, (), "With higher step, fewer lie off, but.", chosen)
    rows = row("a", **SAME), row("b", copies=(0.2, 0.01, 0.001))
    assert says(found, *rows, sweep=sweep) == (
        "Copying shows from b on, where 20.0 % of the samples lie as near to a reference image as "
        "1.0 % of real images; with higher step, fidelity is bought with originality"
    )


def test_the_front_shows_what_the_headline_is_about(found, tmp_path):
    page = page_of(found, tmp_path)
    assert re.search("<h1>3[3-9].*of the samples of copier lie as near to", page)
    front = re.search(r'<a class="front".*?</a>', page, re.DOTALL)[0]
    assert front.startswith('<a class="front" href="#nearest"')
    shown_first = [int(one) for one in re.findall("<title>Sample: (.*?)</title>", front)]
    assert len(shown_first) == 4
    assert all(one < 40 for one in shown_first)


# -- what it draws --


def test_findings_come_before_tables_and_paths_last(found, tmp_path):
    page = page_of(found, tmp_path)
    order = [page.index(f'<section id="{key}"') for key in (
        "intervals", "findings", "nearest", "farthest", "rarest", "figures", "differences",
        "reading", "made",
    )]  # fmt: skip
    assert order == sorted(order)
    targets = re.findall(r"<nav.*?</nav>", page, re.DOTALL)[0]
    assert {*re.findall('href="#(.*?)"', targets)} <= {*outline(page).ids}


def test_full_paths_are_under_how_it_was_made_alone(tmp_path):
    about = rara.compare({"a": features(gaussian(60, 6, seed=1))}, features(REAL), run=ALONE)
    part = replace(about.provenance.references[0], location="/home/me/data/train")
    provenance = replace(about.provenance, references=(part,))
    page = page_of(
        replace(about, findings=replace(about.findings, provenance=provenance)), tmp_path
    )
    text = re.sub(r'title="[^"]*"', "", page)
    assert text.count("/home/me/data/train") == 1
    assert text.index("/home/me/data/train") > text.index('id="made"')


def test_a_sweep_is_drawn_as_curves_instead_of_rows(swept, tmp_path):
    page = page_of(swept, tmp_path)
    assert '<table class="multiple"' not in page
    curves = re.findall(r'<figure class="multiple">.*?</figure>', page, re.DOTALL)
    assert len(curves) == 8
    for curve in curves:
        assert curve.count("<circle") == 3
        assert "step-1 " in curve
        assert re.findall(r"<small style=\"left:[\d.]+%\">(.*?)</small>", curve) == ["1", "2", "10"]
    inside = next(curve for curve in curves if "<strong>Inside</strong>" in curve)
    heights = [float(place) for place in re.findall(r'<circle.*?cy="([\d.]+)%"', inside)]
    shares = [one["inside"] for one in swept.table.to_pylist()]
    scale = (100 - heights[0]) / shares[0]
    assert heights == pytest.approx([100 - scale * share for share in shares], abs=0.02)
    assert inside.count('class="real-line"') == 1


def test_repeats_have_an_interval_over_the_samples(scorer):
    vectors = gaussian(120, 6, seed=1)
    vectors[:30] = vectors[30]
    one, other = rara.compare(
        {"repeats": features(vectors), "fresh": features(gaussian(120, 6, seed=2))}, scorer,
        run=ALONE,
    ).findings.rows  # fmt: skip
    assert one.repeats_low < one.repeats == 31 / 120 < one.repeats_high
    assert (one.repeats_more, other.repeats_more) == (True, False)
    assert other.repeats_low == other.repeats == 0 < other.repeats_high


def test_many_generators_show_fewer_pairs_and_a_full_album_says_so(found):
    rows = [one for one in found.findings.rows if one.reason is None]
    few = kinds_of(rows[:2], found.scores, 0.05, Album())
    assert {len(strip.pairs) for kind in few for strip in kind.strips if kind.key == "nearest"} == {
        6
    }
    many = kinds_of(rows * 5, found.scores, 0.05, Album())
    assert ALL // len(rows * 5) < LEAST
    assert {len(strip.pairs) for kind in many for strip in kind.strips} <= {1, LEAST}
    full = kinds_of(rows, found.scores, 0.05, Album(1))
    assert [len(kind.strips) for kind in full if kind.key == "nearest"] == [1]
    assert [kind.without for kind in full if kind.key == "nearest"] == [len(rows) - 1]


# -- in a browser --


@needs_browser
@needs_axe
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_no_rule_of_accessibility_is_broken(found, swept, tmp_path, width, dark):
    with browser(tmp_path) as tab:
        for made in (found, swept):
            page_of(made, tmp_path)
            tab.open(tmp_path / "page.html", width=width, dark=dark)
            assert violations(tab) == []
            assert tab.value("document.documentElement.scrollWidth") <= width
            assert tab.complaints() == ([], [])


@needs_browser
def test_hostile_names_are_names(found, tmp_path):
    page = page_of(found, tmp_path)
    assert "<img src=x" not in page
    assert all(name in shown(page) for name in ("{{ 7 * 7 }}", "javascript:alert(1)"))
    with browser(tmp_path) as tab:
        tab.open(tmp_path / "page.html")
        assert tab.value("document.querySelectorAll('img, script, iframe, object').length") == 0
        assert tab.value(
            "[...document.querySelectorAll('.multiple tbody tr')].every("
            "row => row.getBoundingClientRect().height < 30)"
        )
        assert tab.complaints() == ([], [])
