"""Copies of several references: what is called, of which one, and what is refused."""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rara
from embedding import Means, Small
from make import as_folder, encoded, features, gaussian
from rara.columns.proxies import PROXIES
from rara.errors import (
    EmptySourceError,
    ImageError,
    ParameterError,
    RaraError,
    ReferenceMismatchError,
)
from rara.proxy_references import opening
from scenes import scene

RUN = rara.Run(threads=1)


def drawing(seed):
    return scene(seed, 96, 72)


def vectors(n, seed, d=8):
    return rara.Features.from_arrays(
        gaussian(n, d, seed), ids=[f"{seed}-{i}" for i in range(n)], location=f"set {seed}"
    )


def judged(samples, references, **options):
    return rara.proxies(samples, references, run=RUN, **options)


@pytest.fixture(scope="module")
def sides():
    """Two large proxies and one of 20, and samples: copies, near copies, and fresh ones."""
    references = {"web": vectors(1_000, 1), "art": vectors(800, 2), "ours": vectors(20, 3)}
    web, art, ours = (one.vectors for one in references.values())
    near = web[100:110] + 1e-4
    samples = np.concatenate([web[:2], art[5:6], ours[7:8], near, gaussian(26, 8, 10)])
    return references, rara.Features.from_arrays(samples, location="generated")


@pytest.fixture(scope="module")
def found(sides):
    references, samples = sides
    return judged(samples, references, scopes={"web": "photos of the web"})


def test_each_sample_is_a_copy_of_its_proxy(found):
    verdicts = found["verdict"].tolist()
    assert verdicts[:4] == ["copy of web", "copy of web", "copy of art", "copy of ours"]
    assert verdicts[4:14] == ["near copy of web"] * 10
    assert set(verdicts[14:]) == {"no copy found in these 3 references"}
    assert found["source"].tolist()[:5] == ["1-0", "1-1", "2-5", "3-7", "1-100"]
    assert found["proxy"].tolist()[14:] == [None] * 26
    assert (found["copy_p"][:4] == 0).all()
    assert (found["copy_q"][4:14] <= 0.05).all()


def test_no_word_says_that_a_sample_is_original(found):
    texts = [*found["verdict"], *found["reason"], found.summary(), json.dumps(found.to_dict())]
    said = " ".join(texts).replace(found.facts.promise, "").replace("a sample is original:", "")
    assert "original" not in said
    assert "rare" not in said


def test_findings_rest_on_the_proxy_that_holds_them(found):
    rests = [list(one) for one in found["rests_on"]]
    assert rests[:4] == [["web"], ["web"], ["art"], ["ours"]]
    assert rests[4:14] == [["web"]] * 10
    assert {card.name: card.rest_on_it for card in found.cards} == {"web": 12, "art": 1, "ours": 1}
    assert [card.found_without for card in found.cards] == [0, 0, 0]


def test_a_proxy_has_a_card(found):
    web, art, ours = found.cards
    assert (web.name, web.scope, web.images, web.copies, web.near_copies) == (
        "web", "photos of the web", 1_000, 2, 10,
    )  # fmt: skip
    assert art.scope == ""
    assert found.facts.counted == 2
    assert web.smallest_p == pytest.approx(2 * 2 / 1_001)
    assert web.alone_among == 12
    assert art.repeating == 2  # so that four images of 801 are as near as a copy and its source
    assert art.alone_among == 5
    assert not ours.counts
    assert ours.smallest_p is ours.alone_among is None
    assert "20 images give none below 0.095" in " ".join(ours.cannot)
    assert all("cannot show that a sample is original" in card.cannot[0] for card in found.cards)
    assert web.fingerprint != art.fingerprint


def test_a_card_says_why_a_proxy_takes_no_part_in_the_tests():
    """Of 60 images alone 0.033 would do; beside a larger proxy, it would count twice."""
    samples = samples_of(gaussian(5, 8, 3))
    beside = judged(samples, {"web": vectors(1_000, 1), "few": vectors(60, 2)}).cards[1]
    assert not beside.counts
    assert "none below 0.033, too large beside larger references." in beside.cannot[1]
    alone = judged(samples, {"few": vectors(60, 2)}).cards[0]
    assert alone.counts
    assert alone.smallest_p == pytest.approx(2 / 61)
    assert alone.alone_among == 1


