"""What enters and leaves the command: hostile text, odd streams, signals and the unforeseen."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import kills
import rara
from commands import called
from make import as_plugin
from rara.cli.app import run
from rara.errors import UnwritableError
from rara.text import encodable, json_of, plain

HOSTILE = [
    "\x1b[31mred", "two\nlines", "\r\x08back", "\x9b31m", "\u202egnp.exe", "\u2066a", "a\u2069",
    "zero\u200bwidth", "\udcff", "\ud800", "[/b]", "[link=http://x]y[/link]", ":smile:",
    "\x00", "\u2028", "\ufeff", "\U000e0041", "a\u2067b\u2069",
]  # fmt: skip
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ud800-\udfff]")


@pytest.fixture(scope="module")
def place(tmp_path_factory, draw):
    """Two folders of images, and the features of both."""
    root = tmp_path_factory.mktemp("place")
    draw(root / "train", 14, 0)
    draw(root / "samples", 6, 1)
    return root


# -- text ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_shown_text_steers_nothing(text):
    shown = plain(text)
    assert not STEERING.search(shown)
    assert "\n" not in shown
    assert shown.encode()
    assert plain(shown) == shown


def test_what_is_shown_keeps_names_apart_and_plain_names_as_they_are():
    assert len({plain(text) for text in HOSTILE}) == len(HOSTILE)
    for text in ("日本", "שלום", "café", "🦀", "a b", "\u2068שלום\u2069 and more"):
        assert plain(text) == text


@pytest.mark.parametrize("ascii_only", [False, True])
def test_json_is_exact_whatever_it_holds(ascii_only):
    value = {text: [text, "日本", 1.5, None] for text in HOSTILE}
    line = json_of(value, ascii_only=ascii_only)
    assert json.loads(line) == value
    assert plain(line) == line
    assert line.encode("ascii" if ascii_only else "utf-8")


def test_names_of_any_kind_go_through_the_command(place, capsys, tmp_path):
    """As a folder, as an id and as a label, to the terminal, tables and page."""
    folder = tmp_path / "[" / "b]\x1b[31m\n\u202e"
    shutil.copytree(place / "samples", folder / "x[")
    first = next((folder / "x[").iterdir())
    first.rename(folder / "x[" / "b]\x1b[31m\n\u202e.png")
    for table in ("t.json", "t.csv", "t.parquet"):
        words = ("-o", tmp_path / table, "--report", tmp_path / "p.html")
        code, out, err = called(capsys, "score", folder, "-r", place / "train", *words)
        assert code == 0, err
        assert not STEERING.search(out + err)
    _, out, _ = called(capsys, "score", folder, "-r", place / "train", "--json")
    assert json.loads(out)["samples"]["location"] == str(folder)
    assert not STEERING.search(out)


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_typed_is_said_back_without_effect(text, capsys):
    for words in (
        [text],
        ["score", text, "-r", text],
        ["score", f"--{text}"],
        ["score", "a", text],
    ):
        code, out, err = called(capsys, *words)
        assert code == 2
        assert out == ""
        assert err.startswith("rara: ")
        assert not STEERING.search(err)


def test_a_bar_shows_names_as_they_are(monkeypatch, capsys):
    from rich.console import Console

    from rara.cli import progress

    console = Console(force_terminal=True, width=100)
    monkeypatch.setattr(progress, "notes_console", lambda: console)
    bar = progress.progress_on()
    bar.start(2, "a[/b]\x1b[31m[link=http://x]")
    bar.advance(done=1, cached=1, skipped=0)
    bar.finish()
    shown = capsys.readouterr().out
    assert "a[/b]\\x1b[31m[link=http://x]" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal to open")
def test_bars_move_and_end_in_a_terminal(place):
    import pty

    ours, theirs = pty.openpty()
    words = ["score", str(place / "samples"), "-r", str(place / "train")]
    process = subprocess.Popen(
        [sys.executable, "-m", "rara", *words],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, close_fds=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # a terminal ends so
        pass
    finally:
        os.close(ours)
    assert process.wait() == 0
    assert b"samples" in shown
    assert b"Judged" in shown


def test_all_text_survives_until_the_tables_are_written(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"{text} {i}" for i in range(2) for text in HOSTILE]
    vectors = rng.normal(size=(len(names), 4))
    features = rara.Features.from_arrays(
        vectors, ids=names, metadata={"label": names, "\ud800": names}
    )
    table = rara.Reference.from_features(features).score_features(features)
    for name in ("t.parquet", "t.csv", "t.json", "p.html"):
        (table.report if name == "p.html" else table.save)(tmp_path / name)
    assert list(rara.ScoreTable.from_parquet(tmp_path / "t.parquet")["id"]) == [
        encodable(name) for name in names
    ]
    assert not STEERING.search(table.summary())
    features.save(tmp_path / "features")
    assert rara.Features.load(tmp_path / "features").ids == features.ids


# -- streams ------------------------------------------------------------------------------


def command(*words, shell, **environment):
    """A run in a process of its own, with its streams as the shell's text says."""
    line = [sys.executable, "-m", "rara", *map(str, words)]
    return subprocess.run(
        ["bash", "-c", f'"$@" {shell}', "bash", *line],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    ("shell", "code"),
    [
        (">&-", 2), (">/dev/full", 2), ("2>&-", 0), ("2>/dev/full", 0), ("<&-", 0),
        (">&- 2>&- <&-", 2), (">/dev/full 2>/dev/full", 2), ("2> >(exec true)", 0),
    ],
)  # fmt: skip
def test_streams_that_are_closed_or_full(place, tmp_path, shell, code):
    """Results must be written; notes may be lost. The files hold what they always hold."""
    table = tmp_path / "t.json"
    expected = tmp_path / "expected.json"
    words = ("score", place / "samples", "-r", place / "train", "-o")
    assert run([str(word) for word in (*words, expected)]) == 0
    done = command(*words, table, shell=shell)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert table.read_bytes() == expected.read_bytes()
    if code == 0:
        assert "Judged" in done.stdout


