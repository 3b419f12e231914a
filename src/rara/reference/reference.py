"""The reference: real images as the geometry that samples are judged against.

    images --embed--> features --neighbours--> Reference --score--> ScoreTable

The squared distances of each reference image to its K + 1 nearest others are all the
geometry there is; they are found once, for every k up to K, and saved with the features.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rara.arguments import listed, path_of
from rara.calibration.real_images import Reals, calibrated
from rara.errors import DamagedStoreError, ParameterError
from rara.extractors import DEFAULT, Extractor
from rara.extractors.base import Metric
from rara.features import neighbours as neighbourhood
from rara.features.code_cache import Codebook, coded_in
from rara.features.compatibility import check_same, network_for
from rara.features.features import Features
from rara.features.lookup import SourcePictures
from rara.features.metric import under
from rara.features.opening import Images, features_of, find_extractor, given_features, is_features
from rara.features.pixel_cache import Gallery, others_in
from rara.geometry import Boundary, Coded, Nearest
from rara.reference.audit import Audit, audit
from rara.reference.cleaning import Duplicates, Treatment
from rara.reference.judging import Asked, Compat, judged
from rara.run import Run
from rara.scores import Family, Setting, without_itself
from rara.sources import Source
from rara.storage.folder import Parts, array_part, claim, read_bundle
from rara.table.provenance import about_reference, own_fares
from rara.table.score_table import ScoreTable
from rara.verdict.rules import ALPHA, Levels

Found = TypeVar("Found")


class Reference:
    """Real images, and the ball round each: up to its k-th nearest other one.

    `k` is what scores use unless they are asked for another one. Made by `fit`,
    `from_features` or `load`.
    """

    def __init__(
        self,
        features: Features,
        d2: NDArray[np.float64],
        index: NDArray[np.int32],
        *,
        k: int,
        source: Source | None = None,
        extractor: Extractor | None = None,
        coded: Coded | None = None,
        others: NDArray[np.int32] | None = None,
        treatment: Treatment | None = None,
    ) -> None:
        self.features, self.d2, self.index = features, d2, index
        self.k = neighbourhood.checked_k(k, len(features), d2.shape[1])
        self._source, self._extractor = source, extractor
        self._codebook, self._gallery = Codebook(features.vectors, coded), Gallery(features, others)
        self._known: dict[Hashable, Any] = {}
        self.treatment = treatment or Treatment()

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
        """A reference from images; vectors and radii come from the cache where they are known.

        `metric`: `euclidean`, `cosine` or `hellinger`; by default its usual one.
        `deduplicate` leaves images out that repeat an earlier one, "exact" or "near";
        `clip_radii`, a quantile such as 0.99, lets no ball count as larger; `unit` is for bursts.
        """
        run, treatment = run or Run(), Treatment(deduplicate, unit, clip_radii)
        k = neighbourhood.whole_k(k)  # before long work; the number of images is known after it
        network = None if is_features(images) else find_extractor(extractor, run)
        features, source = features_of(images, network, run)
        neighbourhood.checked_k(k, len(features), k)
        features = under(features, metric)
        features, found = treatment.neighbourhood(features, k, run)
        return cls(
            features, found.d2, found.index, k=k, source=source, extractor=network,
            treatment=treatment,
        )  # fmt: skip

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
            given_features(vectors, ids, "reference"), k=k, metric=metric, deduplicate=deduplicate,
            clip_radii=clip_radii, unit=unit, run=run,
        )  # fmt: skip

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a reference folder; every byte of it is verified."""
        bundle = read_bundle(path_of(folder))
        if bundle.kind != "reference":
            raise DamagedStoreError(
                f"'{folder}' holds {bundle.kind[:80]}, not a reference: `rara reference build "
                f"{folder} -o FOLDER` makes one of it."
            )
        features = Features.from_bundle(bundle)
        return cls(
            features, *neighbourhood.lists_in(bundle, features), others=others_in(bundle, features),
            k=bundle.facts["k"], coded=coded_in(bundle, features), treatment=Treatment.of(bundle),
        )  # fmt: skip

    def save(self, folder: str | os.PathLike[str], *, run: Run | None = None) -> None:
        """Write a reference folder, or replace the one that is there in one step."""
        run = run or Run()
        facts = {"k": self.k, "treatment": self.treatment.facts()}
        lists = {"radii.npy": array_part(self.d2), "neighbours.npy": array_part(self.index)}
        own = Parts("reference", facts, lists)
        spare = self._codebook.parts(run) + self._gallery.parts(run)
        with claim(path_of(folder)) as place:
            place.write(own + self.features.parts() + spare)

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
        run = run or Run()
        features, _ = self._features(images, extractor, run)
        joined = self.features.joined(features)
        known = Nearest.of(self.d2, self.index)
        found = neighbourhood.grow(joined, known, self.k, run)
        return self._changed(*self.treatment.grown(joined, found, self.k, run))

    def without(self, ids: Collection[str], *, run: Run | None = None) -> Reference:
        """The reference without some of its images: what `fit` on the others would give."""
        if missing := set(listed(ids, "ids")) - set(self.ids):
            raise ParameterError(f"No image '{min(missing)}' in {self!r}.")
        kept = ~np.isin(np.array(self.ids, dtype=object), list(ids))
        neighbourhood.checked_k(self.k, int(kept.sum()), self.k)
        features = self.features.take(np.flatnonzero(kept), self.features.location)
        known = Nearest.of(self.d2, self.index)
        return self._changed(features, neighbourhood.shrink(features, known, kept, run or Run()))

    def _changed(self, features: Features, found: Nearest) -> Reference:
        return Reference(
            features, found.d2, found.index, k=self.k, extractor=self._extractor,
            treatment=self.treatment,
        )  # fmt: skip

    # -- what it is --

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        how = f"k = {self.k}, {self.metric}, {self.features.spec.name}"
        return f"Reference of {len(self)} images from {self.features.location} ({how})"

    def _repr_html_(self) -> str:
        from rara.report.notebook import reference_html

        return reference_html(self.features, self.k, self._pictures(None, self.features))

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the images, row for row."""
        return self.features.ids

    @property
    def metric(self) -> Metric:
        """How vectors are compared."""
        return self.features.spec.metric

    @property
    def radii(self) -> NDArray[np.float64]:
        """(n,) radii of the balls: distances to the k-th nearest others, clipped if asked for."""
        return np.sqrt(self.setting().radii2)

    @property
    def largest_k(self) -> int:
        """The largest k that samples can be scored with; one neighbour more is kept, to leave one
        out, unless there are no more."""
        return max(int(self.d2.shape[1]) - 1, self.k)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the extractor and the content of every image, in order."""
        return self.features.fingerprint

    def describe(self, k: int | None = None) -> dict[str, Any]:
        """What results say of the reference that they are relative to."""
        setting = self.setting(k)
        own = self._once(("own", setting.k), lambda: own_fares(setting))
        how = self.treatment.describe(self.features, setting)
        return about_reference(self.features, self.fingerprint, how, own)

    def _once(self, what: Hashable, make: Callable[[], Found]) -> Found:
        """What follows from the reference alone is found once: a single image needs it, too."""
        if what not in self._known:
            self._known[what] = make()
        return self._known[what]  # type: ignore[no-any-return]

    def audit(
        self,
        samples: Images | None = None,
        *,
        k: int | None = None,
        extractor: str | os.PathLike[str] | Extractor | None = None,
        run: Run | None = None,
    ) -> Audit:
        """What speaks against believing it, worst first; and which samples are in it."""
        run, setting, judged, source = run or Run(), self.setting(k), None, self._source
        if samples is not None:
            judged, source = self._features(samples, extractor, run)
        pictures = self._pictures(source, judged or self.features)
        return audit(self.features, setting, judged, pictures=pictures, run=run)

    # -- scoring --

    def score(
        self,
        images: Images,
        *,
        k: int | None = None,
        boundary: Literal["open", "closed"] = "open",
        compat: Compat | None = None,
        calibration: Images | None = None,
        alpha: float = ALPHA,
        group_by: str | None = None,
        against_siblings: str | None = None,
        also: Collection[Family] = (),
        extractor: str | os.PathLike[str] | Extractor | None = None,
        run: Run | None = None,
    ) -> ScoreTable:
        """One record for each image that could be read; the others are in the provenance.

        Images that the reference holds too are judged as samples like any other: they are copies.
        `score_leave_one_out` judges the reference's own images, each without itself.
        `boundary` tells whether a ball holds points exactly on it; `compat="official"` gives the
        numbers of the code that the Rarity Score's authors published. `calibration`: real images
        that are not in the reference, to calibrate with in place of its own. `alpha`: the error
        rate of the verdicts. `also`: columns made on request.
        `extractor` is needed only where the reference's own cannot be found by its name.

        `group_by`: a key of the images' metadata, such as `label`; each image is judged by the
        reference images of its own group, too. `against_siblings`: a key such as `prompt`; each
        is compared with the other samples that share its value.
        """
        run = run or Run()
        self._k(k)
        asked = Asked(k, boundary, compat, Levels(alpha), group_by, against_siblings, also)
        reals = None if calibration is None else self._features(calibration, extractor, run)[0]
        features, source = self._features(images, extractor, run)
        pictures = self._pictures(source, features)
        return self._score(features, asked, reals, run, pictures)

    def score_features(
        self,
        vectors: ArrayLike | Features,
        *,
        ids: Sequence[str] | None = None,
        k: int | None = None,
        boundary: Literal["open", "closed"] = "open",
        compat: Compat | None = None,
        calibration: ArrayLike | Features | None = None,
        alpha: float = ALPHA,
        group_by: str | None = None,
        against_siblings: str | None = None,
        also: Collection[Family] = (),
        run: Run | None = None,
    ) -> ScoreTable:
        """`score` for vectors that were computed elsewhere, shape (m, d), taken as float32.

        >>> import numpy as np
        >>> reference = Reference.from_features(np.array([[0.0], [1.0], [3.0], [7.0]]), k=1)
        >>> table = reference.score_features(np.array([[2.5], [20.0]]))
        >>> table["rarity"], table["nearest"]
        (array([ 2., nan]), array(['2', '3'], dtype=object))
        """
        asked = Asked(k, boundary, compat, Levels(alpha), group_by, against_siblings, also)
        features = given_features(vectors, ids, "samples")
        reals = None if calibration is None else given_features(calibration, None, "calibration")
        return self._score(features, asked, reals, run or Run(), None)

    def score_leave_one_out(
        self,
        *,
        k: int | None = None,
        boundary: Literal["open", "closed"] = "open",
        alpha: float = ALPHA,
        group_by: str | None = None,
        against_siblings: str | None = None,
        also: Collection[Family] = (),
        run: Run | None = None,
    ) -> ScoreTable:
        """Every reference image judged as if it had never been in the reference."""
        asked = Asked(k, boundary, None, Levels(alpha), group_by, against_siblings, also, own=True)
        pictures = self._pictures(self._source, self.features)
        return self._score(self.features, asked, None, run or Run(), pictures)

    def _score(
        self,
        features: Features,
        asked: Asked,
        reals: Features | None,
        run: Run,
        pictures: SourcePictures | None,
    ) -> ScoreTable:
        features = self._comparable(features)
        setting = self.setting(asked.k, asked.rule, own=asked.own)
        setting = replace(setting, coded=self._codebook.for_query(len(features), run))
        return judged(
            features, asked, reference=self.features, setting=setting,
            known=self._calibrated(reals, setting, run),
            described=self.describe(setting.k), pictures=pictures, run=run,
        )  # fmt: skip

    def _pictures(self, source: Source | None, samples: Features) -> SourcePictures:
        return SourcePictures.of(samples, source, self.features, self._source)

    def _calibrated(self, reals: Features | None, setting: Setting, run: Run) -> Reals:
        if reals is not None:
            reals = self.treatment.one_a_unit(self._comparable(reals), 0, run, side="calibration")
            return calibrated(reals, self.features, self._gallery, setting, run)
        return self._once(
            ("calibration", setting.k, setting.boundary, setting.own is None),
            lambda: calibrated(None, self.features, self._gallery, setting, run),
        )

    def _features(
        self, images: Images, extractor: str | os.PathLike[str] | Extractor | None, run: Run
    ) -> tuple[Features, Source | None]:
        spec, run_with = self.features.spec, extractor or self._extractor
        network = None if is_features(images) else network_for(spec, run_with, run)
        if network is not None:
            check_same(self.features.spec, replace(network.spec, metric=self.metric))
        features, source = features_of(images, network, run)
        return self._comparable(features), source

    def _comparable(self, features: Features) -> Features:
        """The same under this reference's metric; refused where made by another extractor."""
        check_same(self.features.spec, replace(features.spec, metric=self.metric))
        return under(features, self.metric)

    def setting(
        self, k: int | None = None, boundary: Boundary = "open", *, own: bool = False
    ) -> Setting:
        """The geometry that samples are judged against, or its `own` images, leave-one-out."""
        self.treatment.check(boundary)
        clip = self.treatment.clip_radii
        names = self._once("names", self.features.done["id"].combine_chunks)
        setting = Setting(self.d2, self.index, self._k(k), names, boundary, clip=clip)
        return without_itself(setting) if own else setting

    def _k(self, k: int | None) -> int:
        return self.k if k is None else neighbourhood.checked_k(k, len(self), self.largest_k)
