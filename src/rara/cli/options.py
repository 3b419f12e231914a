"""What several commands take, and the sections of the help that it stands in.

First step of a command: options -> opened -> the library -> output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Group, Parameter

from rara.cli.progress import progress_on
from rara.errors import ParameterError
from rara.extractors.base import Metric
from rara.run import DEFAULT_MAX_PIXELS, Run
from rara.service.limits import Limits

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def bytes_of(text: str, option: str = "--memory") -> int:
    """A size such as 512MB, 4GB or 1.5g, in bytes; units are powers of 1024.

    >>> bytes_of("1.5 GB")
    1610612736
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ParameterError(f"{option} {text}: give a size such as 512MB or 4GB.")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def size(hint: Any, tokens: Any) -> int:
    """Read a size in bytes, at least 1."""
    option = tokens[0].keyword or "--memory"
    value = bytes_of(tokens[0].value, option)
    return _at_least_one(value, option, tokens[0].value)


def whole(hint: Any, tokens: Any) -> int:
    """Read a whole number; 1.5 is a mistake and not 1."""
    try:
        return int(tokens[0].value)
    except ValueError:
        message = f"{tokens[0].keyword} {tokens[0].value}: give a whole number."
        raise ParameterError(message) from None


def positive(hint: Any, tokens: Any) -> int:
    """Read a whole number of at least 1; the message for another has the option's name."""
    return _at_least_one(whole(hint, tokens), tokens[0].keyword, tokens[0].value)


def _at_least_one(value: int, option: str, text: str) -> int:
    if not 1 <= value < 2**63:
        wanted = "at least 1" if value < 1 else "a smaller number"
        raise ParameterError(f"{option} {text}: give {wanted}.")
    return value


Place: TypeAlias = str | Path
"""A place as it was typed, always text: a path would lose a slash at the end. That it may be a path
has shells complete it."""

IMAGES = Group("Images", sort_key=1)
SELECTION = Group("Selection", sort_key=2)
OUTPUT = Group("Output", sort_key=2)
REFERENCE = Group("Reference", sort_key=3)
VERDICTS = Group("Verdicts", sort_key=4)
GROUPS = Group("Groups and siblings", sort_key=5)
SCORES = Group("More scores", sort_key=6)
NETWORK = Group("Network", sort_key=7)
MACHINE = Group("Machine", sort_key=8)
"""The sections of the help, in the order in which they are asked for."""

Json = Annotated[
    bool,
    Parameter(group=OUTPUT, negative=(), show_default=False, help="Print all findings as JSON."),
]
Neighbours = Annotated[
    int | None,
    Parameter(
        name=["-k"],
        group=REFERENCE,
        converter=whole,
        metavar="K",
        show_default="3, or that of a saved reference",
        help="Neighbours: a ball reaches to the k-th nearest other reference image.",
    ),
]
Table = Annotated[
    Path | None,
    Parameter(
        alias="-o",
        group=OUTPUT,
        metavar="FILE",
        help="Write the table, one row an image: .parquet, .csv or .json.",
    ),
]
Page = Annotated[
    Path | None,
    Parameter(group=OUTPUT, metavar="FILE", help="Write a page to look at: one HTML file."),
]
Assets = Annotated[
    Path | None,
    Parameter(
        group=OUTPUT,
        metavar="FOLDER",
        help="Put the page's pictures and rows into files beside it, for very many samples.",
    ),
]
Metrics = Annotated[
    Metric | None,
    Parameter(
        group=REFERENCE,
        show_default="hellinger for the default network, else euclidean",
        help="How vectors are compared: `cosine` by their directions, `hellinger` by the shares of "
        "their sums.",
    ),
]
Unit = Annotated[
    str | None,
    Parameter(
        group=REFERENCE,
        metavar="KEY",
        help="Keep one image of each burst: by a key such as `label`, by `folder`, or `found`.",
    ),
]


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class Working:
    """How to work; nothing here changes a score."""

    threads: Annotated[
        int | None,
        Parameter(
            converter=positive,
            metavar="N",
            show_default="one for each core",
            help="Number of threads.",
        ),
    ] = None
    memory: Annotated[
        int | None,
        Parameter(
            converter=size,
            metavar="SIZE",
            show_default="a quarter of the machine's",
            help="Memory beside the vectors, and for decoding, such as 512MB or 4GB.",
        ),
    ] = None
    max_pixels: Annotated[
        int | None,
        Parameter(
            converter=positive,
            metavar="N",
            show_default=str(DEFAULT_MAX_PIXELS),
            help="Skip images with more pixels.",
        ),
    ] = None
    retry_failed: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="Try images again that failed in an earlier run."
        ),
    ] = False
    no_metadata: Annotated[
        bool,
        Parameter(
            group=IMAGES,
            negative=(),
            show_default=False,
            help="Read only images: no metadata tables, and no files that describe an image.",
        ),
    ] = False

    def run(self) -> Run:
        """The same for the library, with progress on stderr."""
        return Run(
            threads=self.threads,
            memory=self.memory,
            max_pixels=DEFAULT_MAX_PIXELS if self.max_pixels is None else self.max_pixels,
            on_failed="retry" if self.retry_failed else "keep",
            metadata="ignore" if self.no_metadata else "read",
            progress=progress_on(),
        )


@Parameter(name="*", group=MACHINE)
@dataclass(frozen=True)
class ServingWork(Working):
    """How to work where images are sent, too: of those, fewer pixels are usual."""

    max_pixels: Annotated[
        int | None,
        Parameter(
            converter=positive,
            metavar="N",
            show_default=f"{DEFAULT_MAX_PIXELS}, and {Limits().pixels} of a sent image",
            help="Skip images with more pixels.",
        ),
    ] = None

    def limits(self, usual: Limits | None = None) -> Limits:
        """The same for images that are sent; other limits stay as they are."""
        usual = usual or Limits()
        pixels = usual.pixels if self.max_pixels is None else self.max_pixels
        return replace(usual, pixels=pixels, pixels_at_once=max(usual.pixels_at_once, pixels))


@Parameter(name="*", group=VERDICTS)
@dataclass(frozen=True)
class Calibration:
    """Which real images percentiles and p-values are relative to."""

    calibration: Annotated[
        Place | None,
        Parameter(
            metavar="PLACE",
            show_default="the reference's own, leave-one-out",
            help="Real images for calibration that are not in the reference.",
        ),
    ] = None
    held_out: Annotated[
        float | None,
        Parameter(
            metavar="SHARE",
            help="Set a share of the reference aside for calibration, such as 0.2.",
        ),
    ] = None
    seed: Annotated[
        int | None,
        Parameter(
            converter=whole, metavar="N", show_default="0", help="Which images --held-out takes."
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.calibration is not None and self.held_out is not None:
            raise ParameterError("Give --calibration or --held-out, not both.")
        if self.seed is not None and self.held_out is None:
            raise ParameterError(f"--seed {self.seed} needs --held-out: give both, or neither.")
        if self.seed is not None and self.seed < 0:
            raise ParameterError(f"--seed {self.seed}: give at least 0.")
        if self.held_out is not None and not 0 < self.held_out < 1:
            raise ParameterError(
                f"--held-out {self.held_out:g}: give a share between 0 and 1 that leaves some on "
                "both sides, such as 0.2."
            )
