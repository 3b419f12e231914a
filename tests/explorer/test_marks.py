"""Marks are kept: in a file, in a saved reference, or in the cache folder, and come back."""

import csv
import io
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from exploring import Client, client_of, explored, pictures, scored
from rara import Run, ScoreTable
from rara.decisions.decisions import Decisions
from rara.errors import DecisionError
from rara.explorer import maps, marks
from rara.explorer.explored import SAMPLE
from rara.explorer.keeping import kept_marks
from rara.explorer.marks import Change, Marks
from rara.explorer.projection import principal_places
from rara.explorer.routes import routes
from rara.explorer.serving import Serving
from rara.service.application import application
from rara.service.security import Guard


@pytest.fixture(scope="module", autouse=True)
def quick_map():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "projected", lambda vectors, run: principal_places(vectors))
        yield


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    pictures(place / "train", 12, 1)
    pictures(place / "samples", 6, 2, ("<img src=x onerror=alert(1)>.png", "=1+1.png"))
    shutil.copy(place / "samples" / "005.png", place / "samples" / "again.png")
    table, reference, _ = scored(place, place / "cache")
    return explored(table, reference)


def served(seen, cache, decisions=None):
    """A new start of the explorer, with a cache folder."""
    serving = Serving.of(seen, run=Run(threads=1, cache=cache), decisions=decisions)
    return Client(application(routes(serving), Guard())), serving


def entries(client):
    found = client.get("/decisions").json()["decisions"]
    return [(one["sample"], one["star"], one["note"], one["decision"]) for one in found]


def row_of(seen, name):
    return seen.table["id"].tolist().index(name)


