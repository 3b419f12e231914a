"""What several commands take, and the sections of the help that it stands in.

First step of a command: options -> opened -> the library -> output.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Group, Parameter

from rara.cli.progress import progress_on
from rara.errors import ParameterError
from rara.extractors import DEFAULT, Extractor, Preprocessing, get_extractor
from rara.extractors.base import Metric
from rara.extractors.preprocessing import Fit, Layout, Order, ValueRange
from rara.extractors.registry import is_path, takes_weights
from rara.run import DEFAULT_MAX_PIXELS, Run

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def bytes_of(text: str) -> int:
    """A size such as 512MB, 4GB or 1.5g, in bytes; units are powers of 1024.

    >>> bytes_of("1.5 GB")
    1610612736
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ParameterError(f"--memory {text}: give a size such as 512MB or 4GB.")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _size(hint: Any, tokens: Any) -> int:
    return bytes_of(tokens[0].value)


def whole(hint: Any, tokens: Any) -> int:
    """Read a whole number; 1.5 is a mistake and not 1."""
    try:
        return int(tokens[0].value)
    except ValueError:
        message = f"{tokens[0].keyword} {tokens[0].value}: give a whole number."
        raise ParameterError(message) from None


Place: TypeAlias = str | Path
"""A place as it was typed, always text: a path would lose a slash at the end. That it may be a path
has shells complete it."""

IMAGES = Group("Images", sort_key=1)
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
            converter=whole,
            metavar="N",
            show_default="one for each core",
            help="Number of threads.",
        ),
    ] = None
    memory: Annotated[
        int | None,
        Parameter(
            converter=_size,
            metavar="SIZE",
            show_default="a quarter of the machine's",
            help="Memory beside the vectors, and for decoding, such as 512MB or 4GB.",
        ),
    ] = None
    max_pixels: Annotated[
        int, Parameter(converter=whole, metavar="N", help="Skip images with more pixels.")
    ] = DEFAULT_MAX_PIXELS
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
            max_pixels=self.max_pixels,
            on_failed="retry" if self.retry_failed else "keep",
            metadata="ignore" if self.no_metadata else "read",
            progress=progress_on(),
        )


_EXTRACTOR = "A name that `rara doctor` lists, or the path of an ONNX file."
_OR_THE_REFERENCES = f"{DEFAULT}, or that of a saved reference"


@Parameter(name="*", group=NETWORK)
@dataclass(frozen=True)
class Extraction:
    """Which network makes vectors of images, and what one from a file expects."""

    extractor: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            metavar="NAME",
            show_default=DEFAULT,
            help=_EXTRACTOR,
        ),
    ] = None
    size: Annotated[
        tuple[int, int] | None,
        Parameter(
            negative=(),
            metavar="WIDTH HEIGHT",
            help="For an ONNX file: the size of its images, if the file gives none.",
        ),
    ] = None
    mean: Annotated[
        tuple[float, float, float] | None,
        Parameter(
            negative=(),
            metavar="R G B",
            help="For an ONNX file: the mean to subtract, for colours from 0 to 1.",
        ),
    ] = None
    std: Annotated[
        tuple[float, float, float] | None,
        Parameter(
            negative=(), metavar="R G B", help="For an ONNX file: the deviation to divide by."
        ),
    ] = None
    fit: Annotated[
        Fit | None,
        Parameter(help="For an ONNX file: `stretch` images to its size, or scale and `crop` them."),
    ] = None
    onnx_output: Annotated[
        str | None,
        Parameter(
            metavar="NAME",
            show_default="the first",
            help="For an ONNX file: the output that holds the features.",
        ),
    ] = None
    output_layout: Annotated[
        Layout | None,
        Parameter(
            help="For an ONNX file with feature maps: channels first (`nchw`) or last (`nhwc`)."
        ),
    ] = None
    channel_order: Annotated[
        Order | None,
        Parameter(
            show_default="rgb",
            help="For an ONNX file: `bgr` if it was trained with blue first.",
        ),
    ] = None
    value_range: Annotated[
        ValueRange | None,
        Parameter(
            show_default="0-1",
            help="For an ONNX file: the range of pixels that its mean and deviation are for.",
        ),
    ] = None

    weights: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            show_default="in the folder $RARA_WEIGHTS",
            help="For an extractor without weights of its own, such as `inception`: their file.",
        ),
    ] = None

    def make(self, run: Run) -> Extractor | None:
        """The extractor, or None where none was named."""
        made = self.make_all(run)
        if len(made) > 1:
            raise ParameterError(
                f"{len(made)} extractors: give one; second opinions are for `rara score`."
            )
        return made[0] if made else None

    def make_all(self, run: Run) -> list[Extractor]:
        """The extractors in the order in which they were named; what files expect is for all."""
        names = self.extractor or []
        options = [name for name in _OF_FILES if getattr(self, name) is not None]
        files = [name for name in names if is_path(name)]
        if options and not files:
            option = options[0].replace("_", "-")
            raise ParameterError(f"--{option} needs an ONNX file: give its path with --extractor.")
        expected = dict.fromkeys(files, self._preprocessing() if options else None)
        weights = self._weights(names)
        made = [
            get_extractor(
                name,
                preprocessing=expected.get(name),
                weights=weights.get(name),
                threads=run.threads,
            )
            for name in names
        ]
        _check_different(made)
        return made

    def _preprocessing(self) -> Preprocessing:
        """What ONNX files expect, as the options say."""
        usual = Preprocessing()
        return Preprocessing(
            size=self.size,
            mean=self.mean or usual.mean,
            std=self.std or usual.std,
            fit=self.fit or usual.fit,
            output=self.onnx_output,
            output_layout=self.output_layout,
            order=self.channel_order or usual.order,
            value_range=self.value_range or usual.value_range,
        )

    def _weights(self, names: Sequence[str]) -> dict[str, Path]:
        """The file given, for the one extractor that takes one."""
        if self.weights is None:
            return {}
        takers = [name for name in names if takes_weights(name)]
        if len(takers) != 1:
            raise ParameterError(
                f"--weights is one extractor's, and {len(takers)} of those named take a file: name "
                "one with --extractor, or put the files into a folder that RARA_WEIGHTS names."
            )
        return {takers[0]: self.weights}


@Parameter(name="*", group=NETWORK)
@dataclass(frozen=True)
class ReferenceExtraction(Extraction):
    """The same where there may be a reference that was made before."""

    extractor: Annotated[
        list[str] | None,
        Parameter(negative=(), metavar="NAME", show_default=_OR_THE_REFERENCES, help=_EXTRACTOR),
    ] = None


@Parameter(name="*", group=NETWORK)
@dataclass(frozen=True)
class Extractions(Extraction):
    """The same where further networks can be asked as well."""

    extractor: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            metavar="NAME",
            show_default=_OR_THE_REFERENCES,
            help=f"{_EXTRACTOR} Repeat it for second opinions: the first decides.",
        ),
    ] = None


_OF_FILES = (
    "size",
    "mean",
    "std",
    "fit",
    "onnx_output",
    "output_layout",
    "channel_order",
    "value_range",
)
"""The options that say what an ONNX file expects."""


def _check_different(extractors: Sequence[Extractor]) -> None:
    specs = [extractor.spec for extractor in extractors]
    for i, spec in enumerate(specs):
        if spec in specs[:i]:
            raise ParameterError(
                f"--extractor {spec.name} is given twice: a second opinion needs another one."
            )


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
