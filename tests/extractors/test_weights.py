"""Weights in a file of the user's: how they are found, checked and asked for; no torch needed."""

import hashlib
from importlib.util import find_spec

import pytest

from rara.cli.extractions import Extraction, Extractions
from rara.errors import MissingPackageError, ParameterError, WeightsError
from rara.extractors import available, get_extractor, is_name
from rara.extractors.weights import Published, check_names, find_weights
from rara.run import Run

NAMED = ["inception", "inception-logits", "vgg16", "dinov2-vitl14", "clip-vitl14"]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No weights are found, whatever this machine has."""
    monkeypatch.delenv("RARA_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch home"))


@pytest.mark.parametrize(
    ("name", "file", "source"),
    [
        ("inception", "weights-inception-2015-12-05-6726825d.pth", "toshas/torch-fidelity"),
        ("inception-logits", "weights-inception-2015-12-05-6726825d.pth", "torch-fidelity"),
        ("vgg16", "vgg16-397923af.pth", "download.pytorch.org"),
        ("dinov2-vitl14", "dinov2_vitl14_pretrain.pth", "dl.fbaipublicfiles.com/dinov2"),
        ("clip-vitl14", "vit_large_patch14_clip_224.openai.safetensors", "on Hugging Face"),
        ("timm:resnet50.a1_in1k", "resnet50.a1_in1k.safetensors", "timm/resnet50.a1_in1k"),
    ],
)
def test_missing_weights_are_named_with_their_source_and_the_option(name, file, source):
    with pytest.raises(WeightsError) as caught:
        get_extractor(name)
    message = str(caught.value)
    assert f"'{file}'" in message
    assert source in message
    assert "--weights" in message
    assert "RARA_WEIGHTS" in message


def test_the_names_are_listed_and_timm_has_more():
    assert set(NAMED) <= set(available())
    assert is_name("timm:resnet50.a1_in1k")
    assert not is_name("resnet50.a1_in1k")


CONTENT = b"numbers"
PUBLISHED = Published(
    "net", ("net-1.pth", "other.pth"), "there", hashlib.sha256(CONTENT).hexdigest()
)


@pytest.mark.parametrize("name", PUBLISHED.files)
@pytest.mark.parametrize("where", ["own", "torch home"])
def test_weights_are_found_by_any_of_their_names(monkeypatch, tmp_path, name, where):
    folder = tmp_path / "own" if where == "own" else tmp_path / "torch home" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(CONTENT)
    monkeypatch.setenv("RARA_WEIGHTS", str(tmp_path / "own"))
    found = find_weights(PUBLISHED, None)
    assert found.path == folder / name
    assert (found.sha256, found.network) == (PUBLISHED.sha256, "net")


def test_what_is_found_must_have_the_published_digest(monkeypatch, tmp_path):
    (tmp_path / "net-1.pth").write_bytes(b"others")
    monkeypatch.setenv("RARA_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"the weights of net have .* from there"):
        find_weights(PUBLISHED, None)


def test_what_is_given_may_differ_and_has_another_name(tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(b"others")
    found = find_weights(PUBLISHED, path)
    digest = hashlib.sha256(b"others").hexdigest()
    assert (found.sha256, found.network) == (digest, f"net-{digest[:12]}")
    path.write_bytes(CONTENT)
    assert find_weights(PUBLISHED, path).network == "net"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"absent\.pth': No such file"):
        get_extractor("vgg16", weights=tmp_path / "absent.pth")


def test_lacking_and_foreign_tensors_are_counted_and_named(tmp_path):
    check_names(tmp_path, "net", missing=[], unexpected=[])
    with pytest.raises(WeightsError, match=r"of net: it lacks 2 tensors, such as a\.$"):
        check_names(tmp_path, "net", missing=["a", "b"])
    with pytest.raises(WeightsError, match=r"lacks 1 .* and it holds 1 others, such as c"):
        check_names(tmp_path, "net", missing=["a"], unexpected=["c"])


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
@pytest.mark.parametrize("name", [*NAMED, "timm:resnet50.a1_in1k"])
def test_without_torch_the_extra_is_named(tmp_path, name):
    (tmp_path / "weights.pth").write_bytes(CONTENT)
    with pytest.raises(MissingPackageError, match=r"takes torch.*pip install torch"):
        get_extractor(name, weights=tmp_path / "weights.pth")


# -- weights= and --weights -------------------------------------------------------------


@pytest.mark.parametrize("name", ["efficientnet-lite0", "network.onnx"])
def test_an_extractor_that_brings_its_weights_takes_none(name, tmp_path):
    with pytest.raises(ParameterError, match="brings its own weights"):
        get_extractor(name, weights=tmp_path / "weights.pth")


def test_the_command_line_gives_the_file_to_the_extractor_that_takes_one(tmp_path):
    names = ["efficientnet-lite0", "vgg16"]
    with pytest.raises(WeightsError, match=r"Cannot read .*absent\.pth"):
        Extraction(extractor=names, weights=tmp_path / "absent.pth").make_all(Run())


@pytest.mark.parametrize(("names", "count"), [(["vgg16", "inception"], 2), ([], 0), (None, 0)])
def test_one_file_is_for_one_extractor(tmp_path, names, count):
    with pytest.raises(ParameterError, match=f"{count} of those named take a file"):
        Extraction(extractor=names, weights=tmp_path / "weights.pth").make_all(Run())


def test_weights_may_be_those_of_the_copy_network(tmp_path):
    given = {"copy_network": "sscd", "weights": tmp_path / "absent.pt"}
    assert Extractions(**given).make_all(Run()) == []
    with pytest.raises(WeightsError, match="absent"):
        Extractions(**given).make_copy_network(Run())
    assert Extractions().make_copy_network(Run()) is None
    with pytest.raises(ParameterError, match="2 of those named take a file"):
        Extractions(extractor=["inception"], **given).make_all(Run())


def test_what_a_file_expects_is_for_the_copy_network_too():
    with pytest.raises(ParameterError, match="--size needs an ONNX file"):
        Extractions(copy_network="sscd", size=(8, 8)).make_all(Run())
    assert Extractions(copy_network="absent.onnx", size=(8, 8)).make_all(Run()) == []
