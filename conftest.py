"""Keeps doctests off files whose ecosystem is not installed."""

from importlib.util import find_spec

NEEDS = {
    "torchmetrics": ["src/rara/adapters/torchmetrics.py"],
    "lightning": ["src/rara/adapters/lightning.py"],
    "transformers": ["src/rara/adapters/transformers.py"],
    "torch": [
        "tests/ranks.py",
        "src/rara/adapters/diffusers.py",
        "src/rara/selection/guidance.py",
        "src/rara/selection/torch.py",
    ],
    "fsspec": ["tests/faulty_filesystem.py"],
}

collect_ignore = [
    path for package, paths in NEEDS.items() if find_spec(package) is None for path in paths
]
