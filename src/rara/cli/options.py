"""What several commands take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from rara.cli.progress import progress_on
from rara.errors import ParameterError
from rara.extractors import DEFAULT, Extractor, Preprocessing, get_extractor
from rara.extractors.preprocessing import Fit, Layout
from rara.extractors.registry import is_path
from rara.images import DEFAULT_MAX_PIXELS
from rara.run import Run

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def bytes_of(text: str) -> int:
    """A size such as 512MB, 4GB or 1.5g, in bytes; units are powers of 1024.

    >>> bytes_of("1.5 GB")
    1610612736
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ParameterError(f"memory '{text}': give a size such as 512MB or 4GB.")
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


@Parameter(name="*")
@dataclass(frozen=True)
class Working:
    """How to work; nothing here changes a score."""

    threads: Annotated[
        int | None, Parameter(converter=whole, help="Threads; one for each core by default.")
    ] = None
    memory: Annotated[
        int | None,
        Parameter(
            converter=_size,
            help="Memory beside the features, such as 512MB or 4GB; a quarter of the machine's "
            "by default.",
        ),
    ] = None
    max_pixels: Annotated[
        int, Parameter(converter=whole, help="Images with more pixels are skipped.")
    ] = DEFAULT_MAX_PIXELS
    retry_failed: Annotated[
        bool, Parameter(negative=(), help="Try images again that failed in an earlier run.")
    ] = False

    def run(self) -> Run:
        """The same for the library, with progress on stderr."""
        return Run(
            threads=self.threads,
            memory=self.memory,
            max_pixels=self.max_pixels,
            on_failed="retry" if self.retry_failed else "keep",
            progress=progress_on(),
        )


@Parameter(name="*")
@dataclass(frozen=True)
class Extraction:
    """Which network makes vectors of images, and what one from a file expects."""

    extractor: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            help="An extractor by name (`rara doctor` lists them), or the path of an ONNX file. "
            f"By default the reference's own, or {DEFAULT}. Of `rara score`, can be repeated: the "
            "first decides, each further one gives a second opinion.",
        ),
    ] = None
    size: Annotated[
        tuple[int, int] | None,
        Parameter(
            negative=(), help="Width and height that the ONNX file takes, where it does not say so."
        ),
    ] = None
    mean: Annotated[
        tuple[float, float, float] | None,
        Parameter(
            negative=(), help="What to subtract from red, green and blue in 0..1, for an ONNX file."
        ),
    ] = None
    std: Annotated[
        tuple[float, float, float] | None,
        Parameter(
            negative=(), help="What to divide red, green and blue by then, for an ONNX file."
        ),
    ] = None
    fit: Annotated[
        Fit | None,
        Parameter(help="For an ONNX file: `stretch` the image, or scale and `crop` it."),
    ] = None
    output_layout: Annotated[
        Layout | None,
        Parameter(
            help="For an ONNX file that gives feature maps: whether their channels come first "
            "(`nchw`) or last (`nhwc`), where the file does not tell."
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
        given = self._expected()
        files = [name for name in names if is_path(name)]
        if given and not files:
            option = next(iter(given)).replace("_", "-")
            raise ParameterError(f"--{option} is for an ONNX file: name it, too.")
        preprocessing = Preprocessing(**given) if given else None
        expected = dict.fromkeys(files, preprocessing)
        made = [
            get_extractor(name, preprocessing=expected.get(name), threads=run.threads)
            for name in names
        ]
        _check_different(made)
        return made

    def _expected(self) -> dict[str, Any]:
        """What was said of ONNX files."""
        names = ("size", "mean", "std", "fit", "output_layout")
        return {name: given for name in names if (given := getattr(self, name)) is not None}


def _check_different(extractors: Sequence[Extractor]) -> None:
    seen = [one.spec for one in extractors]
    for i, spec in enumerate(seen):
        if spec in seen[:i]:
            raise ParameterError(
                f"--extractor {spec.name} is given twice: a second opinion needs another one."
            )


@Parameter(name="*")
@dataclass(frozen=True)
class Calibration:
    """Which real images percentiles and p-values are relative to."""

    calibration: Annotated[
        str | None,
        Parameter(
            help="Real images that are not in the reference, to calibrate with; by default the "
            "reference's own, each without itself."
        ),
    ] = None
    held_out: Annotated[
        float | None,
        Parameter(help="Or a share of the reference to take out and calibrate with, such as 0.2."),
    ] = None
    seed: Annotated[
        int | None, Parameter(converter=whole, help="Which share that is; 0 by default.")
    ] = None

    def __post_init__(self) -> None:
        if self.calibration is not None and self.held_out is not None:
            raise ParameterError("Give --calibration or --held-out, not both.")
        if self.seed is not None and self.held_out is None:
            raise ParameterError(f"--seed {self.seed} chooses what --held-out takes: give it too.")
        if self.seed is not None and self.seed < 0:
            raise ParameterError(f"--seed {self.seed}: give at least 0.")
