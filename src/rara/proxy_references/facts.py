"""All that was found, as typed records without pictures: the terminal, the page and JSON.

Judged --facts_of--> ProxyFacts --to_json--> `rara proxies --json`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rara.extractors.base import Spec
from rara.features.features import Skipped
from rara.provenance.json_format import JsonObject, encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSamples:
    """The samples."""

    location: str
    """Where they are from."""
    count: int
    """How many were judged."""
    copies: int
    """Copies for certain."""
    near_copies: int
    """Near copies: of these, a share of at most alpha is none, on average."""
    none: int
    """Samples of which no copy was found."""
    undecided: int
    """Of these, those as near to an image as the tests can measure, but not called."""
    skipped: tuple[Skipped, ...]
    """Images that could not be used."""


@dataclass(frozen=True, slots=True)
class SharedImages:
    """Images that two proxies have in common."""

    proxy: str
    """The other proxy."""
    images: int
    """How many different ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyCard:
    """One proxy: what it is, what it can and cannot show, and what hangs on it."""

    name: str
    """Its name."""
    scope: str
    """What it covers, in the words of whoever gave it; empty where nobody said."""
    location: str
    """Where its images are from."""
    fingerprint: str | None
    """Digest of its images."""
    images: int
    """Images that samples are compared with."""
    left_out: int
    """Images that were left out: they repeat others, or belong to one burst."""
    skipped: int
    """Images that could not be used."""
    repeating: int
    """Images that are as near to another one as copies are."""
    shared: tuple[SharedImages, ...]
    """What it has in common with other proxies."""
    extractor: Spec | None
    """What made its vectors; null if they were computed elsewhere."""
    metric: str
    """How vectors are compared."""
    counts: bool
    """Whether it has enough images for the tests; facts count in any case."""
    smallest_p: float | None
    """The p-value of a near copy of it among all proxies; null where it does not count."""
    alone_among: int | None
    """Among how many samples a single near copy can be called by the tests; null likewise."""
    copies: int
    """Samples that are called copies of it."""
    near_copies: int
    """Samples that are called near copies of it."""
    rest_on_it: int
    """Samples that would not be called without it."""
    found_without: int
    """Samples that are not called, and would be called without it, for the others pay less."""
    decided: int | None
    """Samples that people decided on; null where nothing is decided."""
    cannot: tuple[str, ...]
    """What it cannot show, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCopy:
    """A sample that is called a copy."""

    id: str
    """The name of the sample in its source."""
    verdict: str
    """`copy of NAME` or `near copy of NAME`."""
    proxy: str
    """The proxy with the strongest evidence."""
    source: str
    """The image in that proxy."""
    reason: str
    """The evidence in one sentence."""
    copy_p: float
    """The p-value among all proxies; 0 for facts."""
    copy_q: float
    """The same as a rate of false findings; 0 for certain copies."""
    proxies: tuple[str, ...]
    """All proxies that it is called a copy of."""
    rests_on: tuple[str, ...]
    """The proxies without which it would not be called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyFacts:
    """What several proxies say of samples."""

    samples: JudgedSamples
    """The samples, and how many are copies."""
    alpha: float
    """The error rate."""
    counted: int
    """Proxies with enough images for the tests: their p-values are multiplied by so many."""
    proxies: tuple[ProxyCard, ...]
    """In the order in which they were given."""
    found: tuple[FoundCopy, ...]
    """The samples that are called, the strongest evidence first."""
    promise: str
    """What a sample without a finding is not."""
    versions: Mapping[str, str]
    """The version of rara."""

    def to_json(self) -> JsonObject:
        """Keys and values that JSON can hold."""
        value: JsonObject = encoded(self)
        return value
