"""The peers, asked what rara is asked: as their documentation says, on all cores.

Each is optional, and imported only where it works.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rara.geometry import QuantizedReference
from workload import DEPTH, NEAREST, K, Vectors, ask, product, radii, set_scores, told

Task = Literal["radii", "query", "set scores"]


@dataclass(frozen=True, slots=True)
class Case:
    """What a task is about."""

    reference: Vectors
    samples: Vectors
    r2: NDArray[np.float64]
    """Squared radii of the reference; what they are does not matter where they are asked for."""
    threads: int
    quantized: QuantizedReference | None = None
    """The reference's codes, as a saved one holds them; only rara knows what to do with them."""

    def __getitem__(self, rows: slice) -> Case:
        return Case(self.reference[rows], self.samples[rows], self.r2[rows], self.threads)


Work = Callable[[Case], str | None]
"""Does a task; may say how it went."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to the answers, or to some of them."""

    name: str
    package: str
    works: Mapping[Task, Work]
    pair_bytes: Mapping[Task, float] = field(default_factory=dict)
    """Bytes held for every pair at the peak, as measured; none where it works in tiles."""

    @property
    def installed(self) -> bool:
        """Whether it can be imported."""
        return find_spec(self.package) is not None

    def holdable(self, task: Task, n: int, m: int, memory: int) -> int:
        """The largest part of the reference whose pairs fit the memory."""
        each = self.pair_bytes.get(task, 0.0)
        if not each or not self.installed:
            return n
        most = memory / (each * m) if task == "query" else math.sqrt(memory / each)
        return n if most >= n else max(int(most) // 500 * 500, 500)


# -- the yardstick --


def product_radii(case: Case) -> None:
    product(case.reference, case.reference)


def product_query(case: Case) -> None:
    product(case.samples, case.reference)


def product_everything(case: Case) -> None:
    product(case.reference, case.reference)
    product(case.samples, case.samples)
    product(case.samples, case.reference)


# -- rara --


def rara_radii(case: Case) -> str:
    _, statistics = radii(case.reference, threads=case.threads)
    return told(statistics, len(case.reference))


def rara_query(case: Case) -> str:
    statistics = ask(case.samples, case.reference, case.r2, threads=case.threads)
    return told(statistics, len(case.samples))


def rara_query_kept(case: Case) -> str:
    samples, reference = case.samples, case.reference
    statistics = ask(samples, reference, case.r2, threads=case.threads, quantized=case.quantized)
    return told(statistics, len(samples))


def rara_everything(case: Case) -> str:
    found = set_scores(case.samples, case.reference, threads=case.threads)
    return "precision {:.4f}, recall {:.4f}, density {:.4f}, coverage {:.4f}".format(*found)


# -- peers that keep the nearest while they go --


def faiss_radii(case: Case) -> None:
    _faiss(case.reference, case.reference, DEPTH + 1)  # finds each vector itself, too


def faiss_query(case: Case) -> None:
    _faiss(case.samples, case.reference, NEAREST)


def _faiss(samples: Vectors, reference: Vectors, k: int) -> None:
    import faiss

    index = faiss.IndexFlatL2(reference.shape[1])
    index.add(reference)
    index.search(samples, k)


def sklearn_radii(case: Case) -> None:
    _sklearn(None, case.reference, DEPTH)


def sklearn_query(case: Case) -> None:
    _sklearn(case.samples, case.reference, NEAREST)


def _sklearn(samples: Vectors | None, reference: Vectors, k: int) -> None:
    from sklearn.neighbors import NearestNeighbors

    NearestNeighbors(algorithm="brute").fit(reference).kneighbors(samples, n_neighbors=k)


# -- peers that hold every pair --


def prdc_everything(case: Case) -> str:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(case.reference, case.samples, K)
    return ", ".join(f"{name} {value:.4f}" for name, value in found.items())


def cdist_radii(case: Case) -> None:
    import torch

    with torch.inference_mode():
        reference = torch.from_numpy(case.reference)
        torch.cdist(reference, reference).topk(DEPTH + 1, largest=False)


def cdist_query(case: Case) -> None:
    import torch

    with torch.inference_mode():
        distances = torch.cdist(torch.from_numpy(case.samples), torch.from_numpy(case.reference))
        distances.topk(NEAREST, largest=False)
        reach = torch.from_numpy(np.sqrt(case.r2)).float()
        inside = distances < reach
        inside.sum(dim=1)
        torch.where(inside, reach, torch.inf).amin(dim=1)
        torch.where(reach <= reach.median(), reach / distances, 0.0).amax(dim=1)


PRODUCT = Contestant(
    "float32 product",
    "numpy",
    {"radii": product_radii, "query": product_query, "set scores": product_everything},
)
RARA = Contestant(
    "rara",
    "rara",
    {"radii": rara_radii, "query": rara_query, "set scores": rara_everything},
)
RARA_KEPT = Contestant("rara, codes kept", "rara", {"query": rara_query_kept})
PEERS = (
    Contestant(
        "faiss IndexFlatL2 (nearest only)", "faiss", {"radii": faiss_radii, "query": faiss_query}
    ),
    Contestant(
        "scikit-learn NearestNeighbors, brute (nearest only)",
        "sklearn",
        {"radii": sklearn_radii, "query": sklearn_query},
    ),
    Contestant(
        "torch.cdist, whole matrix",
        "torch",
        {"radii": cdist_radii, "query": cdist_query},
        {"radii": 4.1, "query": 14},
    ),
    Contestant("prdc compute_prdc", "prdc", {"set scores": prdc_everything}, {"set scores": 12.5}),
)
EVERYBODY = {one.name: one for one in (PRODUCT, RARA, RARA_KEPT, *PEERS)}
