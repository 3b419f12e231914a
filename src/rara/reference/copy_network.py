"""The copy network of a scorer: both sides embedded once more, and compared by it alone.

    reference, samples, calibration --reembed--> vectors --NetworkCopyTest--> NetworkScores

The vectors come from the cache as any others do, so a saved reference needs no second ones in its
folder: they are made again from its pictures, where these are.
"""

from __future__ import annotations

import os

import numpy as np

from rara.calibration.by_copy_network import NetworkCopyTest, NetworkScores, NetworkVectors
from rara.calibration.real_images import CalibrationSet
from rara.errors import FeatureError, ParameterError, ReferenceMismatchError
from rara.extractors import Extractor
from rara.features.features import Features
from rara.features.metric import usual_metric, with_metric
from rara.features.neighbours import find
from rara.features.opening import find_extractor
from rara.features.reembed import reembed
from rara.reference.geometry import Once, ReferenceGeometry
from rara.run import Run, step
from rara.scores import BallGeometry, without_itself
from rara.sources import Source


class CopyNetwork:
    """A network that was trained for copies, and the reference as it sees it.

    The vectors of real images are made at the first call and kept. May be used from any thread.
    """

    def __init__(
        self,
        network: str | os.PathLike[str] | Extractor,
        geometry: ReferenceGeometry,
        source: Source | None,
        run: Run,
    ) -> None:
        """Raises ParameterError where the reference was made by it, ReferenceMismatchError where
        the reference has no images, and what loading the network raises."""
        spec = geometry.features.spec
        if spec.weights == "none":
            raise ReferenceMismatchError(
                "This reference was made of given vectors: a copy network needs its images. "
                "Remove copy_network (--copy-network), or fit the reference to images."
            )
        self._network = find_extractor(network, run)
        self.spec = self._network.spec
        if (self.spec.name, self.spec.weights) == (spec.name, spec.weights):
            raise ParameterError(
                f"{self.spec.name} made this reference: a further test for copies needs another "
                "network."
            )
        self._geometry, self._source, self._run, self._once = geometry, source, run, Once()

    def compare(
        self,
        samples: Features,
        source: Source | None,
        balls: BallGeometry,
        calibration: CalibrationSet,
        calibration_source: Source | None,
    ) -> NetworkScores:
        """Samples by this network; `source` and `calibration_source`: where the images are.

        Raises ReferenceMismatchError where images cannot be read again, and FeatureError where a
        real image has no vector.
        """
        own = balls.own is not None
        test = self._once(own, lambda: self._test(own, calibration, calibration_source))
        if own:
            return test.compare(NetworkVectors.of_all(test.reference), self._run)
        with step(self._run.progress, "Samples by the copy network"):
            again = self._again(samples, source)
        row = {name: i for i, name in enumerate(samples.ids)}
        rows = np.array([row[name] for name in again.ids], np.intp)
        return test.compare(NetworkVectors(again.vectors, rows, len(samples)), self._run)

    def _test(
        self, own: bool, calibration: CalibrationSet, source: Source | None
    ) -> NetworkCopyTest:
        reference, geometry = self._reference()
        if calibration.images is not None:
            with step(self._run.progress, "Calibration images by the copy network"):
                others = self._again(calibration.images, source, "calibration")
            return NetworkCopyTest.by_others(
                self.spec, others.vectors, reference.vectors, geometry, self._run
            )  # fmt: skip
        method = calibration.calibrator.at_k.method
        geometry = without_itself(geometry) if own else geometry
        return NetworkCopyTest.by_itself(self.spec, reference.vectors, geometry, method)

    def _reference(self) -> tuple[Features, BallGeometry]:
        """The reference's vectors, and the neighbours of each by them."""
        key = ("copy network", self.spec.fingerprint)
        return self._geometry.once(key, self._made_reference)

    def _made_reference(self) -> tuple[Features, BallGeometry]:
        with step(self._run.progress, "Reference by the copy network"):
            features = self._again(self._geometry.features, self._source, "reference")
            nearest = find(features, 1, self._run)
        names = features.done["id"].combine_chunks()
        return features, BallGeometry(nearest.d2, nearest.index, 1, names)

    def _again(
        self, features: Features, source: Source | None, real: str | None = None
    ) -> Features:
        """The same images by this network, under its usual metric; `real`: each must have one."""
        again = reembed(features, self._network, self._run, source=source)
        if real is not None and len(again) < len(features):
            gone = next(name for name in features.ids if name not in {*again.ids})
            raise FeatureError(
                f"{self.spec.name} gives no vector for {len(features) - len(again):,} of "
                f"{len(features):,} {real} images, the first is '{gone}': remove them, or remove "
                "copy_network (--copy-network)."
            )
        return with_metric(again, usual_metric(again.spec))
