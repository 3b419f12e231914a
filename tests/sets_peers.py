"""Set metrics as other packages compute them from vectors, written to golden/sets_peers.json.

    pip install torch torch-fidelity==0.4.0 clean-fid==0.1.35 torchmetrics==1.9.0
    python tests/sets_peers.py

Vectors are drawn anew from a seed here and in the test. Only the packages' own functions on
vectors are called: no network is loaded and no image is read.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

CASES = {"plain": (400, 300, 16), "fewer": (60, 50, 96), "wide": (300, 400, 64)}
"""Samples, reference images and dimensions."""
PACKAGES = ("torch-fidelity", "clean-fid", "torchmetrics", "torch", "scipy", "numpy")


def drawn(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative samples and reference images of a case, as networks give them."""
    n, m, d = CASES[name]
    rng = np.random.default_rng(7)
    scale = 1 / np.sqrt(1 + np.arange(d))
    samples = np.abs(rng.normal(size=(n, d)) * scale * 1.1 + 0.3 * scale)
    reference = np.abs(rng.normal(size=(m, d)) * scale + 0.2 * scale)
    return samples.astype(np.float32), reference.astype(np.float32)


def logits() -> np.ndarray:
    """(500, 20) logits."""
    return (4 * np.random.default_rng(8).normal(size=(500, 20))).astype(np.float32)


def peers(name: str) -> dict[str, dict[str, float]]:
    """Figures of a case, by metric and package."""
    import torch
    from cleanfid.fid import fid_from_feats
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kernel_poly, mmd2
    from torchmetrics.image.fid import _compute_fid
    from torchmetrics.image.kid import poly_mmd
    from torchmetrics.image.mifid import _compute_cosine_distance

    samples, reference = drawn(name)
    ours, theirs = (torch.from_numpy(one).double() for one in (samples, reference))
    statistics = [fid_features_to_statistics(one) for one in (ours, theirs)]
    moments = [x for one in (ours, theirs) for x in (one.mean(0), torch.cov(one.T))]
    fewer = min(len(samples), len(reference))
    x, y = (one[:fewer] for one in (ours, theirs))
    kernel = {
        "kid_kernel_poly_degree": 3,
        "kid_kernel_poly_gamma": None,
        "kid_kernel_poly_coef0": 1,
    }
    products = [kernel_poly(a.numpy(), b.numpy(), **kernel) for a, b in ((x, x), (x, y), (y, y))]
    return {
        "fid": {
            "torch-fidelity": fid_statistics_to_metric(*statistics, verbose=False)[
                "frechet_inception_distance"
            ],
            "clean-fid": float(fid_from_feats(samples, reference)),
            "torchmetrics": float(_compute_fid(*moments)),
        },
        "kid": {
            "torch-fidelity": float(mmd2(*products)),
            "torchmetrics": float(poly_mmd(x, y)),
        },
        "cosine distance": {
            "torchmetrics, samples first": float(_compute_cosine_distance(ours, theirs, 2.0)),
            "torchmetrics, reference first": float(_compute_cosine_distance(theirs, ours, 2.0)),
        },
    }


def main() -> None:
    import torch
    from torch_fidelity.metric_isc import isc_features_to_metric

    score = isc_features_to_metric(torch.from_numpy(logits()), splits=1, shuffle=False)
    found = {name: peers(name) for name in CASES}
    found["logits"] = {"inception_score": {"torch-fidelity": score["inception_score_mean"]}}
    content = {"versions": {one: version(one) for one in PACKAGES}, **found}
    path = Path(__file__).parent / "golden" / "sets_peers.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
