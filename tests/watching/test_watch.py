"""A training run watched: figures, alarm, log, restarts, and what can go wrong."""

import errno
import json
import logging
import os

import numpy as np
import pytest

import rara
from make import features, gaussian, noise
from rara import Features, Run, Watch
from rara.cli.app import run as command
from rara.errors import (
    DamagedStoreError,
    LockedStoreError,
    MissingPackageError,
    ParameterError,
    RaraError,
    UnwritableError,
)
from rara.watching import alarm
from rara.watching.alarm import Counted
from rara.watching.kept import thinned

ALONE = Run(threads=1)
REAL = gaussian(600, 6)


@pytest.fixture(scope="module")
def scorer():
    return rara.Reference.from_features(features(REAL), run=ALONE).scorer(run=ALONE)


def fresh(seed, count=200):
    return gaussian(count, 6, seed=seed)


def copying(share, seed, count=200):
    vectors, some = fresh(seed, count), int(share * count)
    vectors[:some] = REAL[:some] + 0.01 * gaussian(some, 6, seed=9)
    return vectors


def lines(folder):
    return [json.loads(line) for line in (folder / "watch.jsonl").read_text().splitlines()]


def events(folder, kind):
    return [one for one in lines(folder) if one["event"] == kind]


# -- figures --


def test_the_figures_are_those_of_a_comparison_bit_for_bit(scorer, tmp_path):
    places = []
    with Watch(scorer, tmp_path, every=10) as watch:
        for step in (10, 20, 30):
            watch(step, copying(step / 300, step))
            places.append(tmp_path / f"step-{step:06d}")
    compared = rara.compare(places, scorer, sweep="step", run=ALONE).table.to_pylist()
    logged = events(tmp_path, "look")
    assert len(logged) == 3
    for ours, theirs in zip(logged, compared, strict=True):
        knob = theirs.pop("knob")
        assert ours["step"] == knob
        assert {name: ours[name] for name in theirs if name != "knob"} == theirs
        assert theirs["copies"] > 0


def test_coverage_is_the_set_metric_and_repeats_have_an_interval(scorer, tmp_path):
    vectors = fresh(1)
    vectors[:10] = vectors[20]
    with Watch(scorer, tmp_path, every=1) as watch:
        look = watch(1, vectors)
    expected = rara.sets.coverage(vectors, REAL)
    assert look["coverage"] == expected.value
    assert (look["coverage_low"], look["coverage_high"]) == (expected.low, expected.high)
    assert look["repeats"] == 11 / 200
    assert look["repeats_low"] < 11 / 200 < look["repeats_high"]


def test_only_steps_that_are_due_are_sampled(scorer, tmp_path):
    asked = []

    def sample():
        asked.append(1)
        return fresh(1, 60)

    with Watch(scorer, tmp_path, every=3) as watch:
        found = [watch(step, sample) for step in range(1, 8)]
    assert [look is not None for look in found] == [False, False, True, False, False, True, False]
    assert len(asked) == 2
    assert [(look.step, look.number) for look in watch.looks] == [(3, 1), (6, 2)]


# -- the alarm --


def test_copying_raises_the_alarm_and_asks_to_stop(scorer, tmp_path, caplog):
    with (
        caplog.at_level(logging.WARNING),
        Watch(scorer, tmp_path, every=1, on_alarm="stop") as watch,
    ):
        assert not watch(1, fresh(1)).alarm
        assert not watch.should_stop
        look = watch(2, copying(0.2, 2))
        watch(3, copying(0.3, 3))
    assert look.alarm
    assert watch.alarm == look
    assert watch.should_stop
    assert "look 2 spends" in look.why
    assert len([one for one in caplog.records if "the model copies" in one.message]) == 1
    assert [one["alarm"] for one in events(tmp_path, "look")] == [False, True, True]


def test_an_alarm_that_warns_does_not_stop(scorer, tmp_path):
    with Watch(scorer, tmp_path, every=1) as watch:
        assert watch(1, copying(0.5, 2)).alarm
    assert not watch.should_stop


def test_each_look_spends_its_own_level(scorer, tmp_path):
    with Watch(scorer, tmp_path, every=1, alpha=0.04) as watch:
        levels = [watch(step, fresh(step, 60))["alarm_level"] for step in (1, 2, 3)]
    assert levels == pytest.approx([0.01, 0.02 / 6, 0.02 / 12])


