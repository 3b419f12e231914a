"""`rara.compare` on generators whose answer is known, and on what it cannot use."""

import json
import re

import numpy as np
import pytest

import rara
from make import features, gaussian
from pages import needs_browser, opened
from rara import Features, Run
from rara.columns.comparisons import COMPARISON
from rara.comparison.figures import FIGURES
from rara.errors import ParameterError, ReferenceMismatchError, SourceError
from rara.provenance.comparison import ComparisonProvenance

ALONE = Run(threads=1)
N, D = 600, 6
REAL = gaussian(N, D)


def made(kind, count=400, seed=1):
    vectors = gaussian(count, D, seed=seed)
    scale = {"fresh": 1.0, "shrunk": 0.8, "wide": 1.5, "copier": 1.0}[kind]
    vectors = (scale * vectors).astype(np.float32)
    if kind == "copier":
        some = count // 5
        vectors[:some] = REAL[:some] + 0.01 * gaussian(some, D, seed=9)
    return vectors


@pytest.fixture(scope="module")
def scorer():
    return rara.Reference.from_features(features(REAL), run=ALONE).scorer(run=ALONE)


@pytest.fixture(scope="module")
def found(scorer):
    kinds = {kind: features(made(kind, seed=i)) for i, kind in
             enumerate(("fresh", "shrunk", "wide", "copier"), start=1)}  # fmt: skip
    return rara.compare(kinds, scorer, run=ALONE)


def rows(comparison):
    return {row["generator"]: row for row in comparison.table.to_pylist()}


def test_a_perfect_generator_is_like_real_images(found):
    row = rows(found)["fresh"]
    for figure in FIGURES:
        assert row[f"{figure}_low"] <= row[figure] <= row[f"{figure}_high"]
        assert row[f"{figure}_excess_low"] < 0 < row[f"{figure}_excess_high"], figure
    assert row["auc"] == pytest.approx(0.5, abs=0.06)
    assert "no sign of copying" in row["sentence"]


def test_truncation_is_over_typical(found):
    row = rows(found)["shrunk"]
    assert row["over_typical_excess_low"] > 0
    assert row["off_manifold_excess_high"] < 0
    assert "over-typical" in row["sentence"]


def test_a_wide_generator_lies_off_the_manifold(found):
    row = rows(found)["wide"]
    assert row["off_manifold_excess_low"] > 0.2
    assert row["inside_excess_high"] < 0


def test_copies_are_counted(found):
    row = rows(found)["copier"]
    assert row["copies_excess_low"] < 0.2 < row["copies_excess_high"] + 0.02
    assert row["copies_excess_low"] > 0.1
    assert "copy rate" in row["sentence"]


def test_rankings_say_only_what_is_sure(found):
    ranked = {one.figure: one for one in found.rankings}
    off = ranked["off_manifold"]
    assert off.order[-1] == "wide"
    assert ("fresh", "wide") in off.sure
    copies = ranked["copies"]
    assert ("fresh", "copier") in copies.sure
    assert {frozenset(pair) for pair in copies.unsure} >= {frozenset(("fresh", "shrunk"))}
    assert "too few samples to tell" in found.summary()


def test_too_few_samples_is_an_answer(scorer):
    two = {"a": features(made("fresh", 60)), "b": features(made("fresh", 60, seed=2))}
    found = rara.compare(two, scorer, run=ALONE)
    assert all(not one.sure for one in found.rankings)
    assert "By yield: too few samples to tell any two generators apart." in found.summary()


def test_figures_do_not_move_with_the_number_of_samples(scorer):
    """Ten sets of 200 samples have on average what their 2,000 samples have together."""
    whole = made("wide", 2000, seed=3)
    parts = {f"part {i}": features(whole[200 * i : 200 * (i + 1)]) for i in range(10)}
    found = rows(rara.compare({"all": features(whole), **parts}, scorer, run=ALONE))
    for figure in FIGURES:
        mean = np.mean([found[name][figure] for name in parts])
        assert mean == pytest.approx(found["all"][figure], abs=1e-12), figure


