"""The sources of pictures: found, ranked, and not named where there are none."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import rara
from make import as_folder, as_zip, encoded, gaussian
from rara.columns.searches import MATCHES
from rara.errors import EmptySourceError, ParameterError, ReferenceMismatchError
from rara.retrieval.polygons import overlap_ratio
from scenes import box, pasted, resized, scene

RUN = rara.Run(threads=1)
IMAGES = 11
CROP = (30, 20, 170, 140)


def drawing(seed):
    return scene(seed, 200, 150)


def named(i):
    return f"real/{i:02}.png"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    files = {named(i): encoded(drawing(i)) for i in range(IMAGES)}
    return as_folder(tmp_path_factory.mktemp("search") / "train", files)


@pytest.fixture(scope="module")
def reference(place):
    return rara.Reference.fit(place, run=RUN)


def search(images, reference, **options):
    return rara.search(images, reference, run=RUN, **options)


@pytest.fixture(scope="module")
def matches(reference):
    return search(samples(), reference)


def samples():
    """Edited copies by the number of the source, and pictures that come from nowhere."""
    whole = Image.fromarray(drawing(5))
    return {
        "2": Image.fromarray(drawing(2)).crop(CROP).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "3": pasted(resized(drawing(3), 120, 90), drawing(103), 60, 40),
        "4": encoded(drawing(4), "JPEG", quality=20),
        "5": whole.rotate(90, expand=True),
        "6": encoded(drawing(6)),
        "7": encoded(drawing(7), "WEBP", lossless=True),
        "new": drawing(200),
        "flat": np.full((60, 60, 3), 200, np.uint8),
        "8x8": resized(drawing(8), 8, 8),
        "clear": Image.new("RGBA", (90, 90)),
    }


@pytest.mark.parametrize("number", ["2", "3", "4", "5", "6", "7"])
def test_the_source_comes_first(matches, number):
    first = matches[number][0]
    assert first.source == named(int(number))
    assert first == matches[number].source
    assert first.p < 1e-6
    assert first.looked
    assert [match.rank for match in matches[number]] == [1, 2, 3, 4, 5]
    others = [match.p for match in matches[number][1:]]
    assert all(p is None or p > 0.01 for p in others)  # up to 0.05, one in 20 searches shows more


def test_the_region_is_where_it_is(matches):
    crop, paste = matches["2"][0], matches["3"][0]
    left, top, right, bottom = CROP
    true = box(left, top, right, bottom) / (200, 150)
    assert overlap_ratio(np.array(crop.source_region), true) > 0.9
    assert overlap_ratio(np.array(crop.sample_region), box(0, 0, 1, 1)) > 0.9
    assert overlap_ratio(
        np.array(paste.sample_region), box(60, 40, 180, 130) / (200, 150)
    ) > 0.9  # fmt: skip
    assert "mirrored" in crop.edit
    assert "cropped" in crop.edit
    assert "pasted" in paste.edit


@pytest.mark.parametrize("name", ["new", "flat", "8x8", "clear"])
def test_no_source_is_named_where_there_is_none(matches, name):
    query = matches[name]
    assert query.source is None
    assert query.detailed == (name == "new")
    assert query.readable
    assert len(query) == 5
    assert all(match.p is None and match.edit is None for match in query)
    assert [m.distance for m in query] == sorted(m.distance for m in query)


def test_the_same_image_is_said_to_be_the_same(matches):
    assert matches["6"][0].same == "content"
    assert matches["7"][0].same == "picture"
    assert [match.same for match in matches["2"]] == [None] * 5
    assert matches["6"][0].distance == 0
    assert matches["7"][0].pixel_distance == 0
    assert matches["flat"][0].pixel_distance is None


def test_a_reference_in_every_form_gives_the_same(place, reference, matches, tmp_path):
    reference.save(tmp_path / "saved")
    files = {named(i): encoded(drawing(i)) for i in range(IMAGES)}
    for form in (place, tmp_path / "saved", as_zip(tmp_path / "train", files), files):
        assert search({"2": samples()["2"]}, form)["2"] == matches["2"]


def test_single_images_and_places_are_taken(tmp_path):
    reference = {named(2): drawing(2)}
    crop = samples()["2"]
    crop.save(tmp_path / "crop.png")
    for image in (crop, np.asarray(crop), encoded(crop), tmp_path / "crop.png", iter([crop])):
        (query,) = search(image, reference, top=1)
        assert query[0].source == named(2)
        assert len(query) == 1


def test_one_reference_image_is_enough(tmp_path):
    (query,) = search(samples()["2"], {"a": drawing(2)})
    assert [match.source for match in query] == ["a"]
    assert query.source.p < 1e-6
    (other,) = search(drawing(200), {"a": drawing(2)}, top=10**9)
    assert other.source is None


def test_threads_and_batches_change_nothing(reference, matches):
    reverse = rara.search(dict(reversed(samples().items())), reference, run=rara.Run(threads=2))
    assert {query.id: query for query in reverse} == {query.id: query for query in matches}


@pytest.mark.parametrize("by", ["look", "meaning"])
def test_rankings_name_the_source_wherever_it_ranks(reference, matches, by):
    """The crop looks unlike its source as a whole."""
    some = {name: samples()[name] for name in ("2", "3", "6", "new")}
    found = search(some, reference, by=by, top=1)
    for query in found:
        assert query.source == (
            None if (best := matches[query.id].source) is None else
            type(best)(**{name: getattr(best, name) for name in best.__slots__[1:]},
                       rank=query.source.rank)
        )  # fmt: skip
    assert max(query.source.rank for query in found if query.source) > 1
    assert all(len(query) == 1 + (query[-1].rank > 1) for query in found)


def test_meaning_is_the_order_of_the_vectors(reference):
    query = search({"a": drawing(200)}, reference, by="meaning", top=IMAGES)["a"]
    vectors = rara.Reference.fit({"a": drawing(200), "b": drawing(201)}, k=1).features.vectors
    distances = np.sqrt(((reference.features.vectors - vectors[0]) ** 2).sum(1, dtype=float))
    assert [m.source for m in query] == [reference.ids[i] for i in np.argsort(distances)]
    assert np.allclose([m.distance for m in query], np.sort(distances))


def test_look_is_the_better_of_two_places(reference):
    query = search({"a": drawing(200)}, reference, by="look", top=IMAGES)["a"]
    by_vectors = sorted(query, key=lambda match: match.distance)
    by_pixels = sorted(by_vectors, key=lambda match: match.pixel_distance)
    places = [min(by_vectors.index(match), by_pixels.index(match)) for match in query]
    assert places == sorted(places)


def test_an_index_in_a_folder_is_kept(reference, tmp_path, monkeypatch):
    monkeypatch.setattr("rara.retrieval.reference_index.FEW", 0)
    some = {name: samples()[name] for name in ("2", "3")}
    found = search(some, reference, index=tmp_path / "index")
    assert "index of local features" in found.provenance.candidates
    assert [query.source.source for query in found] == [named(2), named(3)]
    again = search(some, reference, index=tmp_path / "index")
    assert again.queries == found.queries
    without = search(some, reference)
    assert "index of local features" not in without.provenance.candidates


def test_pictures_that_are_gone_leave_the_rest(tmp_path):
    files = {f"{i}.png": encoded(drawing(i)) for i in range(4)}
    reference = rara.Reference.fit(as_folder(tmp_path / "train", files), k=1, run=RUN)
    (tmp_path / "train" / "2.png").unlink()
    (tmp_path / "train" / "3.png").write_bytes(encoded(drawing(50)))
    found = search({"a": encoded(drawing(2), "JPEG")}, reference)
    assert [match.looked for match in sorted(found["a"], key=lambda m: m.source)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert found["a"][0].source == "2.png"  # by the vectors
    assert found["a"].source is None
    assert found.provenance.reference.unavailable == 2
    assert "no region" in found.summary()
    with pytest.raises(ReferenceMismatchError, match=r"'2\.png' at .* is missing or has changed"):
        search({"a": drawing(2)}, reference, index=tmp_path / "index")
    for left in (tmp_path / "train").iterdir():
        left.unlink()
    gone = search({"a": encoded(drawing(2), "JPEG")}, reference)
    assert "evidence not available: no reference image could be read again" in gone.summary()
    assert not any(match.looked for match in gone["a"])


def test_bad_requests_are_refused(reference, tmp_path):
    vectors = rara.Reference.from_features(gaussian(20))
    for options, why in (({"by": "colour"}, "'copy', 'look', 'meaning'"), ({"top": 0}, "top")):
        with pytest.raises(ParameterError, match=why):
            search(drawing(0), reference, **options)
    with pytest.raises(ParameterError, match="no images, so no picture can be compared"):
        search(drawing(0), vectors)
    with pytest.raises(EmptySourceError, match="not an image"):
        search({"a.png": b"hello"}, reference)
    with pytest.raises(ParameterError, match="No sample 'b'"):
        search(drawing(0), reference)["b"]


def test_what_cannot_be_used_is_listed(reference):
    found = search({"text.png": b"hello", "a": drawing(1)}, reference)
    assert [one.id for one in found.provenance.samples.skipped] == ["text.png"]
    assert found.facts.samples.skipped == found.provenance.samples.skipped
    assert [query.id for query in found] == ["a"]


# -- the result --


def test_the_result_is_a_sequence(matches):
    assert len(matches) == len(samples())
    assert [query.id for query in matches] == list(samples())
    assert matches[0] is matches["2"]
    assert repr(matches) == "Matches of 10 samples among 11 reference images: a source of 6"
    assert matches[0][:2] == matches[0].matches[:2]


def test_the_table_is_as_registered(matches, tmp_path):
    matches.to_parquet(tmp_path / "m.parquet")
    table = matches.arrow
    assert pq.read_table(tmp_path / "m.parquet").to_pylist() == table.to_pylist()
    assert table.column_names == list(MATCHES)
    assert [str(kind) for kind in table.schema.types] == [c.type for c in MATCHES.values()]
    assert len(table) == 5 * len(samples())
    for column in MATCHES.values():
        values = table[column.name]
        assert bool(values.null_count) == (column.gap is not None), column.name
        while pa.types.is_list(values.type):
            values = pa.compute.list_flatten(values)
        if column.low is not None:
            assert pa.compute.min(values).as_py() >= column.low
            assert column.high is None or pa.compute.max(values).as_py() <= column.high
    record = matches.to_dict()
    for row in table.to_pylist():
        name = row.pop("sample")
        (query,) = [one for one in record["queries"] if one["id"] == name]
        assert query["matches"][row["rank"] - 1] == row
    assert record["samples"]["found"] == 6
    matches.save(tmp_path / "m.csv")
    matches.save(tmp_path / "m.json")
    assert '"[[' in (tmp_path / "m.csv").read_text("utf-8")
    assert "null" not in (tmp_path / "m.csv").read_text("utf-8")


def test_what_people_decided_is_not_asked_again(tmp_path):
    files = {f"{i}.png": encoded(drawing(i)) for i in range(4)}
    reference = rara.Reference.fit(as_folder(tmp_path / "train", files), k=1, run=RUN)
    sample = tmp_path / "a.jpg"
    sample.write_bytes(encoded(drawing(2), "JPEG"))
    assert search(sample, reference)[0].source.source == "2.png"
    reference.decisions.add(sample, tmp_path / "train" / "2.png")
    query = search(sample, reference)[0]
    assert query.source is None
    (match,) = (match for match in query if match.source == "2.png")
    assert (match.decision, match.p, match.looked) == ("not a copy", None, True)
    reference.save(tmp_path / "saved")
    saved = search(sample, tmp_path / "saved")
    assert saved[0].source is None
    assert "decided: not a copy" in saved.summary()
    same = tmp_path / "a.png"  # which no decision changes
    Image.open(tmp_path / "train" / "2.png").save(same, compress_level=0)
    reference.decisions.add(same, tmp_path / "train" / "2.png")
    assert "the same picture; decided: not a copy" in search(same, reference).summary()
    reference.decisions.add(sample, tmp_path / "train" / "3.png", copy=True)
    query = search(sample, reference)[0]
    assert (query.source.source, query.source.decision) == ("3.png", "copy")


def test_small_pictures_are_laid_over_each_other(tmp_path):
    """Cut and turned a little: too small for local features, and moved as a whole."""
    rng = np.random.default_rng(0)

    def small(seed):
        return Image.fromarray(drawing(seed)).resize((40, 40), Image.Resampling.LANCZOS)

    reference = rara.Reference.fit({f"{i}": small(i) for i in range(40)}, k=1, run=RUN)
    turned = small(7).rotate(4, Image.Resampling.BICUBIC).crop((3, 3, 36, 36))
    other = Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8))
    found = search({"turned": turned, "other": other}, reference)
    assert found["turned"].source.source == "7"
    assert found["turned"].source.p < 1e-3
    assert found["other"].source is None
