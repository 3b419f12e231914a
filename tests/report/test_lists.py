"""The lists under the cards, the number of cards, and the one order of the rarest."""

import re
from collections import Counter

import numpy as np
import pytest

from pages import (
    HOSTILE,
    MIXED,
    made_of,
    needs_browser,
    opened,
    outline,
    page_of,
    provenance,
    row,
    shown,
    typed,
    written,
)
from rara import Features, Reference
from rara.errors import ParameterError
from rara.report import facts, summarise, summary_lines, to_html
from rara.report import lists as listed
from rara.report.rarest import order_of_rarity
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_halves

KNOWN = {"verdict": {"alpha": 0.05, "shortfall": None}}


@pytest.fixture(scope="module")
def table():
    """Samples with every verdict but `no verdict`, some contested, some repeated."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(1500, 3))
    made = np.concatenate([
        1.15 * rng.normal(size=(300, 3)), vectors[:12], vectors[20:40] + 1e-4,
        vectors[:30] + 60, 40 * rng.normal(size=(12, 3)), np.full((9, 3), 0.123),
    ])  # fmt: skip
    reference = Reference.from_features(vectors)
    samples = Features.from_arrays(made, ids=[f"gen/s{i}.png" for i in range(len(made))])
    scored = reference.score(samples)
    return contested(scored, halves=by_halves(scored, reference, samples))


@pytest.fixture(scope="module")
def page(table):
    return to_html(summarise(table.arrow, table.provenance, None))


def sections(page):
    return dict(re.findall(r'<section id="([a-z_]+)"[^>]*>(.*?)</section>', page, re.DOTALL))


def named(section):
    """Ids in the list of a section, in its order."""
    found = re.search(r'<details class="wide list">.*?</details>', section, re.DOTALL)
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>', found[0]) if found else []
    return [re.sub(r"<[^>]*>", "", one).strip() for one in rows]


def ids(table, *verdicts):
    return list(table.filter(np.isin(table["verdict"], verdicts))["id"])


def test_every_sample_that_was_called_anything_is_named_on_the_page(table, page):
    assert {"copy", "near copy", "rare", "uncommon", "off-manifold"} <= set(table["verdict"])
    found = sections(page)
    kinds = {
        "copies": ("copy", "near copy", "no verdict"),
        "rarest": ("rare", "uncommon"),
        "farthest": ("off-manifold", "unknown to this reference"),
    }
    for key, verdicts in kinds.items():
        assert sorted(named(found[key])) == sorted(ids(table, *verdicts)), key
    assert table["contested"].any()
    assert sorted(named(found["contested"])) == sorted(table.filter(table["contested"])["id"])
    repeating = [name for name, size in zip(table["id"], table["repeats"], strict=True) if size > 1]
    assert len(repeating) >= 9
    assert sorted(named(found["repeats"])) == sorted(repeating)
    listed_ids = {name for section in found.values() for name in named(section)}
    assert listed_ids >= set(table.filter(table["verdict"] != "typical")["id"])


def test_a_list_says_what_decided_and_who_is_nearest(table, page):
    first = table.rarest(1)
    line = re.search(r'<tr><th scope="row"><bdi>.*?</tr>', sections(page)["rarest"].split(
        'class="wide list"')[1], re.DOTALL)[0]  # fmt: skip
    said = re.sub(r"<[^>]*>", " ", line.replace("<wbr>", "")).split()
    assert said[:2] == [first["id"][0], "rare"]
    assert f"{first['knn_p'][0]:#.2g}" in said
    assert said[-1] == first["nearest"][0]


def test_a_longer_list_is_cut_and_says_how_many_more_there_are(table, monkeypatch):
    monkeypatch.setattr(listed, "LISTED", 5)
    page = to_html(summarise(table.arrow, table.provenance, None))
    section, called = sections(page)["rarest"], ids(table, "rare", "uncommon")
    assert f"{len(called) - 5:,} more are in the saved table" in section
    assert "<code>verdict</code>" in section
    ranked = table.filter(np.isin(table["verdict"], ["rare", "uncommon"]))
    ranked = ranked.sort("knn_distance", descending=True).sort("knn_p")
    rare = list(ranked.filter(ranked["verdict"] == "rare")["id"])
    assert named(section) == [*rare, *ranked.filter(ranked["verdict"] == "uncommon")["id"]][:5]


def test_a_reference_that_carries_no_verdicts_makes_no_lists():
    few = Reference.from_features(np.random.default_rng(0).normal(size=(14, 3)))
    found = few.score_features(np.random.default_rng(1).normal(size=(40, 3)))
    assert set(found["verdict"]) == {"no verdict"}
    assert listed.listings(found.arrow, found.provenance) == {}


# -- names --


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names_in_lists(name):
    rows = [
        row(f"{name}{i}", rarity=2.0, verdict="rare", reason="So.", knn_p=0.01) | {"nearest": name}
        for i in range(12)
    ]
    page = outline(page_of(rows, pictures=None, **KNOWN))
    plain = [row(f"s{i}", rarity=2.0, verdict="rare", reason="So.", knn_p=0.01) for i in range(12)]
    assert {tag for tag, _ in page.tags} <= {
        tag for tag, _ in outline(page_of(plain, pictures=None, **KNOWN)).tags
    } | {"wbr"}
    assert not [attrs for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert "49" not in "".join(page.text)


def test_names_in_a_list_keep_to_themselves_and_cost_little():
    """Marks have no width: a name is cut by its letters as well."""
    names = ["a" * 5_000, "e" + "\u0301" * 5_000, "長い名前" * 2_000]
    rows = [
        row(f"{names[i % 3]}{i}", rarity=2.0, verdict="rare", reason="So.", knn_p=0.01)
        for i in range(300)
    ]
    found = page_of(rows, pictures=None, **KNOWN)
    section = re.search(r'<details class="wide list">.*?</details>', found, re.DOTALL)[0]
    assert section.count("<bdi title=") == 200
    assert max(map(len, re.findall(r'title="(.*?)"', section))) <= listed.LONGEST
    assert len(section) < 300 * 700


def test_a_list_can_be_read_aloud_and_reached_by_keyboard(page):
    tags = outline(page).tags
    assert {attrs.get("scope") for tag, attrs in tags if tag == "th"} == {"row", "col"}
    regions = [attrs for _, attrs in tags if attrs.get("class") == "scroll"]
    assert regions
    for attrs in regions:
        assert (attrs.get("role"), attrs.get("tabindex")) == ("region", "0")
        assert attrs.get("aria-label")
    lists = re.findall(r'<details class="wide list">.*?</details>', page, re.DOTALL)
    assert len(lists) == 5
    assert all(one.count("<caption>") == 1 for one in lists)


def test_a_page_of_many_samples_stays_small():
    """2,000 rows of a list, however many were called."""
    rows = [
        row(
            f"batch/{i:06d}.png", rarity=2.0, knn=i / 7, verdict="uncommon", reason="So.", knn_p=0.1
        )
        for i in range(6_000)
    ]
    page = page_of(rows, pictures=None, **KNOWN)
    assert len(named(sections(page)["rarest"])) == listed.LISTED == 2_000
    assert len(page.encode()) < 800_000


# -- cards --


def test_a_section_shows_as_many_cards_as_asked(table, tmp_path):
    for cards, count in ((3, 3), (None, 8), (30, 30)):
        table.report(tmp_path / "page.html", cards)
        found = sections((tmp_path / "page.html").read_text("utf-8"))
        for key in ("copies", "rarest", "typical", "nearest", "farthest"):
            assert found[key].count("<article") == count, (cards, key)


@pytest.mark.parametrize("cards", [0, -1, 201])
def test_a_number_of_cards_that_cannot_be_is_refused(table, tmp_path, cards):
    with pytest.raises(ParameterError, match=f"cards = {cards}: give a number from 1 to 200"):
        table.report(tmp_path / "page.html", cards=cards)
    assert not (tmp_path / "page.html").exists()


def test_few_samples_are_shown_once_only_if_the_cards_hold_them_all(tmp_path):
    few = made_of(MIXED[:5])
    once = to_html(summarise(few, provenance(5), None, cards=30))
    assert once.count("<article") == 5
    assert 'id="samples"' in once
    assert 'id="samples"' not in to_html(summarise(few, provenance(5), None, cards=2))


# -- the rarest --


def test_the_rarest_are_those_that_verdicts_call_so(table):
    ranked = table.rarest()
    standing = {"rare": 0, "uncommon": 1, "typical": 2}
    places = [standing[verdict] for verdict in ranked["verdict"]]
    assert places == sorted(places)
    assert Counter(places)[0] > 0
    for place in (0, 1, 2):
        rows = ranked.filter(np.array(places) == place)
        assert (np.diff(rows["knn_p"]) >= 0).all()
    by_rarity = table.filter(table["inside"]).sort("rarity", descending=True).head(10)
    assert set(by_rarity["verdict"]) - {"rare", "uncommon"}, "rarity alone would do"


def test_summary_cards_and_table_have_one_order(table):
    first = table.rarest(8)
    found = summarise(table.arrow, table.provenance, None)
    assert [card.record.id for card in found.rows["rarest"].cards] == list(first["id"])
    [line] = [one for one in table.summary().splitlines() if one.startswith("Rarest")]
    assert first["id"][0] in line


def test_the_page_says_where_fewer_stand_out_than_it_shows():
    rare = [row("r", rarity=1.0, knn=9.0, verdict="rare", reason="So.", knn_p=0.01)]
    typical = [
        row(f"t{i}", rarity=5.0 + i, knn=2.0, verdict="typical", reason="So.", knn_p=0.5)
        for i in range(10)
    ]
    found = summarise(made_of([*typical, *rare]), provenance(11, **KNOWN), None)
    assert found.facts.picks.rarest[0].id == "r"
    said = "Of these 8 only 1 is called rare or uncommon: no other sample inside is."
    assert said in shown(to_html(found))
    none = shown(page_of(typical, **KNOWN))
    assert "None of these is called rare or uncommon" in none
    assert "Of these" not in shown(page_of([*rare, *(one | rare[0] for one in rare * 9)], **KNOWN))


def test_the_summary_says_where_not_even_the_rarest_stands_out():
    typical = [row("t", rarity=5.0, verdict="typical", reason="So.", knn_p=0.5)]
    lines = summary_lines(facts(made_of(typical), provenance(1, **KNOWN)))
    assert "          typical: no sample inside is called rare or uncommon" in lines


def test_without_verdicts_the_rarest_have_the_greatest_rarity():
    rows = [row("a", rarity=1.0, knn=9.0), row("b", rarity=5.0, knn=1.0), row("c")]
    assert order_of_rarity(made_of(rows)).tolist() == [1, 0]
    for one in rows:
        one |= {"verdict": "no verdict", "knn_p": 0.5}
    assert order_of_rarity(made_of(rows)).tolist() == [1, 0]


# -- how the images were read --


def test_remarks_are_listed_on_the_page_and_counted_in_the_summary():
    origin = written(1)
    origin["samples"]["remarks"] = ["2 <b>files</b> were passed over.", "صورة was read twice."]
    origin["reference"]["remarks"] = ["1 file was passed over."]
    found = summarise(made_of([row("s")]), typed(origin), None)
    page = to_html(found)
    outline(page)  # no id twice
    assert "Samples: 2 <b>files</b> were passed over." in shown(page)
    assert "Reference images: 1 file was passed over." in shown(page)
    line = "Read      3 remarks on how images were read: the report lists them"
    assert line in summary_lines(found.facts)
    origin["samples"]["remarks"] = origin["reference"]["remarks"] = []
    assert not [
        one for one in summary_lines(facts(made_of([row("s")]), typed(origin))) if "Read" in one
    ]


@needs_browser
def test_a_browser_shows_the_lists_and_complains_of_nothing(page, tmp_path):
    elements, console, asked = opened(page, tmp_path)
    assert elements.count('<details class="wide list">') == 5
    assert console == []
    assert asked == set()
