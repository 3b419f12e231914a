"""Builds an ONNX graph of a network from its weights, layer by layer.

Batch normalisation is folded into the convolution before it, so that onnxruntime computes what
PyTorch computes in evaluation, in fewer steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import TensorProto

Weights = Mapping[str, NDArray[Any]]


@dataclass(slots=True)
class Graph:
    """Nodes and constants, in the order in which the network's layers add them."""

    weights: Weights
    epsilon: float
    """Added to the variance in batch normalisation, as in training."""
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)

    def image(self, pixels: str, middle: Any, scale: Any) -> str:
        """(x - middle) * scale of uint8 pixels with their channels last; channels first."""
        from onnx import TensorProto, helper

        self.nodes.append(helper.make_node("Cast", [pixels], ["floats"], to=TensorProto.FLOAT))
        x = self.node("Sub", "floats", self.constant("middle", np.float32(middle)), to="centred")
        x = self.node("Mul", x, self.constant("scale", np.float32(scale)), to="scaled")
        return self.node("Transpose", x, to="image", perm=[0, 3, 1, 2])

    def conv(self, x: str, name: str, norm: str, *, stride: int, pads: Sequence[int]) -> str:
        """A convolution with its batch normalisation folded in; depthwise by its weights."""
        kernel, bias = _folded(self.weights, name, norm, self.epsilon)
        width = kernel.shape[-1]
        return self.node(
            "Conv",
            x,
            self.constant(name + ".kernel", kernel),
            self.constant(name + ".bias", bias),
            to=name,
            group=len(kernel) if kernel.shape[1] == 1 else 1,
            kernel_shape=[width, width],
            strides=[stride, stride],
            pads=list(pads),
        )

    def node(self, kind: str, *inputs: str, to: str, **attributes: Any) -> str:
        """Add an operator and give the name of its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(inputs), [to], **attributes))
        return to

    def constant(self, name: str, value: Any) -> str:
        """Add an array once and give its name."""
        from onnx import numpy_helper

        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def serialised(self, name: str, size: tuple[int, int], outputs: Mapping[str, int]) -> bytes:
        """The graph as a file: `pixels` of (width, height) in, vectors of so many numbers out."""
        from onnx import TensorProto, checker, helper

        width, height = size
        value = helper.make_tensor_value_info
        model = helper.make_model(
            helper.make_graph(
                self.nodes,
                name,
                [value("pixels", TensorProto.UINT8, ["n", height, width, 3])],
                [value(out, TensorProto.FLOAT, ["n", dim]) for out, dim in outputs.items()],
                list(self.constants.values()),
            ),
            opset_imports=[helper.make_opsetid("", 13)],
            ir_version=8,
            producer_name="rara",
        )
        checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def _folded(
    weights: Weights, name: str, norm: str, epsilon: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel and bias of a convolution with its batch normalisation folded in, in float64."""
    scale, shift, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = scale / np.sqrt(variance + epsilon)
    kernel = weights[f"{name}.weight"] * gain[:, None, None, None]
    return kernel.astype(np.float32), (shift - mean * gain).astype(np.float32)