def test_each_pair_has_its_own_p_value_and_one_among_all(sides, found):
    references, samples = sides
    by_proxy = found.arrow["by_proxy"].to_pylist()
    for number, (name, reference) in enumerate(references.items()):
        alone = rara.Reference.from_features(reference, run=RUN).score_features(samples, run=RUN)
        own = [row[number] for row in by_proxy]
        assert {one["proxy"] for one in own} == {name}
        np.testing.assert_array_equal([one["copy_p"] for one in own], alone["copy_p"])
        for one in own[14:]:
            expected = 1.0 if name == "ours" else min(1, 2 * one["copy_p"])
            assert one["joint_p"] == expected
    least = [min(one["joint_p"] for one in row) for row in by_proxy]
    np.testing.assert_array_equal(found["copy_p"], least)


def test_scores_are_relative_to_their_proxy_alone(found):
    assert list(found.scores) == ["web", "art", "ours"]
    assert found.scores["art"].provenance.reference.count == 800
    assert "rarity" not in found.columns


def test_the_table_has_the_columns_of_the_register(found, tmp_path):
    assert found.columns == list(PROXIES)
    assert [str(field.type) for field in found.arrow.schema] == [
        column.type for column in PROXIES.values()
    ]
    for name in ("t.parquet", "t.csv", "t.json"):
        found.save(tmp_path / name)
    kept = pq.read_table(tmp_path / "t.parquet")
    assert kept.equals(found.arrow)
    record = json.loads(kept.schema.metadata[b"rara"])
    assert [one["name"] for one in record["proxies"]] == ["web", "art", "ours"]
    rows = json.loads((tmp_path / "t.json").read_text("utf-8"))["rows"]
    assert rows[0]["rests_on"] == ["web"]


def test_metadata_of_the_samples_stays(sides):
    references, _ = sides
    samples = rara.Features.from_arrays(
        gaussian(3, 8, 4), metadata={"prompt": ["a", "b", "c"], "proxy": ["x", "y", "z"]}
    )
    found = judged(samples, references)
    assert found["prompt"].tolist() == ["a", "b", "c"]
    assert found["metadata_proxy"].tolist() == ["x", "y", "z"]


def test_one_proxy_is_enough_and_all_rests_on_it(sides):
    references, samples = sides
    found = judged(samples, {"web": references["web"]})
    assert found["verdict"][20] == "no copy found in this reference"
    assert [list(one) for one in found["rests_on"]][:2] == [["web"]] * 2
    assert found.facts.counted == 1


def test_one_proxy_gives_the_verdicts_of_a_score(sides):
    references, samples = sides
    found = judged(samples, {"web": references["web"]})
    alone = rara.Reference.from_features(references["web"], run=RUN).score_features(samples)
    expected = [v if v in ("copy", "near copy") else None for v in alone["verdict"]]
    said = [v.removesuffix(" of web") if "copy of" in v else None for v in found["verdict"]]
    assert said == expected
    np.testing.assert_array_equal(found["copy_q"], alone["copy_q"])


def test_samples_that_are_the_proxy_are_copies_of_it(sides):
    references, _ = sides
    found = judged(references["ours"], references)
    assert set(found["verdict"]) == {"copy of ours"}
    assert found.facts.samples.none == 0


def test_an_image_in_two_proxies_is_named_in_both(sides):
    references, _ = sides
    web = references["web"]
    both = rara.Features.from_arrays(np.concatenate([gaussian(50, 8, 7), web.vectors[:10]]))
    found = judged(web.take(np.arange(3), "samples"), {"web": web, "both": both})
    assert [list(one) for one in found["proxies"]] == [["web", "both"]] * 3
    assert [list(one) for one in found["rests_on"]] == [[]] * 3
    assert "Also in both." in found["reason"][0]
    assert [card.rest_on_it for card in found.cards] == [0, 0]
    assert [[(s.proxy, s.images) for s in card.shared] for card in found.cards] == [
        [("both", 10)], [("web", 10)],
    ]  # fmt: skip
    assert "cannot be told from both by 10 images" in found.cards[0].cannot[-1]


