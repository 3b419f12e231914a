"""Decisions as a collection and as a file: round trips, mistakes, hostile files, many writers."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from make import as_zip, png
from rara import Decisions
from rara.decisions import csv_file
from rara.decisions.csv_file import HEADER, lines_in, text_of
from rara.decisions.decision import Decision, today
from rara.decisions.exported import decisions_of
from rara.decisions.remark import Remark
from rara.errors import (
    DamagedStoreError,
    DecisionError,
    LockedStoreError,
    ParameterError,
    SourceNotFoundError,
    UnwritableError,
)
from rara.storage import shared_file

A, B, C = "a" * 64, "b" * 64, "c" * 64


def line(sample=A, source=B, word="not a copy", date="2026-11-30", rest="x.png,y.png,"):
    return f"{sample},{source},{word},{date},{rest}"


def written(path, *lines, header=HEADER):
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return path


# -- a collection --


def test_a_decision_is_kept_in_the_file_with_its_day_and_note(tmp_path):
    decisions = Decisions(tmp_path / "d.csv")
    decisions.add(A, B, note="the same logo")
    decisions.add(A, C, copy=True)
    assert not (tmp_path / "d.csv").exists()
    decisions.save()
    again = Decisions.load(tmp_path / "d.csv")
    assert list(again) == list(decisions)
    assert [(one.word, one.note, one.date) for one in again] == [
        ("not a copy", "the same logo", today()), ("copy", "", today()),
    ]  # fmt: skip
    lines = (tmp_path / "d.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == HEADER
    assert len(lines) == 3


def test_the_two_pictures_of_a_decision_have_no_order():
    decisions = Decisions()
    decisions.add(A, B)
    decisions.add(B, A, copy=True)
    assert [one.word for one in decisions] == ["copy"]
    decisions.remove(A, B)
    assert len(decisions) == 0
    with pytest.raises(ParameterError, match="Nothing is decided"):
        decisions.remove(A, B)


def test_a_removed_decision_is_a_removed_line(tmp_path):
    decisions = Decisions(written(tmp_path / "d.csv", line(), line(source=C)))
    decisions.remove(B, A)
    decisions.save()
    assert (tmp_path / "d.csv").read_text(encoding="utf-8").splitlines() == [
        HEADER, line(source=C),
    ]  # fmt: skip


def test_images_are_named_by_their_paths(tmp_path):
    (tmp_path / "one.png").write_bytes(png(1))
    (tmp_path / "two.png").write_bytes(png(2))
    decisions = Decisions()
    decisions.add(tmp_path / "one.png", str(tmp_path / "two.png"))
    [one] = decisions
    assert {one.sample_id, one.source_id} == {str(tmp_path / f"{n}.png") for n in ("one", "two")}
    assert one.sample == hashlib.sha256(png(1)).hexdigest()
    assert one.source == hashlib.sha256(png(2)).hexdigest()
    for wrong in (tmp_path / "no.png", "nul\0l", 3, A.upper()):
        with pytest.raises(ParameterError):
            decisions.add(wrong, B)
    both = as_zip(tmp_path / "both", {"1.png": png(1), "2.png": png(2)})
    with pytest.raises(ParameterError, match="several images"):
        decisions.add(both, B)


def test_decisions_without_a_file_are_saved_only_with_a_path(tmp_path):
    decisions = Decisions()
    decisions.add(A, B)
    with pytest.raises(ParameterError, match="no file yet"):
        decisions.save()
    decisions.save(tmp_path / "new" / "d.csv")
    assert list(Decisions.load(tmp_path / "new" / "d.csv")) == list(decisions)
    with pytest.raises(SourceNotFoundError, match="rara decide"):
        Decisions.load(tmp_path / "other.csv")


def test_what_others_wrote_meanwhile_stays(tmp_path):
    path = written(tmp_path / "d.csv", line())
    mine, yours = Decisions(path), Decisions(path)
    mine.add(A, C)
    yours.add(B, C, copy=True)
    mine.remove(A, B)
    yours.save()
    mine.save()
    assert {one.pair for one in Decisions.load(path)} == {(A, C), (B, C)}
    assert {one.pair for one in mine} == {(A, C), (B, C)}


def test_a_note_that_is_too_long_is_refused():
    with pytest.raises(DecisionError, match="1,001 characters"):
        Decisions().add(A, B, note="n" * 1001)


@pytest.mark.parametrize("wrong", [{"copy": "no"}, {"copy": 1}, {"note": 3}, {"note": None}])
def test_values_of_another_kind_are_refused(wrong):
    with pytest.raises(DecisionError, match=r"= (3|None|'no'|1): give"):
        Decisions().add(A, B, **wrong)


TEXTS = st.text(max_size=20) | st.sampled_from(["=cmd|'/c calc'!A1", "'=x", "a,b", '"', "a\nb"])


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=4))
def test_any_text_comes_back_in_one_line_and_no_cell_is_a_formula(texts):
    contents = "0123456789"
    made = [
        Decision(sample=A, source=contents[i] * 64, copy=i % 2 == 0, sample_id=names[0],
                 source_id=names[1], note=names[2])
        for i, names in enumerate(texts)
    ]  # fmt: skip
    data = text_of(made)
    assert lines_in(data, "d.csv") == made
    assert data.count(b"\n") == 1 + len(made)
    cells = [cell for row in csv.reader(data.decode().splitlines()) for cell in row]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in cells)


# -- mistakes, each one sentence with the number of its line --


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line(sample="a" * 63)], "line 2: sample = 'aaaa"),
        ([line(), line(word="maybe")], "line 3: decision = 'maybe': give 'copy' or 'not a copy'"),
        ([line(date="30.11.2026")], r"line 2: date = '30\.11\.2026': give a day such as"),
        ([line(date="20261130")], "line 2: date"),
        ([line(date="")], "line 2: it has no date"),
        ([line(rest="x")], "line 2: it has 5 cells: give 7"),
        ([line(rest="x,y,a,b")], "line 2: it has 8 cells"),
        ([line(rest='x,y,"open')], "line 2: its quotes are wrong"),
        ([line(rest="x,y," + "n" * 10_000)], "line 2: it has 10,"),
        (["", line(), "", line(source=A, sample=B, word="copy")],
         "line 5: 'copy' contradicts line 3, which says 'not a copy'"),
        ([line(rest="x,y,a\0b")], "line 2: it holds a NUL byte"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path, lines, message):
    path = written(tmp_path / "d.csv", *lines)
    with pytest.raises(DecisionError, match=message) as error:
        Decisions.load(path)
    assert str(error.value).count("\n") == 0
    before = path.read_bytes()
    with pytest.raises(DecisionError):
        Decisions(path).add(A, C)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace(",", ";"), "line 1: its cells are not separated by commas"),
        ("sample,source", "line 1: it is 'sample,source': it must be `sample,source,decision"),
        ("\x1b[31m", "line 1"),
    ],
)
def test_a_wrong_first_line_is_named(tmp_path, header, message):
    with pytest.raises(DecisionError, match=message) as error:
        Decisions.load(written(tmp_path / "d.csv", line(), header=header))
    assert "\x1b" not in str(error.value)


def test_what_an_editor_or_a_spreadsheet_saves_is_read(tmp_path):
    rows = [HEADER, line(sample=A.upper()), " ", ",,,,,,", f"{A},{C}, copy ,2026-11-30,x,y"]
    path = tmp_path / "d.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    assert [(one.pair, one.word) for one in Decisions.load(path)] == [
        ((A, B), "not a copy"), ((A, C), "copy"),
    ]  # fmt: skip


def test_a_line_that_is_there_twice_counts_once(tmp_path):
    path = written(tmp_path / "d.csv", line(), line(sample=B, source=A))
    assert len(Decisions.load(path)) == 1


def test_text_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "d.csv").write_bytes(f"{HEADER}\n{line()}\ncaf\xe9".encode("latin-1"))
    with pytest.raises(DecisionError, match="line 3: it is no UTF-8 text"):
        Decisions.load(tmp_path / "d.csv")


# -- hostile files --


def test_a_file_of_a_gigabyte_is_refused_without_reading_it(tmp_path):
    with (tmp_path / "d.csv").open("wb") as file:
        file.truncate(1 << 30)
    start = time.perf_counter()
    with pytest.raises(DamagedStoreError, match="more than 33,554,432 bytes"):
        Decisions.load(tmp_path / "d.csv")
    assert time.perf_counter() - start < 5


def test_a_file_never_grows_beyond_what_is_read(tmp_path, monkeypatch):
    path = written(tmp_path / "d.csv", line())
    monkeypatch.setattr("rara.decisions.decisions.MOST_BYTES", path.stat().st_size + 10)
    decisions = Decisions(path)
    decisions.add(A, C)
    with pytest.raises(ParameterError, match="does not read"):
        decisions.save()
    assert len(Decisions.load(path)) == 1


def test_links_pipes_and_folders_are_neither_read_nor_written(tmp_path):
    real = written(tmp_path / "real.csv", line())
    before = real.read_bytes()
    (tmp_path / "link.csv").symlink_to(real)
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nothing")
    for name in ("link", "pipe", "folder", "dangling"):
        with pytest.raises(DamagedStoreError, match="not a plain file"):
            Decisions.load(tmp_path / f"{name}.csv")
    other = Decisions()
    other.add(A, C)
    for name in ("link", "pipe", "folder", "dangling"):
        with pytest.raises(DamagedStoreError, match="not a plain file"):
            other.save(tmp_path / f"{name}.csv")
    assert real.read_bytes() == before
    assert not (tmp_path / "nothing").exists()


def test_a_link_in_place_of_the_lock_is_refused(tmp_path):
    (tmp_path / "precious").write_text("content")
    (tmp_path / ".d.csv.lock").symlink_to(tmp_path / "precious")
    decisions = Decisions(tmp_path / "d.csv")
    decisions.add(A, B)
    with pytest.raises(UnwritableError, match="writes through none"):
        decisions.save()
    assert (tmp_path / "precious").read_text() == "content"


def test_a_folder_that_nobody_may_write_to_says_what_helps(tmp_path, monkeypatch):
    path = written(tmp_path / "d.csv", line())
    decisions = Decisions(path)
    decisions.add(A, C)

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(UnwritableError, match=r"permission denied.*--decisions"):
        decisions.save()
    assert len(Decisions.load(path)) == 1


def test_a_process_that_does_not_end_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_file, "WAIT", 0.05)
    decisions = Decisions(tmp_path / "d.csv")
    decisions.add(A, B)
    changing = shared_file.changing(tmp_path / "d.csv", most=9, remedy="-")
    with changing, pytest.raises(LockedStoreError, match="has been changing"):
        decisions.save()
    decisions.save()
    assert len(Decisions.load(tmp_path / "d.csv")) == 1


# -- several processes --

WRITER = """
import hashlib, sys
from rara import Decisions
for i in range(int(sys.argv[3])):
    decisions = Decisions(sys.argv[1])
    content = hashlib.sha256(f"{sys.argv[2]} {i}".encode()).hexdigest()
    decisions.add(content, "f" * 64)
    decisions.save()
    print(i, flush=True)
