"""The report: its facts against hand-made numbers, its sentences, its page in a real browser."""

import base64
import colorsys
import json
import math
import re
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

import rara.report
from pages import (
    HOSTILE,
    LEVELS,
    MIXED,
    made_of,
    needs_browser,
    opened,
    outline,
    page_of,
    painted,
    provenance,
    row,
    shown,
    typed,
    written,
)
from rara import Features, Reference
from rara.columns.score_tables import metadata_names
from rara.errors import ImageError
from rara.report import facts, sentences, summarise, summary_lines, to_html
from rara.report import formatting as words
from rara.report.chart import draw
from rara.report.histogram import histogram, round_steps
from rara.report.reference_quantiles import Spread, own_spreads
from rara.report.scripts import script
from rara.report.thumbnails import PIXEL_ART, thumbnail


def picked(found, pick):
    return [record.id for record in getattr(found.picks, pick)]


# -- facts --


@pytest.fixture(scope="module")
def mixed():
    return facts(made_of(MIXED), provenance(len(MIXED)))


def test_outside_is_counted_beside_the_references_own(mixed):
    assert mixed.samples.outside == 2
    assert mixed.samples.share_outside == 0.1
    assert mixed.reference.share_outside == 0.25


def test_picks_come_in_order_and_ties_fall_to_the_larger_distance(mixed):
    assert picked(mixed, "rarest")[:3] == ["d", "b", "f0"]
    assert picked(mixed, "typical")[:2] == ["a", "f0"]
    assert picked(mixed, "nearest")[:3] == ["d", "b", "a"]
    assert picked(mixed, "farthest") == ["c", "e"]


def test_of_copies_with_the_smallest_p_value_the_likest_comes_first():
    near = [("a", 0.5, 0.02), ("b", 0.1, 0.004), ("c", 0.01, 0.004), ("d", 0.2, 0.004)]
    rows = [row(n, verdict="near copy", copy_p=p, copy_volume=volume) for n, volume, p in near]
    assert picked(facts(made_of(rows), provenance(len(rows))), "copies") == ["c", "b", "d", "a"]


def test_every_pick_holds_at_most_eight(mixed):
    sizes = {name: len(some) for name, some in mixed.to_json()["picks"].items()}
    assert sizes == {"copies": 0, "rarest": 8, "typical": 8, "nearest": 8, "farthest": 2}


def test_a_record_stands_among_the_references_own(mixed):
    rarest = mixed.picks.rarest[0]
    assert rarest.standing["rarity"].above == pytest.approx(0.945, abs=0.005)
    assert rarest.standing["nearest_distance"].below == pytest.approx(0.87, abs=0.005)
    assert rarest.times_usual == 0.25


def test_what_is_outside_has_no_rarity_in_any_form():
    official = row("zero", nearest=3.0) | {"rarity": 0.0}
    record = facts(made_of([official]), provenance(1)).picks.farthest[0]
    assert record.rarity is None
    assert "rarity" not in record.standing


def test_quantiles_are_of_those_inside(mixed):
    assert mixed.quantiles.rarity.samples == (4.85, 5.0, 5.0, 5.0, 9.5)
    assert mixed.quantiles.rarity.reference == pytest.approx([0.5, 2.5, 5.0, 7.5, 9.5])


def test_facts_are_strict_json():
    copy = row("copy", rarity=2.0, nearest=0.0, seed=math.nan) | {"realism": math.inf}
    found = facts(made_of([copy]), provenance(1)).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_metadata_is_kept_and_made_plain():
    made = row("a", label="coat", prompt="a coat", seed=7, good=True, raw=b"\x00")
    record = facts(made_of([made]), provenance(1)).picks.nearest[0]
    assert (record.label, record.prompt) == ("coat", "a coat")
    assert record.metadata == {"seed": 7, "good": True, "raw": "b'\\x00'"}


def test_a_filtered_table_remembers_how_many_were_scored():
    found = facts(made_of(MIXED[:3]), provenance(20))
    assert (found.samples.count, found.samples.scored) == (3, 20)


# -- where a value stands --


