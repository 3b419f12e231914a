"""What the page says of groups and siblings, against hand-made numbers and in a browser."""

import json
import re
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from pages import needs_browser, opened
from rara import Features, Reference
from rara.report import facts, summarise, to_html
from rara.report.groups import GroupRow
from rara.report.groups import strays as rows_of_strays

HOSTILE = "<img src=x onerror=alert(1)>"
LABELS = ["cat", "dog", HOSTILE, "few"]


def labelled(counts, seed, *, spread=1.0, prefix=""):
    """So many vectors of each label, each label in a place of its own."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array(LABELS, dtype=object), counts)
    places = np.repeat(np.arange(4), counts)
    vectors = spread * rng.normal(size=(len(labels), 4))
    vectors[:, 0] += 8 * places
    ids = [f"{prefix}{i}" for i in range(len(labels))]
    return Features.from_arrays(vectors, ids=ids, metadata={"label": list(labels)})


def outputs():
    """Of the cats five lie among the dogs, a dog far from everything; one sample has no label."""
    made = labelled([25, 20, 30, 4], 1, prefix="s")
    vectors = made.vectors.copy()
    vectors[:5, 0] += 8
    vectors[30] += 50
    labels = [json.loads(record).get("label") for record in made.done["metadata"].to_pylist()]
    labels[-1] = None
    return Features.from_arrays(vectors, ids=made.ids, metadata={"label": labels})


@pytest.fixture(scope="module")
def reference():
    return Reference.from_features(labelled([300, 300, 200, 10], 0), k=3)


@pytest.fixture(scope="module")
def table(reference):
    return reference.score_features(outputs(), group_by="label", against_siblings="label")


@pytest.fixture(scope="module")
def found(table):
    return facts(table.arrow, table.provenance)


def painted(side, ids):
    colours = {name: crc32(f"{side} {name}".encode()) % 2**24 for name in ids}
    return {name: Image.new("RGB", (8, 8), f"#{colours[name]:06x}") for name in ids}


def page_of(table, pictures=painted):
    return to_html(summarise(table.arrow, table.provenance, pictures))


# -- groups --


def test_groups_are_counted_as_their_columns_say(table, found):
    known = found.grouped
    assert (known.by, known.least, known.level) == ("label", 20, 0.05)
    rows = {row.group: row for row in known.rows}
    sizes = {name: (row.samples, row.reference) for name, row in rows.items()}
    assert sizes == {"cat": (25, 300), "dog": (20, 300), HOSTILE: (30, 200), "few": (3, 10)}
    for name in LABELS[:3]:
        mine = table["group"] == name
        p, percentile = (
            table[column][mine] for column in ("group_off_manifold_p", "group_rarity_percentile")
        )
        assert rows[name].off_manifold == np.mean(p <= 0.05)
        assert rows[name].rarity_percentile == np.nanmedian(percentile)
        copied = np.isin(table["verdict"][mine], ["copy", "near copy"])
        assert rows[name].copies == copied.sum()


def test_the_worst_come_first_and_the_small_last(found):
    rows = found.grouped.rows
    assert rows[0].group == "cat"
    assert rows[0].off_manifold >= 0.2
    assert [row.differs for row in rows] == [True, False, False, False]
    assert rows[-1] == GroupRow(
        group="few", samples=3, reference=10, too_small=True, off_manifold=None, interval=None,
        differs=False, copies=rows[-1].copies, rarity_percentile=None,
    )  # fmt: skip
    assert found.grouped.too_small == 3
    assert found.grouped.ungrouped == 1


def test_copies_are_counted_in_the_group_that_they_claim(reference):
    dogs = reference.features.vectors[300:303]
    copies = Features.from_arrays(dogs, metadata={"label": ["cat", "cat", "dog"]})
    table = reference.score_features(copies, group_by="label")
    rows = facts(table.arrow, table.provenance).grouped.rows
    assert {row.group: row.copies for row in rows} == {"cat": 2, "dog": 1}


def test_strays_are_those_too_far_out_and_the_unsuspected_come_first(table, found):
    strays = found.picks.strays
    p = dict(zip(table["id"], table["group_off_manifold_p"], strict=True))
    assert {f"s{i}" for i in range(5)} <= {one.id for one in strays}
    assert all(p[one.id] <= 0.05 for one in strays)
    astray = [one.verdict in {"off-manifold", "unknown to this reference"} for one in strays]
    assert astray == sorted(astray)
    everyone = table["id"][rows_of_strays(table.arrow)]
    assert [one.id for one in strays] == everyone[:8].tolist()
    assert set(everyone[:5]) == {f"s{i}" for i in range(5)}
    assert everyone[5] == "s30"
    assert p["s30"] == 1 / 301
    known, q = found.grouped, table["group_off_manifold_q"]
    assert (known.judged, known.called) == (75, np.sum(q <= 0.05))
    assert known.called >= 5
    page = page_of(table)
    assert f"At a false discovery rate of 5 %, {known.called} are called." in page
    assert "too few real images" not in section(page, "strays")


def test_where_no_single_sample_can_be_called_it_is_said():
    reference = Reference.from_features(labelled([30, 30, 30, 0], 2))
    table = reference.score_features(labelled([30, 30, 30, 0], 3), group_by="label")
    known = facts(table.arrow, table.provenance).grouped
    assert known.called == 0
    assert "up to 58 of 90 may be hidden" in known.shortage
    assert "none is called; up to 58 of 90 may be hidden (too few real images" in page_of(table)


def test_a_filtered_table_tells_of_what_is_left(table):
    cats = table.filter(table["group"].astype(str) == "cat")
    known = facts(cats.arrow, cats.provenance).grouped
    assert [row.group for row in known.rows] == ["cat"]
    assert (known.judged, known.ungrouped) == (25, 0)


def test_without_groups_nothing_is_said_of_them(reference):
    table = reference.score_features(outputs())
    found = facts(table.arrow, table.provenance)
    assert (found.grouped, found.odd_ones) == (None, None)
    assert (found.picks.strays, found.picks.odd_ones) == (None, None)
    assert not {"strays", "odd_ones"} & set(found.to_json()["picks"])
    page = page_of(table)
    assert 'id="groups"' not in page
    assert 'id="odd_ones"' not in page


def test_facts_of_groups_are_strict_json(found):
    written = found.to_json()
    assert json.loads(json.dumps(written, allow_nan=False)) == written


# -- siblings --


def families(reference, vectors, prompts, **asked):
    features = Features.from_arrays(vectors, metadata={"prompt": prompts})
    return reference.score_features(features, against_siblings="prompt", **asked)


def test_the_odd_ones_come_by_how_far_they_stand_apart(reference):
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(36, 4))
    vectors[[3, 14, 25]] += np.array([[6], [40], [15]])
    table = families(reference, vectors, ["a"] * 12 + ["b"] * 12 + ["c"] * 12)
    found = facts(table.arrow, table.provenance)
    cases = found.odd_ones.cases
    assert [case.id for case in cases] == ["14", "25", "3"]
    assert [record.id for record in found.picks.odd_ones] == ["14", "25", "3"]
    distance = table["sibling_distance"]
    for case, start in zip(cases, (12, 24, 0), strict=True):
        row = int(case.id)
        others = np.setdiff1d(np.arange(start, start + 12), row)
        assert case.distance == distance[row]
        assert case.times == distance[row] / np.median(distance[others])
        assert (case.count, case.k) == (11, 3)
        apart = np.linalg.norm(vectors[others][:, None] - vectors[others], axis=2)
        middle = np.nanmedian(np.where(apart > 0, apart, np.nan), axis=1)
        assert case.siblings == tuple(str(other) for other in others[np.argsort(middle)][:6])
    counts = {
        name: getattr(found.odd_ones, name) for name in ("by", "samples", "groups", "too_small")
    }
    assert counts == {"by": "prompt", "samples": 36, "groups": 3, "too_small": 0}


def test_among_equal_siblings_the_distance_is_told(reference):
    table = families(reference, [[0.0] * 4] * 4 + [[2.0] * 4], ["a"] * 5)
    (case,) = facts(table.arrow, table.provenance).odd_ones.cases
    assert (case.id, case.times, case.distance) == ("4", None, 4.0)
    assert "The farthest of 5 (a): 4.000 from its 3rd nearest sibling" in page_of(table)


def test_siblings_that_were_filtered_out_are_not_shown(reference):
    vectors = np.vstack([np.random.default_rng(5).normal(size=(5, 4)), [[30.0] * 4]])
    table = families(reference, vectors, ["a"] * 6)
    rest = table.filter(np.isin(table["id"], ["1", "2", "5"]))
    (case,) = facts(rest.arrow, rest.provenance).odd_ones.cases
    assert set(case.siblings) == {"1", "2"}
    for ids in (["5"], ["0", "1"]):
        left = table.filter(np.isin(table["id"], ids))
        assert facts(left.arrow, left.provenance).odd_ones.cases == ()


# -- the page --


def section(page, key):
    return re.search(f'<section id="{key}".*?</section>', page, re.DOTALL)[0]


def test_the_page_has_a_row_for_each_group(table):
    groups = section(page_of(table), "groups")
    assert groups.count("<tr") == 5
    assert HOSTILE not in groups
    assert "&lt;img src=x" in groups
    assert groups.count("too few") == 2
    assert "1 group with 3 samples has fewer than 20 reference images" in groups
    assert "1 sample has no label" in groups


def test_cards_of_strays_say_what_both_judgements_are(table):
    strays = section(page_of(table), "strays")
    assert "Too far out for an image of cat (p\u00a0=\u00a00.0033" in strays
    assert "Judged by the whole reference: " in strays
    assert strays.count("<article") == min(8, np.sum(table["group_off_manifold_p"] <= 0.05))


def test_cards_of_odd_ones_show_their_siblings(reference, table):
    asked = {}

    def pictures(side, ids):
        asked.setdefault(side, set()).update(ids)
        return painted(side, ids)

    odd = section(page_of(table, pictures), "odd_ones")
    cases = facts(table.arrow, table.provenance).odd_ones.cases
    assert odd.count("<article") == len(cases) == 4
    for case in cases:
        assert set(case.siblings) <= asked["samples"]
        assert not set(case.siblings) & asked["reference"]
    assert odd.count("<title>Sibling: ") == sum(len(case.siblings) for case in cases)


@needs_browser
def test_a_browser_shows_groups_and_odd_ones_and_complains_of_nothing(table, tmp_path):
    elements, console, asked = opened(page_of(table), tmp_path)
    assert 'id="groups"' in elements
    assert 'id="odd_ones"' in elements
    assert console == []
    assert asked == set()
