"""An index of local features kept with a reference: made, used, grown, never trusted blindly."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import rara
from commands import called
from rara.errors import ReferenceMismatchError, UnwritableError
from rara.retrieval.ready_pictures import ReadyPictures
from rara.retrieval.reference_index import FOLDER
from rara.retrieval.sources import CERTAIN
from scenes import pasted, scene

SOURCE = 7
IMAGES = 12


@pytest.fixture(autouse=True)
def _large(monkeypatch):
    """As if the reference were too large for an index that nobody asked for."""
    monkeypatch.setattr("rara.retrieval.reference_index.FEW", 3)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "train"
    folder.mkdir()
    for seed in range(IMAGES):
        Image.fromarray(scene(seed)).save(folder / f"{seed:02}.png")
    return folder


@pytest.fixture(scope="module")
def saved(train):
    folder = train.parent / "reference"
    rara.Reference.fit(train).save(folder, index=True)
    return folder


@pytest.fixture(scope="module")
def samples(train):
    """A part of a reference image on another picture, turned; and pictures from nowhere."""
    folder = train.parent / "samples"
    folder.mkdir()
    part = np.ascontiguousarray(scene(SOURCE)[60:200, 60:220].transpose(1, 0, 2))
    Image.fromarray(pasted(part, scene(500), 100, 40)).save(folder / "pasted.png")
    for seed in range(200, 206):
        Image.fromarray(scene(seed)).save(folder / f"{seed}.png")
    return folder


def rows(table):
    return {row["id"]: row for row in table.arrow.to_pylist()}


def test_near_finds_what_is_pasted_by_a_saved_index(saved, samples):
    table = rara.Reference.load(saved).score(samples)
    assert rows(table)["pasted.png"]["source"] == f"{SOURCE:02}.png"
    assert rows(table)["pasted.png"]["source_p"] <= CERTAIN
    assert [row["source"] for row in rows(table).values()].count(None) == 6
    assert (table.provenance.evidence.indexed, table.provenance.evidence.by_features) == (True, 7)


def test_without_an_index_there_is_none(train, samples):
    table = rara.Reference.fit(train).score(samples)
    assert not table.provenance.evidence.indexed
    assert table.provenance.evidence.index_problem is None
    assert rows(table)["pasted.png"]["source"] is None


def test_threads_give_the_same(saved, samples):
    one, three = (
        rara.Reference.load(saved).score(samples, run=rara.Run(threads=threads))
        for threads in (1, 3)
    )
    assert str(one.arrow.to_pydict()) == str(three.arrow.to_pydict())


def test_a_few_images_are_indexed_unasked_and_the_same_from_the_cache(
    train, samples, tmp_path, monkeypatch
):
    monkeypatch.setattr("rara.retrieval.reference_index.FEW", IMAGES)
    run = rara.Run(cache=tmp_path / "cache")
    first, again = (rara.Reference.fit(train, run=run).score(samples, run=run) for _ in range(2))
    assert len(list((tmp_path / "cache" / "indexes").iterdir())) == 1
    assert rows(first)["pasted.png"]["source"] == f"{SOURCE:02}.png"
    assert str(first.arrow.to_pydict()) == str(again.arrow.to_pydict())
    monkeypatch.setattr("rara.retrieval.reference_index.build_index", no_room)
    run = rara.Run(cache=tmp_path / "other")
    in_memory = rara.Reference.fit(train, run=run).score(samples, run=run)
    assert not (tmp_path / "other" / "indexes").exists()
    assert str(first.arrow.to_pydict()) == str(in_memory.arrow.to_pydict())


def no_room(*_):
    raise UnwritableError("no room")


def test_an_extended_reference_extends_its_index(train, saved, samples, tmp_path):
    """It becomes what an index of all images is, and reads only the images that are new."""
    some, more = tmp_path / "some", tmp_path / "more"
    for folder, seeds in ((some, range(8)), (more, range(8, IMAGES))):
        folder.mkdir()
        for seed in seeds:
            name = f"{seed:02}.png"
            (folder / name).write_bytes((train / name).read_bytes())
    folder = tmp_path / "reference"
    rara.Reference.fit(some).save(folder, index=True)
    for path in some.iterdir():
        path.unlink()
    rara.Reference.load(folder).extend(more).save(folder)
    assert index_bytes(folder) == index_bytes(saved)


def index_bytes(folder):
    files = sorted((folder / FOLDER).glob("*.npy"))
    return [(path.name, path.read_bytes()) for path in files]


def copy_of(saved, place):
    """The reference's folder at another place, with all that is in it."""
    for path in saved.rglob("*"):
        if path.is_file() and path.name != ".lock":
            target = place / path.relative_to(saved)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return place