def test_the_alarm_is_at_exactly_its_level():
    found = Counted(samples=1000, copies=25, exact=0, level=0.01, real=4000)
    p = alarm.tested(found, 1, 0.05).p
    alpha = 4 * p  # its half is spent on looks, a half of that on the first
    for _ in range(50):  # the limit depends on alpha as well
        alpha = 4 * alarm.tested(found, 1, alpha).p
    assert alarm.tested(found, 1, alpha * 1.01).raised
    assert not alarm.tested(found, 1, alpha * 0.99).raised


def test_with_few_real_images_exact_copies_are_a_fact(tmp_path):
    few = rara.Reference.from_features(features(REAL[:15]), run=ALONE).scorer(run=ALONE)
    given = fresh(1, 60)
    with Watch(few, tmp_path, every=1) as watch:
        look = watch(1, given)
        assert not look.alarm
        assert look["copies"] is None
        given[:2] = REAL[:2]
        look = watch(2, given)
    assert look.alarm
    assert look.why == "2 samples of 60 are equal to a reference image."
    assert watch.looks[0]["coverage_low"] is not None


def test_a_reference_of_five_has_no_coverage(tmp_path):
    few = rara.Reference.from_features(features(REAL[:5]), run=ALONE).scorer(run=ALONE)
    with Watch(few, tmp_path, every=1) as watch:
        look = watch(1, fresh(1, 30))
    assert look["coverage"] is None
    assert "rara/coverage" not in look.scalars()


# -- the choice of a step --


def test_the_choice_is_that_of_the_command(scorer, tmp_path, capsys):
    with Watch(scorer, tmp_path / "run", every=1) as watch:
        for step, share in enumerate((0, 0, 0.15, 0.4), start=1):
            watch(step, copying(share, step, 300))
        chosen = watch.checkpoints()
    assert chosen.last_before_copying == "step-000002"
    assert chosen.first_copying == "step-000003"
    features(REAL).save(tmp_path / "train")
    places = sorted(str(one) for one in (tmp_path / "run").glob("*/"))
    assert command(["compare", *places, "-r", str(tmp_path / "train"), "--sweep", "step"]) == 0
    out = capsys.readouterr().out
    assert " ".join(chosen.why[0].split()) in " ".join(out.split())


def test_a_choice_takes_two_steps(scorer, tmp_path):
    with Watch(scorer, tmp_path, every=1) as watch:
        watch(1, fresh(1, 60))
        with pytest.raises(ParameterError, match="1 steps"):
            watch.checkpoints()


@pytest.mark.parametrize(("keep", "left"), [(0, []), (3, [1, 6, 7]), (64, [1, 2, 3, 4, 5, 6, 7])])
def test_samples_of_so_many_looks_stay(scorer, tmp_path, keep, left):
    with Watch(scorer, tmp_path, every=1, keep=keep) as watch:
        for step in range(1, 8):
            watch(step, fresh(step, 60))
    assert [int(one.name[5:]) for one in sorted(tmp_path.glob("step-*"))] == left


def test_thinning_keeps_both_ends():
    steps = []
    for step in range(1, 200):
        steps.append(step)
        steps = [one for one in steps if one not in thinned(steps, 10)]
        assert len(steps) <= 10
        assert steps[-1] == step
        assert steps[0] == 1


# -- the log --


def test_a_later_run_goes_on(scorer, tmp_path):
    with Watch(scorer, tmp_path, every=1) as watch:
        watch(1, fresh(1, 60))
        watch(2, fresh(2, 60))
    with Watch(scorer, tmp_path, every=1) as later:
        assert [(one.step, one.number) for one in later.looks] == [(1, 1), (2, 2)]
        assert later.looks == watch.looks
        assert later(3, fresh(3, 60)).number == 3
    assert [one["event"] for one in lines(tmp_path)] == ["start", "look", "look", "start", "look"]


