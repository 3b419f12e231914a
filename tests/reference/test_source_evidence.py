"""Sources that the pictures show, in scores: from images to verdicts."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

import rara
from rara.errors import ParameterError
from rara.retrieval.sources import CERTAIN
from scenes import pasted, scene

COPIES = {
    "mirrored": ImageOps.mirror,
    "turned": lambda image: image.rotate(90, expand=True),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "grey": lambda image: image.convert("L"),
}
COLUMNS = ("source", "source_p", "source_region", "source_edit")


def small(seed):
    return Image.fromarray(scene(seed)).resize((160, 120))


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """20 reference images; 4 copies of four of them, and 12 fresh pictures."""
    root = tmp_path_factory.mktemp("evidence")
    for name in ("reference", "samples"):
        (root / name).mkdir()
    for seed in range(20):
        small(seed).save(root / "reference" / f"{seed}.png")
    for seed, (name, edit) in enumerate(COPIES.items()):
        edit(small(seed)).save(root / "samples" / f"{name}.png")
    for seed in range(100, 112):
        small(seed).save(root / "samples" / f"fresh {seed}.png")
    return root


@pytest.fixture(scope="module")
def reference(places):
    return rara.Reference.fit(places / "reference", run=rara.Run(threads=1))


@pytest.fixture(scope="module")
def table(places, reference):
    return reference.score(places / "samples")


def rows(table):
    return {row["id"]: row for row in table.arrow.to_pylist()}


def test_copies_are_called_with_twenty_reference_images(table):
    """No test among 20 real images can call one: the smallest p-value is 2 / 21."""
    for seed, name in enumerate(COPIES):
        row = rows(table)[f"{name}.png"]
        assert row["verdict"] == "copy"
        assert row["source"] == f"{seed}.png"
        assert row["copy_p"] == row["source_p"] <= CERTAIN
        assert row["reason"].startswith(f"Shows reference image {seed}.png, ")
        assert row["source_edit"] in row["reason"]
        assert np.array(row["source_region"][0]).shape[1] == 2
    assert "mirrored" in rows(table)["mirrored.png"]["source_edit"]


def test_fresh_pictures_have_no_source(table):
    for name, row in rows(table).items():
        if name.startswith("fresh"):
            assert row["source"] is None
            assert np.isnan(row["source_p"])
            assert row["verdict"] not in ("copy", "near copy")


def test_what_the_provenance_and_the_summary_say(table):
    part = table.provenance.evidence
    assert (part.looking, part.images, part.certain, part.unavailable) == ("near", 20, 4, 0)
    assert part.as_whole >= 4
    assert "4 samples show a reference image" in table.summary()


def test_all_looks_at_every_sample(places, reference):
    table = reference.score(places / "samples", evidence="all")
    part = table.provenance.evidence
    assert (part.looking, part.as_whole) == ("all", 16)
    assert part.by_features == 16 - part.certain


def test_none_looks_at_no_picture(places, reference):
    table = reference.score(places / "samples", evidence="none")
    assert table.provenance.evidence is None
    assert all(row[name] is None for row in rows(table).values() for name in COLUMNS[::2])
    assert np.isnan(table["source_p"]).all()


def test_nothing_else_changes(places, reference, table):
    without = reference.score(places / "samples", evidence="none").arrow
    changed = {"verdict", "reason", "stability", "copy_p", "copy_q", "copy_witness", *COLUMNS}
    same = [name for name in without.column_names if name not in changed]
    assert str(table.arrow.select(same).to_pydict()) == str(without.select(same).to_pydict())
    p = np.array([one["copy_p"] for one in without.to_pylist()])
    certain = table["source_p"] <= CERTAIN
    assert np.array_equal(table["copy_p"][~certain], p[~certain])


def test_threads_and_a_saved_reference_give_the_same(places, reference, table, tmp_path):
    reference.save(tmp_path / "saved")
    for run in (rara.Run(threads=1), rara.Run(threads=3)):
        again = rara.Reference.load(tmp_path / "saved").score(places / "samples", run=run)
        assert str(again.arrow.to_pydict()) == str(table.arrow.to_pydict())


def test_a_region_of_a_large_picture_is_found(tmp_path, reference, places):
    """A part of a reference image on another picture: local features find it."""
    part = scene(7)[40:200, 60:260]
    Image.fromarray(pasted(part, scene(500), 80, 50)).save(tmp_path / "pasted.png")
    for seed in range(200, 206):
        Image.fromarray(scene(seed)).save(tmp_path / f"{seed}.png")
    large = tmp_path / "large"
    large.mkdir()
    for seed in range(12):
        Image.fromarray(scene(seed)).save(large / f"{seed}.png")
    target = rara.Reference.fit(large)
    row = rows(target.score([tmp_path / "pasted.png", tmp_path / "200.png"], evidence="all"))
    found = next(value for key, value in row.items() if "pasted" in key)
    assert found["source"] == "7.png"
    assert found["source_p"] <= CERTAIN
    assert "pasted on another picture" in found["source_edit"]
    sample = np.array(found["source_region"][0])
    assert sample.min(axis=0) == pytest.approx([80 / 320, 50 / 240], abs=0.06)


def test_pictures_that_changed_are_no_evidence(places, tmp_path):
    """What was embedded is not there any more: everything else stands."""
    folder = tmp_path / "reference"
    folder.mkdir()
    for seed in range(20):
        small(seed).save(folder / f"{seed}.png")
    rara.Reference.fit(folder).save(tmp_path / "saved")
    for seed in range(20):
        small(seed + 50).save(folder / f"{seed}.png")
    table = rara.Reference.load(tmp_path / "saved").score(places / "samples")
    no_cache = rara.Run(cache=tmp_path / "cache")
    part = table.provenance.evidence
    assert 10 <= part.unavailable <= 20  # each once, however often it was a candidate
    again = rara.Reference.load(tmp_path / "saved").score(places / "samples", run=no_cache)
    less = replace(again.provenance.evidence, unavailable=part.unavailable)
    assert less == part  # an index from the cache may name more of those that are gone
    assert (part.named, part.certain, part.by_features) == (0, 0, 0)
    assert table["copy_p"].min() >= 1 / 21
    assert "could not be read again" in table.summary()


def test_vectors_alone_have_no_pictures(reference):
    table = reference.score_features(reference.features)
    assert table.provenance.evidence is None
    assert table.arrow["source"].null_count == 20


def test_an_image_of_the_reference_is_no_source_of_itself(places):
    table = rara.Reference.fit(places / "reference").scorer(evidence="all").score_leave_one_out()
    assert table.provenance.evidence.by_features == 20
    assert table.arrow["source"].null_count == 20


def test_a_decision_is_looked_past(places, reference):
    other = rara.Reference.fit(places / "reference")
    sample, source = places / "samples" / "mirrored.png", places / "reference" / "0.png"
    other.decisions.add(sample, source)
    row = rows(other.score(places / "samples"))["mirrored.png"]
    assert row["source"] is None
    assert row["verdict"] != "copy"


def test_what_evidence_refuses(places, reference):
    with pytest.raises(ParameterError, match="evidence = 'some': give 'none', 'near' or 'all'"):
        reference.score(places / "samples", evidence="some")


def test_the_authors_numbers_have_no_evidence(places, reference):
    table = reference.score(places / "samples", compat="official")
    assert table.provenance.evidence is None


def test_files_hold_the_regions(table, tmp_path):
    table.to_json(tmp_path / "t.json")
    table.to_csv(tmp_path / "t.csv")
    written = json.loads((tmp_path / "t.json").read_text())["rows"]
    with (tmp_path / "t.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    for row, cell, known in zip(written, cells, table.arrow.to_pylist(), strict=True):
        assert row["source_region"] == known["source_region"]
        if known["source_region"] is not None:
            assert json.loads(cell["source_region"]) == known["source_region"]


def test_a_scorer_that_read_pictures_before_gives_the_same(places, reference, table):
    scorer = reference.scorer()
    scorer.warm()
    for _ in range(2):
        again = scorer.score(places / "samples")
        assert str(again.arrow.to_pydict()) == str(table.arrow.to_pydict())  # NaN equals NaN
        assert again.provenance.evidence == table.provenance.evidence


def test_what_cannot_be_read_is_counted_once_a_call(places, reference, tmp_path):
    import shutil

    shutil.copytree(places / "reference", tmp_path / "reference")
    other = rara.Reference.fit(tmp_path / "reference")
    scorer = other.scorer(evidence="all")
    for path in (tmp_path / "reference").iterdir():
        path.unlink()
    counts = [scorer.score(places / "samples").provenance.evidence.unavailable for _ in range(2)]
    assert counts[0] == counts[1] > 0