"""


def writer(path, name, times):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(times)], stdout=subprocess.PIPE
    )


def test_two_processes_at_once_lose_nothing(tmp_path):
    path = tmp_path / "d.csv"
    both = [writer(path, name, 25) for name in ("one", "other")]
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(Decisions.load(path)) == 50


def test_a_kill_leaves_a_whole_file_and_the_next_run_sweeps(tmp_path):
    path = tmp_path / "d.csv"
    held = 0
    for round_ in range(3):
        process = writer(path, f"round {round_}", 10_000)
        process.stdout.readline()
        time.sleep(0.05 * (round_ + 1))
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
        saved = len(Decisions.load(path))
        assert saved >= held + 1 + out.count(b"\n")
        held = saved
    (tmp_path / f".d.csv-{'0' * 32}").write_text("half of a file")
    (tmp_path / ".d.csv-mine").write_text("not rara's")
    last = Decisions(path)
    last.add(A, B)
    last.save()
    assert len(Decisions.load(path)) == held + 1
    assert {one.name for one in tmp_path.iterdir()} == {"d.csv", ".d.csv.lock", ".d.csv-mine"}


# -- a list in JSON --


def exported(*entries):
    return json.dumps(list(entries)).encode()


def entry(sample=A, source=B, decision="not a copy", **more):
    return {"sample": sample, "source": source, "decision": decision, **more}


def test_a_list_in_json_is_read():
    data = exported(entry(), entry(source=C, decision="copy", note="n", date="2026-01-02"), entry())
    assert [(one.pair, one.word, one.note) for one in decisions_of(data, "e.json")] == [
        ((A, B), "not a copy", ""), ((A, C), "copy", "n"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", "holds no list"),
        (b"[1", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[NaN]", "NaN is no JSON"),
        (b'[{"sample": "a", "sample": "b"}]', "has a key twice"),
        (b"[" + b"9" * 5000 + b"]", "is no JSON"),
        (exported([]), "entry 1: it is no object"),
        (exported(entry(), {"sample": A}), "entry 2: 'source' is missing"),
        (exported(entry(extra="x")), "entry 1: the key 'extra' is none of"),
        (exported({**entry(), "__class__": "x"}), "entry 1: the key '__class__'"),
        (exported(entry(sample=3)), "entry 1: 'sample' is no text"),
        (exported(entry(note=None)), "entry 1: 'note' is no text"),
        (exported(entry(decision="no")), "entry 1: decision = 'no'"),
        (exported(entry(decision=True)), "entry 1: 'decision' is no text"),
        (exported(entry(sample="../../etc/passwd")), "entry 1: sample = "),
        (exported(entry(sample=A + "\n")), "entry 1: sample = "),
        (exported(entry(date="yesterday")), "entry 1: date = 'yesterday'"),
        (exported(entry(note="n" * 1001)), "entry 1: The note has 1,001"),
        (exported(entry(), entry(sample=B, source=A, decision="copy")),
         "entry 2: 'copy' contradicts entry 1"),
    ],
)  # fmt: skip
def test_a_hostile_list_is_one_sentence(data, message):
    with pytest.raises(DecisionError, match=message) as error:
        decisions_of(data, "e.json")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_the_limits_are_those_of_the_documents():
    assert csv_file.MOST_BYTES == 32 << 20


# -- remarks on one picture --


def test_remarks_stand_in_the_same_file_and_are_no_decisions(tmp_path):
    file = tmp_path / "d.csv"
    decisions = Decisions(file)
    decisions.add(A, B, note="the same logo")
    decisions.take([Remark(sample=A, star=True, note="=1+1", sample_id="<b>.png"),
                    Remark(sample=C, note="odd hands")])  # fmt: skip
    decisions.save()
    rows = list(csv.reader(file.read_text().splitlines()))
    assert [row[:3] for row in rows[1:]] == [
        [A, B, "not a copy"], [A, "", "star"], [C, "", "note"]
    ]  # fmt: skip
    assert rows[2][4:] == ["<b>.png", "", "'=1+1"]  # no spreadsheet runs it
    again = Decisions.load(file)
    assert (len(again), [one.pair for one in again]) == (1, [(A, B)])
    assert [(one.sample, one.star, one.note) for one in again.remarks] == [
        (A, True, "=1+1"), (C, False, "odd hands")
    ]  # fmt: skip
    again.drop_remark(C)
    again.drop_remark(B)  # nothing is said of it
    again.save()
    assert [one.sample for one in Decisions.load(file).remarks] == [A]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([line(source="", word="note")], "line 2: it has no note"),
        ([line(source="", word="stars")], "line 2: decision = 'stars'"),
        ([line(word="star")], "line 2: decision = 'star'"),
        ([line(source="")], "line 2: source = ''"),
        ([line(sample="a" * 63, source="", word="star")], "line 2: sample = "),
        ([line(source="", word="star", date="30.11.2026")], "line 2: date = "),
        ([line(source="", word="star"), line(source="", word="note", rest=",,odd")],
         "line 3: it says something else of the same picture than line 2"),
    ],
)  # fmt: skip
def test_a_wrong_remark_is_named_with_its_line(tmp_path, lines, message):
    with pytest.raises(DecisionError, match=message):
        Decisions.load(written(tmp_path / "d.csv", *lines))


def test_what_is_edited_is_saved_whole_or_not_at_all(tmp_path):
    mine, other = Decisions(tmp_path / "d.csv"), Decisions(tmp_path / "d.csv")
    with mine.editing():
        mine.take([Remark(sample=A, star=True)])
    assert other.remarks == mine.remarks  # read when it is first needed
    with other.editing():
        other.take([Remark(sample=B, star=True)])

    def fails():
        with mine.editing():
            assert [one.sample for one in mine.remarks] == [A, B]
            mine.take([Remark(sample=C, star=True)])
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fails()
    assert [one.sample for one in mine.remarks] == [A]
    mine.refresh()
    assert [one.sample for one in mine.remarks] == [A, B]
    assert [one.sample for one in Decisions.load(tmp_path / "d.csv").remarks] == [A, B]


def test_decisions_saved_by_others_keep_the_remarks(tmp_path):
    file = tmp_path / "d.csv"
    with Decisions(file).editing():
        pass
    assert file.read_text() == f"{HEADER}\n"
    kept = Decisions(file)
    with kept.editing():
        kept.take([Remark(sample=A, note="odd")])
    older = Decisions(file)
    older.add(A, B)
    older.save()
    older.save(tmp_path / "copy.csv")
    assert [one.note for one in Decisions.load(tmp_path / "copy.csv").remarks] == ["odd"]