@given(
    st.lists(st.floats(0, 100, width=32), min_size=1, max_size=300),
    st.floats(-1, 101, width=32),
)
@example([0.0] * 8 + [1.0] * 3, 0.0)  # the quantile at 70 % is 9e-16
def test_shares_are_never_overstated(numbers, value):
    numbers = np.array(numbers, dtype=np.float64)
    spread = Spread(np.quantile(numbers, LEVELS), len(numbers))
    assert spread.share_below(value) <= np.mean(numbers < value) + 1e-12
    assert spread.share_above(value) <= np.mean(numbers > value) + 1e-12


def test_shares_are_tight_to_half_a_percent():
    numbers = np.arange(10_000.0)
    spread = Spread(np.quantile(numbers, LEVELS), len(numbers))
    for value in (3.5, 123.5, 9_876.5):
        assert spread.share_below(value) == pytest.approx(np.mean(numbers < value), abs=0.0051)


def test_beyond_all_is_all():
    spread = Spread(np.quantile([1.0, 2.0, 3.0], LEVELS), 3)
    assert (spread.share_below(3.1), spread.share_above(0.9)) == (1.0, 1.0)
    assert (spread.share_below(1.0), spread.share_above(3.0)) == (0.0, 0.0)


@pytest.mark.parametrize("quantiles", [[], [math.nan] * 201])
def test_a_reference_with_nothing_inside_has_no_rarity_of_its_own(quantiles):
    whole = provenance(1).reference
    own = replace(whole.leave_one_out, inside=0.0, rarity=tuple(quantiles))
    known = own_spreads(replace(whole, leave_one_out=own))
    assert set(known) == {"knn_distance", "nearest_distance"}


# -- sentences --


def record_of(**more):
    return facts(made_of([row("s", **more)]), provenance(1)).picks.nearest[0]


def test_rarity_sentence():
    assert sentences.rarity_sentence(record_of(rarity=9.76)) == (
        "Rarer than 97 % of the reference's own images that are inside; the smallest ball that "
        "holds it belongs to ref/witness.png (radius 9.760)."
    )
    assert sentences.rarity_sentence(record_of(rarity=1.0)).startswith("Less rare than 89 % of ")
    assert sentences.rarity_sentence(record_of(rarity=11.0)).startswith("Rarer than all the ")


def test_typicality_sentence_names_the_rank():
    record = record_of(knn=0.21)
    assert sentences.typicality_sentence(record, 3) == (
        "Closer to its 3rd nearest reference image than 94 % of reference images are to theirs."
    )
    assert sentences.typicality_sentence(record, 1).startswith("Closer to its nearest reference")


def test_nearest_sentence():
    assert sentences.nearest_sentence(record_of(nearest=0.015)) == (
        "Closer to its nearest reference image than 99 % of reference images are to theirs."
    )
    assert sentences.nearest_sentence(record_of(nearest=1.9)).startswith("Farther from its nearest")
    assert sentences.nearest_sentence(record_of(nearest=0.0)) == (
        "Its features are exactly those of ref/0.png: the distance is 0."
    )


def test_outside_sentence_counts_in_what_is_usual():
    assert sentences.outside_sentence(record_of(nearest=1.8)) == (
        "Lies outside every ball: 1.8 times as far from its nearest reference image as the "
        "reference's own images usually are (median)."
    )


def test_sentences_without_leave_one_out_say_the_bare_numbers():
    table = made_of([row("s", rarity=2.0, nearest=3.0, knn=4.0)])
    record = facts(table, provenance(1, known=False)).picks.nearest[0]
    assert sentences.rarity_sentence(record) == (
        "The smallest ball that holds it belongs to ref/witness.png (radius 2.000)."
    )
    assert sentences.typicality_sentence(record, 3) == (
        "Its 3rd nearest reference image is 4.000 away."
    )
    assert sentences.nearest_sentence(record) == (
        "Its nearest reference image, ref/0.png, is 3.000 away."
    )
    assert sentences.outside_sentence(record) == (
        "Lies outside every ball: its nearest reference image, ref/0.png, is 3.000 away."
    )


def test_equal_values_are_neither_rarer_nor_less_rare():
    origin = written(1)
    origin["reference"]["leave_one_out"]["rarity"] = [5.0] * 201
    record = facts(made_of([row("s", rarity=5.0)]), typed(origin)).picks.rarest[0]
    assert sentences.rarity_sentence(record).startswith("As rare as the reference's own images")


def test_a_name_from_right_to_left_keeps_to_itself():
    record = replace(record_of(rarity=2.0), rarity_witness="صورة.png")
    assert "\u2068صورة.png\u2069 (radius" in sentences.rarity_sentence(record)


