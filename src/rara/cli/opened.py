"""The reference that a command asks for: a saved one, or one made of images or features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rara.bundle import kind_of
from rara.cli.options import Calibration
from rara.errors import ParameterError
from rara.extractors import DEFAULT, Extractor
from rara.extractors.base import Metric
from rara.metric import under
from rara.reference import Reference
from rara.run import Run, features_of, find_extractor, is_features
from rara.store import Features
from rara.treatment import Treatment

DEFAULT_K = 3


@dataclass(frozen=True, slots=True)
class Made:
    """How a reference is made, as far as a command says; a saved one is made already."""

    metric: Metric | None = None
    unit: str | None = None

    def check(self, place: str, saved: Reference) -> None:
        """Raise ParameterError where a saved reference was made in another way."""
        if self.metric not in {None, saved.metric}:
            raise ParameterError(
                f"--metric {self.metric}: the reference '{place}' was made with {saved.metric}."
            )
        if self.unit not in {None, saved.treatment.unit}:
            raise ParameterError(
                f"--unit {self.unit}: the reference '{place}' was made with "
                f"{'every image' if saved.treatment.unit is None else saved.treatment.unit}. Give "
                "--unit to `rara reference build`."
            )


def open_reference(
    place: str, made: Made, *, k: int | None, extractor: Extractor | None, run: Run
) -> Reference:
    """A saved reference, or one made of the images or features that are there."""
    if (saved := _saved(place, made)) is not None:
        return saved
    return Reference.fit(
        place, k=DEFAULT_K if k is None else k, metric=made.metric, unit=made.unit,
        extractor=extractor or DEFAULT, run=run,
    )  # fmt: skip


def open_both(
    place: str,
    calibration: Calibration,
    made: Made,
    *,
    k: int | None,
    extractor: Extractor | None,
    run: Run,
) -> tuple[Reference, str | Features | None]:
    """The reference, and what it is calibrated with: nothing, a place, or a share of itself."""
    if calibration.held_out is None:
        real = open_reference(place, made, k=k, extractor=extractor, run=run)
        return real, calibration.calibration
    saved = _saved(place, made)
    if saved is not None:
        features, treatment = saved.features, saved.treatment
        made, usual_k = Made(saved.metric), saved.k
    else:
        network = None if is_features(place) else extractor or find_extractor(DEFAULT, run)
        treatment, usual_k = Treatment(unit=made.unit), DEFAULT_K
        features = under(features_of(place, network, run)[0], made.metric)
        features = treatment.one_a_unit(features, 1, run)
    rest, reals = features.split(calibration.held_out, seed=calibration.seed or 0)
    k = usual_k if k is None else k
    return Reference.fit(rest, k=k, metric=made.metric, run=run, **treatment.facts()), reals


def _saved(place: str, made: Made) -> Reference | None:
    """The reference in a folder of `rara reference build`, if that is what is there."""
    if kind_of(Path(place).expanduser()) != "reference":
        return None
    saved = Reference.load(Path(place).expanduser())
    made.check(place, saved)
    return saved
