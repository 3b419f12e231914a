"""The options of scoring, beside the reference that samples are judged against.

keywords of `Reference.score` --ScoreOptions--> checked once, before any work
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

from rara.arguments import path_of, short
from rara.errors import ParameterError
from rara.extractors import Extractor, Spec
from rara.geometry import Boundary
from rara.retrieval.finding import Looking
from rara.scores import Families, Family
from rara.verdict.rules import ALPHA, Thresholds

Compat = Literal["official"]


class Options(TypedDict, total=False):
    """The keywords that every way to score takes."""

    k: int | None
    """Which ball: up to the k-th nearest other image; by default the reference's k."""
    boundary: Literal["open", "closed"]
    """Whether balls hold the points exactly on them."""
    compat: Compat | None
    """`official` gives the numbers of the code that the Rarity Score's authors published."""
    alpha: float
    """The error rate of the verdicts."""
    group_by: str | None
    """A key of metadata: each image is judged by the reference images of its group as well."""
    against_siblings: str | None
    """A key of metadata: each image is compared with the samples that share its value."""
    also: Collection[Family]
    """Columns made on request."""
    evidence: Looking
    """Which samples are compared with reference images by looking at the pictures."""
    copy_network: str | os.PathLike[str] | Extractor | None
    """A network that was trained for copies, as a further test: `sscd-student` or `sscd`."""


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """The same, checked."""

    k: int | None = None
    boundary: Literal["open", "closed"] = "open"
    compat: Compat | None = None
    alpha: float = ALPHA
    group_by: str | None = None
    against_siblings: str | None = None
    also: Collection[Family] = ()
    evidence: Looking = "near"
    copy_network: str | os.PathLike[str] | Extractor | None = None

    def __post_init__(self) -> None:
        Thresholds(self.alpha)
        object.__setattr__(self, "also", tuple(self.families.names))
        if self.evidence not in get_args(Looking):
            raise ParameterError(
                f"evidence = {short(self.evidence)}: give 'none', 'near' or 'all'."
            )
        rules = [(None, "open"), (None, "closed"), ("official", "open")]
        if (self.compat, self.boundary) not in rules:
            raise ParameterError(
                f"boundary={self.boundary!r} with compat={self.compat!r}: give boundary 'open' or "
                "'closed', or compat 'official' with neither."
            )
        if self.copy_network is not None:
            _check_network(self.copy_network)
        if self.copy_network is not None and self.compat:
            raise ParameterError(
                "The authors' code has no test for copies: remove compat or copy_network."
            )
        if (names := self.families.names) and self.compat:
            raise ParameterError(
                f"The authors' code has no {' or '.join(names)}: remove compat or also."
            )

    @property
    def for_verdicts(self) -> ScoreOptions:
        """Those that verdicts depend on, and no others."""
        return ScoreOptions(k=self.k, boundary=self.boundary, alpha=self.alpha)

    @property
    def rule(self) -> Boundary:
        """When a ball holds a point."""
        return self.compat or self.boundary

    @property
    def families(self) -> Families:
        """The scores that are made on request."""
        return Families(self.also)

    @property
    def thresholds(self) -> Thresholds:
        """The error rates of the verdicts."""
        return Thresholds(self.alpha)


def _check_network(network: object) -> None:
    if isinstance(network, (str, os.PathLike)):
        path_of(network, "copy_network")
    elif not isinstance(getattr(network, "spec", None), Spec):
        raise ParameterError(
            f"copy_network = {short(network)}: give 'sscd-student', 'sscd', the path of an ONNX "
            "file, or an extractor."
        )
