"""`rara.Watch`: a generator judged every so many steps of its training, and logged.

    watch(step, sample) --due--> samples --LookJudge--> figures --tested--> alarm
        --> one JSON line, samples kept, strips, loggers --> Look

The training goes on whatever goes wrong in here, unless `on_error="raise"`: each failure is a line
of the log, and a warning of Python's logging the first time.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

import numpy as np

from rara import __version__
from rara.arguments import number, path_of, short, whole
from rara.comparison.sweep import Checkpoints
from rara.errors import EmptySourceError, ParameterError, RaraError
from rara.features.features import Features
from rara.features.opening import Images
from rara.provenance.json_format import Json, JsonObject
from rara.reference.scorer import Scorer
from rara.storage.atomic import write_file
from rara.text import plain
from rara.watching.alarm import CopyTest, tested
from rara.watching.figures import Figures, LookJudge
from rara.watching.journal import Journal
from rara.watching.kept import Kept, remove_thinned, step_name
from rara.watching.loggers import Logger, checked_loggers, loggers_of
from rara.watching.look import Look, after
from rara.watching.strips import encoded, nearest_of, nearest_strip, rarest_of, rarest_strip

if TYPE_CHECKING:
    from PIL import Image

    from rara.features.image_lookup import SourcePictures

Sample: TypeAlias = "Images | Callable[[], Images]"
"""Images or vectors, or a function that makes them when they are due."""
OnAlarm = Literal["warn", "stop"]
OnError = Literal["warn", "raise"]

LOG = logging.getLogger("rara.watching")
_LONGEST = 1_000
"""Letters of an error's message in the log."""


