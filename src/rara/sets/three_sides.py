"""A state of samples, the training set of their generator, and a test set of fresh real images.

    update(samples=…, train=…, test=…) --merge--> one state --compute--> SetScore

Metrics of memorisation ask whether samples are nearer to the training set than fresh images are.
"""

from __future__ import annotations

from typing import Any, Self

from rara.sets.base import Kind, Side, VectorsLike, refuse_other_options


class ThreeSides:
    """The part that such states share: all vectors are kept."""

    def __init__(self) -> None:
        self.kind = Kind()
        self.samples = Side("samples")
        self.train = Side("training images")
        self.test = Side("test images")

    def update(
        self,
        *,
        samples: VectorsLike | None = None,
        train: VectorsLike | None = None,
        test: VectorsLike | None = None,
    ) -> None:
        """Take in some vectors of any side, checked; arrays are not copied."""
        given = ((self.samples, samples), (self.train, train), (self.test, test))
        for side, part in self.kind.admit(given):
            side.take([part])

    def merge(self, other: Self) -> None:
        """Take in what another state of the same options took in."""
        refuse_other_options(self, other)
        self.kind.agree(other.kind.spec, other.kind.dimensions)
        self.samples.take(other.samples.parts)
        self.train.take(other.train.parts)
        self.test.take(other.test.parts)

    @property
    def options(self) -> tuple[Any, ...]:
        """What states must agree in to be merged."""
        return ()