# -- words --


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12.3149, "12.31"), (8.2, "8.200"), (1234.5, "1,234"), (3.2e-7, "3.200e-07")],
)
def test_numbers_have_four_digits(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1e-6, "under 0.1 %"), (0.412, "41.2 %"), (0.99999, "over 99.9 %"), (1, "100 %")],
)
def test_percent_keeps_almost_apart_from_all(share, text):
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("share", "text"), [(1, "all"), (0.97, "97 % of"), (0.979, "97 % of"), (0.996, "99.6 % of")]
)
def test_at_least_rounds_down(share, text):
    assert words.at_least(share) == text


def test_ordinals():
    assert [words.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd",
    ]  # fmt: skip


@given(st.text(max_size=60), st.integers(3, 40))
def test_shortened_names_fit_and_steer_nothing(text, columns):
    short = words.shorten(text, columns)
    assert words.width(short) <= columns
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", short)


def test_shortening_keeps_both_ends():
    assert words.shorten("generated/batch-01/0001.png", 15) == "generat…001.png"


# -- the terminal --


def test_the_summary_reads_as_it_should(mixed):
    assert summary_lines(mixed) == [
        "Judged    20 samples from gen/",
        "against   1,000 reference images (k = 3) from train/",
        "Outside   2 samples (10.0 %) in no ball; reference images: 25.0 %",
        "Rarest    d (rarity 9.500; witness ref/witness.png)",
        "          rarer than 94 % of the reference's own images that are inside",
        "Nearest   d is 0.2500 away from ref/0.png",
        "          closer than 87 % of reference images are to their own nearest",
    ]


def test_the_summary_says_of_the_rarest_what_its_reason_says():
    said = {"verdict": "rare", "reason": "Rarer than 99.8 % of reference images; and more."}
    known = provenance(1, verdict={"alpha": 0.05, "shortfall": None})
    lines = summary_lines(facts(made_of([row("s", rarity=9.9, **said)]), known))
    assert "          rarer than 99.8 % of reference images" in lines


def calibration_of(reals, smallest, *, repeating):
    return {
        "method": "held-out", "rarity_method": "held-out", "copy_statistic": "copy_volume",
        "real_images": reals, "real_images_inside": reals,
        "near_copy": {"p": smallest, "repeating": repeating},
        "smallest_p": {"off_manifold": smallest, "copy": smallest},
    }  # fmt: skip


def calibrated(p, q, *, judged=1, smallest=1e-6):
    """Facts of samples with these p-values of the k-NN distance and q-values of copying."""
    pairs = enumerate(zip(p, q, strict=True))
    rows = [row(f"s{i}", off_manifold_p=one, copy_q=other) for i, (one, other) in pairs]
    known = calibration_of(99, smallest, repeating=0)
    return made_of(rows), provenance(judged, calibration=known)


def test_the_summary_counts_what_is_too_far_out_and_too_near():
    lines = summary_lines(facts(*calibrated([0.05, 0.01, 0.06, 1.0], [0.01, 0.2, 1.0, 1.0])))
    assert "          2 samples (50.0 %) off the manifold; of real images about 5 % are" in lines
    assert "          1 sample nearer than real images are (at most 5 % falsely)" in lines
    lines = summary_lines(facts(*calibrated([0.5], [0.2])))
    assert "          no sample nearer than real images are (at most 5 % falsely)" in lines


@pytest.mark.parametrize(
    ("judged", "smallest", "line"),
    [
        (100, 0.01, "up to 19 near copies may be hidden: 99 real images are too few"),
        (5, 0.01, "no sample nearer than real images are (at most 5 % falsely)"),
        (10, 0.01, "1 near copy may be hidden: 99 real images are too few"),
        (5, 0.06, "no near copy can be detected: 99 real images are too few"),
    ],
)
def test_the_summary_says_how_many_copies_may_be_hidden(judged, smallest, line):
    table, origin = calibrated([0.5] * judged, [1.0] * judged, judged=judged, smallest=smallest)
    assert f"          {line}" in summary_lines(facts(table, origin))


def test_the_page_says_how_many_copies_may_be_hidden():
    table, origin = calibrated([0.5] * 100, [1.0] * 100, judged=100, smallest=0.01)
    page = to_html(summarise(table, origin, None))
    assert "up to 19 of 100 may be hidden (too few real images: no p is" in page


