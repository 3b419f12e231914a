"""The table of every sample, the number of cards, and the one order of the rarest."""

import re
from collections import Counter
from typing import get_args

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
from rara.report import every as listed
from rara.report import facts, summarise, summary_lines, to_html
from rara.report.rarest import order_of_rarity
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_halves
from rara.verdict.rules import Verdict

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


def named(page):
    """Ids in the table, in its order."""
    part = sections(page)["every"]
    rows = re.findall(r'<tr id="r\d+"[^>]*><th scope="row">(.*?)</th>', part)
    return [re.sub(r"<[^>]*>", "", one).strip() for one in rows]


def cells(page, name):
    """The cells of a sample's row, by their columns."""
    part = sections(page)["every"]
    [line] = [one for one in re.findall(r'<tr id="r\d+".*?</tr>', part, re.DOTALL)
              if f">{name}<" in one.replace("<wbr>", "")]  # fmt: skip
    plain = [re.sub(r"<[^>]*>", "", one).strip() for one in re.split(r"</t[hd]>", line)]
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', part)
    return dict(zip(heads, plain, strict=False))


def ids(table, *verdicts):
    return list(table.filter(np.isin(table["verdict"], verdicts))["id"])


def test_every_sample_is_named_on_the_page_what_was_called_first(table, page):
    names = named(page)
    assert sorted(names) == sorted(table["id"])
    verdicts = dict(zip(table["id"], table["verdict"], strict=True))
    order = [verdicts[name] for name in names]
    assert list(dict.fromkeys(order)) == [
        one for one in get_args(Verdict) if one in set(verdicts.values())
    ]
    assert order == sorted(order, key=list(dict.fromkeys(order)).index)


def test_within_a_verdict_the_strongest_come_first(table, page):
    within = set(table.filter(table["inside"])["id"])
    names = [name for name in named(page) if name in within]
    rarest = [name for name in table.rarest()["id"] if name in ids(table, "rare", "uncommon")]
    first = names.index(rarest[0])
    assert names[first : first + len(rarest)] == rarest
    off = ids(table, "off-manifold")
    p = dict(zip(table["id"], table["off_manifold_p"], strict=True))
    values = [p[name] for name in named(page) if name in off]
    assert values == sorted(values)


def test_a_row_says_what_decided_and_who_is_nearest(table, page):
    first = table.rarest(1)
    said = cells(page, first["id"][0])
    assert said["verdict"] == "rare"
    assert said["beside"] == first["nearest"][0]
    assert float(said["k-NN distance"]) == pytest.approx(first["knn_distance"][0], rel=1e-3)
    assert float(said["copy p"]) == pytest.approx(first["copy_p"][0], rel=0.05)
    contested = table.filter(table["contested"])["id"][0]
    assert "reference call" in cells(page, contested)["contested"]
    assert cells(page, table.filter(~table["contested"])["id"][0])["contested"] == ""


def test_rows_beyond_the_budget_are_counted(table, page, monkeypatch):
    whole = page
    monkeypatch.setattr(listed, "ROWS_BYTES", 2_000)
    page = to_html(summarise(table.arrow, table.provenance, None))
    names = named(page)
    assert 5 < len(names) < 60
    assert names == named(whole)[: len(names)]
    text = shown(page)
    more = len(table) - len(names)
    assert f"Here are {len(names)} of {len(table)}; the other {more} are in the saved table" in text


def test_what_can_be_chosen_has_a_rule_and_a_count(table, page):
    part = sections(page)["every"]
    chips = dict(
        re.findall(r'id="f0-(\d+)" value="\d+" autocomplete="off"><span>(.*?)</span>', part)
    )
    tally = Counter(table["verdict"])
    assert sorted(chips.values()) == sorted(f"{name} {count}" for name, count in tally.items())
    for at in chips:
        assert f'#every:has(#f0-{at}:checked) tr[data-f0]:not([data-f0="{at}"])' in page
        many = part.count(f'data-f0="{at}"')
        assert chips[at].endswith(f" {many}")


