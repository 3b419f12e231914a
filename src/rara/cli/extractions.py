"""Which networks a command asks, and what one from a file expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.cli.options import NETWORK, VERDICTS
from rara.errors import ParameterError
from rara.extractors import DEFAULT, Extractor, Preprocessing, get_extractor
from rara.extractors.preprocessing import Fit, Layout, Order, ValueRange
from rara.extractors.registry import is_path, takes_weights
from rara.run import Run

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
        if self._of_files and not any(map(is_path, self.names)):
            option = self._of_files[0].replace("_", "-")
            raise ParameterError(f"--{option} needs an ONNX file: give its path with --extractor.")
        self._weights(self.names)  # refused without one that takes them
        made = [self.made(name, run) for name in self.extractor or []]
        _check_different(made)
        return made

    @property
    def names(self) -> list[str]:
        """Of all networks that are asked for."""
        return self.extractor or []

    @property
    def _of_files(self) -> list[str]:
        """The options given that say what an ONNX file expects."""
        return [name for name in _OF_FILES if getattr(self, name) is not None]

    def made(self, name: str, run: Run) -> Extractor:
        """One of them, with what is said of files and weights."""
        return get_extractor(
            name,
            preprocessing=self._preprocessing() if self._of_files and is_path(name) else None,
            weights=self._weights(self.names).get(name),
            threads=run.threads,
        )

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
    copy_network: Annotated[
        str | None,
        Parameter(
            group=VERDICTS,
            metavar="NAME",
            show_default="none",
            help="A further test for copies, by a network trained for them: `sscd-student` or "
            "`sscd`.",
        ),
    ] = None

    @property
    def names(self) -> list[str]:
        """Of all networks that are asked for."""
        return [*(self.extractor or []), *filter(None, [self.copy_network])]

    def make_copy_network(self, run: Run) -> Extractor | None:
        """The network of the further test; None where none was named."""
        return None if self.copy_network is None else self.made(self.copy_network, run)


@Parameter(name="*", group=NETWORK)
@dataclass(frozen=True)
class ReferenceAndCopyNetwork(Extractions):
    """One network, that of a reference where none is named, and one for copies."""

    extractor: Annotated[
        list[str] | None,
        Parameter(negative=(), metavar="NAME", show_default=_OR_THE_REFERENCES, help=_EXTRACTOR),
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