def test_a_damaged_index_is_not_used_and_said(saved, samples, tmp_path, capsys):
    folder = copy_of(saved, tmp_path / "reference")
    path = next((folder / FOLDER).glob("codes-*.npy"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 7]))
    table = rara.Reference.load(folder).score(samples)
    assert not table.provenance.evidence.indexed
    assert "is damaged" in table.provenance.evidence.index_problem
    assert "is damaged" in table.summary()
    found = rara.search(samples / "200.png", rara.Reference.load(folder))
    assert "is damaged" in found.provenance.index_problem


def test_an_index_that_went_away_is_said(saved, samples, tmp_path):
    reference = rara.Reference.load(copy_of(saved, tmp_path / "reference"))
    shutil.rmtree(tmp_path / "reference" / FOLDER)
    evidence = reference.score(samples).provenance.evidence
    assert not evidence.indexed
    assert "is gone: build it again" in evidence.index_problem


def test_info_verifies_the_index_as_well(saved, tmp_path, capsys):
    folder = copy_of(saved, tmp_path / "reference")
    code, out, _ = called(capsys, "reference", "info", folder, "--json")
    assert (code, json.loads(out)["index"], json.loads(out)["index_problem"]) == (0, True, None)
    path = next((folder / FOLDER).glob("rows-*.npy"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 7]))
    code, out, _ = called(capsys, "reference", "info", folder)
    assert code == 0
    assert "is damaged" in re.search("^Index(.*)$", out, re.MULTILINE)[1]


def test_a_search_replaces_no_index_of_another_reference(train, saved, samples, tmp_path):
    folder = copy_of(saved, tmp_path / "reference")
    before = index_bytes(folder)
    with pytest.raises(UnwritableError, match="is the index of the reference"):
        rara.search(samples / "pasted.png", samples, index=folder / FOLDER)
    assert index_bytes(folder) == before
    for reference in (folder, train):  # the same images
        found = rara.search(samples / "pasted.png", reference, index=folder / FOLDER)
        assert found[0].source.source == f"{SOURCE:02}.png"


def test_features_are_made_once_where_one_image_is_gone(train, samples, tmp_path, monkeypatch):
    monkeypatch.setattr("rara.retrieval.reference_index.FEW", IMAGES)
    folder = tmp_path / "train"
    folder.mkdir()
    for path in train.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    reference = rara.Reference.fit(folder)
    (folder / "05.png").unlink()
    made, real = [], ReadyPictures.local_features
    monkeypatch.setattr(
        ReadyPictures, "local_features", lambda *given: made.append(given) or real(*given)
    )
    table = reference.score(samples, run=rara.Run(cache=tmp_path / "cache"))
    assert rows(table)["pasted.png"]["source"] == f"{SOURCE:02}.png"
    assert len(made) == 1


def train_of(saved):
    return saved.parent / "train"


def test_an_index_of_other_images_is_not_used(saved, samples, tmp_path):
    folder = copy_of(saved, tmp_path / "reference")
    rara.Reference.load(folder).without(["03.png"]).save(tmp_path / "fewer")
    for path in (folder / FOLDER).iterdir():
        target = tmp_path / "fewer" / FOLDER / path.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    table = rara.Reference.load(tmp_path / "fewer").score(samples)
    assert not table.provenance.evidence.indexed
    assert "is of other images" in table.provenance.evidence.index_problem


def test_search_takes_the_saved_index(saved, samples):
    for reference in (rara.Reference.load(saved), saved, str(saved)):
        found = rara.search(samples / "pasted.png", reference)
        assert "index of local features" in found.provenance.candidates
        assert found[0].source.source == f"{SOURCE:02}.png"


def test_an_image_that_is_gone_can_not_be_indexed(train, tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    for path in train.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    reference = rara.Reference.fit(folder)
    (folder / "05.png").unlink()
    said = r"is written to .*, but without its index\. .*'05\.png' at .* is missing or has changed"
    with pytest.raises(ReferenceMismatchError, match=said):
        reference.save(tmp_path / "reference", index=True)
    assert len(rara.Reference.load(tmp_path / "reference")) == IMAGES  # which is whole


def test_the_reference_is_no_source_of_itself(saved):
    table = rara.Reference.load(saved).score_leave_one_out(evidence="all")
    assert table.provenance.evidence.indexed
    assert table.arrow["source"].null_count == IMAGES


def test_a_decision_holds_for_what_the_index_names(saved, samples, tmp_path):
    reference = rara.Reference.load(copy_of(saved, tmp_path / "reference"))
    reference.decisions.add(samples / "pasted.png", train_of(saved) / f"{SOURCE:02}.png")
    row = rows(reference.score(samples))["pasted.png"]
    assert row["source"] is None
    assert (row["decision"], row["decision_source"]) == ("not a copy", f"{SOURCE:02}.png")
