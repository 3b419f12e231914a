"""Scoring as commands ask for it: places opened and checked, the reference made, samples judged.

    Judging (options), places --asked--> Scoring --scored--> ScoreTable, Reference

`rara score` writes what comes of it, `rara explore` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.deciding import Deciding, MadeDeciding
from rara.cli.extractions import Extractions
from rara.cli.groups import Grouping
from rara.cli.opening import Made, Opened, Sides
from rara.cli.opinions import Opinions, check_opinions, with_opinions
from rara.cli.options import SCORES, VERDICTS, Calibration, Metrics, Neighbours, Place, Unit
from rara.errors import ParameterError
from rara.extractors import Extractor
from rara.features.opening import features_of
from rara.reference.options import Options, ScoreOptions
from rara.reference.reference import Reference
from rara.retrieval.finding import Looking
from rara.run import Run, step
from rara.scores import Family
from rara.table.score_table import ScoreTable
from rara.verdict.rules import ALPHA


@dataclass(frozen=True, slots=True)
class Scored:
    """What came of it."""

    table: ScoreTable
    reference: Reference
    network: Extractor | None
    """What made the vectors; None where all were there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """What is asked for; `samples` are None where the reference's own images are judged."""

    samples: Place | None
    reference: Place
    options: Options
    made: Made
    calibration: Calibration
    opinions: Opinions
    extraction: Extractions
    deciding: Deciding
    leave_one_out: bool = False
    quota_by: str | None = None
    """A key that samples must have for what follows."""

    def scored(self, run: Run) -> Scored:
        """Everything that can be refused is, before the first image is read."""
        options, own = self.options, self.leave_one_out
        score_options = ScoreOptions(**options)
        with step(run.progress, "Listing the images"):
            sides = Sides.opened(
                self.reference, self.made, run,
                samples=self.samples, calibration=self.calibration.calibration,
            )  # fmt: skip
        decisions = self.deciding.read(sides)
        with step(run.progress, "Loading the network"):
            networks = self.extraction.make_all(run)
            options = {**options, "copy_network": self.extraction.make_copy_network(run)}
            network = sides.network(networks[0] if networks else None, run)
        check_opinions(sides, self.opinions, networks, compat=options.get("compat"))
        self._check(sides, score_options)
        with step(run.progress, "Making the reference"):
            real, reals = sides.both(options.get("k"), self.calibration, network, run)
            real.decisions = decisions
        self._check(replace(sides, reference=real), score_options)
        if own and sides.samples is not None:
            _check_own(real, sides.samples, network, run)
        judged = real.features if own or sides.samples is None else sides.samples
        with step(run.progress, "Judging the samples"):
            scorer = real.scorer(calibration=reals, extractor=network, run=run, **options)
            table = scorer.score_leave_one_out() if own else scorer.score(judged)
            table = with_opinions(table, real, judged, self.opinions, networks, reals, run)
        return Scored(table, real, network)

    def _check(self, sides: Sides, options: ScoreOptions) -> None:
        """Refuse before the work what would fail after it, as far as it is known by now."""
        sides.check_k(options.k)
        sides.check_rule(options.rule)
        sides.check_keys(options.group_by, options.against_siblings, own=self.leave_one_out)
        sides.check_keys(None, self.quota_by, own=self.leave_one_out)
        if self.opinions.halves:
            sides.check_halves(options.k)


@Parameter(name="*")
@dataclass(frozen=True)
class BasicJudging:
    """How pictures are judged: what every command that judges them takes."""

    k: Neighbours = None
    metric: Metrics = None
    unit: Unit = None
    alpha: Annotated[
        float,
        Parameter(
            group=VERDICTS,
            metavar="RATE",
            help="How often verdicts may be wrong: the share of real images called off-manifold, "
            "and of false calls among near copies.",
        ),
    ] = ALPHA
    evidence: Annotated[
        Looking,
        Parameter(
            group=VERDICTS,
            help="Which samples are compared with reference images picture by picture.",
        ),
    ] = "near"

    def given(self) -> dict[str, object]:
        """Whether each option is given, by its name."""
        return {
            "-k": self.k is not None, "--metric": self.metric, "--unit": self.unit,
            "--alpha": self.alpha != ALPHA, "--evidence": self.evidence != "near",
        }  # fmt: skip