def test_leaving_a_proxy_out_is_what_a_run_without_it_says(sides):
    references, samples = sides
    whole = judged(samples, references)
    for name in references:
        others = {one: side for one, side in references.items() if one != name}
        alone = ["copy of" in verdict for verdict in judged(samples, others)["verdict"]]
        lost = [name in one for one in whole["rests_on"]]
        gained = [name in one for one in whole["found_without"]]
        called = ["copy of" in verdict for verdict in whole["verdict"]]
        assert lost == [c and not a for c, a in zip(called, alone, strict=True)]
        assert gained == [a and not c for c, a in zip(called, alone, strict=True)]


def test_the_result_is_the_same_every_time(sides):
    references, samples = sides
    one, other = (judged(samples, references) for _ in range(2))
    assert one.arrow.equals(other.arrow)
    assert one.to_dict() == other.to_dict()


def test_a_sample_as_near_as_can_be_measured_is_said_to_be_undecided():
    reference = vectors(300, 1)
    samples = np.concatenate([reference.vectors[:1] + 1e-4, gaussian(199, 8, 5)])
    found = judged(samples_of(samples), {"a": reference})
    assert found["verdict"][0] == "no copy found in this reference"
    assert found["reason"][0].startswith("As near to 1-0 of a as the test can measure, but among")
    assert found.facts.samples.undecided >= 1
    assert "as near as copies, but not called" in found.summary()
    few = judged(samples_of(samples), {"a": vectors(20, 1)})
    assert "20 images are too few to call it" in few["reason"][0]


def samples_of(array):
    return rara.Features.from_arrays(array, location="generated")


# -- pictures --


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("proxies")
    as_folder(root / "web", {f"{i}.png": encoded(drawing(i)) for i in range(10)})
    as_folder(root / "ours", {f"{i}.png": encoded(drawing(100 + i)) for i in range(3)})
    files = {
        "same.png": encoded(drawing(4)),
        "other-file.webp": encoded(drawing(101), "WEBP", lossless=True),
        "jpeg.jpg": encoded(drawing(102), "JPEG", quality=40),
        "new.png": encoded(drawing(300)),
        "broken.png": b"no picture",
    }
    as_folder(root / "samples", files)
    return root


@pytest.fixture(scope="module")
def pictured(place):
    network = Means()
    found = judged(
        place / "samples", {"web": place / "web", "ours": place / "ours"}, extractor=network
    )
    return found, network


def test_facts_of_pictures_are_found_in_a_proxy_of_three_images(pictured):
    found, _ = pictured
    verdicts = dict(zip(found["id"], found["verdict"], strict=True))
    reasons = dict(zip(found["id"], found["reason"], strict=True))
    assert verdicts["same.png"] == "copy of web"
    assert verdicts["other-file.webp"] == "copy of ours"
    assert reasons["other-file.webp"] == "The same picture as 1.png of ours, in another file."
    assert verdicts["jpeg.jpg"] == "copy of ours"
    assert reasons["jpeg.jpg"].startswith("Shows 2.png of ours")
    assert verdicts["new.png"] == "no copy found in these 2 references"
    assert [skipped.id for skipped in found.facts.samples.skipped] == ["broken.png"]
    assert [card.counts for card in found.cards] == [False, False]


def test_samples_are_embedded_once_for_all_proxies(place, monkeypatch, tmp_path):
    embedded = Counter()
    features_of = opening.features_of

    def watched(images, network, run):
        embedded[images.location] += 1
        return features_of(images, network, run)

    monkeypatch.setattr(opening, "features_of", watched)
    network, run = Means(), rara.Run(threads=1, cache=tmp_path)
    references = {"web": place / "web", "ours": place / "ours"}
    rara.proxies(place / "samples", references, extractor=network, evidence="none", run=run)
    assert [embedded[str(place / side)] for side in ("samples", "web", "ours")] == [1, 1, 1]
    contents = 10 + 3 + 4 - 1  # one sample has the content of a proxy's image
    assert network.inferred == contents


