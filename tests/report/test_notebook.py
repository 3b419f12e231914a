"""What a notebook shows: small pictures of what was scored, escaped names, nothing from outside.

Exported notebooks are opened in a browser, where their tables are sorted without a script.
"""

import html
import re
import shutil

import nbformat
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from browser import browser
from pages import HOSTILE, needs_browser, outline
from rara import Features, Reference, Run, ScoreTable, compare, compare_siblings, search

PICTURE = re.compile(r'<img src="(data:image/[a-z]+;base64,[^"]*)" alt="([^"]*)"')

OUR_RULE = re.compile(
    r'#rara-\w{12}:has\(input\[value="[a-z]+"\]:checked\) \[data-row[\w~="]*\]\{[\w:!;()-]+\}'
)


@pytest.fixture(scope="module")
def folders(draw, tmp_path_factory):
    place = tmp_path_factory.mktemp("notebook")
    return draw(place / "samples", 14, 1), draw(place / "train", 60, 2)


@pytest.fixture(scope="module")
def reference(folders):
    return Reference.fit(folders[1], run=Run(threads=1))


@pytest.fixture
def table(reference, folders, tmp_path):
    """Of a copy of the samples, which a test may change afterwards."""
    place = tmp_path / "samples"
    place.mkdir()
    for file in folders[0].iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return reference.score(place, run=Run(threads=1)), place


def cells(html):
    """The pictures of the samples, by what is said of them."""
    return {alt: uri for uri, alt in PICTURE.findall(html)}


def test_a_table_shows_its_first_rows_with_pictures_of_both_sides(table):
    shown = table[0]._repr_html_()
    page = outline(shown)
    rows = re.findall(
        r'<div role="row" data-row="given.*?(?=<div role="row"|</details>)', shown, re.S
    )
    assert len(rows) == 10
    for row, name, verdict, nearest in zip(
        rows, table[0]["id"], table[0]["verdict"], table[0]["nearest"], strict=False
    ):
        assert [alt for _, alt in PICTURE.findall(row)] == [
            f"Sample: {name}", f"Reference image: {nearest}",
        ]  # fmt: skip
        assert verdict in row
    assert "The first 10 of 14 rows in this order" in shown
    roles = {attrs.get("role") for _, attrs in page.tags}
    assert {"table", "row", "columnheader", "rowheader", "cell"} <= roles


def test_what_a_notebook_shows_is_small_and_asks_for_nothing(table):
    shown = table[0]._repr_html_()
    assert len(shown) < 200_000
    assert all(len(uri) < 20_000 for uri in cells(shown).values())
    assert all(link.startswith("data:image/") for link in outline(shown).links)
    assert not re.search(r"<script|https?:|@import|url\(", re.sub(r'"data:[^"]*"', "", shown))


def test_another_image_under_the_same_name_is_not_shown(table):
    """Nor does one that cannot be read, or is gone, hide the others."""
    scored, place = table
    names = list(scored["id"])[:4]
    Image.new("RGB", (30, 30), "red").save(place / names[0])
    (place / names[1]).write_bytes(b"broken")
    (place / names[2]).unlink()
    shown = cells(scored._repr_html_())
    assert [f"Sample: {name}" in shown for name in names] == [False, False, False, True]
    scored.report(place.parent / "page.html")
    page = (place.parent / "page.html").read_text("utf-8")
    assert f"Sample: {names[0]}" not in page
    assert f"Sample: {names[3]}" in page


def test_a_table_read_from_a_file_shows_what_is_there_now(table, tmp_path):
    scored, place = table
    file = tmp_path / "scores.parquet"
    scored.to_parquet(file)
    shown = cells(ScoreTable.from_parquet(file, samples=place)._repr_html_())
    assert sum(alt.startswith("Sample: ") for alt in shown) == 14
    unasked = cells(ScoreTable.from_parquet(file)._repr_html_())
    assert not [alt for alt in unasked if alt.startswith("Sample: ")]


def test_without_its_images_a_table_shows_names(table):
    scored, place = table
    for file in place.iterdir():
        file.unlink()
    shown = scored._repr_html_()
    assert scored["id"][0] in shown
    assert not [alt for alt in cells(shown) if alt.startswith("Sample")]


