"""The explorer behind a client: data, pictures, marks, exports, judgements, hostile requests."""

import asyncio
import csv
import hashlib
import io
import json
import shutil
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from exploring import HOSTILE, client_of, explored, of_vectors, scored, without
from make import encoded, gaussian, picture
from rara import Run, ScoreTable
from rara.decisions.decisions import Decisions
from rara.errors import ParameterError, SourceNotFoundError
from rara.explorer import atlases, maps
from rara.explorer.details import figures
from rara.explorer.explored import Explored
from rara.explorer.marks import Change
from rara.explorer.projection import principal_places
from rara.explorer.saved_table import Places, opened_again, options_of
from rara.explorer.serving import Serving
from rara.reference import judging as finding
from rara.reference.options import ScoreOptions
from rara.report.rows import Row
from rara.service.limits import Limits


@pytest.fixture(scope="module", autouse=True)
def quick_map():
    """Principal axes in place of the projection, which compiles itself for seconds; its own tests
    are in test_map.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "projected", lambda vectors, run: principal_places(vectors))
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def seen(place):
    table, reference, _ = scored(place, place / "cache")
    return explored(table, reference)


@pytest.fixture(scope="module")
def run(place, seen):
    return Run(threads=1, cache=place / "cache")


@pytest.fixture(scope="module")
def client(seen, run):
    client, serving = client_of(seen, run)
    serving.start()
    yield client
    serving.close()


def row_of(seen, name):
    return seen.table["id"].tolist().index(name)


def arrow(answer):
    assert answer.status_code == 200
    return pa.ipc.open_stream(answer.content).read_all()


# -- data -----------------------------------------------------------------------------------


def test_about_describes_every_column(client, seen):
    about = client.get("/data/about.json").json()
    assert (about["samples"], about["reference"], about["k"]) == (14, 30, 3)
    assert [one["name"] for one in about["columns"]] == seen.table.columns
    kinds = {one["name"]: one["kind"] for one in about["columns"]}
    assert (kinds["verdict"], kinds["inside"], kinds["rarity"]) == ("category", "boolean", "number")
    assert (kinds["id"], kinds["neighbors"]) == ("text", "text")
    rarity = next(one for one in about["columns"] if one["name"] == "rarity")
    assert (rarity["unit"], rarity["direction"]) == ("distance", "rarer")
    assert about["title"] == "samples"
    assert str(seen.table.provenance.samples.location) not in json.dumps(about)
    assert about["can"] == {"judge": True, "decide": True, "search": False}


def test_points_come_in_order_reference_first(client):
    points = arrow(client.get("/data/points.arrow"))
    assert [str(kind) for kind in points.schema.types] == ["float", "float", "uint8", "uint32"]
    assert points["side"].to_pylist() == [0] * 30 + [1] * 14
    assert points["row"].to_pylist() == [*range(30), *range(14)]
    both = np.stack([points["x"].to_numpy(), points["y"].to_numpy()])
    assert np.abs(both).max() == 1


def test_the_table_comes_as_it_is(client, seen):
    table = arrow(client.get("/data/table.arrow"))
    assert table.column_names == seen.table.columns
    assert table["id"].to_pylist() == seen.table.arrow["id"].to_pylist()
    assert np.array_equal(table["rarity"].to_numpy(), seen.table["rarity"], equal_nan=True)
    assert pa.types.is_dictionary(table.schema.field("verdict").type)
    nearest = json.loads(table["neighbors"][0].as_py())
    assert nearest[0]["id"] == seen.table["nearest"][0]
    some = arrow(client.get("/data/table.arrow?columns=rarity,id"))
    assert some.column_names == ["id", "rarity"]


def test_streams_are_compressed_where_a_browser_says_so(seen, client):
    raw = client.get("/data/table.arrow", headers={"accept-encoding": "identity"})
    answer = client.get("/data/table.arrow", headers={"accept-encoding": "gzip, zstd"})
    small = answer.raw
    assert answer.headers["content-encoding"] == "zstd"
    assert pa.CompressedInputStream(pa.py_buffer(small), "zstd").read() == raw.content


def test_the_reference_comes_with_its_radii(client, seen):
    table = arrow(client.get("/data/reference.arrow"))
    assert table["id"].to_pylist() == seen.reference.ids
    assert np.array_equal(table["radius"].to_numpy(), seen.reference.radii)


def test_neighbours_are_those_of_brute_force(client, seen):
    for side, row in ((1, 3), (0, 5)):
        answer = client.get(f"/neighbours/{side}/{row}?count=6").json()["neighbours"]
        point, others = seen.vectors(side)[row].astype(float), seen.vectors(0).astype(float)
        distance = np.sqrt(((others - point) ** 2).sum(axis=1))
        if side == 0:
            distance[row] = np.inf
        order = np.argsort(distance, kind="stable")[:6]
        assert [one["row"] for one in answer] == order.tolist()
        assert np.allclose([one["distance"] for one in answer], distance[order])
        assert [one["radius"] for one in answer] == seen.reference.radii[order].tolist()
        owners = [one["id"] for one in answer if one["owner"]]
        witness = seen.table["rarity_witness"][row]
        assert owners == (
            [] if side == 0 or witness not in [a["id"] for a in answer] else [witness]
        )


def test_a_record_says_what_the_card_says(client, seen):
    row = row_of(seen, f"{HOSTILE}.png")
    record = client.get(f"/record/{row}").json()
    assert record["id"] == f"{HOSTILE}.png"
    assert record["verdict"] == seen.table["verdict"][row]
    assert record["sentence"]
    texts = {one["name"]: one["text"] for one in record["numbers"]}
    assert texts["copy_p"] == f"{seen.table['copy_p'][row]:.2g}"
    assert next(iter(texts)) == "copy_p"
    assert record["nearest"]["id"] == seen.reference.ids[record["nearest"]["row"]]
    assert record["decision"] is None


# -- pictures ---------------------------------------------------------------------------------


def test_pictures_are_encoded_anew_and_bounded(client, place, seen):
    address = f"/picture/1/{row_of(seen, f'{HOSTILE}.png')}?edge=64"
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/webp"
    small = Image.open(io.BytesIO(answer.content))
    assert small.size == (60, 40)
    original = Image.open(place / "samples" / f"{HOSTILE}.png")
    assert np.array_equal(np.asarray(small.convert("RGB")), np.asarray(original))
    again = client.get(address, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_a_file_says_beside_its_pixels_never_leaves(seen, place, tmp_path):
    seen, run = moved(seen, place, tmp_path)
    told = Image.Exif()
    told[0x010E] = "SECRET"  # ImageDescription
    image = Image.open(tmp_path / "samples" / "005.png")
    image.info["comment"] = "SECRET"
    data = encoded(image, "PNG", exif=told, icc_profile=b"SECRET")
    assert b"SECRET" in data
    (tmp_path / "samples" / "005.png").write_bytes(data)
    row = row_of(seen, "005.png")
    items = seen.samples.items
    digests = items["digest"].to_pylist()
    digests[row] = hashlib.sha256(data).hexdigest()
    at = items.schema.get_field_index("digest")
    items = items.set_column(at, "digest", pa.array(digests, pa.string()))
    samples = replace(seen.samples, items=items)
    scored = {"samples": samples, "reference": seen.reference.features}
    seen = replace(seen, samples=samples, pictures=replace(seen.pictures, scored=scored))
    client, _ = client_of(seen, run)
    picture = client.get(f"/picture/1/{row}")
    assert picture.status_code == 200
    folder = client.post("/export", json={"rows": [row], "format": "folder"})
    assert len(zipfile.ZipFile(io.BytesIO(folder.content)).namelist()) == 2
    for answer in (picture, folder):
        assert b"SECRET" not in answer.content


def test_sheets_hold_every_picture_in_its_cell(client, seen):
    atlas = client.get("/data/about.json").json()["atlas"]
    assert (atlas["across"], atlas["sheet"], atlas["sheets"]) == (7, 49, 1)
    answer = client.get("/atlas/0")
    assert answer.status_code == 200
    sheet = Image.open(io.BytesIO(answer.content)).convert("RGBA")
    assert sheet.size == (7 * 48, 7 * 48)
    cells = (
        np.asarray(sheet).reshape(7, 48, 7, 48, 4).transpose(0, 2, 1, 3, 4).reshape(49, 48, 48, 4)
    )
    there = cells[..., 3].any(axis=(1, 2))
    assert there.tolist() == [True] * 44 + [False] * 5
    sample = Image.open(io.BytesIO(client.get("/picture/1/2?edge=64").content)).convert("RGB")
    mean = cells[32][cells[32][..., 3] > 0][:, :3].mean(axis=0)
    assert np.abs(mean - np.asarray(sample).mean(axis=(0, 1))).max() < 6


def moved(seen, place, to):
    """The same run with pictures of its own, and a cache of its own."""
    for name in ("train", "samples"):
        shutil.copytree(place / name, to / name)
    pictures = replace(
        seen.pictures, samples=str(to / "samples"), reference=str(to / "train"), largest=640
    )
    return replace(seen, pictures=pictures), Run(threads=1, cache=to / "cache")


def test_pictures_that_are_gone_are_counted(seen, place, tmp_path):
    seen, run = moved(seen, place, tmp_path)
    shutil.rmtree(tmp_path / "samples")
    (tmp_path / "train" / "003.png").write_bytes(encoded(Image.new("RGB", (9, 9))))
    client, serving = client_of(seen, run)
    serving.start()
    assert client.get("/picture/1/0").status_code == 404
    assert client.get("/picture/0/3").status_code == 404  # another picture by now
    assert client.get("/picture/0/4").status_code == 200
    sheet = Image.open(io.BytesIO(client.get("/atlas/0").content)).convert("RGBA")
    assert np.asarray(sheet)[:, :, 3].reshape(7, 48, 7, 48).any(axis=(1, 3)).sum() == 29
    assert client.get("/data/about.json").json()["more"]["pictures"]["gone"] == 15
    serving.close()


def test_sheets_come_from_the_cache(seen, place, tmp_path):
    seen, run = moved(seen, place, tmp_path)
    client, serving = client_of(seen, run)
    serving.start()
    first = client.get("/atlas/0").content
    serving.close()
    shutil.rmtree(tmp_path / "samples")
    shutil.rmtree(tmp_path / "train")
    client, serving = client_of(seen, run)
    serving.start()
    assert client.get("/atlas/0").content == first
    serving.close()
    [kept] = (tmp_path / "cache" / "atlases").iterdir()
    kept.write_bytes(b'{"gone": 0}\nno picture')
    client, serving = client_of(seen, run)
    serving.start()
    assert client.get("/atlas/0").status_code == 404  # nothing is there to make it of
    serving.close()


def test_of_very_many_sheets_only_those_asked_for_are_made(seen, place, tmp_path, monkeypatch):
    monkeypatch.setattr(atlases, "EAGER", 1)
    monkeypatch.setattr(atlases, "SIDE", 3 * atlases.CELL)
    seen, run = moved(seen, place, tmp_path)
    client, serving = client_of(seen, run)
    serving.start()
    assert serving.atlases.sheets == 5
    for number in (3, 1, 3):
        assert client.get(f"/atlas/{number}").status_code == 200
    assert serving.atlases.progress == (2, 0)
    assert len(list((tmp_path / "cache" / "atlases").iterdir())) == 2
    assert client.get("/atlas/5").status_code == 404
    serving.close()
    answer = client.get("/atlas/0")  # at the end nothing is begun
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (503, 503, "not-ready")
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == problem["request_id"]


def test_pictures_that_are_back_fill_their_cells(seen, place, tmp_path):
    seen, run = moved(seen, place, tmp_path)
    (tmp_path / "train" / "003.png").rename(tmp_path / "away.png")
    client, serving = client_of(seen, run)
    serving.start()
    assert client.get("/atlas/0").status_code == 200
    serving.close()
    assert serving.atlases.progress == (1, 1)
    (tmp_path / "away.png").rename(tmp_path / "train" / "003.png")
    client, serving = client_of(seen, run)
    serving.atlases.work()
    assert serving.atlases.progress == (1, 0)
    serving.close()


# -- marks ------------------------------------------------------------------------------------


def test_decisions_are_those_of_rara_decide(seen, run, tmp_path):
    file = tmp_path / "decisions.csv"
    client, _ = client_of(seen, run, decisions=Decisions(file))
    assert client.get("/decisions").json() == {"decisions": []}
    made = client.post(
        "/decisions", json={"sample": 2, "reference": 7, "decision": "not a copy", "note": "a logo"}
    )
    assert made.json()["decision"] == "not a copy"
    [held] = Decisions.load(file)
    assert (held.word, held.note, held.sample_id) == ("not a copy", "a logo", seen.table["id"][2])
    assert held.pair == tuple(sorted([seen.digest_of(1, 2), seen.digest_of(0, 7)]))
    again, _ = client_of(seen, run, decisions=Decisions(file))
    entries = again.get("/decisions").json()["decisions"]
    assert entries == [
        {"sample": 2, "reference": 7, "decision": "not a copy", "note": "a logo", "star": False}
    ]
    assert again.get("/record/2").json()["decision"] == entries[0]
    again.post("/decisions", json={"sample": 2, "decision": None})
    assert list(Decisions.load(file)) == []


def test_a_decision_without_an_image_is_on_the_one_compared_with(seen, run):
    client, _ = client_of(seen, run)
    client.post("/decisions", json={"sample": 4, "decision": "copy"})
    [entry] = client.get("/decisions").json()["decisions"]
    assert entry["reference"] == client.get("/record/4").json()["nearest"]["row"]


def test_stars_and_notes_need_no_decision(seen, run, tmp_path):
    file = tmp_path / "decisions.csv"
    client, _ = client_of(seen, run, decisions=Decisions(file))
    client.post("/decisions", json={"sample": 1, "star": True})
    client.post("/decisions", json={"sample": 1, "note": "odd hands"})
    client.post("/decisions", json={"sample": 3, "star": True})
    client.post("/decisions", json={"sample": 3, "star": False})
    entries = client.get("/decisions").json()["decisions"]
    assert [(one["sample"], one["star"], one["note"]) for one in entries] == [
        (1, True, "odd hands")
    ]
    client.post("/decisions", json={"sample": 1, "decision": "copy"})
    [entry] = client.get("/decisions").json()["decisions"]
    assert (entry["star"], entry["note"], entry["decision"]) == (True, "odd hands", "copy")
    assert [one.note for one in Decisions.load(file)] == ["odd hands"]
    client.post("/decisions", json={"sample": 1, "decision": None})
    [entry] = client.get("/decisions").json()["decisions"]
    assert (entry["star"], entry["decision"], entry["reference"]) == (True, None, None)


# -- exports ----------------------------------------------------------------------------------


def test_exports_hold_the_chosen_rows(client, seen, tmp_path):
    formula = row_of(seen, "=1+1.png")
    answer = client.post("/export", json={"rows": [5, 0, formula], "format": "csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="selection.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    ids = [seen.table["id"][row] for row in (5, 0)]
    assert [row["id"] for row in rows] == [*ids, "'=1+1.png"]  # no spreadsheet runs it
    answer = client.post("/export", json={"rows": [5, 0], "format": "parquet"})
    (tmp_path / "some.parquet").write_bytes(answer.content)
    table = ScoreTable.from_parquet(tmp_path / "some.parquet")
    assert table["id"].tolist() == ids
    assert table.provenance.k == seen.table.provenance.k


def test_a_folder_holds_pictures_under_harmless_names(client, seen):
    names = (f"{HOSTILE}.png", "=1+1.png", "a..png", "a\u202eb.png")
    chosen = [row_of(seen, name) for name in names]
    answer = client.post("/export", json={"rows": chosen, "format": "folder"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == 5
        assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-/.") for name in names)
        assert not any(".." in name for name in names)
        assert Image.open(archive.open(names[0])).size == (60, 40)
        rows = list(csv.DictReader(io.StringIO(archive.read("selection.csv").decode())))
    assert len(rows) == 4


def test_decisions_are_exported_as_rara_decide_takes_them(seen, run):
    from pathlib import Path

    from rara.decisions.exported import decisions_of

    client, _ = client_of(seen, run)
    for row in (2, 4):
        client.post("/decisions", json={"sample": row, "reference": row, "decision": "copy"})
    answer = client.post("/export", json={"rows": [4, 5], "format": "decisions"})
    [decision] = decisions_of(answer.content, Path("decisions.json"))
    assert decision.pair == tuple(sorted([seen.digest_of(1, 4), seen.digest_of(0, 4)]))


# -- judging ----------------------------------------------------------------------------------


def test_a_picture_is_judged_and_put_on_the_map(client, place, seen):
    data = (place / "train" / "004.png").read_bytes()
    answer = client.post(
        "/v1/judge", files=[("image", ("x.png", data)), ("image", ("y.png", b"no"))]
    )
    good, bad = answer.json()["records"]
    assert (good["verdict"], good["file"]) == ("copy", 0)
    assert (good["nearest"], good["neighbours"][0]["distance"]) == ({"row": 4, "id": "004.png"}, 0)
    points = arrow(client.get("/data/points.arrow"))
    assert np.allclose([good["x"], good["y"]], [points["x"][4].as_py(), points["y"][4].as_py()])
    assert (bad["file"], bad["verdict"]) == (1, None)
    assert "error" in bad
    assert client.post("/v1/judge", files=[("image", ("y.png", b"no"))]).status_code == 200


def test_a_picture_that_is_compared_keeps_no_other_waiting(seen, run, place, monkeypatch):
    client, serving = client_of(seen, run)
    copy = [("image", ("copy.png", (place / "train" / "004.png").read_bytes()))]
    other = [("image", ("none.png", b"no"))]
    serving.judge.judge.warm()
    alone, hold, looked = (
        client.post("/v1/judge", files=copy),
        threading.Event(),
        finding.find_sources,
    )

    def slow(*given, **more):
        assert hold.wait(60)
        return looked(*given, **more)

    monkeypatch.setattr(finding, "find_sources", slow)

    async def together():
        first = asyncio.create_task(client.asked("POST", "/v1/judge", {"files": copy}))
        while not serving.crew.aside_now and not first.done():
            await asyncio.sleep(0.01)
        quick = await asyncio.wait_for(client.asked("POST", "/v1/judge", {"files": other}), 60)
        assert not first.done()
        hold.set()
        return quick, await first

    quick, slow_one = asyncio.run(together())
    assert "error" in quick.json()["records"][0]
    assert slow_one.json() == alone.json()
    assert (serving.crew.here, serving.crew.aside_now) == (0, 0)
    serving.close()


def test_a_contact_sheet_is_judged_panel_by_panel(client, place):
    images = [Image.open(place / "train" / f"{i:03}.png") for i in range(9)]
    sheet = Image.new("RGB", (3 * 64 + 4, 3 * 44 + 4), "white")
    for i, image in enumerate(images):
        sheet.paste(image, (4 + i % 3 * 64, 4 + i // 3 * 44))
    data = encoded(sheet)
    records = client.post("/v1/judge", files=[("image", ("sheet.png", data))]).json()["records"]
    assert [one["file"] for one in records] == [0] * 9
    assert [one["nearest"]["id"] for one in records] == [f"{i:03}.png" for i in range(9)]
    left, top, width, height = records[4]["box"]
    assert (left * sheet.width, top * sheet.height) == pytest.approx((68, 48), abs=2)
    assert (width * sheet.width, height * sheet.height) == pytest.approx((60, 40), abs=4)


def test_pictures_with_too_many_pixels_together_are_refused_unread(seen, run, monkeypatch):
    client, serving = client_of(seen, run, limits=Limits(pixels=4_000, pixels_at_once=5_000))
    image = ("image", ("a.png", encoded(picture(0, (50, 40)))))  # 2,000 pixels
    assert len(client.post("/v1/judge", files=[image] * 2).json()["records"]) == 2
    monkeypatch.setattr(serving.crew, "do", lambda work: 1 / 0)
    answer = client.post("/v1/judge", files=[image] * 3)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert "0.006 megapixels" in answer.json()["detail"]


def test_without_a_network_nothing_is_judged(seen, run):
    client, _ = client_of(seen, run, judges=False)
    assert client.get("/data/about.json").json()["can"]["judge"] is False
    assert client.post("/v1/judge", files=[("image", ("x.png", b"x"))]).status_code == 404


# -- hostile requests -------------------------------------------------------------------------

WRONG = [
    *("-1", "14", "99999999999999999999", "x", "1.5", "0x1", "٣", "%00", "..;", "1e3", "", " 1"),
    *("../../etc/passwd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..", "NaN", "null", "true"),
]  # fmt: skip


@pytest.mark.parametrize("row", WRONG)
def test_no_row_but_numbers_that_are_there(client, row):
    for address in (f"/record/{row}", f"/picture/1/{row}", f"/neighbours/1/{row}"):
        answer = client.get(address)
        assert answer.status_code in (400, 404)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "root:" not in answer.text
    for address in (f"/picture/{row}/0", f"/neighbours/{row}/0", f"/atlas/{row}"):
        assert client.get(address).status_code in (400, 404)


@pytest.mark.parametrize("edge", ["0", "63", "2049", "-5", "x", "", "64&edge=65"])
def test_no_edge_beyond_the_bounds(client, edge):
    assert client.get(f"/picture/1/0?edge={edge}").status_code == 400


@pytest.mark.parametrize("count", ["0", "101", "x", "-1"])
def test_no_count_beyond_the_bounds(client, count):
    assert client.get(f"/neighbours/1/0?count={count}").status_code == 400


@pytest.mark.parametrize(
    "name",
    ["../routes.py", "%2e%2e/routes.py", "..%2froutes.py", "/etc/passwd", "app.js/..", "nothing.js",
     "vendor/../../routes.py", "%00", ""],
)  # fmt: skip
def test_no_file_but_those_of_the_page(client, name):
    assert client.get(f"/static/{name}").status_code == 404


def test_the_page_and_its_files(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    script = client.get("/static/app.js")
    assert script.headers["content-type"].startswith("text/javascript")
    tag = {"if-none-match": script.headers["etag"]}
    assert client.get("/static/app.js", headers=tag).status_code == 304


@pytest.mark.parametrize(
    "columns", ["nothing", "id,../x", "id,id2", ",".join(["x"] * 2_000), "rarity%00"]
)
def test_no_column_but_those_of_the_table(client, columns):
    assert client.get(f"/data/table.arrow?columns={columns}").status_code == 400


BODIES = [
    b"", b"x", b"[]", b"1", b"null", b"{", b'{"sample": NaN}', b"[" * 100_000, b'{"sample": "0"}',
    b'{"sample": 1.5}', b'{"sample": true}', b'{"sample": -1}', b'{"sample": 14}', b'{"rows": [0]}',
    b'{"sample": 0, "decision": "maybe"}', b'{"sample": 0, "decision": 3}', b"\xff\xfe",
    b'{"sample": 0, "reference": 30}', b'{"sample": 0, "note": 3}', b'{"sample": 0, "star": 1}',
    b'{"sample": 0, "path": "/etc/passwd"}', b'{"sample": 0, "decision": ["copy"]}',
    b'{"sample": 0, "note": "' + b"x" * 1_001 + b'"}', b'{"sample": 99999999999999999999999}',
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_no_mark_of_what_is_no_mark(client, body):
    answer = client.post("/decisions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert client.get("/decisions").json() == {"decisions": []}


@pytest.mark.parametrize(
    "body",
    [{}, {"rows": [0]}, {"rows": [0], "format": "exe"}, {"rows": [], "format": "csv"},
     {"rows": [14], "format": "csv"}, {"rows": [-1], "format": "csv"},
     {"rows": "0", "format": "csv"},
     {"rows": [0.5], "format": "csv"}, {"rows": [True], "format": "csv"},
     {"rows": [0] * 15, "format": "csv"}, {"rows": [[0]], "format": "csv"},
     {"rows": [0], "format": ["csv"]}, {"rows": [0], "format": "csv", "name": "../x"}],
)  # fmt: skip
def test_no_export_of_what_is_not_there(client, body):
    assert client.post("/export", json=body).status_code == 400


def test_a_form_of_another_page_changes_nothing(client):
    body = b'{"sample": 0, "star": true}'
    plain = {"content-type": "text/plain"}
    assert client.post("/decisions", content=body, headers=plain).status_code == 415
    other = {"content-type": "application/json", "origin": "http://evil.example"}
    assert client.post("/decisions", content=body, headers=other).status_code == 403
    assert client.get("/decisions", headers={"host": "evil.example"}).status_code == 421


# -- other runs -------------------------------------------------------------------------------


def test_vectors_without_pictures(tmp_path):
    run = Run(threads=1, cache=tmp_path)
    seen = of_vectors(gaussian(6, 4, 1), gaussian(20, 4, 2), run)
    client, serving = client_of(seen, run, judges=False)
    serving.start()
    about = client.get("/data/about.json").json()
    assert about["atlas"] is None
    assert client.get("/atlas/0").status_code == 404
    assert client.get("/picture/1/0").status_code == 404
    assert len(arrow(client.get("/data/points.arrow"))) == 26
    assert client.get("/record/0").json()["sentence"]
    client.post("/decisions", json={"sample": 0, "decision": "copy"})
    answer = client.post("/export", json={"rows": [0], "format": "folder"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["selection.csv"]
    serving.close()


@pytest.mark.parametrize(("samples", "reference"), [(1, 2), (1, 1_000), (3, 2)])
def test_one_sample_and_two_reference_images(tmp_path, samples, reference):
    run = Run(threads=1, cache=tmp_path)
    seen = of_vectors(gaussian(samples, 3, 1), gaussian(reference, 3, 2), run, k=1)
    client, _ = client_of(seen, run, judges=False)
    assert len(arrow(client.get("/data/points.arrow"))) == samples + reference
    near = client.get("/neighbours/0/0?count=100").json()["neighbours"]
    assert len(near) == min(100, reference - 1)
    assert client.get("/record/0").status_code == 200


def test_a_table_without_rarity_and_verdicts(seen, run):
    names = [one for one in seen.table.columns if one.startswith(("rarity", "verdict", "reason"))]
    table = without(seen.table, *names)
    client, _ = client_of(Explored.of(table, seen.reference, seen.samples), run)
    record = client.get("/record/0").json()
    assert record["verdict"] is None
    assert record["sentence"]
    assert client.get("/neighbours/1/0").status_code == 200
    assert client.get("/data/about.json").status_code == 200


def test_a_table_that_was_sorted_and_filtered(seen, run):
    table = seen.table.sort("knn_distance", descending=True).head(5)
    some = Explored.of(table, seen.reference, seen.samples)
    assert some.items[1]["id"].to_pylist() == table["id"].tolist()
    client, _ = client_of(some, run)
    near = client.get("/neighbours/1/0?count=1").json()["neighbours"]
    assert near[0]["id"] == table["nearest"][0]
    with pytest.raises(ParameterError, match="no rows"):
        Explored.of(table.head(0), seen.reference, seen.samples)
    with pytest.raises(ParameterError, match="9 rows of the table's 14 are not among"):
        Explored.of(seen.table, seen.reference, some.samples)


def test_leave_one_out_never_names_the_image_itself(seen, run):
    table = seen.reference.score_leave_one_out(run=run)
    own = Explored.of(table, seen.reference, seen.reference.features)
    client, _ = client_of(own, run)
    near = client.get("/neighbours/1/5?count=100").json()["neighbours"]
    assert len(near) == 29
    assert 5 not in [one["row"] for one in near]
    assert near[0]["id"] == table["nearest"][5]


# -- saved tables -----------------------------------------------------------------------------


def test_a_saved_table_finds_its_images(seen, run, tmp_path):
    from embedding import Means

    seen.table.save(tmp_path / "t.parquet")
    table = ScoreTable.from_parquet(tmp_path / "t.parquet")
    again = opened_again(table, Places.of(table, None, None), run, Means())
    assert np.array_equal(again.samples.vectors, seen.samples.vectors)
    assert np.array_equal(again.reference.radii, seen.reference.radii)
    client, _ = client_of(again, run)
    assert client.get("/picture/1/0").status_code == 200
    assert pq.read_schema(tmp_path / "t.parquet").metadata


@pytest.mark.parametrize(
    "asked",
    [
        {"k": 2, "boundary": "closed", "alpha": 0.1, "evidence": "none"},
        {"boundary": "closed", "evidence": "all"},
        {"compat": "official"},
    ],
)
def test_further_pictures_are_judged_as_the_table_was(seen, run, place, asked, tmp_path):
    from embedding import Means

    scorer = seen.reference.scorer(run=run, extractor=Means(), **asked)
    scorer.score(place / "samples").save(tmp_path / "t.parquet")
    options = options_of(ScoreTable.from_parquet(tmp_path / "t.parquet"))
    assert asked.items() <= options.items()
    assert ScoreOptions(**options).rule == ScoreOptions(**asked).rule


def test_a_saved_reference_brings_its_decisions(seen, run, place, tmp_path):
    from embedding import Means

    seen.reference.save(tmp_path / "reference", run=run)
    seen.table.save(tmp_path / "t.parquet")
    table = ScoreTable.from_parquet(tmp_path / "t.parquet")
    places = Places.of(table, None, tmp_path / "reference")
    again = opened_again(table, places, run, Means())
    serving = Serving.of(again, run=run)
    serving.marks.put(Change(sample=0, decision="not a copy"))
    [held] = Decisions.load(tmp_path / "reference" / "decisions.csv")
    assert held.sample == seen.digest_of(1, 0)
    assert serving.about.more["kept"] == "Kept in decisions.csv."


def test_a_saved_table_refuses_other_images(seen, run, place, tmp_path):
    from embedding import Means

    seen.table.save(tmp_path / "t.parquet")
    table = ScoreTable.from_parquet(tmp_path / "t.parquet")
    for places in (
        Places(str(place / "train"), str(place / "train")),
        Places(str(place / "samples"), str(place / "samples")),
    ):
        with pytest.raises(ParameterError, match="holds other images"):
            opened_again(table, places, run, Means())
    with pytest.raises(SourceNotFoundError, match=r"table's sample images .*--samples"):
        opened_again(table, Places("nowhere", str(place / "train")), run, Means())
    with pytest.raises(SourceNotFoundError, match=r"table's reference images .*--reference"):
        opened_again(table, Places(str(place / "samples"), "nowhere"), run, Means())


def test_numbers_are_rounded_as_the_sentence_rounds_them():
    """Shares down and p-values up: one sample never has two numbers."""
    text = {"rarity_percentile": 76.96, "knn_p": 0.6131, "copy_p": 0.0004321, "copy_q": 0.0}
    made = {one.name: one.text for one in figures(Row(text))}
    assert made == {
        "rarity_percentile": "76.9 %", "knn_p": "0.62", "copy_p": "0.00044", "copy_q": "0",
    }  # fmt: skip