@Parameter(name="*")
@dataclass(frozen=True)
class Judging(BasicJudging):
    """How samples are judged: the options of every command that judges them."""

    calibration: Calibration | None = None
    deciding: Deciding | None = None
    opinions: Opinions | None = None
    grouping: Grouping | None = None
    also: Annotated[
        list[Family] | None,
        Parameter(group=SCORES, negative=(), help="Add a column; repeat the option for both."),
    ] = None
    boundary: Annotated[
        Literal["open", "closed"],
        Parameter(group=SCORES, help="Whether a ball holds a point exactly on its surface."),
    ] = "open"
    compat: Annotated[
        Literal["official"] | None,
        Parameter(
            group=SCORES, help="Give the numbers of the code published with the Rarity Score."
        ),
    ] = None
    reading: Reading | None = None
    extraction: Extractions | None = None

    def asked(
        self, samples: Place | None, reference: Place | None, *, leave_one_out: bool
    ) -> Scoring:
        """The same with the places; raises ParameterError where these contradict each other."""
        calibration = self.calibration or Calibration()
        grouping, extraction = self.grouping or Grouping(), self.extraction or Extractions()
        real = check_options(samples, reference, leave_one_out, self.compat, calibration)
        options: Options = {
            "k": self.k, "boundary": self.boundary, "compat": self.compat, "alpha": self.alpha,
            "also": self.also or (), "group_by": grouping.group_by,
            "against_siblings": grouping.siblings, "evidence": self.evidence,
            "copy_network": extraction.copy_network,
        }  # fmt: skip
        samples, real, calibration = placed(samples, real, calibration, self.reading)
        return Scoring(
            samples=samples, reference=real, options=options,
            made=Made(self.metric, self.unit), calibration=calibration,
            opinions=self.opinions or Opinions(), extraction=extraction,
            deciding=self.deciding or Deciding(), leave_one_out=leave_one_out,
        )  # fmt: skip

    def refuse(self) -> None:
        """Raise ParameterError where an option is given beside a table that was judged already.

        Networks and decisions are of use there, too.
        """
        refuse_beside_table({
            **self.given(), "--also": self.also, "--compat": self.compat,
            "--boundary": self.boundary != "open",
            "--calibration or --held-out": self.calibration, "--halves": self.opinions,
            "--group-by or --against-siblings": self.grouping,
            "--array or --image-column": self.reading,
        })  # fmt: skip


@Parameter(name="*")
@dataclass(frozen=True)
class DecidingJudging(Judging):
    """How samples are judged, where people decide of them as well."""

    deciding: MadeDeciding | None = None


def refuse_beside_table(given: Mapping[str, object]) -> None:
    """Raise ParameterError for an option of scoring: a table was scored already."""
    if names := [name for name, value in given.items() if value]:
        raise refused_beside_table(names[0])


def refused_beside_table(name: str) -> ParameterError:
    """The error for an option of scoring beside a table that was scored already."""
    return ParameterError(
        f"{name}: the table was judged already, so this would change nothing. Remove it, or give "
        "the samples instead of the table."
    )


def refuse_places_of_table(samples: Place | None, place: Place | None) -> None:
    """Raise ParameterError for places of a table's images where no table is given."""
    if samples is not None:
        raise ParameterError(
            f"--samples {samples} says where the images of a table are, and '{place}' is no table "
            "of `rara score`: give the samples first, without --samples."
        )


def check_options(
    samples: Place | None,
    reference: Place | None,
    leave_one_out: bool,
    compat: str | None,
    calibration: Calibration,
) -> Place:
    """The place of the reference; raises ParameterError where the options contradict each other."""
    if reference is None:
        raise ParameterError(_no_reference(samples))
    if samples is None and not leave_one_out:
        raise ParameterError(
            f"No samples: give the images to judge, as in `rara score samples/ --reference "
            f"{reference}`, or --leave-one-out to judge the reference's own."
        )
    if leave_one_out and compat:
        raise ParameterError(
            f"--leave-one-out with --compat {compat}: the authors' code cannot leave an image "
            "out. Give one of the two."
        )
    if leave_one_out and (calibration.calibration is not None or calibration.held_out is not None):
        raise ParameterError(
            "--leave-one-out calibrates the reference's own images with one another: remove "
            "--calibration and --held-out."
        )
    return reference


def placed(
    samples: Place | None, reference: Place, calibration: Calibration, reading: Reading | None
) -> tuple[Place | None, Place, Calibration]:
    """The places, each with the array or column that is meant in it."""
    places = [place for place in (samples, calibration.calibration) if place is not None]
    real, *others = (reading or Reading()).places([reference, *places])
    named = dict(zip(places, others, strict=True))
    return (
        None if samples is None else named[samples],
        real,
        replace(calibration, calibration=named.get(calibration.calibration or "")),
    )


def _no_reference(samples: Place | None) -> str:
    taken = "" if samples is None else f" '{samples}' is read as the images to judge."
    return f"Give the real images: --reference train/.{taken}"


def _check_own(real: Reference, samples: Opened, network: Extractor | None, run: Run) -> None:
    """Raise ParameterError where samples given beside --leave-one-out are other images."""
    others = features_of(samples, network, run)[0]
    if not others.done["digest"].equals(real.features.done["digest"]):
        raise ParameterError(
            f"--leave-one-out judges the reference's own images, and '{samples.location}' holds "
            "others: remove the samples, or remove --leave-one-out to judge them."
        )