def test_a_filtered_table_is_summed_up_as_what_it_is(reference, folders):
    scored = reference.score(folders[0], run=Run(threads=1))
    few = scored.filter(scored["knn_distance"] > np.median(scored["knn_distance"]))
    lines = few.summary().splitlines()
    assert lines[0].startswith(f"Judged    {len(few)} of 14 samples from ")
    assert lines[0] in re.search("<pre>(.*?)</pre>", few._repr_html_(), re.DOTALL)[1].splitlines()
    assert scored.summary().startswith("Judged    14 samples from ")


def test_a_filtered_table_says_nothing_that_only_all_samples_tell():
    rng = np.random.default_rng(0)
    reference = Reference.from_features(rng.normal(size=(300, 4)))
    table = reference.score_features(rng.normal(size=(250, 4)) * 1.4)
    few = table.filter(table["inside"])
    whole, part = table.summary(), few.summary()
    for said in ("of 250 real images, about", "may be hidden"):
        assert said in whole
        assert said not in part
    assert "no more outside" not in part
    assert "this holds for all 250 samples, not only for these" in part
    assert "for all 250" not in whole


def test_a_reference_says_what_it_is_made_of(reference):
    shown = reference._repr_html_()
    outline(shown)
    text = " ".join(re.sub(r"<[^>]*>", " ", shown).split())
    for part in ("Reference of 60 images", "efficientnet-lite0", "hellinger", "k 3", "0 images"):
        assert part in text
    assert len(PICTURE.findall(shown)) == 8
    assert len(shown) < 100_000
    assert repr(reference).endswith("(k = 3, hellinger, efficientnet-lite0)")


def test_an_audit_shows_its_findings_worst_first(folders, draw, tmp_path):
    place = draw(tmp_path / "train", 40, 3)
    for i in range(5):
        (place / f"again {i}.png").write_bytes((place / f"image {3 * i}.png").read_bytes())
    (place / "broken.png").write_bytes(b"no image")
    audit = Reference.fit(place, run=Run(threads=1)).audit()
    shown = audit._repr_html_()
    outline(shown)
    text = " ".join(re.sub(r"<[^>]*>", " ", shown).split())
    assert "Audit of 45 images" in text
    assert text.index("Exact duplicates") < text.index("Skipped")
    assert "and 2 more" in text
    assert len(PICTURE.findall(shown)) >= 6
    assert len(shown) < 200_000
    clean = Reference.from_features(np.random.default_rng(0).normal(size=(50, 4))).audit()
    assert "Nothing was found" in clean._repr_html_()


def test_features_without_images_show_no_pictures():
    rng = np.random.default_rng(0)
    reference = Reference.from_features(rng.normal(size=(60, 4)))
    table = reference.score_features(rng.normal(size=(5, 4)))
    for shown in (reference._repr_html_(), table._repr_html_(), reference.audit()._repr_html_()):
        outline(shown)
        assert "<img" not in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_only_names_in_a_notebook(name):
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(20, 3)), np.zeros((2, 3))])
    names = [f"{name}{i}" for i in range(22)]
    reference = Reference.from_features(Features.from_arrays(vectors, ids=names))
    table = reference.score(Features.from_arrays(vectors[:5], ids=names[:5]))
    for shown in (reference._repr_html_(), table._repr_html_(), reference.audit()._repr_html_()):
        page = outline(shown)
        assert not {tag for tag, _ in page.tags} & {"script", "img", "b"}
        for rules in re.findall("<style>(.*?)</style>", shown, re.DOTALL):
            assert all(OUR_RULE.fullmatch(rule) for rule in rules.strip().splitlines())
        assert not [attrs for _, attrs in page.tags for key in attrs if key.startswith("on")]
        assert not page.links
        assert len(shown) < 60_000
        assert not re.search("[\u202a-\u202e\x1b]", shown)
        shown.encode("utf-8")


def read(file):
    with Image.open(file) as image:
        return image.copy()


@pytest.fixture(scope="module")
def everything(reference, folders, draw, tmp_path_factory):
    """A result of each kind."""
    table = reference.score(folders[0], run=Run(threads=1))
    images = {name: read(folders[0] / name) for name in list(table["id"])[:12]}
    labelled = tmp_path_factory.mktemp("labelled")
    for seed, label in enumerate(["one", "two"]):
        draw(labelled / label, 6, seed)
    real = next(iter(sorted(folders[1].iterdir())))
    return {
        "table": table,
        "comparison": compare({"first": folders[0], "other": folders[0]}, reference),
        "matches": search({"copy.png": read(real), **images}, reference),
        "siblings": compare_siblings(labelled, by="label"),
    }