def test_training_that_went_back_leaves_what_lay_ahead(scorer, tmp_path):
    with Watch(scorer, tmp_path, every=1) as watch:
        watch(1, fresh(1, 60))
        watch(2, copying(0.5, 2))
        assert watch.alarm.step == 2
    with Watch(scorer, tmp_path, every=1) as later:
        assert later.alarm.step == 2
        assert not later.should_stop
        later(2, fresh(3, 60))
        assert later.alarm is None
        assert [(one.step, one.number) for one in later.looks] == [(1, 1), (2, 3)]
    with Watch(scorer, tmp_path) as again:
        assert [one.number for one in again.looks] == [1, 3]


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_half_a_line_at_the_end_is_cut_off(scorer, tmp_path, cut):
    with Watch(scorer, tmp_path, every=1) as watch:
        watch(1, fresh(1, 60))
        watch(2, fresh(2, 60))
    path = tmp_path / "watch.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Watch(scorer, tmp_path, every=1) as later:
        assert [one.step for one in later.looks] == [1]
        later(2, fresh(2, 60))
    assert [one["event"] for one in lines(tmp_path)] == [
        "start", "look", "start", "note", "look",
    ]  # fmt: skip
    assert path.read_bytes().startswith(whole[: whole.index(b"\n")])


@pytest.mark.parametrize("half", [b"", b"{", b'{"event"', b'{"event": "start", "ra'])
def test_a_run_that_ended_in_its_first_line_is_begun_again(scorer, tmp_path, half):
    (tmp_path / "watch.jsonl").write_bytes(half)
    with Watch(scorer, tmp_path, every=1) as watch:
        assert watch.looks == []
    assert lines(tmp_path)[0]["event"] == "start"


@pytest.mark.parametrize("line", ["[" * 100_000, "nonsense", "3", '{"event": "look", "step": "x"}',
                                  '{"event": "look", "step": true, "look": -1}'])  # fmt: skip
def test_a_damaged_line_is_left_out(scorer, tmp_path, line):
    with Watch(scorer, tmp_path, every=1) as watch:
        watch(1, fresh(1, 60))
    with (tmp_path / "watch.jsonl").open("a") as file:
        file.write(line + "\n")
    with Watch(scorer, tmp_path, every=1) as later:
        assert [one.step for one in later.looks] == [1]
        assert later(2, fresh(2, 60)).number == 2


@pytest.mark.parametrize("content", [b"hello\n", b"[]\n", b'{"a": 1}\n', b"\xff\xfe", b"half"])
def test_a_file_of_others_is_left_alone(scorer, tmp_path, content):
    (tmp_path / "watch.jsonl").write_bytes(content)
    with pytest.raises(DamagedStoreError, match="not written by a watcher"):
        Watch(scorer, tmp_path)
    assert (tmp_path / "watch.jsonl").read_bytes() == content