def test_the_order_of_images_plays_no_role(scorer):
    order = np.random.default_rng(0).permutation(N)
    shuffled = rara.Reference.from_features(features(REAL[order]), run=ALONE)
    one = rows(rara.compare({"a": features(made("wide"))}, scorer, run=ALONE))["a"]
    other = rows(rara.compare({"a": features(made("wide")[::-1])}, shuffled, run=ALONE))["a"]
    for figure in FIGURES:
        for end in ("", "_low", "_high", "_excess_low", "_excess_high"):
            assert one[figure + end] == pytest.approx(other[figure + end], abs=1e-9)
    assert one["auc"] == other["auc"]


def test_the_order_of_a_reference_with_duplicates_plays_no_role():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(300, 6)).astype(np.float32)
    real[50:60] = real[0]
    some = features((1.2 * rng.normal(size=(90, 6))).astype(np.float32))
    order = np.random.default_rng(1).permutation(300)
    one, other = (
        rara.compare({"a": some}, features(r), run=ALONE).table for r in (real, real[order])
    )
    of_real = "repeats_real"  # of some real images, which are drawn by their place
    assert one.drop_columns(of_real).equals(other.drop_columns(of_real))


def test_generators_of_different_sizes_share_the_size_of_the_test(scorer):
    sizes = {"many": features(made("fresh", 400)), "few": features(made("fresh", 90, seed=2))}
    found = rara.compare(sizes, scorer, run=ALONE)
    assert found.provenance.two_sample_images == 90
    assert found.table["samples"].to_pylist() == [400, 90]
    assert None not in found.table["auc"].to_pylist()


def test_one_small_generator_takes_the_auc_of_all_and_it_is_said(scorer):
    given = {"big": features(made("fresh", 60)), "tiny": features(made("fresh", 5))}
    found = rara.compare(given, scorer, run=ALONE)
    assert found.table["auc"].to_pylist() == [None, None]
    assert "as many samples of each as tiny has, and 5 are fewer than 50." in found.summary()
    assert "AUC: it" not in rara.compare({"big": given["big"]}, scorer, run=ALONE).summary()


def test_every_column_is_registered_with_its_type_and_range(found):
    assert found.table.column_names == list(COMPARISON)
    for name, column in COMPARISON.items():
        assert str(found.table.schema.field(name).type) == column.type
        assert column.meaning.endswith(".")
        values = [v for v in found.table[name].to_pylist() if v is not None]
        values = np.ravel(values) if column.type != "string" else []
        for value in values:
            assert column.low is None or column.low <= value, name
            assert column.high is None or value <= column.high, name


def test_everything_is_json_and_comes_back(found):
    record = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [row["generator"] for row in record["rows"]] == ["fresh", "shrunk", "wide", "copier"]
    again = ComparisonProvenance.from_json(record["provenance"])
    assert again == found.provenance
    assert len(record["differences"]) == 6 * len(FIGURES)
    assert record["conclusions"]


def test_bands_find_the_shrunken_distribution(found):
    bands = {(one.one, one.other): one for one in found.bands}
    assert bands["fresh", "shrunk"].beyond
    assert not bands["fresh", "copier"].beyond


def test_tables_for_papers(found, tmp_path):
    for ending in ("parquet", "csv", "json", "md", "tex"):
        found.save(tmp_path / f"t.{ending}")
    text = (tmp_path / "t.md").read_text()
    assert text.splitlines()[0].count("|") == text.splitlines()[2].count("|")
    assert "| real images |" in text
    tex = (tmp_path / "t.tex").read_text()
    assert tex.count("\\\\") == 6
    assert "\\toprule" in tex
    assert json.loads((tmp_path / "t.json").read_text())["rows"]
    with pytest.raises(ParameterError, match=r"end it in \.parquet"):
        found.save(tmp_path / "t.xls")


@needs_browser
def test_a_browser_shows_the_page_and_complains_of_nothing(found, tmp_path):
    found.report(tmp_path / "p.html")
    elements, console, asked = opened((tmp_path / "p.html").read_text("utf-8"), tmp_path)
    assert elements.count('class="multiple"') == len(FIGURES) + 3
    assert elements.count('<i class="dot') == 4 * (len(FIGURES) + 3)
    assert console == []
    assert asked == set()


