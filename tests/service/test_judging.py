"""What the service answers for images: the same as `rara score` and `rara search`."""

import json
import re

import pytest

from commands import called
from embedding import Means
from rara.features import compatibility, opening
from rara.table.writing import json_rows
from uploading import parts

EXTRA = {"neighbours"}


@pytest.fixture
def means(monkeypatch):
    """A cheap network in place of the usual one."""
    monkeypatch.setattr(opening, "get_extractor", lambda *name, **options: Means())
    monkeypatch.setattr(compatibility, "available", lambda: ["means"])
    monkeypatch.setattr(compatibility, "is_name", lambda name: name == "means")


def without(record, names):
    return {name: value for name, value in record.items() if name not in names}


def judged(client, images, **query):
    answer = client.post("/v1/judge", files=images, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_request_is_what_rara_score_gives_for_a_folder(client, pictures, capsys, tmp_path, means):
    table = tmp_path / "scores.json"
    words = ["score", pictures / "samples", "-r", pictures / "train", "-o", table]
    assert called(capsys, *words)[0] == 0
    rows = json.loads(table.read_text())["rows"]
    records = judged(client, parts(pictures / "samples"))
    assert len(rows) == 6
    # Where tests are made of all samples together, a table has columns that count them.
    assert [without(one, EXTRA) for one in records] == rows


def test_alone_is_what_rara_score_gives_for_one_image(client, pictures, reference):
    images = parts(pictures / "samples")
    records = judged(client, images, judged="alone")
    together = judged(client, images)
    for (_, (name, content)), record in zip(images, records, strict=True):
        (row,) = json_rows(reference.score({name: content}, extractor=Means()).arrow)
        assert without(record, EXTRA) == row
    assert [one["id"] for one in records] == [one["id"] for one in together]
    assert [one["repeats"] for one in records] == [1] * 6
    assert records != together  # two-sample and repeat columns count what came with an image


def test_an_image_alone_does_not_depend_on_what_came_with_it(client, pictures):
    images = parts(pictures / "samples")
    first = judged(client, images[:1])
    assert judged(client, images, judged="alone")[0] == first[0]


def test_a_copy_is_called_with_its_source(client, pictures):
    (record,) = judged(client, parts(pictures / "train", {"image 3.png"}))
    assert record["verdict"] == "copy"
    nearest = record["neighbours"][0]
    assert nearest["id"] == "image 3.png"
    assert nearest["distance"] == 0
    about = client.get("/v1/neighbours", params={"image": nearest["row"]}).json()
    assert (about["id"], about["radius"]) == ("image 3.png", nearest["radius"])


def test_neighbours_are_those_of_the_table_with_their_balls(client, pictures, reference):
    (record,) = judged(client, parts(pictures / "samples")[:1])
    near = record["neighbours"]
    assert [(one["id"], one["distance"]) for one in near] == [
        (one["id"], one["distance"]) for one in record["neighbors"]
    ]
    for one in near:
        assert reference.ids[one["row"]] == one["id"]
        assert reference.radii[one["row"]] == one["radius"]
        assert one["owner"] == (one["id"] == record["rarity_witness"])


def test_errors_stand_in_the_place_of_their_images(client, pictures):
    good = parts(pictures / "samples")[0]
    broken = ("image", ("broken.png", good[1][1][:40]))
    nothing = ("image", ("text.txt", b"no image"))
    records = judged(client, [broken, good, nothing])
    assert [one["id"] for one in records] == ["broken.png", good[1][0], "text.txt"]
    assert [set(one) == {"id", "error"} for one in records] == [True, False, True]
    assert "PNG" in records[0]["error"]
    assert "not an image" in records[2]["error"]
    assert judged(client, [broken, nothing]) == [records[0], records[2]]


def test_a_client_s_name_is_an_id_and_nothing_else(client, pictures):
    content = parts(pictures / "samples")[0][1][1]
    names = ["../../etc/passwd", "<img src=x onerror=alert(1)>", "a\u202egnp.exe", "a.png", "a.png"]
    records = judged(client, [("image", (name, content)) for name in names])
    assert [one["id"] for one in records] == [*names[:4], "a.png~2"]
    assert all("verdict" in one for one in records)


def test_images_are_bounded_in_pixels_before_they_are_decoded(judge, pictures, reference):
    from rara.run import Run
    from rara.service.judging import Judge, upload

    bounded = Judge(reference, run=Run(), max_pixels=100)
    name, content = parts(pictures / "samples")[0][1]
    (record,) = bounded.judge(upload(name, content))
    assert re.search("megapixels, over the limit", record["error"])


def test_nothing_that_was_sent_is_kept(pictures, reference, tmp_path):
    from rara.run import Run
    from rara.service.judging import Judge, upload

    own = Judge(reference, run=Run(cache=tmp_path / "cache"))
    own.judge(upload(*parts(pictures / "samples")[0][1]))
    assert not (tmp_path / "cache" / "features").exists()


def test_search_is_what_rara_search_gives(client, pictures, capsys, means):
    place = pictures / "samples"
    words = ["search", place, "-r", pictures / "train", "--json", "--top", 2]
    code, out, _ = called(capsys, *words)
    assert code == 0
    queries = json.loads(out)["queries"]
    found = client.post("/v1/search", files=parts(place), params={"top": 2}).json()
    assert len(found) == 6
    for record, query in zip(found, queries, strict=True):
        matches = [without(one, {"row"}) for one in record.pop("matches")]
        record.pop("source")
        assert {**record, "matches": matches} == query


def test_search_names_the_source_by_its_row(client, pictures, reference):
    image = parts(pictures / "train", {"image 4.jpg"})
    (record,) = client.post("/v1/search", files=image).json()
    assert record["source"] == "image 4.jpg"
    assert reference.ids[record["matches"][0]["row"]] == "image 4.jpg"
    broken = [("image", ("b.png", b"no"))]
    assert set(client.post("/v1/search", files=broken).json()[0]) == {"id", "error"}