def test_each_proxy_is_judged_by_its_own_extractor(place):
    small = rara.Reference.fit(place / "web", extractor=Small(), run=RUN)
    found = judged(
        place / "samples", {"small": small, "means": place / "ours"},
        extractor=Means(), evidence="none",
    )  # fmt: skip
    assert [card.extractor.name for card in found.cards] == ["small", "means"]
    assert found["verdict"].tolist()[-1] == "copy of small"


def test_decisions_of_each_reference_are_honoured(place):
    web = rara.Reference.fit(place / "web", extractor=Means(), run=RUN)
    ours = rara.Reference.fit(place / "ours", k=2, extractor=Means(), run=RUN)
    before = judged(place / "samples", {"web": web, "ours": ours})
    digests = dict(
        zip(
            (features_ := web.scorer().features(place / "samples")[0]).ids,
            features_.done["digest"].to_pylist(),
            strict=True,
        )
    )
    source = dict(zip(ours.ids, ours.features.done["digest"].to_pylist(), strict=True))
    decisions = rara.Decisions()
    decisions.add(digests["jpeg.jpg"], source["2.png"], copy=False)
    decisions.add(digests["new.png"], source["0.png"], copy=True)
    ours.decisions = decisions
    after = judged(place / "samples", {"web": web, "ours": ours})
    verdicts = [dict(zip(t["id"], t["verdict"], strict=True)) for t in (before, after)]
    assert verdicts[0]["jpeg.jpg"] == "copy of ours"
    assert verdicts[1]["jpeg.jpg"] == "no copy found in these 2 references"
    assert verdicts[1]["new.png"] == "copy of ours"
    assert verdicts[1]["same.png"] == "copy of web"
    reasons = dict(zip(after["id"], after["reason"], strict=True))
    assert reasons["new.png"] == "It was decided that this is a copy of 0.png of ours."
    assert [card.decided for card in after.cards] == [None, 2]


def test_a_folder_of_a_saved_reference_is_taken(place, pictured, tmp_path):
    web = rara.Reference.fit(place / "web", extractor=Means(), run=RUN)
    web.save(tmp_path / "saved")
    found = judged(
        place / "samples", {"web": tmp_path / "saved", "ours": place / "ours"}, extractor=Means()
    )
    assert found["verdict"].tolist() == pictured[0]["verdict"].tolist()


# -- what is refused --

