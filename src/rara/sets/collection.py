"""Many metrics of the same sides, for little more than the price of one: pairs are scanned once.

    reference, metrics --MetricCollection--> .scores(samples) --> a SetScore for each name
                                             .scores(others)  --> the reference's work is reused

Metrics of neighbours and balls share one list of neighbours for each side, as deep as any of them
asks, and one scan of samples and reference. MiFID finds its candidates by the products of that
scan. FID, FID infinity and MiFID share their moments, KID and CMMD their float32 products.

The figures are those of the single functions. Those of neighbours and balls are equal in every bit.
Others sum the same numbers in another order, which changes the last digits.

With `approximate`, KID and CMMD are sums of the products of the scan. These are of bytes where the
machine is faster at bytes. In each call the error is estimated on some images. Where it may be
above 5 % of half the interval, the exact products are taken after all.

States are computed side by side, each on one core: small decompositions are slower on several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, TypeAlias, Unpack

from rara.arguments import short
from rara.errors import ParameterError
from rara.geometry import EngineOptions
from rara.geometry.threads import Crew, one_core
from rara.machine import quarter_of_memory
from rara.sets.authenticity import Authenticity
from rara.sets.base import LEVEL, KeptVectors, Kind, SetScore, Side, VectorsLike
from rara.sets.both_sides import BothSides, OneSide, PairMetric
from rara.sets.c_t import CT
from rara.sets.clip_kernel import CMMD
from rara.sets.clipped_coverage import ClippedCoverage
from rara.sets.clipped_density import ClippedDensity
from rara.sets.coverage import Coverage
from rara.sets.density import Density
from rara.sets.diversity import Diversity
from rara.sets.fidelity import Fidelity
from rara.sets.fld_gap import FLDGap
from rara.sets.frechet import FID, PARTS, FIDInfinity, laws_of
from rara.sets.ken import KEN
from rara.sets.kernel_inception import KID
from rara.sets.memorisation import MiFID
from rara.sets.mmd import Discrepancy, Products
from rara.sets.moments import SideMoments
from rara.sets.precision import Precision
from rara.sets.recall import Recall
from rara.sets.rke import RKE
from rara.sets.spatial import SFID
from rara.sets.three_sides import ThreeSides
from rara.sets.vendi import Vendi
from rara.sets.wasserstein import SlicedWasserstein

STATES: dict[str, type[Any]] = {
    "fid": FID,
    "fid_infinity": FIDInfinity,
    "mifid": MiFID,
    "kid": KID,
    "cmmd": CMMD,
    "sliced_wasserstein": SlicedWasserstein,
    "precision": Precision,
    "recall": Recall,
    "density": Density,
    "coverage": Coverage,
    "clipped_density": ClippedDensity,
    "clipped_coverage": ClippedCoverage,
    "fidelity": Fidelity,
    "diversity": Diversity,
    "vendi": Vendi,
    "rke": RKE,
    "ken": KEN,
    "authenticity": Authenticity,
    "c_t": CT,
    "fld_gap": FLDGap,
}
"""The states of all metrics that take vectors, by the names of their functions."""
Metric: TypeAlias = "str | KeptVectors | FID | ThreeSides"
"""The name of a metric's function, or a state with options that took in nothing yet."""


