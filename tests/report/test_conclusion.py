"""The headline, the counts beside what real images would give, and the order of the sections."""

import re

import pytest
from PIL import Image

import rara
from pages import MIXED, made_of, needs_browser, opened, outline, page_of, provenance, row, shown
from rara.report import facts
from rara.report.formatting import base_name
from scenes import scene

VERDICT = {"alpha": 0.05, "rare": 95.0, "uncommon": 80.0, "shortfall": None}


NAMES = {"near_copy": "near copy", "off_manifold": "off-manifold", "no_verdict": "no verdict"}


def samples(**counts):
    """So many samples of each verdict."""
    more = {"reason": "So.", "off_manifold_p": 0.5, "copy_q": 1.0}
    return [
        row(f"{name}{i}", rarity=1.0 + i, verdict=NAMES.get(name, name), **more)
        for name, count in counts.items()
        for i in range(count)
    ]


def concluded(rows, **more):
    return facts(made_of(rows), provenance(len(rows), verdict=VERDICT, **more)).conclusion


TESTED = {"auc": 0.99, "p": 0.001, "view": "coordinates", "repeats": 0, "samples": 50,
          "reference": 50}  # fmt: skip


def test_copies_lead_and_what_lies_off_follows_beside_what_real_images_would_give():
    found = concluded(samples(copy=12, near_copy=1, off_manifold=20, typical=67))
    assert found.headline == (
        "13 of 100 samples are copies or near copies of reference images; "
        "20 lie off the reference, where about 5 of real images would"
    )
    copies, off = found.statements[:2]
    assert (copies.key, copies.observed, copies.share, copies.differs) == ("copies", 13, 0.13, True)
    assert (off.key, off.observed, off.expected) == ("off", 20, 5)
    low, high = off.interval
    assert low < 0.2 < high
    assert low > 0.05


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"copy": 1, "typical": 99}, "1 of 100 samples is a copy of a reference image"),
        ({"near_copy": 2, "typical": 98}, "2 of 100 samples are near copies of reference images"),
        ({"off_manifold": 30, "typical": 70},
         "30 of 100 samples lie off the reference, where about 5 of real images would"),
    ],
)  # fmt: skip
def test_the_headline_says_what_was_found(counts, words):
    assert concluded(samples(**counts)).headline == words


def test_as_many_as_of_real_images_are_no_finding():
    found = concluded(samples(off_manifold=7, typical=93))
    assert found.headline == (
        "No sample is a copy, and no more lie off the reference than real images would: "
        "7, where about 5 are expected"
    )
    assert not any(one.differs for one in found.statements if one.key in ("copies", "off"))


def test_more_is_a_finding_only_where_chance_would_not_give_it():
    """Two standard errors above 5 of 100, with as many real images, is 5 + 2 * 3.08 = 11.2."""
    differs = [
        concluded(samples(off_manifold=many, typical=100 - many)).of("off").differs
        for many in (11, 12)
    ]
    assert differs == [False, True]


def test_what_is_expected_of_the_other_verdicts_follows_from_their_thresholds():
    found = concluded(samples(rare=10, uncommon=30, typical=60))
    assert found.of("rare").observed == 40
    assert found.of("rare").expected == pytest.approx(19)
    assert found.of("typical").expected == pytest.approx(76)


def test_a_filtered_table_says_nothing_of_what_is_expected():
    rows = samples(off_manifold=50)
    found = facts(made_of(rows), provenance(100, verdict=VERDICT)).conclusion
    assert found.headline == "50 of 50 samples lie off the reference"
    assert found.of("off").expected is None
    assert not found.of("off").differs


def test_a_difference_of_the_sets_leads_where_there_is_nothing_else():
    found = concluded(samples(typical=100), two_sample=TESTED)
    assert found.headline == "A classifier tells 100 samples from reference images (AUC 0.99)"
    hidden = concluded(samples(typical=100), two_sample=TESTED | {"p": 0.4})
    assert hidden.headline.startswith("No sample is a copy")
    both = concluded(samples(copy=5, typical=95), two_sample=TESTED)
    assert both.headline.endswith("; a classifier tells them from reference images (AUC 0.99)")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "There are no samples"),
        (MIXED, "10.0 % of 20 samples lie outside every ball, where 25.0 % of real images do"),
        ([row("a")], "The only sample lies outside every ball, where 25.0 % of real images do"),
        ([row("a", rarity=1.0)],
         "No sample lies outside every ball, where 25.0 % of real images do"),
    ],
)  # fmt: skip
def test_without_verdicts_the_share_outside_is_the_headline(rows, words):
    table = made_of(rows or MIXED).slice(0, len(rows))
    assert facts(table, provenance(len(rows))).conclusion.headline == words