def mark(client, **body):
    answer = client.post("/decisions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def marked(client, first, second, third):
    mark(client, sample=first, star=True)
    mark(client, sample=second, note="<b>odd</b> \u202ehands, =1+1")
    mark(client, sample=third, reference=5, decision="not a copy", note="a logo")


def kept_file(cache):
    [file] = (cache / "marks").glob("*.csv")
    return file


@pytest.mark.parametrize("given", [True, False])
def test_marks_come_back_with_the_next_start(seen, tmp_path, given):
    file = tmp_path / "decisions.csv"
    client, _ = served(seen, tmp_path, Decisions(file) if given else None)
    marked(client, 0, 1, 2)
    before = client.get("/decisions").json()
    says = "Kept in decisions.csv." if given else "Kept in the cache folder, in marks/"
    assert client.get("/data/about.json").json()["more"]["kept"].startswith(says)
    assert str(tmp_path) not in client.get("/data/about.json").text  # a page needs no paths
    assert (file if given else kept_file(tmp_path)).is_file()
    assert (tmp_path / "marks").exists() is not given
    again, _ = served(seen, tmp_path, Decisions(file) if given else None)
    assert again.get("/decisions").json() == before
    assert len(before["decisions"]) == 3
    mark(again, sample=0, star=False)
    mark(again, sample=2, decision=None, note="")
    last, _ = served(seen, tmp_path, Decisions(file) if given else None)
    assert [one[0] for one in entries(last)] == [1]


def test_marks_are_found_by_what_the_samples_hold(seen, tmp_path):
    client, _ = served(seen, tmp_path)
    mark(client, sample=1, star=True)
    renamed = seen.samples.items.set_column(
        seen.samples.items.schema.get_field_index("id"), "id",
        [[f"other/{i}.png" for i in range(len(seen.samples.items))]],
    )  # fmt: skip
    ids = renamed["id"]
    at = seen.table.arrow.schema.get_field_index("id")
    table = ScoreTable(seen.table.arrow.set_column(at, "id", ids), seen.table.provenance)
    other = replace(seen, table=table, samples=replace(seen.samples, items=renamed), pictures=None)
    assert entries(served(other, tmp_path)[0]) == [(1, True, "", None)]
    fewer = replace(
        seen, samples=seen.samples.take(np.arange(3), "some"), pictures=None,
        table=ScoreTable(seen.table.arrow.slice(0, 3), seen.table.provenance),
    )  # fmt: skip
    assert entries(served(fewer, tmp_path)[0]) == []  # other samples have marks of their own


def test_no_verdict_reads_the_marks_of_the_cache(seen, tmp_path):
    client, serving = served(seen, tmp_path)
    mark(client, sample=1, reference=5, decision="copy")
    assert len(serving.marks.decisions) == 1
    assert len(serving.explored.reference.decisions) == 0


def test_a_damaged_file_is_named_put_aside_and_not_used(seen, tmp_path):
    client, _ = served(seen, tmp_path)
    mark(client, sample=1, star=True)
    file = kept_file(tmp_path)
    for number in (1, 2):
        file.write_bytes(file.read_bytes() + b"damaged line\n")
        damaged = file.read_bytes()
        client, serving = served(seen, tmp_path)
        assert entries(client) == []
        aside = file.with_name(f"{file.name}.damaged-{number}")
        assert aside.read_bytes() == damaged
        [first, _] = serving.keeping.notes
        assert f"'{file}', line " in first
        assert f"It is now '{aside}'" in first
        mark(client, sample=2, star=True)
        assert entries(served(seen, tmp_path)[0]) == [(2, True, "", None)]


@pytest.mark.parametrize("what", ["link", "folder", "long", "binary"])
def test_whatever_lies_in_the_place_of_marks_is_put_aside(seen, tmp_path, what):
    client, _ = served(seen, tmp_path)
    mark(client, sample=1, star=True)
    file, secret = kept_file(tmp_path), tmp_path / "secret"
    secret.write_text("mine")
    file.unlink()
    if what == "link":
        file.symlink_to(secret)
    elif what == "folder":
        file.mkdir()
    elif what == "long":
        with file.open("wb") as sparse:
            sparse.truncate(1 << 40)
    else:
        file.write_bytes(b"\0\xff")
    client, serving = served(seen, tmp_path)
    assert len(serving.keeping.notes) == 2
    mark(client, sample=2, star=True)
    assert secret.read_text() == "mine"
    assert entries(served(seen, tmp_path)[0]) == [(2, True, "", None)]


def test_a_damaged_file_that_was_given_is_an_error_and_stays(seen, tmp_path):
    file = tmp_path / "decisions.csv"
    file.write_text("no decisions")
    with pytest.raises(DecisionError, match="line 1"):
        list(kept_marks(seen, Decisions(file), tmp_path).decisions)
    assert file.read_text() == "no decisions"


def test_without_a_cache_marks_last_as_long_as_the_run_and_the_page_says_so(seen, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    keeping = kept_marks(seen, None, tmp_path / "cache")
    assert keeping.sentence == "Kept while the server runs: the cache folder cannot be written."
    [note] = keeping.notes
    assert note.startswith("Marks are not kept. Cannot write to '")
    held = Marks(seen, keeping.decisions)
    held.put(Change(sample=1, star=True))
    assert [one.sample for one in held.all()] == [1]
    held.put(Change(sample=1, star=False))


def test_two_servers_at_once_lose_no_mark(seen, tmp_path):
    first, second = served(seen, tmp_path)[0], served(seen, tmp_path)[0]
    mark(first, sample=1, star=True)
    mark(second, sample=1, note="odd")  # it has not read the star
    mark(first, sample=2, star=True)
    both = [(1, True, "odd", None), (2, True, "", None)]
    assert entries(second) == both  # a page that is loaded anew
    assert entries(first) == both
    mark(second, sample=1, reference=3, decision="copy")
    mark(first, sample=1, star=False)
    assert entries(served(seen, tmp_path)[0]) == [(1, False, "odd", "copy"), both[1]]


def test_many_threads_of_two_servers_lose_no_mark(seen, tmp_path):
    held = [Marks(seen, kept_marks(seen, None, tmp_path).decisions) for _ in range(2)]
    asked = [(one, row, what) for row in range(6) for one, what in zip(
        held, ({"star": True}, {"note": f"odd {row}"}), strict=True)]  # fmt: skip
    crew = [threading.Thread(target=lambda one=one, row=row, what=what: one.put(
        Change(sample=row, **what))) for one, row, what in asked]  # fmt: skip
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    kept = Marks(seen, Decisions(kept_file(tmp_path))).all()
    found = {one.sample: (one.star, bool(one.note)) for one in kept}
    assert {row: found[row] for row in range(6)} == dict.fromkeys(range(6), (True, True))


def test_the_same_picture_under_two_names_shares_its_mark(seen, tmp_path):
    client, _ = served(seen, tmp_path)
    row, again = row_of(seen, "005.png"), row_of(seen, "again.png")
    assert seen.digest_of(SAMPLE, row) == seen.digest_of(SAMPLE, again)
    assert mark(client, sample=row, star=True)["same"] == sorted([row, again])
    assert [one[:2] for one in entries(client)] == [(one, True) for one in sorted([row, again])]
    mark(client, sample=again, star=False)
    assert entries(client) == []


def test_a_refused_mark_changes_nothing(seen, tmp_path, monkeypatch):
    client, _ = served(seen, tmp_path)
    mark(client, sample=0, star=True)
    monkeypatch.setattr(marks, "MOST_MARKS", 1)
    answer = client.post("/decisions", json={"sample": 1, "star": True})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
    assert "1 pictures are marked" in answer.json()["detail"]
    mark(client, sample=0, note="still")  # of one that is marked already
    file = kept_file(tmp_path)
    file.write_text("damaged meanwhile")
    answer = client.post("/decisions", json={"sample": 0, "star": False})
    assert answer.status_code == 400
    assert f"'{file}', line 1" in answer.json()["detail"]
    assert entries(client) == [(0, True, "still", None)]
    assert file.read_text() == "damaged meanwhile"


def test_a_selection_takes_its_marks_along(seen, tmp_path):
    client, _ = served(seen, tmp_path)
    bare = client.post("/export", json={"rows": [0, 4], "format": "csv"})
    assert "star" not in bare.text.splitlines()[0]
    marked(client, 0, 1, 2)
    answer = client.post("/export", json={"rows": [4, 1, 2, 0], "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["id"] for row in rows][1:3] == [
        name if not name.startswith("=") else f"'{name}" for name in seen.table["id"][[1, 2]]
    ]
    assert [(row["star"], row["note"], row["decided"]) for row in rows] == [
        ("false", "", ""), ("false", "<b>odd</b> \\u202ehands, =1+1", ""),
        ("false", "a logo", "not a copy"), ("true", "", ""),
    ]  # fmt: skip
    answer = client.post("/export", json={"rows": [4, 1, 2, 0], "format": "parquet"})
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.column_names[-3:] == ["star", "note", "decided"]
    assert table["star"].to_pylist() == [False, False, False, True]
    assert table["note"].to_pylist()[0] is None


def test_metadata_of_the_same_name_stays(seen, tmp_path):
    arrow = seen.table.arrow.append_column("note", [["mine"] * len(seen.table)])
    other = replace(seen, table=ScoreTable(arrow, seen.table.provenance))
    client, _ = served(other, tmp_path)
    mark(client, sample=0, note="theirs")
    answer = client.post("/export", json={"rows": [0], "format": "csv"})
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["note"], row["explorer_note"]) == ("mine", "theirs")


KILLED = """
import os, sys
from rara.decisions.decisions import Decisions
from rara.decisions.remark import Remark
from rara.storage import atomic
held = Decisions(sys.argv[1])
atomic.os.fsync = lambda _: os.kill(os.getpid(), 9)
with held.editing():
    held.take([Remark(sample="a" * 64, star=True)])
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_kill_while_marks_are_written_leaves_those_of_before(seen, tmp_path):
    client, _ = served(seen, tmp_path)
    mark(client, sample=1, star=True)
    words = [sys.executable, "-c", KILLED, str(kept_file(tmp_path))]
    assert subprocess.run(words, check=False).returncode == -9
    again, _ = served(seen, tmp_path)
    mark(again, sample=2, star=True)
    assert entries(again) == [(1, True, "", None), (2, True, "", None)]
    names = [one.name for one in (tmp_path / "marks").iterdir()]
    assert sum("writing" in name or name.count("-") for name in names) == 0


def test_marks_of_an_explicit_collection_last_as_long_as_the_run(seen, tmp_path):
    client, serving = client_of(seen, Run(threads=1, cache=tmp_path))
    mark(client, sample=1, star=True)
    assert serving.keeping.sentence == "Kept while the server runs."
    assert not (tmp_path / "marks").exists()