WEB = features(gaussian(40))
REFUSED = {
    "no mapping": ([WEB], "mapping"),
    "nothing": ({}, "at least one"),
    "no text": ({3: WEB}, "give text"),
    "empty": ({"  ": WEB}, "give text"),
    "control characters": ({"a\x1b[31m": WEB}, "cannot be shown"),
    "a line break": ({"a\nb": WEB}, "cannot be shown"),
    "turned": ({"a\u202eb": WEB}, "cannot be shown"),
    "long": ({"x" * 65: WEB}, "at most 64"),
    "two names": ({"a": WEB, "a ": features(gaussian(40, seed=1))}, "Two proxies are named 'a'"),
    "the same images": ({"a": WEB, "b": WEB.take(np.arange(40)[::-1], "b")}, "'a' and 'b' hold"),
    "one image": ({"a": features(gaussian(1))}, "Proxy 'a': 1 image"),
    "another dimension": ({"a": WEB, "b": features(gaussian(40, 5))}, "Proxy 'b': .*dimensions"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_proxies_that_make_no_sense_are_refused(name):
    references, message = REFUSED[name]
    with pytest.raises(RaraError, match=message) as refused:
        judged(features(gaussian(5, seed=3)), references)
    assert len(str(refused.value)) < 400


def test_a_name_of_64_letters_is_taken():
    assert judged(features(gaussian(5, seed=3)), {"x" * 64: WEB}).cards[0].name == "x" * 64


def test_an_empty_place_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptySourceError, match="Proxy 'ours': "):
        judged(features(gaussian(5)), {"web": WEB, "ours": tmp_path / "empty"})


def test_vectors_and_images_are_not_compared(place):
    with pytest.raises(ParameterError, match="Proxy 'web': The samples are given vectors"):
        judged(features(gaussian(5)), {"web": place / "web"})
    with pytest.raises(ReferenceMismatchError, match="Proxy 'web': "):
        judged(place / "samples", {"web": WEB})


class Picky(Small):
    """No vector of the first sample that it sees of one size."""

    spec = rara.extractors.Spec("picky", "p", "none", 27)

    def prepare(self, image):
        if image.size == (40, 30):
            raise ImageError("too small")
        return super().prepare(image)


def test_extractors_that_see_other_samples_are_refused(place, tmp_path):
    files = {"a.png": encoded(drawing(7)), "b.png": encoded(scene(8, 40, 30))}
    as_folder(tmp_path / "samples", files)
    picky = rara.Reference.fit(place / "ours", k=2, extractor=Picky(), run=RUN)
    means = rara.Reference.fit(place / "web", extractor=Means(), run=RUN)
    with pytest.raises(ParameterError, match="Proxy 'picky': Its extractor makes vectors of other"):
        judged(tmp_path / "samples", {"means": means, "picky": picky}, evidence="none")


def test_samples_that_cannot_be_read_are_refused(place, tmp_path):
    as_folder(tmp_path / "samples", {"a.png": b"no picture"})
    with pytest.raises(RaraError, match=r"^None of the 1 images"):
        judged(tmp_path / "samples", {"a": place / "web"}, extractor=Means(), evidence="none")


def test_nan_is_refused():
    with pytest.raises(RaraError, match=r"NaN|finite"):
        judged(features(gaussian(5)), {"a": features([[np.nan] * 16] * 5)})


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        ({"b": "x"}, "no proxy 'b'"), ({"a": 3}, "give text"), ([1], "mapping"),
        ({"a": "x" * 401}, "at most 400"), ({"a": "x\x1b"}, "cannot be shown"),
    ],
)  # fmt: skip
def test_scopes_that_make_no_sense_are_refused(scopes, message):
    with pytest.raises(ParameterError, match=message):
        judged(features(gaussian(5)), {"a": WEB}, scopes=scopes)


def test_a_scope_is_one_line(found):
    text = judged(features(gaussian(5)), {"a": WEB}, scopes={"a": " photos\n of  2023 "})
    assert text.cards[0].scope == "photos of 2023"


def test_a_call_changes_no_reference(sides):
    reference = rara.Reference.from_features(sides[0]["ours"], run=RUN)
    held = reference.decisions
    judged(sides[1], {"ours": reference})
    assert reference.decisions is held


# -- what is shown --


def test_lines_fit_narrow_terminals(found):
    for columns in (60, 80):
        for line in found.summary().splitlines():
            if not line.startswith("  ") and not line.startswith("Note"):
                assert len(line) <= columns
    assert "web    1,000       2    10     12       +0" in found.summary()
    assert found.facts.promise in found.summary()


def test_the_page_escapes_names_and_shows_pictures(place, tmp_path):
    hostile = "<script>alert(1)</script>"
    found = judged(
        place / "samples", {hostile: place / "ours", "web": place / "web"},
        extractor=Means(), scopes={"web": "<b>bold</b>"}, evidence="none",
    )  # fmt: skip
    page = tmp_path / "page.html"
    found.report(page)
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "<b>bold" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count('id="picture-') == 2  # a copy and its source have the same one
    assert "Copy of web" in text
    assert found.facts.promise in text
    assert "What it cannot show" in text


def test_a_page_without_pictures_says_the_same(found, tmp_path):
    found.report(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "14 of 40 samples copied from" in text.replace("\u2060", "")
    assert "<figure" not in text


def test_json_is_json(found):
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert facts["samples"]["copies"] == 4
    assert facts["samples"]["near_copies"] == 10
    assert [one["id"] for one in facts["found"]][:4] == ["0", "1", "2", "3"]
    assert facts["found"][0]["rests_on"] == ["web"]


def test_a_result_is_read_like_a_table(found):
    assert len(found) == 40
    assert repr(found) == "40 samples by 3 proxies: 14 copied from one"
    assert isinstance(found.to_arrow(), pa.Table)
    with pytest.raises(ParameterError, match="No column 'x'"):
        found["x"]