@pytest.mark.parametrize("word", ["--help", "--version", "doctor"])
def test_help_to_a_closed_stdout(word):
    assert command(word, shell=">&-").returncode == 2
    done = command(word, shell="| true; exit ${PIPESTATUS[0]}")
    assert done.returncode == 0
    assert done.stderr == ""


# -- the unforeseen -----------------------------------------------------------------------


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (KeyError("\x1b[31m[/b]"), 70, "KeyError: '\\x1b[31m[/b]'. This is a fault of rara"),
        (RecursionError("deep"), 70, "rara doctor --json"),
        (ZeroDivisionError(), 70, "ZeroDivisionError. This is"),
        (MemoryError("Unable to allocate"), 2, "smaller --memory"),
        (RuntimeError("std::bad_alloc"), 2, "smaller --memory"),
        (RuntimeError("can't start new thread"), 2, "fewer --threads"),
        (OSError(24, "Too many open files", "x\ny"), 2, "Too many open files: 'x\\ny'"),
        (UnwritableError("No room."), 2, "rara: No room."),
        (ValueError("x" * 100_000), 70, "…. This is a fault"),
    ],
)
def test_whatever_fails_is_one_sentence(error, code, says, place, monkeypatch, capsys, tmp_path):
    monkeypatch.syspath_prepend(as_plugin(tmp_path / "plugin", failing="failing:load"))
    monkeypatch.setitem(sys.modules, "failing", SimpleNamespace(load=failing(error)))
    monkeypatch.delenv("RARA_TRACEBACK", raising=False)
    words = ("embed", place / "samples", "-o", tmp_path / "vectors", "--extractor", "failing")
    found, out, err = called(capsys, *words)
    assert (found, out) == (code, "")
    assert says in err
    assert err.count("\n") == 1
    assert len(err) < 1_000
    if not isinstance(error, rara.RaraError):
        monkeypatch.setenv("RARA_TRACEBACK", "1")
        assert "Traceback (most recent call last)" in called(capsys, *words)[2]


def test_a_package_that_cannot_be_loaded_is_one_sentence(tmp_path):
    (tmp_path / "numba.py").write_text("raise OSError('libllvmlite.so: failed to map segment')")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = command("doctor", shell="", PYTHONPATH=path)
    assert done.returncode == 2
    assert "The memory does not suffice" in done.stderr
    assert "Traceback" not in done.stderr


def test_too_few_threads_are_one_sentence(place, monkeypatch, capsys):
    monkeypatch.setattr("threading.Thread.start", failing(RuntimeError("can't start new thread")))
    code, _, err = called(capsys, "score", place / "samples", "-r", place / "train")
    assert code == 2
    assert "fewer --threads" in err


# -- signals ------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_signal_at_any_moment_ends_the_run_in_one_line(tmp_path, draw):
    draw(tmp_path / "train", 20, 0)
    draw(tmp_path / "samples", 10, 1)
    place = kills.Place(tmp_path)
    place.expected = place.undisturbed("cache")
    dice = random.Random(1)
    for i in range(6):
        number = kills.ORDERLY[i % 2]
        after = place.lasts * (i + dice.random()) / 6
        kills.check(place, number, *place.kill("cache", number, after))
    assert place.undisturbed("cache") == place.expected


SWALLOWED = """
import os, signal, sys, time, weakref
from rara import cli
from rara.cli import doctor

class Thing:
    pass

def examine():
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.{name}))
    del thing  # what a callback raises is only printed
    try:
        os.kill(os.getpid(), signal.{name})
        time.sleep(0.01)
    except BaseException:
        pass
    time.sleep(10)

doctor._examine = examine
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_that_is_swallowed_comes_again(name):
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(name=name), "doctor"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=False, timeout=9,
        preexec_fn=kills.signals_of_a_terminal,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert done.stderr == f"{kills.MESSAGE}\n"


def test_a_signal_while_packages_load(tmp_path):
    """The first package that is loaded sends it."""
    (tmp_path / "cyclopts.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = command("doctor", shell="", PYTHONPATH=path)
    assert done.returncode == 130
    assert done.stderr == f"{kills.MESSAGE}\n"