def test_the_summary_says_that_repeats_are_the_cause_and_what_helps():
    table, origin = calibrated([0.5] * 100, [1.0] * 100, judged=100, smallest=0.01)
    near = replace(origin.calibration.near_copy, repeating=60)
    origin = replace(origin, calibration=replace(origin.calibration, near_copy=near))
    lines = summary_lines(facts(table, origin))
    at = lines.index("          up to 19 near copies may be hidden: real images repeat one another")
    assert lines[at + 1] == "          --deduplicate near removes the repeats from the reference"


def test_exact_copies_do_not_hide_that_near_ones_may_be_hidden():
    table, origin = calibrated([0.5] * 100, [0.0] * 10 + [1.0] * 90, judged=100, smallest=0.01)
    lines = summary_lines(facts(table, origin))
    assert "          up to 17 near copies may be hidden: 99 real images are too few" in lines


def test_altered_copies_are_shown_beside_exact_ones():
    rows = [row(f"s{i}", verdict="copy", copy_p=0.01, reason="So.") for i in range(20)]
    rows += [row(f"n{i}", verdict="near copy", copy_p=0.02, reason="So.") for i in range(6)]
    shown = [one.id for one in facts(made_of(rows), provenance(26)).picks.copies]
    assert shown == [*(f"s{i}" for i in range(4)), *(f"n{i}" for i in range(4))]
    few = [*rows[:20], rows[20]]
    shown = [one.id for one in facts(made_of(few), provenance(21)).picks.copies]
    assert shown == [*(f"s{i}" for i in range(7)), "n0"]


def test_calibrated_columns_are_no_metadata():
    found = facts(*calibrated([0.5], [1.0]))
    assert found.picks.typical[0].metadata == {}
    assert facts(made_of(MIXED), provenance(20)).calibration is None


def test_the_summary_names_what_was_skipped():
    origin = written(1)
    origin["samples"]["skipped"] = [{"id": "x", "reason": "empty"}]
    origin["reference"]["skipped"] = 2
    last = summary_lines(facts(made_of([row("s")]), typed(origin)))[-1]
    assert last == "Skipped   1 sample and 2 reference images could not be used"


def test_an_exact_copy_is_not_zero_away():
    lines = summary_lines(facts(made_of([row("s", nearest=0.0)]), provenance(1)))
    assert "Nearest   s has exactly the features of ref/0.png" in lines


@given(
    name=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=200),
    number=st.floats(0, 1e300),
    known=st.booleans(),
    smallest=st.sampled_from([1e-9, 4e-8, 1e-3, 0.5]),
    q=st.sampled_from([0.0, 1.0]),
    scored=st.sampled_from([1, 2_000_000]),
)
def test_the_summary_fits_ten_lines_of_eighty_columns(name, number, known, smallest, q, scored):
    made = row(name, rarity=number, nearest=number, off_manifold_p=0.01, copy_q=q)
    made |= {"nearest": name, "rarity_witness": name}
    calibration = calibration_of(9, smallest, repeating=2)
    origin = written(scored, known=known, calibration=calibration if known else None)
    origin["samples"] |= {"location": name, "skipped": [{"id": name, "reason": name}]}
    lines = summary_lines(facts(made_of([made]), typed(origin)))
    assert len(lines) <= 10
    assert max(map(words.width, lines)) <= 80
    assert all("\n" not in line for line in lines)


# -- the histogram --


def spread_of(numbers):
    return Spread(np.quantile(numbers, LEVELS), len(numbers))


def test_bins_hold_every_image_of_both_sides():
    numbers = np.random.default_rng(0).gamma(9, 1, 500)
    bins = histogram(numbers, spread_of(numbers * 1.5))
    assert sum(bins.samples) == pytest.approx(1)
    assert sum(bins.reference) == pytest.approx(1)
    counts, _ = np.histogram(numbers, bins.edges[:-1])
    assert bins.samples[: len(counts) - 1] == pytest.approx((counts / 500)[:-1])


def test_the_references_shares_follow_its_quantiles():
    numbers = np.random.default_rng(1).gamma(9, 1, 5000)
    bins = histogram(numbers, spread_of(numbers))
    assert bins.reference == pytest.approx(bins.samples, abs=0.006)


