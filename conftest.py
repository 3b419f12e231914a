"""Keeps doctests off files whose ecosystem is not installed."""

from importlib.util import find_spec

NEEDS = {
    "torchmetrics": "src/rara/adapters/torchmetrics.py",
    "lightning": "src/rara/adapters/lightning.py",
    "transformers": "src/rara/adapters/transformers.py",
    "torch": "tests/ranks.py",
    "fsspec": "tests/faulty_filesystem.py",
}

collect_ignore = [path for package, path in NEEDS.items() if find_spec(package) is None]
