"""FID from vectors, beside the numerics of torch-fidelity and clean-fid.

    python benchmarks/frechet.py [--samples 10000] [--reference 10000] [--dimensions 1280 2048]

From float32 vectors to the figure: moments, and the root of the covariances' product. rara gives
the interval too, which takes the eigenvectors. The answers must agree to 1e-4. No network is
loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from measuring import Cost, Row, cost, interleaved, parser, save
from rara import sets
from workload import Vectors, reference_vectors, sample_vectors

SIZES = {"samples": 10_000, "reference": 10_000, "repeats": 3}
DIMENSIONS = (1280, 2048)
Figure = Callable[[Vectors, Vectors], float]


def main() -> None:
    options = parser(__doc__, SIZES)
    options.add_argument("--dimensions", type=int, nargs="*", default=DIMENSIONS)
    size = options.parse_args()
    rows = []
    for d in size.dimensions:
        reference = reference_vectors(size.reference, d)
        samples = sample_vectors(size.samples, d)
        rows += interleaved(contestants(samples, reference), size.repeats)
    save(size.results, "frechet", settings=size, rows=rows)


def contestants(samples: Vectors, reference: Vectors) -> list[Row]:
    """Everybody at one number of dimensions."""
    right = float(sets.fid(samples, reference))
    found: dict[str, Figure | None] = {
        "rara fid": lambda x, y: float(sets.fid(x, y)),
        "rara fid_infinity": lambda x, y: float(sets.fid_infinity(x, y)),
        "torch-fidelity": torch_fidelity(),
        "clean-fid": clean_fid(),
    }
    facts = {"n": len(samples), "m": len(reference), "d": samples.shape[1]}
    rows = []
    for who, figure in found.items():
        if figure is None:
            rows.append(Row.absent("not installed", who=who, **facts))
            continue
        expected = None if who == "rara fid_infinity" else right
        work = partial(measured, partial(figure, samples, reference), expected)
        rows.append(Row.of(work, who=who, **facts))
    return rows


def measured(figure: Callable[[], float], right: float | None) -> tuple[Cost, str]:
    """What it took, and whether the figure is the same."""
    spent, value = cost(figure)
    differs = right is not None and not np.isclose(value, right, rtol=1e-4, atol=1e-4)
    return spent, "answers differ" if differs else ""


def torch_fidelity() -> Figure | None:
    """Its functions on vectors; None where it cannot be imported."""
    try:
        import torch
        from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    except (ImportError, RuntimeError):
        return None

    def figure(x: Vectors, y: Vectors) -> float:
        both = [fid_features_to_statistics(torch.from_numpy(one)) for one in (x, y)]
        return float(fid_statistics_to_metric(*both, verbose=False)["frechet_inception_distance"])

    return figure


def clean_fid() -> Figure | None:
    """Its function on vectors; None where it cannot be imported."""
    try:
        from cleanfid.fid import fid_from_feats
    except (ImportError, RuntimeError):
        return None
    return lambda x, y: float(fid_from_feats(x, y))


if __name__ == "__main__":
    main()