def test_one_image_far_away_does_not_squash_the_rest():
    bins = histogram(np.append(np.linspace(1, 2, 999), 1000.0), None)
    assert bins.edges[-1] < 3
    assert bins.open_ended
    assert draw(bins).rows[-1].label.endswith("and more")
    assert sum(bins.samples) == pytest.approx(1)


@pytest.mark.parametrize("value", [0.0, 1e-12, 5.0, 123456.789])
def test_equal_values_stand_in_the_middle(value):
    bins = histogram(np.full(7, value), Spread(np.full(201, value), 9))
    assert max(bins.samples) == 1
    assert max(bins.reference) == 1
    assert bins.edges[0] >= 0
    assert all(low < high for low, high in pairwise(bins.edges))


def test_an_empty_side_is_not_drawn():
    assert histogram(np.array([]), None) is None
    drawn = draw(histogram(np.array([]), spread_of([1.0, 2.0, 3.0])))
    assert (drawn.samples, drawn.rows[0].samples) == (None, None)
    assert drawn.reference.startswith("M0 1V")


def test_steps_are_round():
    assert round_steps(0, 0.22, count=3) == pytest.approx([0, 0.1, 0.2])
    assert round_steps(1.5, 9.8, count=5) == pytest.approx([2, 4, 6, 8])


# -- pictures --


def decoded(made):
    return Image.open(BytesIO(base64.b64decode(made.uri.partition(",")[2]))).convert("RGB")


def test_small_pictures_are_kept_to_the_pixel():
    [image] = painted("samples", ["a"]).values()
    made = thumbnail(image, edge=16)
    assert made.pixelated
    assert np.array_equal(np.asarray(decoded(made)), np.asarray(image))


def photo(width, height):
    across, down = np.meshgrid(np.linspace(0, 6, width), np.linspace(0, 4, height))
    noise = np.random.default_rng(0).normal(0, 4, (height, width, 3))
    channels = [120 + 90 * np.sin(across + i) * np.cos(down * i + 1) for i in range(3)]
    return Image.fromarray(np.clip(np.stack(channels, -1) + noise, 0, 255).astype(np.uint8))


def test_photos_shrink_to_a_few_kilobytes():
    made = thumbnail(photo(1200, 800), edge=240)
    assert (made.width, made.height, made.pixelated) == (240, 160, False)
    assert len(made.uri) < 12_000
    original = np.asarray(photo(1200, 800).resize((240, 160), Image.Resampling.LANCZOS), float)
    assert np.abs(np.asarray(decoded(made), float) - original).mean() < 6


def test_flat_pictures_are_kept_without_loss():
    image = Image.new("RGB", (400, 400), (250, 20, 20))
    image.paste((20, 20, 250), (0, 0, 200, 400))
    made = thumbnail(image, edge=400)
    assert np.array_equal(np.asarray(decoded(made)), np.asarray(image))


def test_no_picture_loses_its_last_row():
    assert thumbnail(Image.new("RGB", (4000, 3)), edge=240).height == 1


def test_the_line_between_pixels_and_photos():
    edge = PIXEL_ART
    assert thumbnail(Image.new("RGB", (edge, 1)), edge=240).pixelated
    assert not thumbnail(Image.new("RGB", (edge + 1, 1)), edge=240).pixelated


def test_each_distinct_picture_is_embedded_once():
    html = page_of(MIXED)
    uris = re.findall(r'href="(data:image[^"]*)"', html)
    assert len(uris) == len(set(uris))
    assert html.count("<use ") > len(uris)


def test_equal_pictures_share_their_bytes():
    grey = Image.new("RGB", (28, 28), "grey")
    found = summarise(
        made_of(MIXED), provenance(len(MIXED)), lambda side, ids: dict.fromkeys(ids, grey)
    )
    assert len(found.pictures) == 1


def test_pictures_are_asked_for_once_a_side_and_only_where_shown():
    asked = []

    def pictures(side, ids):
        asked.append((side, set(ids)))
        return {}

    rows = [*MIXED, *(row(f"g{i}", rarity=5.0, nearest=1.5, knn=2.5) for i in range(40))]
    summarise(made_of(rows), provenance(len(rows)), pictures)
    sides = dict(asked)
    assert [side for side, _ in asked] == ["samples", "reference"]
    assert sides["reference"] == {"ref/witness.png", *(f"ref/{i}.png" for i in range(5))}
    assert sides["samples"] < {made["id"] for made in rows}