def test_a_log_that_is_a_link_is_refused(scorer, tmp_path):
    (tmp_path / "other").write_text("")
    (tmp_path / "watch.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(RaraError, match="link"):
        Watch(scorer, tmp_path)
    assert (tmp_path / "other").read_text() == ""


def test_a_log_of_another_reference_is_refused(scorer, tmp_path):
    Watch(scorer, tmp_path).close()
    other = rara.Reference.from_features(features(REAL[:500]), run=ALONE).scorer(run=ALONE)
    with pytest.raises(ParameterError, match="begun with reference ="):
        Watch(other, tmp_path)
    with pytest.raises(ParameterError, match=r"alarm_alpha = 0\.05"):
        Watch(scorer, tmp_path, alpha=0.01)
    Watch(scorer, tmp_path).close()


def test_two_watchers_on_one_log_are_refused(scorer, tmp_path):
    first = Watch(scorer, tmp_path)
    with pytest.raises(LockedStoreError, match="Another watcher"):
        Watch(scorer, tmp_path)
    first.close()
    Watch(scorer, tmp_path).close()


def test_a_folder_that_cannot_be_written_is_refused_before_the_training(scorer, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableError, match="Cannot write"):
        Watch(scorer, tmp_path / "file" / "run")


# -- what goes wrong in a look --


def raising():
    raise ValueError("no \x1b[31mimages today")


BAD = {
    "raises": (raising, "ValueError: no \\x1b[31mimages today"),
    "nothing": (lambda: None, "The samples are None"),
    "empty": (lambda: [], "There are no samples"),
    "no vectors": (lambda: np.zeros((0, 6), np.float32), "There are no samples"),
    "nan": (lambda: np.full((60, 6), np.nan, np.float32), "60 of 60 vectors are NaN"),
    "dimensions": (lambda: np.ones((60, 5), np.float32), "dimensions"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_look_that_fails_is_listed_and_training_goes_on(scorer, tmp_path, name, caplog):
    sample, message = BAD[name]
    with caplog.at_level(logging.WARNING), Watch(scorer, tmp_path, every=1) as watch:
        assert watch(1, sample) is None
        assert watch(2, sample) is None
        assert watch(3, fresh(3, 60)).number == 1
    listed = events(tmp_path, "error")
    assert [one["step"] for one in listed] == [1, 2]
    assert message in listed[0]["message"]
    assert listed[0]["what"] == "samples"
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", BAD)
def test_a_look_that_fails_ends_the_training_if_asked_to(scorer, tmp_path, name):
    watch = Watch(scorer, tmp_path, every=1, on_error="raise")
    with pytest.raises((RaraError, ValueError)), watch:
        watch(1, BAD[name][0])
    assert len(events(tmp_path, "error")) == 1


def test_samples_that_are_one_picture_have_figures_and_a_note(scorer, tmp_path):
    with Watch(scorer, tmp_path, every=1) as watch:
        look = watch(1, np.tile(fresh(1, 1), (60, 1)))
        alone = watch(2, fresh(1, 1))
    assert look["note"] == "All 60 samples show one picture."
    assert look["repeats"] == 1
    assert alone["note"] is None
    assert alone["repeats"] == alone["repeats_low"] == 0 < alone["repeats_high"]


class Full:
    """A system call that fails as on a full disk, after some bytes."""

    def __init__(self, monkeypatch):
        self.true, self.left = os.write, None
        monkeypatch.setattr("rara.watching.journal.os.write", self)

    def __call__(self, file, data):
        if self.left is None:
            return self.true(file, data)
        if not self.left:
            raise OSError(errno.ENOSPC, "No space left on device")
        size = self.true(file, bytes(data[: self.left]))
        self.left -= size
        return size


def test_a_full_disk_leaves_whole_lines_and_training_goes_on(scorer, tmp_path, monkeypatch, caplog):
    full = Full(monkeypatch)
    with caplog.at_level(logging.WARNING), Watch(scorer, tmp_path, every=1) as watch:
        watch(1, fresh(1, 60))
        full.left = 40
        assert watch(2, fresh(2, 60)).step == 2
        assert "No room left" in caplog.text
        full.left = None
        watch(3, fresh(3, 60))
    assert [one["step"] for one in events(tmp_path, "look")] == [1, 3]


def test_samples_that_cannot_be_kept_are_listed(scorer, tmp_path):
    (tmp_path / "step-000001").mkdir(parents=True)
    (tmp_path / "step-000001" / "own.txt").write_text("mine")
    with Watch(scorer, tmp_path, every=1) as watch:
        assert watch(1, fresh(1, 60)) is not None
    assert events(tmp_path, "error")[0]["what"] == "kept samples"
    assert (tmp_path / "step-000001" / "own.txt").read_text() == "mine"


class Broken:
    def log(self, step, values, pictures):
        raise RuntimeError("server gone")

    def close(self):
        raise RuntimeError("still gone")


class Heard:
    def __init__(self):
        self.steps, self.closed = {}, False

    def log(self, step, values, pictures):
        self.steps[step] = (values, pictures)

    def close(self):
        self.closed = True


def test_a_logger_that_fails_stops_neither_the_others_nor_the_training(scorer, tmp_path, caplog):
    heard = Heard()
    with Watch(scorer, tmp_path, every=1, also=[Broken(), heard]) as watch:
        look = watch(1, fresh(1, 60))
        watch(2, fresh(2, 60))
    assert heard.closed
    assert list(heard.steps) == [1, 2]
    assert heard.steps[1][0]["rara/yield"] == look["yield"]
    assert heard.steps[1][0]["rara/coverage_low"] == look["coverage_low"]
    assert [one["what"] for one in events(tmp_path, "error")] == ["Broken"] * 3
    assert len([one for one in caplog.records if "server gone" in one.message]) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [({"every": 0}, "every"), ({"alpha": 0}, "alpha"), ({"alpha": 1}, "alpha"),
     ({"on_alarm": "end"}, "'warn' or 'stop'"), ({"on_error": None}, "'warn' or 'raise'"),
     ({"keep": -1}, "keep"), ({"also": ["tensor"]}, "tensorboard, wandb, mlflow"),
     ({"also": [Heard]}, "methods log and close"), ({"also": 3}, "also")],
)  # fmt: skip
def test_options_out_of_range_are_refused_before_anything_is_written(
    scorer, tmp_path, options, words
):
    with pytest.raises(ParameterError, match=words):
        Watch(scorer, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [None, 3, "train/", REAL])
def test_something_else_than_a_scorer_is_refused(tmp_path, given):
    with pytest.raises(ParameterError, match=r"Reference\.scorer"):
        Watch(given, tmp_path)


@pytest.mark.parametrize("options", [{"group_by": "label"}, {"evidence": "none"}])
def test_a_scorer_with_other_options_is_refused(tmp_path, options):
    try:
        other = rara.Reference.from_features(features(REAL), run=ALONE).scorer(**options)
    except ParameterError:
        pytest.skip("no such option")
    with pytest.raises(ParameterError, match="k, boundary and alpha"):
        Watch(other, tmp_path)


@pytest.mark.parametrize("step", [-1, 1.5, "3", None, True])
def test_a_step_is_a_whole_number(scorer, tmp_path, step):
    with Watch(scorer, tmp_path) as watch, pytest.raises(ParameterError, match="step"):
        watch(step, fresh(1, 60))


def test_a_logger_that_is_not_installed_is_named_before_the_training(scorer, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(MissingPackageError, match="pip install wandb"):
        Watch(scorer, tmp_path, also="wandb")
    Watch(scorer, tmp_path).close()  # it is not held


# -- pictures --


@pytest.mark.parametrize("as_generator", [False, True])
def test_strips_show_the_nearest_pairs(of_pictures, tmp_path, as_generator):
    from PIL import Image

    images = [*noise(80, 0)[:3], *noise(30, 1)]
    heard = Heard()
    with Watch(of_pictures, tmp_path, every=1, also=[heard]) as watch:
        look = watch(1, lambda: (one for one in images) if as_generator else images)
    assert {pair[1] for pair in look["nearest"][:3]} == {"000.png", "001.png", "002.png"}
    with Image.open(tmp_path / "nearest-000001.webp") as strip:
        assert strip.size == (12 * 100 - 4, 2 * 100 - 4)
        above, below = (np.asarray(strip)[top : top + 96, :96] for top in (0, 100))
        assert np.abs(above.astype(int) - below).mean() < 12
    assert "rara/nearest" in heard.steps[1][1]
    assert events(tmp_path, "error") == []
    assert (tmp_path / "nearest-000001.webp").stat().st_size < 100_000


def test_a_copy_that_pixels_show_is_beside_its_source(of_pictures, tmp_path):
    mirrored = noise(80, 0)[7][:, ::-1]
    with Watch(of_pictures, tmp_path, every=1) as watch:
        look = watch(1, [mirrored, *noise(30, 1)])
    assert "007.png" in {pair[1] for pair in look["nearest"] if pair[0].endswith("0")}


def test_the_rarest_are_on_the_manifold_and_no_copies(scorer, tmp_path):
    vectors = np.concatenate([REAL[:20], 9 + fresh(1, 20), fresh(2)])
    with Watch(scorer, tmp_path, every=1) as watch:
        look = watch(1, vectors)
    table = scorer.score_features(vectors)
    rows = [int(name) for name in look["rarest"]]
    assert len(rows) == 12
    assert min(rows) >= 40
    assert list(table["rarity"][rows]) == sorted(table["rarity"][rows], reverse=True)
    assert set(table["verdict"][rows]) <= {"typical", "uncommon", "rare"}


def test_images_are_not_kept_in_the_cache(of_pictures, tmp_path):
    def size():
        return sum(one.stat().st_size for one in of_pictures.run.cache.rglob("*") if one.is_file())

    with Watch(of_pictures, tmp_path, every=1) as watch:
        watch(1, list(noise(30, 5)))
        before = size()
        watch(2, list(noise(30, 6)))
    assert size() == before


def test_strips_stay_for_so_many_looks(of_pictures, tmp_path):
    with Watch(of_pictures, tmp_path, every=1, keep=2) as watch:
        for step in range(1, 6):
            watch(step, list(noise(20, step)))
    assert len(list(tmp_path.glob("nearest-*.webp"))) == 2
    assert (tmp_path / "nearest-000005.webp").exists()


def test_vectors_alone_have_no_strips(scorer, tmp_path):
    with Watch(scorer, tmp_path, every=1) as watch:
        watch(1, Features.from_arrays(fresh(1, 60)))
    assert not list(tmp_path.glob("*.webp"))
    assert events(tmp_path, "error") == []