class MetricCollection:
    """Metrics of samples beside one reference, which several generators may share.

    `metrics`: names, and states with other options; a mapping gives the figures names of its own,
    as for one metric at several k. By default all that the given sides allow. `test`: fresh real
    images, which `c_t` and `fld_gap` take besides the training set, the reference. `approximate`:
    KID and CMMD by the products of the scan, which is several times faster; the error is estimated.

    Raises ParameterError for metrics that take no such vectors, states that took in some already,
    and names that occur twice.
    """

    def __init__(
        self,
        reference: VectorsLike,
        metrics: Iterable[Metric] | Mapping[str, Metric] | None = None,
        *,
        test: VectorsLike | None = None,
        approximate: bool = False,
    ) -> None:
        if metrics is None:
            metrics = [
                name for name in STATES if test is not None or name not in ("c_t", "fld_gap")
            ]
        self.states = {name: copy(state) for name, state in _labelled(metrics)}
        for state in self.states.values():
            if isinstance(state, Discrepancy):
                state.approximate = approximate
        three = any(isinstance(state, ThreeSides) for state in self.states.values())
        if three and test is None:
            raise ParameterError("c_t and fld_gap need test images: give `test`.")
        self._kind = Kind()
        self._reference, self._test = Side("reference images"), Side("test images")
        given = ((self._reference, reference), (self._test, test))
        for side, part in self._kind.admit(given):
            side.take([part])
        self._train = copy(self._reference)
        self._train.what = "training images"
        self._moments: SideMoments | None = None
        self._beside_test: BothSides | None = None

    def scores(
        self, samples: VectorsLike, *, level: float = LEVEL, **engine: Unpack[EngineOptions]
    ) -> dict[str, SetScore]:
        """Every figure of these samples, by name; errors as of the single functions."""
        side = Side("samples")
        side.take([part for _, part in replace(self._kind).admit([(None, samples)])])
        states = {name: copy(state) for name, state in self.states.items()}
        with one_core():
            self._share_moments(states.values(), side)
            both = self._share_pairs(states.values(), side, **engine)
        sharing = [name for name in states if _is_exact_kernel(states[name])]
        _share_products([states[name] for name in sharing])
        found: dict[str, SetScore] = {}

        def compute(names: list[str], _: int) -> None:
            for name in names:
                state = states[name]
                own = engine if _takes_engine(state) else {}
                found[name] = state.compute(level=level, **own)

        with Crew(engine.get("threads")) as crew:
            memory = engine.get("memory") or quarter_of_memory()
            engine["memory"] = max(1, memory // crew.threads)
            others = [name for name in states if name not in sharing]
            others.sort(key=lambda name: not isinstance(states[name], KEN))
            crew.each(compute, [sharing, *([name] for name in others)])
        both.forget()
        return {name: found[name] for name in states}

    def _share_moments(self, states: Iterable[Any], samples: Side) -> None:
        """FID and its kin, but for feature maps: one law of each side."""
        kin = [state for state in states if isinstance(state, FID | MiFID)]
        if not kin:
            return
        if self._moments is None:
            self._moments = _moments_of(self._reference)
        moments, laws = _moments_of(samples), None
        if min(len(samples), len(self._reference)) >= FID.least:
            laws = laws_of(moments, self._moments)
            for side in (moments, self._moments):
                side.kept()
            _ = laws.distance  # all this once, before threads ask for it
        for state in kin:
            state.laws = laws
            if isinstance(state, FID):
                state.samples, state.reference = moments, self._moments

    def _share_pairs(
        self, states: Iterable[Any], samples: Side, **engine: Unpack[EngineOptions]
    ) -> BothSides:
        """All others: one scan of each side, and one of both."""
        both = BothSides(
            OneSide.of(samples, 1, "metrics"), OneSide.of(self._reference, 1, "metrics")
        )
        pairs = [state for state in states if isinstance(state, PairMetric)]
        for state in states:
            if isinstance(state, ThreeSides):
                state.samples, state.train, state.test = samples, self._train, self._test
            elif isinstance(state, KeptVectors):
                state.samples, state.reference = samples, self._reference
            if isinstance(state, CT):
                state.shared = both, self._test_pairs()
                state.ask_lists()
        for one in pairs:
            one.shared = both
            one.ask_lists(both)
        both.run_within(**engine)
        for one in pairs:
            one.ask_pairs(both, **engine)
        both.run(**engine)
        return both

    def _test_pairs(self) -> BothSides:
        if self._beside_test is None:
            train = OneSide.of(self._reference, 1, "c_t")
            self._beside_test = BothSides(OneSide.of(self._test, 1, "c_t"), train)
        return self._beside_test


def _labelled(
    metrics: Iterable[Metric] | Mapping[str, Metric],
) -> Iterable[tuple[str, Any]]:
    """Names and empty states."""
    if isinstance(metrics, str):
        metrics = [metrics]
    given = metrics.items() if isinstance(metrics, Mapping) else ((None, one) for one in metrics)
    taken = set()
    for label, metric in given:
        state = STATES[metric]() if isinstance(metric, str) and metric in STATES else metric
        names = [name for name, kind in STATES.items() if type(state) is kind]
        if not names or isinstance(state, SFID):
            raise ParameterError(
                f"metrics: {short(metric)} is none of {', '.join(STATES)}, and no state of these."
            )
        name = label or names[0]
        if name in taken:
            raise ParameterError(f"metrics: {name} occurs twice; give a mapping with other names.")
        taken.add(name)
        _refuse_taken(name, state)
        yield name, state


def _refuse_taken(name: str, state: Any) -> None:
    if state.kind.dimensions is not None:
        raise ParameterError(f"metrics: the state {name} took in vectors already; give a new one.")


def _moments_of(side: Side) -> SideMoments:
    found = SideMoments(side.what, PARTS)
    for part in side.parts:
        found.add(part)
    return found


def _is_exact_kernel(state: Any) -> bool:
    return isinstance(state, Discrepancy) and not state.approximate


def _share_products(states: list[Any]) -> None:
    """KID and CMMD of the same sides: each pair is multiplied once."""
    if not states:
        return
    products = Products(states[0].samples, states[0].reference, [state.kernel for state in states])
    for state in states:
        state.products = products


def _takes_engine(state: Any) -> bool:
    return isinstance(state, PairMetric | ThreeSides) and not isinstance(state, KID | CMMD | MiFID)