class Lazy(dict):
    """Decodes on access, as a source may; some of it fails."""

    def __getitem__(self, name):
        if name == "d":
            raise ImageError("The file ends early.")
        return super().__getitem__(name)


def test_a_picture_that_cannot_be_had_is_named_instead():
    html = page_of(MIXED, pictures=lambda side, ids: Lazy(painted(side, ids)))
    assert re.search(r'<span class="picture missing" title="d">', html)
    assert "Sample: b" in html


# -- the page --


EDGES = {
    "mixed": MIXED,
    "one sample inside": [row("only", rarity=2.0)],
    "one sample outside": [row("only")],
    "all outside": [row(f"o{i}", nearest=1 + i) for i in range(12)],
    "none outside": [row(f"i{i}", rarity=1 + i) for i in range(12)],
    "equal values": [row(f"e{i}", rarity=3.0) for i in range(12)],
    "exact copies": [row(f"c{i}", rarity=0.0, nearest=0.0, knn=0.0) for i in range(12)],
    "no neighbors": [row(f"n{i}", rarity=3.0) | {"neighbors": []} for i in range(12)],
    "infinite realism": [row(f"r{i}", rarity=3.0) | {"realism": math.inf} for i in range(12)],
}


@pytest.mark.parametrize("pictures", [painted, None], ids=["pictures", "no pictures"])
@pytest.mark.parametrize("known", [True, False], ids=["leave-one-out", "none"])
@pytest.mark.parametrize("rows", EDGES.values(), ids=EDGES)
def test_every_case_makes_a_sound_page(rows, known, pictures):
    html = page_of(rows, known=known, pictures=pictures)
    text = shown(html)
    assert not re.search(r"\b(nan|NaN|inf|infinity|None|undefined)\b", text)
    assert [tag for tag, _ in outline(html).tags].count("h1") == 1


def test_an_empty_table_makes_a_page_too():
    html = to_html(summarise(made_of(MIXED).slice(0, 0), provenance(0), painted))
    assert "There are no samples" in shown(html)


def test_the_page_says_what_was_judged_against_what():
    text = shown(page_of(MIXED))
    assert "20 samples from gen , judged against 1,000 reference images from train ." in text
    assert "lite0 made each image a vector of 1,280 features" in text
    assert "its 3rd nearest other reference image (k = 3)" in text


def test_the_share_outside_stands_beside_the_references_own():
    text = shown(page_of(MIXED))
    assert "10.0 % of the samples lie outside every ball" in text
    assert "(leave-one-out), 25.0 % do" in text
    assert "All samples lie outside every ball" in shown(page_of(EDGES["all outside"]))
    assert "No sample lies outside every ball" in shown(page_of(EDGES["none outside"]))


def test_every_row_has_its_cards():
    tags = outline(page_of(MIXED)).tags
    # 8 of the rarest, 2 outside; of 10 others 8 that are near and 2 that are typical
    assert sum(tag == "article" for tag, _ in tags) == 8 + 2 + 8 + 2
    anchors = [attrs["id"] for tag, attrs in tags if tag == "section"]
    assert anchors == [
        "rarest", "outside", "rarity", "farthest", "nearest", "typical", "every", "reading",
        "made",
    ]  # fmt: skip


def test_few_samples_are_shown_once_each():
    tags = outline(page_of(MIXED[:5])).tags
    assert sum(tag == "article" for tag, _ in tags) == 5


def test_a_card_shows_its_sample_its_nearest_and_its_witness():
    html = page_of([row("only", rarity=2.0)])
    card = html[html.index("<article") : html.index("</article>")]
    titles = re.findall(r"<title>(.*?)</title>", card)
    assert titles == [
        "Sample: only",
        "Nearest: ref/0.png",
        *(f"Reference image: ref/{i}.png" for i in range(1, 5)),
        "Witness: ref/witness.png",
    ]


def test_a_witness_among_the_nearest_is_shown_once():
    html = page_of([row("only", rarity=2.0) | {"rarity_witness": "ref/0.png"}])
    card = html[html.index("<article") : html.index("</article>")]
    assert card.count("ref/0.png</title>") == 1
    assert "Nearest, witness: ref/0.png" in card


