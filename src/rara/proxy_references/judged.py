"""Samples judged by all proxies: what is called, of which of them, and what that rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rara.features.features import Features
from rara.proxy_references.evidence import OfProxy, named_image
from rara.proxy_references.rule import Dropped, Flags, Joined, Pairs, any_of
from rara.verdict.copy_witness import Witness


@dataclass(frozen=True, slots=True)
class Finding:
    """A sample that is called a copy of a proxy."""

    row: int
    proxy: int
    """The one with the strongest evidence, the first of several."""
    source: str
    certain: bool
    others: tuple[str, ...]
    """Further proxies that it is called a copy of."""


@dataclass(frozen=True, eq=False)
class Judged:
    """All that is known, as arrays."""

    samples: Features
    proxies: tuple[OfProxy, ...]
    scopes: Mapping[str, str]
    shared: Mapping[str, Mapping[str, int]]
    """Images that a proxy has in common with others."""
    pairs: Pairs
    joined: Joined
    dropped: Dropped
    alpha: float

    @cached_property
    def names(self) -> list[str]:
        """Of the proxies, in the order in which they were given."""
        return [one.name for one in self.proxies]

    @cached_property
    def copies(self) -> Flags:
        """(m,) samples that are copies for certain."""
        return any_of(self.joined.certain)

    @cached_property
    def called(self) -> Flags:
        """(m,) samples that are called, as copies or near copies."""
        return any_of(self.joined.called)

    @cached_property
    def undecided(self) -> Flags:
        """(m, R) as near as the tests of a proxy can measure, in samples that are not called."""
        smallest = np.array([one.calibration.near_copy.p for one in self.proxies])
        flags: Flags = (self.pairs.tests <= smallest) & ~self.called[:, None]
        return flags

    def finding(self, row: int) -> Finding:
        """What is found of a sample that is called."""
        called = np.flatnonzero(self.joined.called[row])
        first = int(called[np.argmin(self.joined.pair_p[row, called])])
        return Finding(
            row=row,
            proxy=first,
            source=named_image(self.proxies[first], row),
            certain=bool(self.joined.certain[row, first]),
            others=tuple(self.proxies[one].name for one in called if one != first),
        )

    def witness(self, row: int, proxy: int) -> Witness:
        """Which test speaks most for a pair."""
        witness: Witness = self.proxies[proxy].table.arrow["copy_witness"][row].as_py()
        return witness
