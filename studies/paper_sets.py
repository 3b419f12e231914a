"""What each metric says of generators that copy, lose modes or are broken: one table a data set.

Beside the paper's mean rarity stand the figures of `rara compare` and the metrics of `rara.sets`.
A cell is marked where a generator that copies or is broken gets a better value than every honest
one. Values are kept in the work folder, by generator, metric and number of images.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from paper_data import HONEST
from paper_judged import REALS, Judged, shown

from rara import sets

Vectors = NDArray[np.float32]
MARK = "▲"
BROKEN = (
    *("memoriser", "mode-dropper", "one-mode", "collapsed", "early", "blurred", "noisy"),
    *("over-dispersed", "untrained"),
)
KERNEL_REFERENCE = 2_000
"""Reference images of KID and CMMD, whose time grows with the square of their number."""
KEN_IMAGES = 500
"""Images a side of KEN, whose time grows with their cube."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Vectors of one generator and of the real images."""

    samples: Vectors
    reference: Vectors
    heldout: Vectors

    @property
    def fewer(self) -> Vectors:
        """For metrics whose time grows with the square of the reference."""
        return self.reference[:KERNEL_REFERENCE]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of the table; `better` puts values in order, the greater the better."""

    title: str
    value: Callable[[Sides], float]
    better: Callable[[float], float]


def higher(value: float) -> float:
    return value


def lower(value: float) -> float:
    return -value


def near(target: float) -> Callable[[float], float]:
    return lambda value: -abs(value - target)


def of(metric: Callable[..., sets.SetScore]) -> Callable[[Sides], float]:
    return lambda sides: float(metric(sides.samples, sides.reference))


METRICS = {
    "fid": Metric("FID", of(sets.fid), lower),
    "kid": Metric("KID ×1000", lambda s: 1000 * float(sets.kid(s.samples, s.fewer)), lower),
    "cmmd": Metric("CMMD", lambda s: float(sets.cmmd(s.samples, s.fewer)), lower),
    "precision": Metric("precision", of(sets.precision), higher),
    "recall": Metric("recall", of(sets.recall), higher),
    "density": Metric("density", of(sets.density), higher),
    "coverage": Metric("coverage", of(sets.coverage), higher),
    "clipped_density": Metric("clipped density", of(sets.clipped_density), higher),
    "clipped_coverage": Metric("clipped coverage", of(sets.clipped_coverage), higher),
    "fidelity": Metric("fidelity", of(sets.fidelity), higher),
    "diversity": Metric("diversity", of(sets.diversity), higher),
    "mifid": Metric("MiFID", of(sets.mifid), lower),
    "c_t": Metric("C_T", lambda s: float(sets.c_t(s.samples, s.reference, s.heldout)), near(0.0)),
    "authenticity": Metric("authenticity", of(sets.authenticity), higher),
    "vendi": Metric("Vendi", lambda s: float(sets.vendi(s.samples)), higher),
    "ken": Metric(
        "KEN", lambda s: float(sets.ken(s.samples[:KEN_IMAGES], s.reference[:KEN_IMAGES])), lower
    ),
}
"""Metrics of a whole set, by their name in `rara.sets`."""

OF_IMAGES = {
    "rarity": ("mean rarity inside", higher),
    "plain": ("the same, Euclidean", higher),
    "inside": ("inside", higher),
    "yield": ("yield", higher),
    "copies_excess": ("copy rate", lower),
    "off_manifold_excess": ("off excess", lower),
    "over_typical": ("dense core", near(0.25)),
    "auc": ("AUC", near(0.5)),
}
"""The paper's figure and those of `rara compare`."""


PERCENT = ("inside", "yield", "copies_excess", "off_manifold_excess", "over_typical")
TITLES = {
    **{column: title for column, (title, _) in OF_IMAGES.items()},
    **{name: metric.title for name, metric in METRICS.items()},
}


@dataclass(frozen=True)
class Table:
    """All generators by all metrics; values are taken from `kept` where they are in it."""

    judged: Judged
    kept: Path

    @cached_property
    def values(self) -> dict[str, dict[str, float]]:
        """Real images that were held out come first."""
        names = [name for name in ("heldout", *HONEST, *BROKEN) if name in self.judged.rows]
        return {name: {**self.of_images(name), **self.of_sets(name)} for name in names}

    def of_images(self, name: str) -> dict[str, float]:
        figures = {
            "rarity": self.judged.mean_rarity(name)[0],
            "plain": self.judged.mean_rarity(name, plain=True)[0],
            **self.judged.rows[name],
        }
        return {column: figures[column] for column in OF_IMAGES}

    def of_sets(self, name: str) -> dict[str, float]:
        """Metrics of the set."""
        data, work = self.judged.data, self.judged.work
        images = data.heldout[:REALS] if name == "heldout" else data.generators[name]
        features = work.features(images)
        text = self.kept.read_text(encoding="utf-8") if self.kept.exists() else "{}"
        found: dict[str, dict[str, float]] = json.loads(text)
        values = found.setdefault(f"{data.name} {name} {features.fingerprint}", {})
        missing = [metric for metric in METRICS if metric not in values]
        if missing:
            reals = (work.features(one).vectors for one in (data.reference, data.heldout[REALS:]))
            sides = Sides(features.vectors, *reals)
            values.update((metric, METRICS[metric].value(sides)) for metric in missing)
            self.kept.write_text(json.dumps(found, indent=1), encoding="utf-8")
        return {metric: values[metric] for metric in METRICS}

    def misled(self) -> dict[str, list[str]]:
        """By metric, what copies or is broken and gets a better value than every honest one."""
        honest = [name for name in HONEST if name in self.values]
        broken = [name for name in BROKEN if name in self.values]
        found = {}
        for column, title in TITLES.items():
            better = better_of(column)
            scores = [better(self.values[name][column]) for name in honest]
            best = max((one for one in scores if not math.isnan(one)), default=math.inf)
            found[title] = [n for n in broken if better(self.values[n][column]) > best]
        return found

    def markdown(self) -> str:
        misled = self.misled()
        lines = [
            f"| {self.judged.data.title} | {' | '.join(misled)} |",
            "|---|" + "--:|" * len(misled),
        ]
        for name, values in self.values.items():
            cells = (
                cell(column, value) + (f" {MARK}" if name in misled[TITLES[column]] else "")
                for column, value in values.items()
            )
            lines.append(f"| {shown(name)} | {' | '.join(cells)} |")
        counts = (str(len(names)) for names in misled.values())
        return "\n".join([*lines, f"| *marked* | {' | '.join(counts)} |"]) + "\n"


def better_of(column: str) -> Callable[[float], float]:
    return OF_IMAGES[column][1] if column in OF_IMAGES else METRICS[column].better


def cell(column: str, value: float) -> str:
    if math.isnan(value):
        return "none"
    return f"{100 * value:.1f} %" if column in PERCENT else f"{value:.3g}"