class Watch:
    """Judges a generator's samples every `every` steps, and logs what it makes.

        watch = rara.Watch(reference.scorer(), "run/", every=500)
        for step, batch in enumerate(batches, start=1):
            train(batch)
            watch(step, lambda: model.generate(1000))
            if watch.should_stop:
                break

    `scorer` judges, by its k, boundary and alpha. `log` is a folder: `watch.jsonl` there has one
    line a look, with the columns of `rara.compare`, coverage, and repeats. Samples are kept in
    `step-000500/` and so on, for `rara compare run/*/ --sweep step`, and the rarest samples and
    nearest pairs as small pictures. Of samples and pictures at most `keep` looks stay. Where there
    is a log already, the run goes on with it.

    `alpha`: the probability that a run whose model does not memorise is ever alarmed, over all its
    looks; `rara.watching.alarm` has the proof. `on_alarm`: "stop" sets `should_stop` as well.
    `on_error`: "raise" ends the training where a look fails. `also`: "tensorboard", "wandb",
    "mlflow", or objects with the methods `log(step, values, pictures)` and `close()`.

    Raises, before any training: ParameterError for options out of range, and for a log that was
    begun with another reference or other options; LockedStoreError where another watcher writes to
    the log, UnwritableError where the folder is not writable, MissingPackageError where a logger is
    not installed. For one thread of one process: the first rank.
    """

    def __init__(
        self,
        scorer: Scorer,
        log: str | os.PathLike[str],
        *,
        every: int = 1000,
        alpha: float = 0.05,
        on_alarm: OnAlarm = "warn",
        on_error: OnError = "warn",
        also: str | Iterable[str | Logger] = (),
        keep: int = 64,
    ) -> None:
        if not isinstance(scorer, Scorer):
            raise ParameterError(f"scorer = {short(scorer)}: give what Reference.scorer() gives.")
        if not 0 < number(alpha, "alpha") < 1:
            raise ParameterError(f"alpha = {alpha:g}: give an error rate between 0 and 1.")
        self.scorer, self.folder = scorer, path_of(log, "log")
        self.every, self.alpha = whole(every, "every"), float(alpha)
        self.on_alarm = _one_of(on_alarm, OnAlarm, "on_alarm")
        self.on_error = _one_of(on_error, OnError, "on_error")
        self.keep, also = whole(keep, "keep", least=0), checked_loggers(also)
        self.looks: list[Look] = []
        """Those of the run, in the order of their steps; of earlier processes too."""
        self.should_stop = False
        """Whether an alarm asks to end the training."""
        run = replace(scorer.run, vectors="forget", progress=None)
        self._judge, self._kept = LookJudge(scorer, run), Kept(self.folder, self.keep)
        self._warned: set[tuple[str, str]] = set()
        self._spent = 0
        self._loggers: list[Logger] = []
        self._journal = Journal(self.folder)
        self._journal.open()
        try:
            self._go_on()
            self._loggers = loggers_of(also, self.folder)
        except BaseException:
            self._journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alarm(self) -> Look | None:
        """The first look of the run that shows copying; None where none does."""
        return next((look for look in self.looks if look.alarm), None)

    def due(self, step: int) -> bool:
        """Whether samples of this step are judged."""
        return whole(step, "step", least=0) % self.every == 0

    def __call__(self, step: int, sample: Sample) -> Look | None:
        """Judge the samples of a step, if it is due; None where it is not, or where that failed.

        `sample` is called only if the step is due. A step that the log has is judged again, as
        after a restart from an earlier checkpoint: what lay ahead then is no longer in `looks`.
        """
        if not self.due(step):
            return None
        with self._surviving(step, "samples"):
            features, pictures = self._opened(sample)
            with self._surviving(step, "look"):
                return self._look(int(step), features, pictures)
        return None

    def checkpoints(self) -> Checkpoints:
        """Which step to take: the last before copying shows, and the one with the best yield.

        By the sweep of `rara.compare` over the samples that were kept. Raises ParameterError where
        those of fewer than two steps are there.
        """
        steps = [look.step for look in self.looks]
        return self._kept.checkpoints(steps, self.scorer, self._judge.run)

    def close(self) -> None:
        """Close the loggers, and let another watcher write to the log."""
        for logger in self._loggers:
            with self._surviving(None, type(logger).__name__):
                logger.close()
        self._loggers = []
        self._journal.close()

    # -- one look --

    def _opened(self, sample: Sample) -> tuple[Features, SourcePictures]:
        images: Any = sample() if callable(sample) else sample
        if images is None:
            raise ParameterError("The samples are None: give images or vectors.")
        if isinstance(images, Sized) and not len(images):
            raise EmptySourceError("There are no samples: give images or vectors.")
        if isinstance(images, np.ndarray) and images.ndim == 2 and images.dtype.kind == "f":
            images = Features.from_arrays(images)
        elif isinstance(images, Iterator):
            images = list(images)  # looked at twice: for the figures and for the pictures
        features, source = self.scorer.features(images, self._judge.run)
        if not len(features):
            why = f": {features.skipped[0].reason}" if features.skipped else ""
            raise EmptySourceError(f"No sample could be read{why}.")
        return features, self.scorer.pictures(features, source)

    def _look(self, step: int, features: Features, pictures: SourcePictures) -> Look:
        found = self._judge.judge(step_name(step), features)
        test = tested(found.counted, self._spent + 1, self.alpha)
        self._spent += 1
        rarest, nearest = rarest_of(found.table, self.scorer), nearest_of(found.table)
        record: JsonObject = {
            "step": step, "look": self._spent, **found.row, **_alarm_columns(test),
            "skipped": len(features.skipped), "note": _note(found),
            "rarest": list(rarest), "nearest": [list(pair) for pair in nearest],
        }  # fmt: skip
        look = Look(step, self._spent, record, test.raised, test.why)
        self.looks = after(self.looks, look)
        with self._surviving(step, "log"):
            self._journal.append("look", record)
        strips = self._strips(step, rarest, nearest, pictures)
        with self._surviving(step, "kept samples"):
            self._kept.keep(step, features, [one.step for one in self.looks])
        for logger in self._loggers:
            with self._surviving(step, type(logger).__name__):
                logger.log(step, look.scalars(), strips)
        if look.alarm:
            self.should_stop = self.should_stop or self.on_alarm == "stop"
            self._warn("alarm", "copying", f"step {step:,}: the model copies. {look.why}")
        return look

    def _strips(
        self, step: int, rarest: list[str], nearest: list[tuple[str, str, float]],
        pictures: SourcePictures,
    ) -> dict[str, Image.Image]:  # fmt: skip
        """The strips by name; those that have no picture are left out."""
        found: dict[str, Image.Image] = {}
        with self._surviving(step, "strips"):
            strips = (("rarest", rarest_strip(rarest, pictures)),
                      ("nearest", nearest_strip(nearest, pictures)))  # fmt: skip
            for name, strip in strips:
                if strip is None or not self.keep:
                    continue
                found[f"rara/{name}"] = strip
                content = encoded(strip)
                place = self._strip_place(name)
                write_file(place(step), lambda file, made=content: file.write(made))  # type: ignore[misc]
                remove_thinned([look.step for look in self.looks], self.keep, place)
        return found

    def _strip_place(self, name: str) -> Callable[[int], Any]:
        return lambda step: self.folder / f"{name}-{step:06d}.webp"

    # -- the log --

    def _go_on(self) -> None:
        """Take up the looks of earlier runs; raises ParameterError where these were others."""
        about: JsonObject = {
            "reference": self.scorer.geometry.fingerprint,
            "k": self.scorer.geometry.checked_k(self.scorer.options.k),
            "boundary": self.scorer.options.boundary,
            "verdict_alpha": self.scorer.options.alpha,
            "alarm_alpha": self.alpha,
        }
        journal = self._journal
        for record in journal.records:
            if record.get("event") == "start":
                self._refuse_other(record, about)
            elif (look := Look.of_record(record)) is not None:
                self.looks = after(self.looks, look)
                self._spent = max(self._spent, look.number)
        extractor = self.scorer.geometry.features.spec.name
        begun: JsonObject = {
            "rara": __version__,
            **about,
            "every": self.every,
            "extractor": extractor,
        }
        journal.append("start", begun)
        if journal.cut:
            journal.append("note", {"message": "Half a line at the end was cut off: a run was "
                                               "ended while it wrote."})  # fmt: skip
        if journal.damaged:
            journal.append("note", {"message": f"{journal.damaged:,} lines are damaged, and left "
                                               "out."})  # fmt: skip
        journal.records = []

    def _refuse_other(self, before: JsonObject, about: JsonObject) -> None:
        for name, value in about.items():
            if before.get(name, value) != value:
                raise ParameterError(
                    f"The log '{self.folder}' was begun with {name} = {_brief(before[name])}, not "
                    f"{_brief(value)}: its figures would not compare. Give another folder."
                )

    # -- what goes wrong --

    @contextmanager
    def _surviving(self, step: int | None, what: str) -> Iterator[None]:
        """A part of a look whose failure is logged, and ends the training only if asked to."""
        try:
            yield
        except Exception as error:
            if getattr(error, "_rara_listed", False):
                raise
            named = "" if isinstance(error, RaraError) else f"{type(error).__name__}: "
            message = plain(f"{named}{error}")[:_LONGEST]
            with suppress(RaraError, OSError):
                self._journal.append("error", {"step": step, "what": what, "message": message})
            if self.on_error == "raise":
                error._rara_listed = True  # type: ignore[attr-defined]
                raise
            at = "" if step is None else f"step {step:,}, "
            self._warn(what, type(error).__name__, f"{at}{what}: {message}")

    def _warn(self, what: str, kind: str, message: str) -> None:
        """Once for each kind of failure."""
        if (what, kind) not in self._warned:
            self._warned.add((what, kind))
            LOG.warning("%s", message)


def _alarm_columns(test: CopyTest) -> JsonObject:
    return {
        "alarm": test.raised, "alarm_why": test.why, "alarm_p": test.p, "alarm_level": test.level,
        "alarm_limit": test.limit, "alarm_copies": test.copies,
    }  # fmt: skip


def _note(found: Figures) -> str | None:
    """What is so odd about the samples that the figures say little."""
    count = len(found.table)
    if count > 1 and int(found.table["repeats"].max()) == count:
        return f"All {count:,} samples show one picture."
    return None


def _brief(value: Json) -> str:
    text = str(value)
    return text if len(text) <= 16 else f"{text[:8]}…"


def _one_of(value: object, allowed: Any, name: str) -> Any:
    words = get_args(allowed)
    if not isinstance(value, str) or value not in words:
        raise ParameterError(f"{name} = {short(value)}: give {' or '.join(map(repr, words))}.")
    return value
