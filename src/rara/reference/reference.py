"""The reference: real images as the geometry that samples are judged against.

    images --embed--> features --neighbours--> Reference --score--> ScoreTable

The squared distances of each reference image to its K + 1 nearest others are all the
geometry there is; they are computed once, for every k up to K, and saved with the features.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rara.arguments import listed, path_of
from rara.decisions.decisions import FILE, Decisions
from rara.errors import DamagedStoreError, ParameterError, ReferenceMismatchError
from rara.extractors import DEFAULT, Extractor
from rara.extractors.base import Metric
from rara.features import neighbours as neighbourhood
from rara.features.code_cache import quantized_in
from rara.features.compatibility import features_like
from rara.features.features import Features
from rara.features.image_lookup import SourcePictures
from rara.features.opening import Images, as_features, stored_at
from rara.features.pixel_cache import others_in
from rara.geometry import Nearest
from rara.provenance.json_format import JsonObject, encoded
from rara.reference.audit import Audit, audit
from rara.reference.cleaning import Cleaning, Duplicates
from rara.reference.fitting import fitted
from rara.reference.geometry import ReferenceGeometry
from rara.reference.options import Options, ScoreOptions
from rara.reference.scorer import Scorer
from rara.retrieval.ready_pictures import ReadyPictures
from rara.retrieval.reference_index import FOLDER, build_index_of, index_in
from rara.run import Run, checked_run, step
from rara.sources import Source
from rara.sources.schemes import is_remote
from rara.storage.folder import Parts, array_part, claim, kind_of, read_folder
from rara.table.score_table import ScoreTable


class Reference:
    """Real images, and the ball round each: up to its k-th nearest other one.

    `k` is what scores use unless they are asked for another one. Made by `fit`,
    `from_features` or `load`.
    """

    def __init__(
        self,
        geometry: ReferenceGeometry,
        *,
        source: Source | None = None,
        extractor: Extractor | None = None,
        decisions: Decisions | None = None,
        index: Path | None = None,
    ) -> None:
        self.index = index
        """The folder of the index of its local features; None where it was saved without one."""
        self.geometry, self.features, self.k = geometry, geometry.features, geometry.k
        self._source, self._extractor = source, extractor
        self.decisions = Decisions() if decisions is None else decisions

    # -- making one --

    @classmethod
    def fit(
        cls,
        images: Images,
        *,
        k: int = 3,
        extractor: str | os.PathLike[str] | Extractor = DEFAULT,
        metric: Metric | None = None,
        deduplicate: Duplicates | None = None,
        clip_radii: float | None = None,
        unit: str | None = None,
        run: Run | None = None,
    ) -> Self:
        """A reference from images; vectors and radii come from the cache where it has them.

        `metric`: `euclidean`, `cosine` or `hellinger`; by default its usual one.
        `deduplicate` leaves images out that repeat an earlier one, "exact" or "near";
        `clip_radii`, a quantile such as 0.99, lets no ball count as larger; `unit` is for bursts.
        """
        cleaning = Cleaning(deduplicate, unit, clip_radii)
        made = fitted(images, cleaning, k=k, extractor=extractor, metric=metric, run=run)
        return cls(made.geometry, source=made.source, extractor=made.extractor)

    @classmethod
    def from_features(
        cls,
        vectors: ArrayLike | Features,
        *,
        k: int = 3,
        ids: Sequence[str] | None = None,
        metric: Metric | None = None,
        deduplicate: Duplicates | None = None,
        clip_radii: float | None = None,
        unit: str | None = None,
        run: Run | None = None,
    ) -> Self:
        """A reference from vectors that were computed elsewhere, shape (n, d), taken as float32.

        >>> import numpy as np
        >>> reference = Reference.from_features(np.array([[0.0], [1.0], [3.0], [7.0]]), k=1)
        >>> reference.radii
        array([1., 1., 2., 4.])
        """
        return cls.fit(
            as_features(vectors, ids, "reference"), k=k, metric=metric, deduplicate=deduplicate,
            clip_radii=clip_radii, unit=unit, run=run,
        )  # fmt: skip

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a reference folder; every byte of it is verified."""
        stored = read_folder(path_of(folder))
        if stored.kind != "reference":
            raise DamagedStoreError(
                f"'{folder}' holds {stored.kind[:80]}, not a reference: `rara reference build "
                f"{folder} -o FOLDER` makes one of it."
            )
        features = Features.from_stored(stored)
        k, d2, index = neighbourhood.lists_in(stored, features)
        geometry = ReferenceGeometry(
            features, d2, index, k=k, others=others_in(stored, features),
            quantized=quantized_in(stored, features), cleaning=Cleaning.of(stored),
        )  # fmt: skip
        place = path_of(folder)
        return cls(geometry, decisions=Decisions(place / FILE), index=index_in(place))

    @property
    def decisions(self) -> Decisions:
        """What people decided of pairs of pictures; those of a saved reference are in its folder.

        Scores depend on them. Others can be assigned: `rara.Decisions.load(file)`.
        """
        return self._decisions

    @decisions.setter
    def decisions(self, decisions: Decisions) -> None:
        self._decisions = decisions.named_by(self._contents)

    def _contents(self) -> dict[str, str]:
        """The content of each image, by id; of those that were left out as well."""
        images = self.features.embedded
        return dict(zip(images["id"].to_pylist(), images["digest"].to_pylist(), strict=True))

    def save(
        self, folder: str | os.PathLike[str], *, index: bool = False, run: Run | None = None
    ) -> None:
        """Write a reference folder, or replace an earlier one in one step.

        Decisions are saved with it, and those that the folder has already stay. `index`: with an
        index of the images' local features, by which crops and pasted parts are found; one that
        the folder has already is completed in any case. That reads the images again, and raises
        ReferenceMismatchError where one is missing or has changed.
        """
        run, geometry, place = checked_run(run), self.geometry, path_of(folder)
        facts = {"k": self.k, "cleaning": geometry.cleaning.facts()}
        lists = {"radii.npy": array_part(geometry.d2), "neighbours.npy": array_part(geometry.index)}
        own = Parts("reference", facts, lists)
        spare = geometry.code_cache.parts(run) + geometry.pixel_cache.parts(run)
        with step(run.progress, "Writing the reference"), claim(place) as held:
            held.write(own + self.features.parts() + spare)
        self.decisions.save_beside(place / FILE)
        if index or index_in(place) is not None:
            pictures = SourcePictures.of(self.features, None, self.features, self._source)
            own_images = ReadyPictures("reference", self.features, pictures, run)
            try:
                build_index_of(own_images, place / FOLDER, run)
            except ReferenceMismatchError as error:
                raise ReferenceMismatchError(
                    f"The reference is written to '{folder}', but without its index. {error}"
                ) from None
            self.index = place / FOLDER

    # -- changing one --

    def extend(
        self,
        images: Images,
        *,
        extractor: str | os.PathLike[str] | Extractor | None = None,
        run: Run | None = None,
    ) -> Reference:
        """The reference with more images: what `fit` on all of them would give, bit for bit.

        Only pairs with a new image are looked at. Ids must not occur in both.
        """
        run = checked_run(run)
        features, _ = features_like(self.features.spec, images, extractor or self._extractor, run)
        joined = self.features.joined(features)
        nearest = neighbourhood.grow(joined, self._nearest, self.k, run)
        cleaning = self.geometry.cleaning
        return _changed(self, *cleaning.grown(joined, nearest, self.k, run))

    def without(self, ids: Collection[str], *, run: Run | None = None) -> Reference:
        """The reference without some of its images: what `fit` on the others would give."""
        if missing := set(listed(ids, "ids")) - set(self.ids):
            raise ParameterError(f"No image '{min(missing)}' in {self!r}.")
        kept = ~np.isin(np.array(self.ids, dtype=object), list(ids))
        neighbourhood.checked_k(self.k, int(kept.sum()), self.k)
        features = self.features.take(np.flatnonzero(kept), self.features.location)
        nearest = neighbourhood.shrink(features, self._nearest, kept, checked_run(run))
        return _changed(self, features, nearest)

    @property
    def _nearest(self) -> Nearest:
        return Nearest.of(self.geometry.d2, self.geometry.index)

    # -- what it is --

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        spec = self.features.spec
        how = f"k = {self.k}, {spec.metric}, {spec.name}"
        return f"Reference of {len(self)} images from {self.features.location} ({how})"

    def _repr_html_(self) -> str:
        from rara.report.notebook import reference_html

        own = self.features
        return reference_html(own, self.k, SourcePictures.of(own, None, own, self._source))

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the images, row for row."""
        return self.features.ids

    @property
    def source(self) -> Source | None:
        """Where its images are, as they were given to `fit`; None for a saved one, or vectors."""
        return self._source

    @property
    def extractor(self) -> Extractor | None:
        """What made the vectors, as it was given to `fit`; None for a saved one, or vectors."""
        return self._extractor

    @property
    def radii(self) -> NDArray[np.float64]:
        """(n,) radii of the balls: distances to the k-th nearest others, clipped if asked for."""
        return np.sqrt(self.geometry.ball_geometry().radii2)

    def describe(self, k: int | None = None) -> JsonObject:
        """What results say of the reference that they are relative to, as JSON has it."""
        described: JsonObject = encoded(self.geometry.describe(k))
        return described

    def audit(
        self,
        samples: Images | None = None,
        *,
        k: int | None = None,
        extractor: str | os.PathLike[str] | Extractor | None = None,
        run: Run | None = None,
    ) -> Audit:
        """What speaks against believing it, worst first; and which samples are in it."""
        run, own = checked_run(run), self.features
        balls, others, source = self.geometry.ball_geometry(k), None, self._source
        if samples is not None:
            network = extractor or self._extractor
            others, source = features_like(own.spec, samples, network, run)
        pictures = SourcePictures.of(others or own, source, own, self._source)
        return audit(own, balls, others, pictures=pictures, run=run)

    # -- scoring --

    def scorer(
        self,
        *,
        calibration: Images | None = None,
        extractor: str | os.PathLike[str] | Extractor | None = None,
        run: Run | None = None,
        **options: Unpack[Options],
    ) -> Scorer:
        """The reference with options bound once, for many calls and from any thread.

        `k`: how many neighbours a ball reaches to. `boundary`: whether balls hold the points
        exactly on them, "open" or "closed". `compat="official"`: the numbers of the code that the
        Rarity Score's authors published. `alpha`: the error rate of the verdicts. `also`: columns
        made on request. `group_by`: a key of the images' metadata, such as `label`; each image is
        judged by the reference images of its own group, too. `against_siblings`: a key such as
        `prompt`; each is compared with the other samples that share its value.

        `calibration`: real images that are not in the reference, to calibrate with in place of its
        own. `extractor` is needed only where the reference's own cannot be found by its name.
        """
        return Scorer(
            self.geometry, ScoreOptions(**options), calibration=calibration,
            extractor=extractor or self._extractor, source=self._source,
            decisions=self.decisions, index=self.index, run=run,
        )  # fmt: skip

    def score(
        self,
        images: Images,
        *,
        calibration: Images | None = None,
        extractor: str | os.PathLike[str] | Extractor | None = None,
        run: Run | None = None,
        **options: Unpack[Options],
    ) -> ScoreTable:
        """One record for each image that could be read; the others are in the provenance.

        Images that the reference holds too are judged as samples like any other: they are copies.
        `score_leave_one_out` judges the reference's own images, each without itself. The options
        are those of `scorer`.
        """
        scorer = self.scorer(calibration=calibration, extractor=extractor, run=run, **options)
        return scorer.score(images)

    def score_features(
        self,
        vectors: ArrayLike | Features,
        *,
        ids: Sequence[str] | None = None,
        calibration: ArrayLike | Features | None = None,
        run: Run | None = None,
        **options: Unpack[Options],
    ) -> ScoreTable:
        """`score` for vectors that were computed elsewhere, shape (m, d), taken as float32.

        >>> import numpy as np
        >>> reference = Reference.from_features(np.array([[0.0], [1.0], [3.0], [7.0]]), k=1)
        >>> table = reference.score_features(np.array([[2.5], [20.0]]))
        >>> table["rarity"], table["nearest"]
        (array([ 2., nan]), array(['2', '3'], dtype=object))
        """
        if calibration is not None:
            calibration = as_features(calibration, None, "calibration")
        scorer = self.scorer(calibration=calibration, run=run, **options)
        return scorer.score_features(vectors, ids=ids)

    def score_leave_one_out(
        self, *, run: Run | None = None, **options: Unpack[Options]
    ) -> ScoreTable:
        """Every reference image judged as if it had never been in the reference."""
        return self.scorer(run=run, **options).score_leave_one_out()


def cleaned_as(before: Reference, features: Features, k: int, run: Run) -> Reference:
    """A reference of some images of another, or of other vectors of them; all of them stay."""
    cleaning = before.geometry.cleaning
    geometry = ReferenceGeometry.of_cleaned(features, k, cleaning, run)
    return Reference(geometry, decisions=before.decisions)


def _changed(before: Reference, features: Features, nearest: Nearest) -> Reference:
    """A reference of other images, made as the one before was; what was decided still holds."""
    k, cleaning = before.k, before.geometry.cleaning
    geometry = ReferenceGeometry(features, nearest.d2, nearest.index, k=k, cleaning=cleaning)
    return Reference(geometry, extractor=before._extractor, decisions=before.decisions)


def reference_in(place: object, name: str = "path") -> Reference | None:
    """The reference that was saved in a folder; None for anything else."""
    if not isinstance(place, (str, os.PathLike)):
        return None
    if is_remote(place) and (place := stored_at(place)) is None:
        return None
    folder = path_of(place, name).expanduser()
    return Reference.load(folder) if kind_of(folder) == "reference" else None
