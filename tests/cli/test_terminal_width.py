"""What is printed in a terminal fits it; what is printed anywhere else is left as it is."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from rara.report.formatting import width, wrapped

LINES = [
    "Nearest   sample_00001.png has exactly the features of board/IMG_1113.jpg and of no other",
    "What helps          rara reference build --deduplicate near, and a look at every one",
    "  sample_00050.png: truncated PNG, of which only the first 3,000 bytes are there",
    "20 of 20 added images repeat images that were there: duplicates shrink balls.",
    "          写真 写真 写真 写真 写真 写真 写真 写真 写真 写真 写真 写真 写真 写真 写真",
]


@pytest.mark.parametrize("columns", [24, 40, 60])
@pytest.mark.parametrize("line", LINES)
def test_a_line_fits_loses_nothing_and_keeps_its_words(line: str, columns: int) -> None:
    parts = wrapped(line, columns)
    assert len(parts) > 1
    words = [word for part in parts for word in part.split()]
    assert words == line.split()
    long = max(width(word) for word in line.split())
    assert max(map(width, parts)) <= max(columns, columns // 2 + long)


def test_what_follows_begins_behind_the_label() -> None:
    label, *rest = wrapped(LINES[0], 40)
    assert label.startswith("Nearest   sample")
    assert rest
    assert all(one.startswith(" " * 10) and one[10] != " " for one in rest)


@pytest.mark.parametrize("line", ["", "short", " " * 3, "x" * 200, "  " + "x" * 200])
def test_what_has_no_place_to_break_is_left_whole(line: str) -> None:
    assert wrapped(line, 60) == [line]


def in_terminal(*arguments: str, cwd: Path, columns: str) -> str:
    """What a command shows in a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rara", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env={**os.environ, "COLUMNS": columns, "TERM": "dumb"},
    )
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    process.wait(60)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor",),
        ("score", "--reference", "real"),
        ("score", "real", "--reference", "real", "-o", "scores.xlsx"),
        ("scroe", "real", "--reference", "real"),
    ],
)
def test_results_and_errors_fit_a_terminal(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    lines = in_terminal(*arguments, cwd=tmp_path, columns="60").splitlines()
    assert len(lines) > 1
    assert [one for one in lines if width(one) > 60 and one.count(" ") > 12] == []


def test_a_script_for_a_shell_is_never_broken(tmp_path: Path) -> None:
    shown = in_terminal("completion", "bash", cwd=tmp_path, columns="40")
    piped = subprocess.run(
        [sys.executable, "-m", "rara", "completion", "bash"], capture_output=True, text=True
    )
    assert max(map(len, piped.stdout.splitlines())) > 40
    assert shown == piped.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "real"], "Say where to write: -o FOLDER."),
        (["reference", "build", "real"], "Say where to write: -o FOLDER."),
        (["embed", "real", "-o"], "-o needs a value."),
        (["score", "real", "--reference"], "--reference needs a value."),
        (["score", "real", "--mean", "1"], "--mean needs 3 values."),
        (["embed", "real", "--ouput", "vectors"], "Did you mean --output instead of --ouput?"),
        (["completion"], "Name the shell: bash, zsh or fish."),
        (["siblings"], "SAMPLES is missing."),
        (["score", "real", "-k", "1.5"], "rara: -k 1.5: give a whole number."),
        (["score", "real", "--memory", "lots"], "rara: --memory lots: give a size"),
    ],
)
def test_what_is_missing_is_said_in_plain_words(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from rara.cli.app import run

    assert run(arguments) == 2
    assert message in capsys.readouterr().err