def test_names_are_escaped_everywhere(scorer, tmp_path):
    name = "<script>|_&%$\x1b"
    found = rara.compare({name: features(made("fresh", 60))}, scorer, run=ALONE)
    for ending in ("md", "tex"):
        found.save(tmp_path / f"t.{ending}")
        text = (tmp_path / f"t.{ending}").read_text()
        assert "<script>" not in text
        assert "\x1b" not in text
    assert r"\_\&\%\$" in text
    found.report(tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text()
    assert "<script" not in page
    assert "&lt;script" in page


# -- pairs --


def with_key(vectors, key, values):
    return Features.from_arrays(vectors, metadata={key: [str(value) for value in values]})


def test_pairs_find_a_small_shift_that_unpaired_samples_hide(scorer):
    base = made("wide", 400)
    one = with_key(base, "seed", range(400))
    other = with_key(base * np.float32(0.93), "seed", range(400))
    number = "off_manifold"
    apart = {d.figure: d for d in rara.compare({"a": one, "b": other}, scorer).differences}
    paired = {
        d.figure: d for d in rara.compare({"a": one, "b": other}, scorer, paired="seed").differences
    }
    assert paired[number].units == 400
    assert apart[number].units is None
    assert paired[number].value == pytest.approx(apart[number].value)
    assert paired[number].p < 0.1 * apart[number].p


def test_a_missing_key_keeps_what_can_be_computed(scorer):
    one, other = with_key(made("fresh"), "seed", range(400)), features(made("wide"))
    found = rara.compare({"a": one, "b": other}, scorer, paired="seed")
    assert all(row["reason"] is None for row in rows(found).values())
    assert all(one.value is None for one in found.differences)
    assert "a and b share no seed: they are not compared." in found.summary()
    with pytest.raises(ParameterError, match="has the key 'seed'"):
        rara.compare({"b": other}, scorer, paired="seed")


def test_samples_without_a_pair_are_counted(scorer):
    one = with_key(made("fresh", 60), "seed", range(60))
    other = with_key(made("wide", 60), "seed", range(20, 80))
    found = rara.compare({"a": one, "b": other}, scorer, paired="seed", run=ALONE)
    assert {d.units for d in found.differences} == {40}
    said = "20 of 60 samples of {} share no seed with another generator"
    assert all(said.format(name) in found.summary() for name in "ab")
    whole = rara.compare({"a": one, "b": one}, scorer, paired="seed", run=ALONE)
    assert "share no seed" not in whole.summary()


# -- two references, and what cannot be used --


def test_two_references_judge_each_other():
    one, other = features(REAL), features(gaussian(500, D, seed=4) * np.float32(1.3))
    found = rara.compare({"narrow": one, "wide": other}, run=ALONE)
    table = rows(found)
    assert table["wide"]["off_manifold_excess_low"] > 0.05
    assert table["narrow"]["off_manifold_excess_high"] < 0
    assert len(found.provenance.references) == 2
    assert not found.differences
    first, second = found.summary().splitlines()[:2]
    assert first.startswith("narrow by 500 reference images")
    assert second.startswith("wide by 600 reference images")


def test_two_references_have_a_row_of_real_images_each(tmp_path):
    one, other = features(REAL), features(gaussian(80, D, seed=4))
    found = rara.compare({"left": one, "right": other}, run=ALONE)
    for ending in ("md", "tex"):
        found.save(tmp_path / f"t.{ending}")
    found.report(tmp_path / "p.html")
    texts = [(tmp_path / name).read_text(encoding="utf-8") for name in ("t.md", "t.tex", "p.html")]
    for text in (*texts, found.summary().replace("real, for le…", "real, for left")):
        assert "real, for " in text
        assert "real images  " not in text
    assert all(name in text for text in texts for name in ("real, for left", "real, for right"))


def lines_of(page):
    """Of each panel, by its title: the place of real images in percent, by the generator."""
    found = {}
    for panel in re.findall(r'<table class="multiple".*?</table>', page, re.DOTALL):
        rows = re.findall(
            r'<bdi title="(.*?)">.*?<i class="mark-real" style="left:([\d.]+)%">', panel, re.DOTALL
        )
        found[re.search("<strong>(.*?)</strong>", panel)[1]] = {
            name: float(place) for name, place in rows
        }
    return found


def test_the_page_shows_the_real_images_of_each_generator(scorer, tmp_path):
    one, other = features(REAL), features(gaussian(80, D, seed=4))
    apart = rara.compare({"left": one, "right": other}, run=ALONE)
    shares = [row["inside_real"] for row in apart.table.to_pylist()]
    assert shares[0] != shares[1]
    apart.report(tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    places = lines_of(page)["Inside"]
    assert list(places) == ["left", "right"]
    assert places["left"] / places["right"] == pytest.approx(shares[0] / shares[1], abs=1e-3)
    assert "real images that judge the generator" in page
    together = rara.compare({"left": one, "right": other}, scorer, run=ALONE)
    together.report(tmp_path / "q.html")
    page = (tmp_path / "q.html").read_text(encoding="utf-8")
    for title, places in lines_of(page).items():
        assert len(places) == 2, title
        assert len(set(places.values())) == 1 or title == "Repeats"
    assert "that judge the generator" not in page


def test_what_real_images_give_is_the_same_in_any_order():
    real = np.concatenate([REAL[:50], REAL[:50], REAL[50:100]])
    few, many = features(made("fresh", 2)), features(made("wide", 90))
    lines = {
        next(line for line in rara.compare(given, features(real), run=ALONE).summary().splitlines()
             if line.startswith("real images"))
        for given in ({"a": few, "b": many}, {"b": many, "a": few})
    }  # fmt: skip
    assert len(lines) == 1
    assert " to " in lines.pop()


def test_the_arm_that_is_shown_reaches_the_farther_limit(scorer):
    found = rara.compare({"one": features(made("fresh", 1))}, scorer, run=ALONE)
    row = rows(found)["one"]
    arms = [float(arm) for arm in re.findall(r"±(\d+\.\d)", found.summary())]
    for arm, figure in zip(arms, ("off_manifold", "copies"), strict=True):
        value, low, high = (row[f"{figure}_excess{end}"] for end in ("", "_low", "_high"))
        assert arm == pytest.approx(100 * max(high - value, value - low), abs=0.051)


def test_latex_says_why_one_failed(scorer, tmp_path):
    given = {"good": features(made("fresh", 60)), "50%": tmp_path / "gone\nfolder"}
    rara.compare(given, scorer, run=ALONE).save(tmp_path / "t.tex")
    said = [line for line in (tmp_path / "t.tex").read_text().splitlines() if "50%: " in line]
    assert len(said) == 1
    assert said[0].startswith("% 50%: ")


def test_without_a_reference_two_are_needed():
    with pytest.raises(ParameterError, match="give the real images as reference"):
        rara.compare({"a": features(REAL)})


def test_one_generator_is_enough(scorer):
    found = rara.compare({"a": features(made("fresh"))}, scorer)
    assert not found.differences
    assert not found.rankings
    assert found.summary()


def test_the_reference_as_a_generator_is_all_copies(scorer):
    row = rows(rara.compare({"real": features(REAL)}, scorer))["real"]
    assert row["exact_copies"] == N
    assert row["copies"] == 1
    assert row["yield"] == 0


def test_the_same_images_twice_are_noticed(scorer):
    found = rara.compare({"a": features(made("fresh")), "b": features(made("fresh"))}, scorer)
    assert "a and b hold the same images." in found.provenance.remarks
    assert all(one.value == 0 for one in found.differences)
    assert all(not one.sure for one in found.rankings)


def test_one_that_fails_leaves_the_others(scorer, tmp_path):
    (tmp_path / "empty").mkdir()
    given = {
        "good": features(made("fresh")),
        "empty": tmp_path / "empty",
        "missing": tmp_path / "missing",
        "other": features(gaussian(50, D + 1)),
    }
    found = rara.compare(given, scorer, run=ALONE)
    table = rows(found)
    assert table["good"]["reason"] is None
    assert "No images under" in table["empty"]["reason"]
    assert table["missing"]["samples"] == 0
    assert "Nothing is at" in table["missing"]["reason"]
    assert "dimensions" in table["other"]["reason"]
    assert table["other"]["sentence"].startswith("Not judged: ")
    found.report(tmp_path / "p.html")
    found.save(tmp_path / "t.md")
    with pytest.raises(SourceError, match="Nothing is at"):
        rara.compare({"missing": tmp_path / "missing"}, scorer)
    with pytest.raises(ReferenceMismatchError, match="made of given vectors"):
        rara.compare({"images": [np.zeros((32, 32, 3), np.uint8)]}, scorer)


def test_few_samples_and_few_real_images(scorer):
    assert rows(rara.compare({"two": features(made("fresh", 2))}, scorer))["two"]["samples"] == 2
    few = rara.compare({"a": features(made("fresh")), "b": features(made("wide"))},
                       features(gaussian(15, D, seed=3)))  # fmt: skip
    assert few.provenance.halving is None
    assert few.table["yield_low"].to_pylist() == [None, None]
    assert "15 images: too few for intervals" in few.summary()
    assert all(not one.sure for one in few.rankings)
    with pytest.raises(ParameterError, match="reference image"):
        rara.compare({"a": features(made("fresh"))}, features(gaussian(3, D)))


def test_many_copies_of_few_real_images_have_no_intervals():
    real = np.tile(gaussian(10, D), (6, 1))
    found = rara.compare({"a": features(made("fresh", 60))}, features(real))
    assert found.provenance.halving is None
    assert found.table["inside"].to_pylist() != [None]


@pytest.mark.parametrize("wrong", [{}, [], "samples", 3, [3], {"": 1}, {3: 1}, ["a/x", "a/x"]])
def test_generators_that_are_none(scorer, wrong):
    with pytest.raises(ParameterError):
        rara.compare(wrong, scorer)


def test_options_that_do_not_fit(scorer):
    some = {"a": features(made("fresh", 20))}
    with pytest.raises(ParameterError, match="level"):
        rara.compare(some, scorer, level=95)
    with pytest.raises(ParameterError, match="a scorer has its own k"):
        rara.compare(some, scorer, k=3)
    reference = rara.Reference.from_features(features(REAL), run=ALONE)
    with pytest.raises(ParameterError, match="without calibration"):
        rara.compare(some, reference.scorer(calibration=features(gaussian(50, D, seed=7))))
    with pytest.raises(ParameterError, match="its other options"):
        rara.compare(some, reference.scorer(compat="official"))


class Steps:
    """A progress that keeps the steps, with how much each is to do."""

    def __init__(self):
        self.started = []

    def start(self, total, what):
        self.started.append((what, total))

    def advance(self, **counts):
        pass

    def finish(self):
        pass


def test_the_pairs_of_the_reference_are_looked_at_once(scorer):
    steps = Steps()
    run = Run(threads=1, progress=steps)
    given = {"fresh": features(made("fresh")), "wide": features(made("wide"))}
    found = rara.compare(given, features(REAL), run=run)
    within = [total for what, total in steps.started if what == "Pairs within the reference"]
    assert within == [N * (N - 1) // 2]
    apart = rara.compare(given, scorer, run=ALONE)  # a reference that was made for scores
    assert found.to_json() == apart.to_json()
    for name, table in found.scores.items():
        assert repr(table.to_arrow().to_pylist()) == repr(apart.scores[name].to_arrow().to_pylist())


def test_a_narrow_terminal_gets_the_table_in_blocks():
    given = {"first": features(gaussian(60, 4, 1)), "second": features(gaussian(60, 4, 2))}
    found = rara.compare(given, features(gaussian(300, 4)), run=ALONE)
    whole, narrow = found.summary(), found.summary(columns=48)
    table, blocks = (text[: text.index("\nfirst: ")] for text in (whole, narrow))
    assert max(map(len, blocks.splitlines()[1:])) <= 48 < max(map(len, table.splitlines()))
    assert narrow.removeprefix(blocks) == whole.removeprefix(table)
    cells = [re.split(r"\s{2,}", line) for line in blocks.splitlines() if line[:7] == "second "]
    assert len(cells) > 1
    [row] = [re.split(r"\s{2,}", line) for line in table.splitlines() if line[:7] == "second "]
    assert row[1:] == [cell for _, *some in cells for cell in some]


def test_too_few_real_images_give_exact_copies_and_no_copy_rate(tmp_path):
    """No p-value is small enough to call a copy: 0 copies would contradict those that are sure."""
    real = gaussian(20, 4)
    given = {"copies": features(real), "fresh": features(gaussian(30, 4, 1))}
    found = rara.compare(given, features(real), run=ALONE)
    copies, fresh = found.table["sentence"].to_pylist()
    assert copies.endswith("; 20 exact copies.")
    [line] = [one for one in found.provenance.remarks if "copy_p" in one]
    assert "copy_p of an exact copy can be at most 0.05: copies and yield have no value" in line
    assert fresh.endswith("; no exact copy.")
    assert "copy rate" not in "".join((copies, fresh))
    found.save(tmp_path / "a.md")
    [head, _, row, *_] = (tmp_path / "a.md").read_text().splitlines()
    cells = dict(zip(head.split(" | "), row.split(" | "), strict=True))
    assert cells["copy rate"] == "–"


def nulls(found, figure):
    """Whether each column of a figure is null in all rows."""
    names = [name for name in found.table.column_names if name == figure]
    names += [f"{figure}_{end}" for end in ("low", "high", "real", "excess", "excess_p")]
    return {one.as_py() is None for name in names for one in found.table[name]}


@pytest.mark.parametrize(
    ("count", "alpha", "missing"),
    [(20, 0.05, {"copies", "yield"}), (38, 0.05, {"copies", "yield"}), (60, 0.05, set()),
     (15, 0.05, {"copies", "yield", "off_manifold"}), (15, 0.2, {"yield"}),
     (120, 0.001, {"copies", "yield", "off_manifold"})],
)  # fmt: skip
def test_a_share_that_no_p_value_can_reach_is_null(tmp_path, count, alpha, missing):
    real = gaussian(count, 4)
    given = {"copies": features(real), "fresh": features(gaussian(30, 4, 1))}
    reference = rara.Reference.from_features(features(real), run=ALONE)
    found = rara.compare(given, reference.scorer(alpha=alpha, run=ALONE), run=ALONE)
    for figure in FIGURES:
        halved = count >= 40
        expected = {True} if figure in missing else {False} if halved else {False, True}
        assert nulls(found, figure) == expected, figure
    for figure in missing:
        assert f"{figure.replace('_', ' ')}" in "".join(found.provenance.remarks)
    assert not {one.figure for one in found.rankings} & missing
    assert {one.figure for one in found.differences if one.value is None} == missing
    found.report(tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert ("<strong>Copies</strong>" in text) == ("copies" not in missing)


def test_repeats_in_the_reference_leave_no_copies_to_be_called():
    """An exact copy ranks behind the real images that repeat one another."""
    real = np.concatenate([gaussian(100, 4), np.repeat(gaussian(5, 4, 1), 2, axis=0)])
    found = rara.compare({"copies": features(real[:50])}, features(real), run=ALONE)
    assert nulls(found, "copies") == nulls(found, "yield") == {True}
    assert nulls(found, "off_manifold") == {False}
    assert "since some of these repeat: copies and yield have no value." in found.summary()


def test_a_sweep_without_copies_and_yield_names_no_checkpoint():
    real = gaussian(120, 4)
    reference = rara.Reference.from_features(features(real), run=ALONE)
    given = {f"step-{i}": features(gaussian(30, 4, i)) for i in (1, 2, 3)}
    scorer = reference.scorer(alpha=0.001, run=ALONE)
    found = rara.compare(given, scorer, sweep="step-{at}", run=ALONE)
    assert {one.figure for one in found.sweep.trends} == {"inside", "over_typical"}
    assert found.sweep.checkpoints.best_yield is None
    assert found.sweep.checkpoints.first_copying is None


def test_samples_that_show_one_picture_are_told_in_the_sentence():
    same = np.repeat(gaussian(1, 4, 5), 60, axis=0)
    found = rara.compare({"one": features(same)}, features(gaussian(300, 4)), run=ALONE)
    assert found.table["sentence"][0].as_py().endswith("; 100 % repeat another sample.")