def test_features_from_elsewhere_need_no_extractor():
    text = shown(page_of(MIXED, extractor=None))
    assert "The features were computed elsewhere." in text


def test_a_reference_judged_by_itself_says_so():
    said = "The samples are the reference's own images, each judged leave-one-out"
    assert said in shown(page_of(MIXED, leave_one_out=True))
    assert said not in shown(page_of(MIXED))


def test_skipped_images_are_listed_with_their_reasons():
    origin = written(1)
    skipped = [{"id": f"bad{i}.png", "reason": "The file is empty."} for i in range(201)]
    origin["samples"]["skipped"] = skipped
    text = shown(to_html(summarise(made_of([row("s")]), typed(origin), None)))
    assert "201 samples could not be used." in text
    assert text.count("The file is empty.") == 200
    assert "And 1 more." in text


def test_noted_images_are_counted_and_named_beside_the_skipped():
    origin = written(1)
    origin["samples"]["noted"] = [{"note": "a single colour", "count": 1_204, "ids": ["a", "b"]}]
    origin["reference"]["noted"] = [{"note": "nearly black", "count": 1, "ids": ["c.png"]}]
    text = shown(to_html(summarise(made_of([row("s")]), typed(origin), None)))
    for part in ("1,204 samples", "a single colour", "and 1,202 more", "nearly black"):
        assert part in text
    assert "1 reference image" in text
    for nothing in ([], None):
        origin["samples"]["noted"] = origin["reference"]["noted"] = nothing
        made = to_html(summarise(made_of([row("s")]), typed(origin), None))
        assert 'id="noted"' not in made


