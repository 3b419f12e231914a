"""Which axis of a network's 4-D output holds the channels: read from the graph, then the shape.

Used by `onnx.py`, which averages feature maps over the other two axes. What every reading
gives alike is never refused; what stays open is, with the option that settles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rara.errors import ParameterError
from rara.extractors.preprocessing import Layout

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

CHANNEL_AXIS: dict[Layout, int] = {"nchw": 1, "nhwc": 3}

# By ONNX's definition the channels of these come first.
_CHANNELS_FIRST = """
    Conv ConvTranspose ConvInteger QLinearConv DeformConv FusedConv MaxPool AveragePool
    LpPool MaxUnpool GlobalAveragePool GlobalMaxPool GlobalLpPool QLinearAveragePool
    QLinearGlobalAveragePool BatchNormalization InstanceNormalization GroupNormalization LRN
    DepthToSpace SpaceToDepth GridSample RoiAlign MaxRoiPool
"""

# These leave each axis where it is, whatever it means.
_KEEPS_AXES = """
    Abs Add And Cast CastLike Ceil Celu Clip Concat CumSum DequantizeLinear Div Dropout
    DynamicQuantizeLinear Elu Equal Erf Exp Expand FastGelu Floor Gelu Greater Hardmax
    HardSigmoid HardSwish Identity IsInf IsNaN LayerNormalization LeakyRelu Less Log
    LogSoftmax LpNormalization Max Mean MeanVarianceNormalization Min Mish Mod Mul Neg Not
    Or Pad Pow PRelu QLinearAdd QLinearConcat QLinearLeakyRelu QLinearMul QLinearSigmoid
    QuantizeLinear QuickGelu Reciprocal Relu Resize ReverseSequence RMSNormalization Round
    ScatterElements ScatterND Selu Shrink Sigmoid Sign SimplifiedLayerNormalization Slice
    Softmax Softplus Softsign Split Sqrt Sub Sum Swish Tanh ThresholdedRelu Tile Trilu
    Upsample Where Xor
"""


@dataclass(frozen=True, slots=True)
class _Axes:
    """What is known of the axes of one tensor that depends on the image."""

    channel: int
    certain: bool = True
    turned: bool = False
    """Whether axes changed places where it was no longer certain which they were."""


def channel_axis(
    graph: GraphProto,
    *,
    entry: str,
    output: str,
    layout: Layout,
    shape: Sequence[int],
    square: bool,
) -> int | None:
    """The axis of the channels in an output of this 4-D shape; None where that is open.

    `square` tells whether the input has as many rows as columns: then maps have, too.
    """
    ones = [axis for axis in (1, 2, 3) if shape[axis] != 1]
    if len(ones) < 2:  # a map of 1 x 1: its one position is its average
        return ones[0] if ones else 1
    axes = _followed(graph, entry, layout).get(output)
    if axes is not None and axes.certain:
        return axes.channel
    odd_axis = _odd_axis(shape) if square else None
    if odd_axis is not None or axes is None:
        return odd_axis
    return 1 if layout == "nchw" and axes.channel == 1 and not axes.turned else None


def refusal(what: str, output: str, shape: Sequence[int]) -> ParameterError:
    """What to do where the axis of the channels is open."""
    return ParameterError(
        f"Output '{output}' of {what} has the shape {tuple(shape)}, and the file does not say "
        "which axis holds the channels: give output_layout='nchw' or 'nhwc' (--output-layout), or "
        "name another output."
    )


def _odd_axis(shape: Sequence[int]) -> int | None:
    """The one axis that differs from two equal neighbours, the sides of a square map."""
    _, first, second, third = shape
    if second == third != first:
        return 1
    return 3 if first == second != third else None


def _followed(graph: GraphProto, entry: str, layout: Layout) -> dict[str, _Axes]:
    """What is known of every tensor that depends on the image; nodes come in their order."""
    axes_of = {entry: _Axes(CHANNEL_AXIS[layout])}
    for node in graph.node:
        inputs = [axes_of.get(name) for name in node.input]
        if any(inputs):
            axes_of.update(dict.fromkeys(node.output, _after(node, inputs)))
    return axes_of


def _after(node: NodeProto, inputs: list[_Axes | None]) -> _Axes:
    axes = [entry for entry in inputs if entry is not None]
    if node.op_type in _CHANNELS_FIRST.split() and inputs[0] is not None:
        return _Axes(1)
    if node.op_type.startswith("Nhwc"):
        return _Axes(3)
    if node.op_type == "Transpose":
        return _transposed(axes[0], list(_attribute(node, "perm") or ()))
    if node.op_type in ("MatMul", "Gemm") and len(axes) == 1 and inputs[0] is not None:
        return _Axes(3)  # a constant matrix works on the last axis
    keeps = node.op_type in _KEEPS_AXES.split()
    if keeps or (node.op_type.startswith("Reduce") and _attribute(node, "keepdims") != 0):
        return _agreed(axes)
    lost = _lost(_agreed(axes))
    return replace(lost, turned=True) if _may_turn(node) else lost


def _may_turn(node: NodeProto) -> bool:
    """Whether the operation can move axes out of sight: a subgraph, a formula, a function."""
    own = node.domain in ("", "ai.onnx", "com.microsoft")
    return not own or node.op_type in ("If", "Loop", "Scan", "Einsum")


def _transposed(axes: _Axes, perm: list[int]) -> _Axes:
    if axes.certain and len(perm) == 4 and perm[0] == 0:
        return replace(axes, channel=perm.index(axes.channel))
    return replace(_lost(axes), turned=True)


def _agreed(axes: list[_Axes]) -> _Axes:
    """What several inputs of one operation tell together."""
    certain = {entry.channel for entry in axes if entry.certain}
    if len(certain) == 1:
        return _Axes(certain.pop())
    turned = len(certain) > 1 or any(entry.turned for entry in axes)
    return _Axes(axes[0].channel, certain=False, turned=turned)


def _lost(axes: _Axes) -> _Axes:
    return replace(axes, certain=False)


def _attribute(node: NodeProto, name: str) -> Any:
    from onnx.helper import get_attribute_value

    attribute = next((candidate for candidate in node.attribute if candidate.name == name), None)
    return None if attribute is None else get_attribute_value(attribute)
