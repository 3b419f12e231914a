"""What a command is given, opened once and checked before the work.

    places --Sides.opened--> Sides --check--> --reference_of--> Reference

A mistake in a place, a number or a key is reported before the first image is read. What is
opened here is handed on, so that no place is listed twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from rara.cli.options import Calibration, Place
from rara.duplicates.units import check_unit
from rara.errors import ParameterError
from rara.extractors import DEFAULT, Extractor
from rara.extractors.base import Metric
from rara.features.compatibility import check_same, network_for
from rara.features.features import Features
from rara.features.metadata_groups import check_key
from rara.features.metric import with_metric
from rara.features.neighbours import checked_k
from rara.features.opening import features_of, find_extractor, is_features
from rara.geometry import Boundary
from rara.reference.cleaning import Cleaning
from rara.reference.geometry import ReferenceGeometry
from rara.reference.reference import Reference, reference_in
from rara.robustness.second_opinions import check_halves
from rara.run import Run
from rara.sources import Source, open_source

DEFAULT_K = 3

Opened: TypeAlias = Features | Source
"""What a place holds: vectors that rara saved, or images."""


@dataclass(frozen=True, slots=True)
class Made:
    """How a reference is made, as far as a command says; a saved one is made already."""

    metric: Metric | None = None
    unit: str | None = None

    def check(self, place: Place, saved: Reference) -> None:
        """Raise ParameterError where a saved reference was made in another way."""
        metric, unit = saved.features.spec.metric, saved.geometry.cleaning.unit
        if self.metric not in {None, metric}:
            raise ParameterError(
                f"--metric {self.metric}: the reference '{place}' was made with {metric}."
            )
        if self.unit not in {None, unit}:
            raise ParameterError(
                f"--unit {self.unit}: the reference '{place}' was made with "
                f"{'every image' if unit is None else unit}. Give --unit to "
                "`rara reference build`."
            )


def opened(place: Place, run: Run) -> Opened:
    """The features or the images at a place; raises a SourceError where there are none."""
    if is_features(place):
        return features_of(place, None, run)[0]
    return open_source(place, metadata=run.metadata)


@dataclass(frozen=True, slots=True)
class Sides:
    """The reference and what it is compared with; nothing is read of images yet."""

    reference: Reference | Opened
    samples: Opened | None = None
    calibration: Opened | None = None
    made: Made = Made()

    @classmethod
    def opened(
        cls,
        reference: Place,
        made: Made,
        run: Run,
        *,
        samples: Place | None = None,
        calibration: Place | None = None,
    ) -> Self:
        """Each place opened once; all are, before the first of them is read."""
        return cls(
            saved_reference(reference, made) or opened(reference, run),
            None if samples is None else opened(samples, run),
            None if calibration is None else opened(calibration, run),
            made,
        )

    @property
    def others(self) -> list[Opened]:
        """What is compared with the reference."""
        return [side for side in (self.samples, self.calibration) if side is not None]

    @property
    def unit(self) -> str | None:
        """What the reference keeps one image of."""
        saved = self.reference
        return saved.geometry.cleaning.unit if isinstance(saved, Reference) else self.made.unit

    @property
    def real(self) -> Opened:
        """The real images, or their vectors."""
        reference = self.reference
        return reference.features if isinstance(reference, Reference) else reference

    def k_for(self, k: int | None) -> int:
        """The k that is asked for, or the usual one of the reference."""
        usual = self.reference.k if isinstance(self.reference, Reference) else DEFAULT_K
        return usual if k is None else k

    def check_k(self, k: int | None) -> None:
        """Raise ParameterError where the reference cannot have so many neighbours.

        Of images only their number is known: those that cannot be read are found out later.
        """
        k, saved = self.k_for(k), self.reference
        if isinstance(saved, Reference):
            checked_k(k, len(saved), saved.geometry.largest_k)
        else:
            check_k(saved, k)

    def check_halves(self, k: int | None) -> None:
        """Raise ParameterError where half of the reference has too few images for k."""
        if (images := count_of(self.real)) is not None:
            check_halves(images, self.k_for(k))

    def check_rule(self, boundary: Boundary) -> None:
        """Raise ParameterError where a saved reference does not support this rule of the balls."""
        if isinstance(self.reference, Reference):
            self.reference.geometry.cleaning.check(boundary)

    def check_keys(self, group_by: str | None, siblings_by: str | None, *, own: bool) -> None:
        """Raise ParameterError where no image of a side has a key, as far as that is known.

        `own`: the images of the reference are those that are judged.
        """
        real = self.real
        judged = real if self.samples is None or own else self.samples
        if group_by is not None:
            check_key(group_by, samples=judged, reference=real)
        if siblings_by is not None:
            check_key(siblings_by, samples=judged)
        check_unit(self.unit, reference=real)
        if self.calibration is not None:
            check_unit(self.unit, calibration=self.calibration)

    def network(self, named: Extractor | None, run: Run) -> Extractor | None:
        """What makes the vectors that are not there yet; None where all are.

        Raises ReferenceMismatchError where the sides would come from different extractors.
        """
        real = self.real
        vectors = [side for side in (real, *self.others) if isinstance(side, Features)]
        if len(vectors) == 1 + len(self.others):
            network = None
        elif isinstance(real, Features):
            network = network_for(real.spec, named, run)
        else:
            network = named or find_extractor(DEFAULT, run)
        made_by = ([] if network is None else [network.spec]) + [side.spec for side in vectors]
        first = real.spec if isinstance(real, Features) else made_by[0]
        for spec in made_by:
            check_same(replace(first, metric="euclidean"), replace(spec, metric="euclidean"))
        return network

    def reference_of(self, k: int | None, network: Extractor | None, run: Run) -> Reference:
        """The reference, made now unless it was saved."""
        if isinstance(self.reference, Reference):
            return self.reference
        return Reference.fit(
            self.reference, k=DEFAULT_K if k is None else k, metric=self.made.metric,
            unit=self.made.unit, extractor=network or DEFAULT, run=run,
        )  # fmt: skip

    def both(
        self, k: int | None, calibration: Calibration, network: Extractor | None, run: Run
    ) -> tuple[Reference, Opened | None]:
        """The reference, and what calibrates it: nothing, other images, or a share of its own."""
        if calibration.held_out is None:
            return self.reference_of(k, network, run), self.calibration
        features, cleaning = self._whole(network, run)
        rest, reals = features.split(calibration.held_out, seed=calibration.seed or 0)
        geometry = ReferenceGeometry.of_cleaned(rest, self.k_for(k), cleaning, run)
        decisions = saved.decisions if isinstance(saved := self.reference, Reference) else None
        return Reference(geometry, decisions=decisions), reals

    def _whole(self, network: Extractor | None, run: Run) -> tuple[Features, Cleaning]:
        """The reference before a share of it is taken out, and how it was cleaned."""
        if isinstance(self.reference, Reference):
            return self.reference.features, self.reference.geometry.cleaning
        features = with_metric(features_of(self.reference, network, run)[0], self.made.metric)
        cleaning = Cleaning(unit=self.made.unit)
        return cleaning.one_a_unit(features, 1, run), cleaning


def check_k(images: Opened, k: int) -> None:
    """Raise ParameterError where so many images are too few for k; an unknown number passes."""
    count = count_of(images)
    checked_k(k, k + 1 if count is None else count, k)


def count_of(images: Opened) -> int | None:
    """How many images there are, unreadable ones included; None where that is not known yet."""
    return len(images) if isinstance(images, Features) else images.count()


def saved_reference(place: Place, made: Made = Made()) -> Reference | None:
    """The reference in a folder of `rara reference build`, if that is what is there."""
    saved = reference_in(place)
    if saved is not None:
        made.check(place, saved)
    return saved