def test_provenance_has_the_digests():
    text = shown(page_of(MIXED))
    for part in ("weights 57934424", "5a", "7e", "numpy 2.0", "rara 0.1.0"):
        assert part in text


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("pictures", [painted, None], ids=["pictures", "no pictures"])
def test_names_are_only_names(name, pictures):
    made = row(name, rarity=2.0, label=name, prompt=name, **{f"meta {name}": name})
    made |= {"nearest": name, "rarity_witness": name}
    made["neighbors"] = [{"id": name, "distance": 1.0}]
    origin = written(1)
    for side in ("samples", "reference"):
        origin[side]["location"] = name
    origin["samples"]["skipped"] = [{"id": name, "reason": name}]
    origin["samples"]["noted"] = [{"note": name, "count": 1, "ids": [name]}]
    page = outline(to_html(summarise(made_of([made]), typed(origin), pictures)))
    plain = outline(page_of([row("s", rarity=2.0, label="l", prompt="p", meta="m")]))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags} | {"details", "wbr"}
    assert not [attrs for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert "49" not in "".join(page.text)
    to_html(summarise(made_of([made]), typed(origin), pictures)).encode("utf-8")


def test_a_location_that_is_no_unicode_can_still_be_written():
    origin = written(1)
    origin["samples"]["location"] = "gen\udcff/"
    to_html(summarise(made_of([row("s")]), typed(origin), None)).encode("utf-8")


def test_long_names_are_cut_but_kept_whole_in_the_title():
    name = "deep/" * 40 + "end.png"
    html = page_of([row(name, rarity=2.0)])
    assert f'title="{name}"' in html
    heading = re.search(r"<h3>(.*?)</h3>", html).group(1)
    assert len(re.sub(r"<[^>]*>", "", heading)) <= 60


def test_the_page_reaches_for_nothing_outside():
    html = page_of(MIXED)
    page = outline(html)
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert not re.search(
        r"https?:|//[a-z]|@import|url\(",
        re.sub(r'"data:[^"]*"|<script>.*?</script>', "", html, flags=re.DOTALL),
    )
    [policy] = [
        attrs["content"]
        for _, attrs in page.tags
        if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert set(policy.split("; ")) == {
        "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "base-uri 'none'",
        "form-action 'none'",
        f"script-src {script('every').policy} {script('compare').policy}",
    }  # fmt: skip
    assert re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL) == [
        script("every").text, script("compare").text,
    ]  # fmt: skip


def test_every_link_within_the_page_leads_somewhere():
    page = outline(page_of(MIXED))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_every_picture_and_table_can_be_read_aloud():
    html = page_of(MIXED)
    heads = [attrs for tag, attrs in outline(html).tags if tag == "th"]
    assert {attrs.get("scope") for attrs in heads} == {"row", "col"}
    pictures = re.findall(r'<svg[^>]*role="img".*?</svg>', html, re.DOTALL)
    assert all("<title" in picture for picture in pictures)
    assert len(pictures) > 100


def test_a_thousand_photos_stay_small():
    rows = [
        row(f"s{i}", rarity=math.nan if i % 4 else 1 + i / 100, nearest=1 + i / 500)
        | {
            "nearest": f"r{i}-0",
            "rarity_witness": None if i % 4 else f"w{i}",
            "neighbors": [{"id": f"r{i}-{j}", "distance": 1 + i / 500 + j} for j in range(5)],
        }
        for i in range(1000)
    ]
    picture = photo(320, 240)
    turn = iter(range(10_000))
    pictures = lambda side, ids: {name: picture.rotate(next(turn)) for name in ids}  # noqa: E731
    html = page_of(rows, pictures=pictures)
    assert html.count("<symbol") > 100
    assert len(html.encode()) < 1_000_000


# -- colours --


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def schemes():
    css = (Path(rara.report.__file__).parent / "templates" / "report.css").read_text("utf-8")
    blocks = [block for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL) if "--ink" in block]
    return [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block)) for block in blocks]


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark"])
def test_text_stands_out_from_the_page(scheme):
    for text in ("ink", "muted", "sample", "reference"):
        for ground in ("paper", "tile"):
            dark, light = sorted((luminance(scheme[text]), luminance(scheme[ground])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark"])
def test_the_two_sides_differ_in_the_blue_and_yellow_that_every_eye_tells_apart(scheme):
    hues = [
        colorsys.rgb_to_hls(*(int(scheme[side][i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]
        for side in ("sample", "reference")
    ]
    assert 0.03 < hues[0] < 0.17
    assert 0.5 < hues[1] < 0.7


# -- a real browser --


@needs_browser
def test_a_browser_shows_the_cards_and_complains_of_nothing(tmp_path):
    elements, console, asked = opened(page_of(MIXED), tmp_path)
    assert elements.count("<article") == 20
    assert "Rarer than 94" in elements
    assert console == []
    assert asked == set()


@needs_browser
def test_the_browser_would_have_told(tmp_path):
    policy = re.compile(r"<meta http-equiv=.*?>")
    html = page_of(MIXED[:1])
    bait = '<img src="http://bait.invalid/a.png"><script>console.error("bait")</script></main>'
    _, console, asked = opened(policy.sub("", html.replace("</main>", bait)), tmp_path)
    assert any("bait" in line for line in console)
    assert "http://bait.invalid/a.png" in asked


def test_no_column_that_is_computed_is_taken_for_metadata():
    """What a record holds beside the scores is shown as what its source knew of it."""
    rng = np.random.default_rng(0)
    labels = ["a", "b"] * 100
    train = Features.from_arrays(rng.normal(size=(200, 4)), metadata={"label": labels})
    made = Features.from_arrays(rng.normal(size=(100, 4)), metadata={"label": labels[:100]})
    table = Reference.from_features(train).score_features(made)
    assert metadata_names(table.columns) == ["label"]


@pytest.mark.parametrize(
    ("metric", "noted", "said"),
    [
        ("euclidean", "(k = 3)", None),
        ("cosine", "(k = 3, cosine)", "compared by cosine distance"),
        ("hellinger", "(k = 3, hellinger)", "compared by Hellinger distance"),
    ],
)
def test_a_metric_that_is_not_the_plain_one_is_said(metric, noted, said):
    vectors = np.abs(np.random.default_rng(0).normal(size=(60, 4)))
    table = Reference.from_features(vectors, metric=metric).score_features(vectors[:5])
    assert noted in table.summary().splitlines()[1]
    page = to_html(summarise(table.arrow, table.provenance, None))
    assert ("are compared by" in page) == (said is not None)
    assert said is None or said in page


def test_without_verdicts_nothing_is_said_of_how_many_real_images_would_be_off():
    few = np.random.default_rng(0).normal(size=(10, 4))
    table = Reference.from_features(few).score_features(few + 1)
    assert table.provenance["verdict"]["shortfall"]
    assert "of 10 real images" not in table.summary()
    assert "of 10 real images" not in to_html(summarise(table.arrow, table.provenance, None))
