"""Any ONNX file as an extractor: pixels -> onnxruntime -> one vector an image.

Images go through the network one at a time, one to a core. On a CPU that is as fast as
any batch (no core waits for another between layers), and it makes each vector depend on
its own image alone: matrix routines may sum in another order for another batch size or
another number of threads.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rara.arguments import whole
from rara.errors import ParameterError, WeightsError
from rara.extractors.base import Spec
from rara.extractors.feature_maps import CHANNEL_AXIS, channel_axis, refusal
from rara.extractors.preprocessing import Layout, Preprocessing
from rara.images.decode import RESIZE, resize
from rara.machine import cores
from rara.machine import onnxruntime as onnxruntime_package

if TYPE_CHECKING:
    import onnxruntime

_DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
}


FROM_FILE = "onnx-"
"""How the names of extractors begin that were read from a file of the user's."""


@dataclass(frozen=True, slots=True)
class _Network:
    """A session and the two of its ends that matter, with nothing left open."""

    session: onnxruntime.InferenceSession
    entry: str
    dtype: np.dtype[Any]
    layout: Layout
    size: tuple[int, int]
    exit: str
    preprocessing: Preprocessing
    channels: int | None = None
    """The axis of the channels where the output is feature maps."""

    def vector(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """One prepared image -> one vector; feature maps are averaged over their area."""
        out = self.output(pixels)
        if self.channels is not None:
            area = tuple(axis for axis in (1, 2, 3) if axis != self.channels)
            out = out.mean(axis=area, dtype=np.float64)
        return np.asarray(out[0], dtype=np.float32)

    def output(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """What the network makes of one prepared image, with the axis of the batch."""
        (out,) = self.session.run([self.exit], {self.entry: self._tensor(pixels)})
        return np.asarray(out)

    def _tensor(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        preprocessing = self.preprocessing
        if self.dtype.kind == "f":
            mean, std = (
                np.asarray(c, dtype=np.float32) for c in (preprocessing.mean, preprocessing.std)
            )
            top = np.float32(255 if preprocessing.value_range == "0-1" else 1)
            pixels = ((pixels / top - mean) / std).astype(self.dtype)
        if preprocessing.order == "bgr":
            pixels = pixels[..., ::-1]
        if self.layout == "nchw":
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels)[None]


@dataclass(frozen=True, slots=True)
class OnnxExtractor:
    """A network in onnxruntime, with the preprocessing that it was trained with."""

    spec: Spec
    lanes: int
    _network: _Network = field(repr=False)
    batch_size: int = 4
    """Worked on one by one all the same: a few at a time spare the core's caches from changing
    between decoding and inference."""
    resampling: Image.Resampling = Image.Resampling.BICUBIC
    """Of the resize."""

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Resize one RGB image to the network's input, (height, width, 3)."""
        network = self._network
        fit = network.preprocessing.fit
        return np.asarray(resize(image, network.size, fit=fit, resampling=self.resampling))

    def extract(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors of prepared images, (n, height, width, 3) -> (n, dim), one image at a time."""
        vectors = np.empty((len(batch), self.spec.dim), dtype=np.float32)
        for row, pixels in enumerate(batch):
            vectors[row] = self._network.vector(pixels)
        return vectors


def load_onnx(
    path: str | os.PathLike[str],
    *,
    preprocessing: Preprocessing | None = None,
    threads: int | None = None,
) -> OnnxExtractor:
    """The extractor in an ONNX file; `threads` images are worked on at once (default: all cores).

    Size, layout and type of the input are read from the file as far as it tells. Raises
    WeightsError where there is no such file, or it does not hold a network that turns one
    image into one vector, and ParameterError where it leaves open what must be given.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"No file '{path}': give the path of an ONNX file.")
    what = f"'{path}'"
    network = _network(_session(path, what), preprocessing or Preprocessing(), what)
    network = _averaging(network, path, what)
    weights = _digest(path)
    spec = Spec(
        name=f"{FROM_FILE}{weights[:12]}",
        weights=weights,
        preprocessing=_in_words(network),
        dim=_dimension(network, what),
    )
    return OnnxExtractor(spec, _lanes(threads), network)


def load_graph(
    graph: bytes,
    *,
    spec: Spec,
    preprocessing: Preprocessing,
    threads: int | None,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> OnnxExtractor:
    """The extractor in a serialised graph that takes uint8 pixels and does the rest itself."""
    what = f"the graph of {spec.name}"
    network = _network(_session(graph, what), preprocessing, what)
    return OnnxExtractor(spec, _lanes(threads), network, resampling=resampling)


def input_of(path: Path) -> tuple[bool, tuple[int, int] | None]:
    """Whether the network in an ONNX file takes pixels as they are, and the size that it takes.

    The size is (width, height); None where the file leaves it open. Raises WeightsError as
    `load_onnx` does.
    """
    what = f"'{path}'"
    entry = _only_input(_session(path, what), what)
    height, width = entry.shape[2:] if entry.shape[1] == 3 else entry.shape[1:3]
    fixed = isinstance(width, int) and isinstance(height, int)
    return entry.type == "tensor(uint8)", (width, height) if fixed else None


def _lanes(threads: int | None) -> int:
    if threads is None:
        return cores()
    return whole(threads, "threads")


def _session(model: Path | bytes, what: str) -> onnxruntime.InferenceSession:
    package = onnxruntime_package()
    options = package.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    source = model if isinstance(model, bytes) else str(model)
    try:
        return package.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise WeightsError(f"onnxruntime cannot load {what}: {_short(error)}") from error


def _network(
    session: onnxruntime.InferenceSession, preprocessing: Preprocessing, what: str
) -> _Network:
    entry = _only_input(session, what)
    dtype = _DTYPES.get(entry.type)
    if dtype is None:
        raise WeightsError(f"{what} takes {entry.type}: rara feeds {', '.join(_DTYPES)}.")
    if dtype.kind != "f" and preprocessing.normalises:
        raise ParameterError(
            f"{what} takes uint8 pixels: leave mean, std and value_range as they are."
        )
    layout = preprocessing.layout or _layout(entry.shape, what)
    size = _size(entry.shape, layout, preprocessing.size, what)
    name = _output(session, preprocessing.output, what)
    return _Network(session, entry.name, dtype, layout, size, name, preprocessing)


def _only_input(session: onnxruntime.InferenceSession, what: str) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs)
        raise WeightsError(f"{what} takes {len(inputs)} inputs ({names}): one image is allowed.")
    shape = inputs[0].shape
    if len(shape) != 4 or (isinstance(shape[0], int) and shape[0] != 1):
        raise WeightsError(
            f"{what} takes an input of shape {shape}: 4 axes are needed, the first of them 1 or "
            "open; export it again with a batch of 1."
        )
    return inputs[0]


def _layout(shape: list[Any], what: str) -> Layout:
    if (shape[1] == 3) == (shape[3] == 3):
        raise ParameterError(
            f"{what} takes an input of shape {shape}, which axis holds the channels is unclear: "
            "give layout='nchw' or 'nhwc'."
        )
    return "nchw" if shape[1] == 3 else "nhwc"


def _size(
    shape: list[Any], layout: Layout, wanted: tuple[int, int] | None, what: str
) -> tuple[int, int]:
    height, width = shape[2:] if layout == "nchw" else shape[1:3]
    says = width, height
    if wanted is None and not all(isinstance(side, int) for side in says):
        raise ParameterError(
            f"{what} takes images of any size: give the size that it was trained with, "
            "for example size=(224, 224)."
        )
    size = wanted or says
    if any(isinstance(side, int) and side != want for side, want in zip(says, size, strict=True)):
        raise ParameterError(f"size={wanted}: {what} takes {width} x {height} only.")
    return size


def _output(session: onnxruntime.InferenceSession, wanted: str | None, what: str) -> str:
    names = [entry.name for entry in session.get_outputs()]
    if wanted is not None and wanted not in names:
        raise ParameterError(
            f"output={wanted!r}: {what} has {', '.join(names)}. Name one of these with output= "
            "(--onnx-output)."
        )
    return wanted or str(names[0])


def _averaging(network: _Network, path: Path, what: str) -> _Network:
    """With the axis of the channels, where the output is feature maps."""
    import onnx

    shape = _tried(network, what).shape
    if len(shape) != 4:
        return network
    output_layout = network.preprocessing.output_layout
    channels = CHANNEL_AXIS[output_layout] if output_layout else None
    if channels is None:
        channels = channel_axis(
            onnx.load(path, load_external_data=False).graph,
            entry=network.entry,
            output=network.exit,
            layout=network.layout,
            shape=shape,
            square=network.size[0] == network.size[1],
        )
    if channels is None:
        raise refusal(what, network.exit, shape)
    return replace(network, channels=channels)


def _tried(network: _Network, what: str) -> NDArray[Any]:
    """What the network makes of a black image."""
    width, height = network.size
    try:
        return network.output(np.zeros((height, width, 3), dtype=np.uint8))
    except Exception as error:
        raise WeightsError(
            f"{what} does not run on an image of {width} x {height}: {_short(error)}"
        ) from error


def _dimension(network: _Network, what: str) -> int:
    """Length of the vectors, seen by running the network on a black image."""
    shape = _tried(network, what).shape
    if network.channels is not None:
        return int(shape[network.channels])
    if len(shape) != 2:
        raise WeightsError(
            f"Output '{network.exit}' of {what} has the shape {shape[1:]} for one image: "
            f"a vector or feature maps are needed{_other_outputs(network)}."
        )
    return int(shape[1])


def _other_outputs(network: _Network) -> str:
    """What to do about an output that is no vector, and the others that there are."""
    others = [output for output in network.session.get_outputs() if output.name != network.exit]
    if not others:
        return "; export the network with a pooled output, and name that with output="
    named = ", ".join(f"{output.name} {output.shape[1:]}" for output in others)
    return f"; name another with output= (--onnx-output {others[0].name}). It also has {named}"


def _in_words(network: _Network) -> str:
    preprocessing = network.preprocessing
    width, height = network.size
    pixel = "x/255" if preprocessing.value_range == "0-1" else "x"
    scaled = (
        f"({pixel}-{list(preprocessing.mean)})/{list(preprocessing.std)}"
        if network.dtype.kind == "f"
        else "x"
    )
    scaled += " bgr" if preprocessing.order == "bgr" else ""
    words = (
        f"{RESIZE} {preprocessing.fit} {width}x{height} {scaled} {network.layout} {network.exit}"
    )
    usual = network.channels in (None, CHANNEL_AXIS[network.layout])
    return words if usual else f"{words} channels {network.channels}"


def _short(error: Exception) -> str:
    """onnxruntime's own words without its codes."""
    return str(error).rsplit(" : ", 1)[-1].strip()[:200]


# -- the digest of a file and of the weights beside it ------------------------------------


def _digest(path: Path) -> str:
    """sha256 of the file, and of the files beside it that it keeps large weights in."""
    own = _sha256(path)
    beside = [_sha256(part) for part in _external(path)]
    return hashlib.sha256("".join([own, *beside]).encode()).hexdigest() if beside else own


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"Cannot read '{path}': {error.strerror}.") from error


def _external(path: Path) -> list[Path]:
    import onnx

    tensors = onnx.load(path, load_external_data=False).graph.initializer
    entries = [entry for tensor in tensors for entry in tensor.external_data]
    return sorted({path.parent / entry.value for entry in entries if entry.key == "location"})