def test_a_reference_that_allows_no_verdict_is_said_to():
    short = VERDICT | {"shortfall": "Too few reference images: use at least 20."}
    rows = samples(no_verdict=3)
    found = facts(made_of(rows), provenance(3, verdict=short)).conclusion
    assert found.headline == "No verdict on 3 samples: the reference does not allow any"


# -- on the page --


def sections(html):
    return [attrs["id"] for tag, attrs in outline(html).tags if tag == "section"]


def test_sections_come_by_the_strength_of_their_evidence():
    many = samples(copy=10, off_manifold=20, typical=70)
    assert sections(page_of(many, verdict=VERDICT))[:2] == ["copies", "farthest"]
    few = samples(off_manifold=20, rare=10, typical=70)
    for row_ in few:
        row_["two_sample_score"] = 1.0
    tested = sections(page_of(few, verdict=VERDICT, two_sample=TESTED))
    assert tested[:3] == ["farthest", "two_sample_score", "rarest"]
    assert tested[-3:] == ["absent", "reading", "made"]


def test_what_was_not_found_is_said_in_one_place():
    text = shown(page_of(samples(typical=30), verdict=VERDICT))
    assert "Searched and not found No sample was called a copy or a near copy." in text


def test_the_strip_has_both_numbers():
    text = shown(page_of(samples(copy=10, off_manifold=20, typical=70), verdict=VERDICT))
    assert "10 copies 10.0 % ; real images: usually none" in text.replace(" %;", " % ;")
    assert "20 off the reference 20.0 % ; real images: about 5" in text.replace(" %;", " % ;")


def test_the_page_opens_with_what_it_concludes_and_ends_with_how_it_was_made():
    html = page_of(samples(copy=10, typical=90), verdict=VERDICT)
    text = shown(html)
    assert re.search(r"<h1>10 of 100 samples are copies of reference images</h1>", html)
    assert text.index("are copies of reference images") < text.index("k = 3")
    assert "error rate" not in text[: text.index("Copies and near copies")]


def test_paths_are_base_names_but_for_the_end():
    origin = {"samples": {"location": "/deep/down/gen.zip", "count": 20, "skipped": [],
                          "fingerprint": "5a"}}  # fmt: skip
    text = shown(page_of(MIXED, **origin))
    made = text.index("How this was made", text.index("How to read this", 500))
    assert "20 samples from gen.zip , judged" in text
    assert "/deep/down" not in text[:made]
    assert "/deep/down/gen.zip" in text[made:]


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/b.zip", "b.zip"), ("a/b/", "b"), ("b", "b"), (r"c:\x\y", "y"), ("/", "/"), ("", "")],
)
def test_base_names(path, name):
    assert base_name(path) == name


@needs_browser
def test_every_link_of_the_bar_leads_somewhere(tmp_path):
    html = page_of(samples(copy=10, off_manifold=20, rare=5, typical=65), verdict=VERDICT)
    page = outline(html)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    elements, console, asked = opened(html, tmp_path)
    assert (console, asked) == ([], set())
    assert elements.count('class="differs"') == 2


def test_copies_are_facts_also_where_the_reference_allows_no_other_verdict():
    short = VERDICT | {"shortfall": "Too few reference images: use at least 20."}
    for counts, headline in (
        ({"copy": 3}, "3 of 3 samples are copies of reference images"),
        ({"copy": 1, "no_verdict": 4}, "1 of 5 samples is a copy of a reference image"),
    ):
        rows = samples(**counts)
        found = facts(made_of(rows), provenance(len(rows), verdict=short)).conclusion
        assert found.headline.startswith(headline)
        assert found.statements[0].key == "copies"
        assert found.of("off") is found.of("typical") is None


def test_copies_come_before_all_that_small_references_give(tmp_path):
    """The same picture many times, and itself, with 20 reference images."""
    images = {f"{seed}": Image.fromarray(scene(seed, 64, 64)) for seed in range(20)}
    reference = rara.Reference.fit(images, run=rara.Run(threads=1, cache=tmp_path))
    for many in ({f"again {i}": images["3"] for i in range(30)}, images):
        found = facts(*parts(reference.score(many, evidence="none"))).conclusion
        assert found.headline.startswith(
            f"{len(many)} of {len(many)} samples are copies of reference images"
        )


def parts(table):
    return table.arrow, table.provenance