def test_labels_and_groups_can_be_chosen_and_equal_ones_once():
    more = {"verdict": "typical", "reason": "So."}
    rows = [row(f"s{i}", rarity=2.0, label="<b>" if i % 3 else "cat", group="g", **more)
            for i in range(12)]  # fmt: skip
    found = summarise(made_of(rows), provenance(12, **KNOWN), None)
    assert [
        (one.name, [choice.count for choice in one.choices]) for one in found.every.filters
    ] == [("label", [8, 4])]
    rows = [one | {"group": one["label"]} for one in rows]
    found = summarise(made_of(rows), provenance(12, **KNOWN), None)
    assert [one.name for one in found.every.filters] == ["label"]
    assert "group" not in [one.title for one in found.every.columns]
    outline(to_html(found))


def test_too_many_labels_are_a_column_and_no_choice():
    rows = [row(f"s{i}", rarity=2.0, label=f"l{i}") for i in range(listed.MOST_KINDS + 1)]
    found = summarise(made_of(rows), provenance(len(rows)), None)
    assert found.every.filters == ()
    assert "label" in [one.title for one in found.every.columns]


# -- names --


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names_in_the_table(name):
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


def test_names_in_the_table_keep_to_themselves_and_cost_little():
    """Marks have no width: a name is cut by its letters as well."""
    names = ["a" * 5_000, "e" + "\u0301" * 5_000, "長い名前" * 2_000]
    rows = [
        row(f"{names[i % 3]}{i}", rarity=2.0, verdict="rare", reason="So.", knn_p=0.01)
        for i in range(300)
    ]
    found = page_of(rows, pictures=None, **KNOWN)
    section = sections(found)["every"]
    assert section.count("<bdi title=") == 200
    assert max(map(len, re.findall(r'title="(.*?)"', section))) <= listed.LONGEST
    assert len(section) < 300 * 700


def test_the_table_can_be_read_aloud_and_reached_by_keyboard(page):
    tags = outline(page).tags
    assert {attrs.get("scope") for tag, attrs in tags if tag == "th"} == {"row", "col"}
    regions = [attrs for _, attrs in tags if attrs.get("class") == "scroll"]
    assert regions
    for attrs in regions:
        assert (attrs.get("role"), attrs.get("tabindex")) == ("region", "0")
        assert attrs.get("aria-label")
    assert sections(page)["every"].count("<caption") == 1


def test_a_page_of_many_samples_stays_small():
    """As many rows as fit, however many were called."""
    rows = [
        row(
            f"batch/{i:06d}.png", rarity=2.0, knn=i / 7, verdict="uncommon", reason="So.", knn_p=0.1
        )
        for i in range(2_000)
    ]
    page = page_of(rows, pictures=None, **KNOWN)
    assert len(named(page)) == 2_000
    assert len(page.encode()) < 900_000


# -- cards --


def test_a_section_shows_as_many_cards_as_asked(table, tmp_path):
    for cards, count in ((3, 3), (None, 8), (30, 30)):
        table.report(tmp_path / "page.html", cards)
        found = sections((tmp_path / "page.html").read_text("utf-8"))
        for key in ("rarest", "typical", "nearest", "farthest"):
            assert found[key].count("<article") == count, (cards, key)
        assert found["copies"].count("<article") == len(ids(table, "copy", "near copy"))


def test_no_section_shows_what_another_one_shows(table):
    rows = summarise(table.arrow, table.provenance, None).rows
    shown = [card.record.id for key in ("copies", "rarest", "farthest", "nearest", "typical")
             for card in rows[key].cards]  # fmt: skip
    assert len(shown) == len(set(shown))
    assert "8 samples of the first 8 stand in a section above." in rows["nearest"].lede


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
def test_a_browser_shows_the_table_and_complains_of_nothing(page, tmp_path):
    elements, console, asked = opened(page, tmp_path)
    assert elements.count('aria-label="Every sample, by name"') == 1
    assert console == []
    assert asked == set()