def test_a_comparison_shows_its_figures_conclusions_and_the_rarest_samples(everything):
    result = everything["comparison"]
    shown = result._repr_html_()
    outline(shown)
    text = " ".join(re.sub(r"<[^>]*>", " ", shown).split())
    assert "2 generators compared" in text
    assert "real images" in text
    for name, table in result.scores.items():
        assert name in text
        for rare in table.rarest(5)["id"]:
            assert f"Sample: {rare}" in cells(shown)
    for sentence in result.to_json()["conclusions"]:
        assert " ".join(sentence.split()) in html.unescape(text)


def test_a_search_shows_each_sample_beside_its_source(everything):
    result = everything["matches"]
    shown = result._repr_html_()
    rows = re.findall(r"<tr><td>.*?</tr>", shown, re.S)
    assert len(rows) == 10
    assert "and 3 more samples" in shown
    first = result["copy.png"].source.source
    assert f"Reference image: {first}" in cells(rows[0])
    assert "the same picture" in rows[0]
    assert result.queries[1].source is None
    assert "nearest: " in rows[1]


def test_siblings_show_the_odd_ones(everything):
    result = everything["siblings"]
    shown = result._repr_html_()
    outline(shown)
    for case in result.facts.odd_ones.cases:
        assert case.id in shown


def exported(result, place):
    """A notebook that shows one result, as nbconvert makes a page of it."""
    data = {"text/plain": repr(result), "text/html": result._repr_html_()}
    output = nbformat.v4.new_output("execute_result", data, execution_count=1)
    cell = nbformat.v4.new_code_cell("result", outputs=[output], execution_count=1)
    language = {"name": "python", "pygments_lexer": "python"}  # else it asks for IPython
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"language_info": language})
    page, _ = HTMLExporter().from_notebook_node(notebook)
    place.write_text(page, "utf-8")
    return place


VISIBLE = """[...document.querySelectorAll('[data-row]')]
  .filter(one => one.getBoundingClientRect().height > 0)
  .sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y)
  .map(one => one.querySelector('[role=rowheader]').textContent.trim())"""


@needs_browser
def test_the_table_of_an_exported_notebook_is_sorted_without_a_script(everything, tmp_path):
    table = everything["table"]
    page = exported(table, tmp_path / "notebook.html")
    with browser(tmp_path) as tab:
        tab.open(page, scripts=False)
        assert tab.value(VISIBLE) == list(table["id"])[:10]
        for key, wanted in (
            ("typical", list(table.sort("knn_distance")["id"])[:10]),
            ("rarest", list(table.rarest(10)["id"])),
            ("given", list(table["id"])[:10]),
        ):
            tab.click(f'input[value="{key}"]')
            assert tab.value(VISIBLE) == wanted


@pytest.mark.parametrize("what", ["table", "comparison", "matches", "siblings"])
def test_an_exported_notebook_keeps_what_is_shown(everything, what, tmp_path):
    page = exported(everything[what], tmp_path / "notebook.html").read_text("utf-8")
    shown = PICTURE.findall(everything[what]._repr_html_())
    kept = [(one["src"], one["alt"]) for tag, one in outline(page).tags if tag == "img"]
    assert kept == shown != []


def arrays_of(folder):
    files = sorted(folder.iterdir())
    return np.stack([np.asarray(Image.open(one).convert("RGB").resize((24, 24))) for one in files])


def written(kind, folder, place):
    """The images of a folder as another kind of source."""
    if kind == "zip":
        return shutil.make_archive(str(place / "images"), "zip", folder)
    if kind == "tar":
        return shutil.make_archive(str(place / "images"), "tar", folder)
    if kind == "floats":
        np.savez(place / "images.npz", arrays_of(folder) / 255.0)
        return place / "images.npz"
    rows = [{"bytes": one.read_bytes(), "path": one.name} for one in sorted(folder.iterdir())]
    pq.write_table(pa.table({"image": rows}), place / "images.parquet")
    return place / "images.parquet"


@pytest.mark.parametrize("kind", ["zip", "tar", "floats", "parquet"])
def test_pictures_of_every_kind_of_source_are_found_again(kind, folders, tmp_path):
    """Digests are of what a source gives: the same when it is asked for some images alone."""
    made = Reference.fit(written(kind, folders[1], tmp_path), run=Run(threads=1))
    assert len(PICTURE.findall(made._repr_html_())) == 8
