"""Extractors by name. A new one is one file and one line here, or another package's entry point.

A package adds its own with an entry point in the group `rara.extractors`, whose name is
the extractor's and whose object is a factory:

    [project.entry-points."rara.extractors"]
    my-network = "my_package.rara:load"
"""

from __future__ import annotations

import difflib
import os
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from rara.arguments import path_of
from rara.errors import ParameterError, UnknownExtractorError
from rara.extractors.base import Extractor
from rara.extractors.onnx import load_onnx
from rara.extractors.preprocessing import Preprocessing
from rara.extractors.timm_models import NAMES, PREFIX
from rara.extractors.timm_models import load as load_timm

DEFAULT = "efficientnet-lite0"
"""The extractor that is meant where none is named."""

GROUP = "rara.extractors"
"""The group of entry points in which other packages name theirs."""

_BUILT_IN = {
    "efficientnet-lite0": "rara.extractors.efficientnet_lite0:load",
    "sscd-student": "rara.extractors.sscd_student:load",
}

_FROM_WEIGHTS = {
    "inception": "rara.extractors.inception:load",
    "inception-logits": "rara.extractors.inception:load_logits",
    "sscd": "rara.extractors.sscd:load",
    "vgg16": "rara.extractors.vgg16:load",
}
"""Those whose weights are the user's file; timm's networks are further ones."""


class Factory(Protocol):
    """Makes an extractor ready to run; imports what is heavy only when called."""

    def __call__(self, *, threads: int | None = None) -> Extractor:
        """An extractor that works on `threads` images at once; None means one for each core."""


class WeightsFactory(Protocol):
    """The same for an extractor whose weights are the user's file."""

    def __call__(
        self, *, weights: str | os.PathLike[str] | None = None, threads: int | None = None
    ) -> Extractor:
        """An extractor with the weights in that file; None means where they usually are."""


def available() -> list[str]:
    """Names of all extractors that can be asked for, other packages' included.

    Further ones are `timm:` and a name of timm's.
    """
    return sorted({*_entries(), *_FROM_WEIGHTS, *NAMES})


def is_name(name: str) -> bool:
    """Whether there is an extractor of that name."""
    return name in available() or name.startswith(PREFIX)


def takes_weights(name: str | os.PathLike[str]) -> bool:
    """Whether that extractor's weights are a file of the user's."""
    return name in _FROM_WEIGHTS or name in NAMES or str(name).startswith(PREFIX)


def get_extractor(
    name: str | os.PathLike[str] = DEFAULT,
    *,
    preprocessing: Preprocessing | None = None,
    weights: str | os.PathLike[str] | None = None,
    threads: int | None = None,
) -> Extractor:
    """The extractor of that name, or the one in the ONNX file at that path.

    `preprocessing` tells what an ONNX file expects; a named extractor brings its own.
    `weights` is the file with the weights of an extractor that comes without, such as
    `inception`; by default it is looked for in the folder that `RARA_WEIGHTS` names and where
    PyTorch keeps downloads. `threads` images are worked on at once, by default one for each core.

    >>> get_extractor("efficientnet-lite1")
    Traceback (most recent call last):
    rara.errors.UnknownExtractorError: No extractor 'efficientnet-lite1'. Did you mean ...
    """
    path_of(name, "extractor")
    if weights is not None:
        path_of(weights, "weights")
        _check_takes_weights(name)
    if is_path(name):
        return load_onnx(name, preprocessing=preprocessing, threads=threads)
    factory = _factory(str(name), weights)
    if preprocessing is not None:
        raise ParameterError(
            f"Extractor '{name}' brings the preprocessing that it was trained with: "
            "give one only with the path of an ONNX file."
        )
    return factory(threads=threads)


def is_path(name: str | os.PathLike[str]) -> bool:
    """Whether it is the path of an ONNX file that is meant, and not a name."""
    return not isinstance(name, str) or name.lower().endswith(".onnx") or os.sep in name


def _factory(name: str, weights: str | os.PathLike[str] | None) -> Factory:
    if name in _FROM_WEIGHTS:
        load = EntryPoint(name, _FROM_WEIGHTS[name], GROUP).load()
        return partial(cast(WeightsFactory, load), weights=weights)
    if takes_weights(name):
        return partial(load_timm, name, weights=weights)
    entry = _entries().get(name)
    if entry is None:
        raise UnknownExtractorError(_unknown(name))
    return cast(Factory, entry.load())


def _check_takes_weights(name: str | os.PathLike[str]) -> None:
    if not takes_weights(name):
        raise ParameterError(
            f"Extractor '{os.fspath(name)}' brings its own weights: weights= (--weights) is for "
            f"{', '.join([*_FROM_WEIGHTS, *NAMES])} and timm:NAME."
        )


def _entries() -> dict[str, EntryPoint]:
    """All factories by name; rara's own names cannot be taken over."""
    own = {name: EntryPoint(name, where, GROUP) for name, where in _BUILT_IN.items()}
    return {entry.name: entry for entry in entry_points(group=GROUP)} | own


def _unknown(name: str) -> str:
    names = available()
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"No extractor '{name}'.{hint} Give {', '.join(names)} or the path of an .onnx file."
