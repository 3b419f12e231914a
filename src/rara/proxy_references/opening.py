"""Proxies and samples, opened before the work and embedded once.

places --opened--> Opened --made--> Reference of each proxy
samples --Samples.like--> features by the extractor of a proxy; once for each extractor
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

from rara.duplicates.units import check_unit
from rara.errors import ParameterError, RaraError
from rara.extractors import DEFAULT, Extractor, Spec
from rara.extractors.base import Metric
from rara.features.compatibility import check_same, comparable, network_for
from rara.features.features import Features
from rara.features.made_once import made_once
from rara.features.neighbours import checked_k
from rara.features.opening import Images, features_of, find_extractor, is_features
from rara.proxy_references.names import Proxies
from rara.reference.cleaning import Cleaning
from rara.reference.fitting import fitted
from rara.reference.reference import Reference, reference_in
from rara.report.formatting import counted
from rara.run import Run
from rara.sources import Source, open_source

Opened: TypeAlias = Features | Source
Named: TypeAlias = "str | os.PathLike[str] | Extractor | None"

USUAL_K = 3
FEWEST = 2
"""Images of a proxy: a distance to another one is what all p-values are of."""


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Errors say which proxy they are of."""
    try:
        yield
    except RaraError as error:
        error.args = (f"Proxy '{name}': {error}",)
        raise


def opened(images: Images, run: Run) -> Opened:
    """What there is; raises a SourceError where there is nothing."""
    if isinstance(images, Features) or is_features(images):
        return features_of(images, None, run)[0]
    return open_source(images, metadata=run.metadata)


def opened_proxies(proxies: Proxies, run: Run) -> dict[str, Reference | Opened]:
    """Each of them, before the first image is read; a folder of a saved reference is one."""
    found: dict[str, Reference | Opened] = {}
    for name, images in proxies.items():
        with naming(name):
            if isinstance(images, Reference):
                found[name] = images
            else:
                found[name] = reference_in(images) or opened(images, run)
    return found


@dataclass(frozen=True, slots=True)
class Made:
    """How references are made of images."""

    k: int | None = None
    """None is 3, or less for fewer than four images."""
    metric: Metric | None = None
    unit: str | None = None
    extractor: Named = None

    def check(self, images: Opened) -> None:
        """Refuse before the first image is read what could not be made of these."""
        count = len(images) if isinstance(images, Features) else images.count()
        if count is not None:
            _check_enough(count, images)
            if self.k is not None:
                checked_k(self.k, count, self.k)
        check_unit(self.unit, reference=images)

    def reference_of(self, images: Opened, samples: Opened, run: Run) -> Reference:
        """A reference of these images, by the extractor of samples that are vectors."""
        network = None if isinstance(images, Features) else self._network(samples, run)
        features, source = features_of(images, network, run)
        _check_enough(len(features), features)
        k = min(USUAL_K, len(features) - 1) if self.k is None else self.k
        made = fitted(
            features, Cleaning(unit=self.unit), k=k, extractor=network or DEFAULT,
            metric=self.metric, run=run,
        )  # fmt: skip
        return Reference(made.geometry, source=source, extractor=network)

    def _network(self, samples: Opened, run: Run) -> Extractor:
        if not isinstance(samples, Features):
            return find_extractor(self.extractor or DEFAULT, run)
        if samples.spec.weights == "none" and self.extractor is None:
            raise ParameterError(
                "The samples are given vectors, and these are images: give vectors of them too, or "
                "name the extractor."
            )
        return network_for(samples.spec, self.extractor, run)


def _check_enough(count: int, images: Opened) -> None:
    if count < FEWEST:
        raise ParameterError(
            f"{counted(count, 'image')} in '{images.location}': give at least {FEWEST}, or look "
            "for copies of one picture with `rara search`."
        )


class Samples:
    """The samples by every extractor that a proxy was made with."""

    def __init__(self, images: Opened, extractor: Named, run: Run) -> None:
        self.images, self._run, self._extractor = images, run, extractor
        self._networks: dict[str, Extractor] = {}
        self._made: dict[str, tuple[Features, Source | None]] = {}

    def check(self, spec: Spec, made_by: Extractor | None = None) -> None:
        """Refuse before the first image is read samples that could not be compared.

        `spec`: of a proxy whose vectors are there. `made_by`: its extractor, where it is at hand.
        """
        if isinstance(self.images, Features):
            check_same(spec, replace(self.images.spec, metric=spec.metric))
        else:
            self._network(spec, made_by)

    def like(self, reference: Reference) -> tuple[Features, Source | None]:
        """As a proxy's extractor sees them, and their source; embedded when first needed."""
        spec = reference.features.spec
        if isinstance(self.images, Features):
            return comparable(self.images, spec), None
        network, key = self._network(spec, reference.extractor), _key(spec)
        if key not in self._made:
            self._made[key] = features_of(self.images, network, self._run)
        features, source = self._made[key]
        return comparable(features, spec), source

    def _network(self, spec: Spec, made_by: Extractor | None) -> Extractor:
        """The extractor of a proxy, opened once: its own, the one named, or that of its name."""
        key = _key(spec)
        if key not in self._networks:
            network = network_for(spec, made_by or self._named(spec), self._run)
            check_same(spec, replace(network.spec, metric=spec.metric))
            self._networks[key] = network
        return self._networks[key]

    def _named(self, spec: Spec) -> Named:
        """The extractor that was named, if it made these vectors."""
        if self._extractor is None:
            return None
        network = find_extractor(self._extractor, self._run)
        return network if _key(network.spec) == _key(spec) else None


def _key(spec: Spec) -> str:
    """What samples are embedded once for."""
    return replace(spec, metric="euclidean").fingerprint


def check_different(references: Mapping[str, Reference]) -> None:
    """Raise ParameterError where two proxies hold the same images by the same extractor."""
    seen: dict[tuple[str, frozenset[str]], str] = {}
    for name, reference in references.items():
        features = reference.features
        key = features.spec.fingerprint, _contents(features)
        if key in seen:
            raise ParameterError(
                f"The proxies '{seen[key]}' and '{name}' hold the same images, so one says no more "
                "than the other: give them once."
            )
        seen[key] = name


def shared_images(references: Mapping[str, Reference]) -> dict[str, dict[str, int]]:
    """How many different images each proxy has in common with each other one, where any."""
    contents = {name: _contents(one.features) for name, one in references.items()}
    return {
        name: {
            other: len(own & theirs)
            for other, theirs in contents.items()
            if other != name and own & theirs
        }
        for name, own in contents.items()
    }


def _contents(features: Features) -> frozenset[str]:
    """The digests of the images, those that were left out too."""
    return made_once(
        features, "contents", lambda: frozenset(features.embedded["digest"].to_pylist())
    )
