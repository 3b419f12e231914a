"""Extractors in PyTorch, with random weights, against the libraries that hold the networks.

Needs `pip install torch torchvision timm torch-fidelity`; without it the whole file is skipped.
"""

import os
import pickle

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the packages of the extra torch")
pytest.importorskip("torch_fidelity")
timm = pytest.importorskip("timm")
torchvision = pytest.importorskip("torchvision")

from safetensors.torch import save_file  # noqa: E402

from rara import Reference, Run  # noqa: E402
from rara.cli.app import run  # noqa: E402
from rara.errors import ReferenceMismatchError, UnknownExtractorError, WeightsError  # noqa: E402
from rara.extractors import get_extractor  # noqa: E402

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads of PyTorch wait for one another where other tests run beside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def images():
    """Three photos' worth of blobs, of different sizes and proportions."""
    rng = np.random.default_rng(0)
    for width, height in ((320, 240), (90, 131), (299, 299)):
        small = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
        yield Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def vectors(extractor):
    return np.concatenate([extractor.extract(extractor.prepare(image)[None]) for image in images()])


def assert_same(found, expected):
    """Equal to 1e-5 of the longest coordinate; vectors of different images are not."""
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() / scale > 1e-3


def random_weights(network, seed=0):
    """The same network with weights and statistics drawn so that images give different vectors."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                draw = torch.randn(value.shape, generator=generator)
                spread = 1.4 / max(1, value[0].numel()) ** 0.5 if value.dim() > 1 else 0.1
                positive = name.endswith("running_var")
                about = 1.0 if positive or (value.dim() == 1 and "weight" in name) else 0.0
                value.copy_(about + spread * (draw.abs() if positive else draw))
    return network.eval()


def saved(network, path):
    if path.suffix == ".safetensors":
        save_file({name: x.contiguous() for name, x in network.state_dict().items()}, path)
    else:
        torch.save(network.state_dict(), path)
    return path


# -- inception --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    """torch-fidelity's network with random weights, and the file that holds them."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    network = empty_inception(FeatureExtractorInceptionV3, path)
    saved(random_weights(network), path)
    return path, lambda output: FeatureExtractorInceptionV3(
        "peer", [output], feature_extractor_weights_path=str(path)
    )


def empty_inception(cls, path):
    """A network of that class with the weights that its layers draw; it cannot be made without."""
    real = cls.load_state_dict
    torch.save({}, path)
    cls.load_state_dict = lambda self, state: None
    try:
        return cls("peer", ["2048"], feature_extractor_weights_path=str(path))
    finally:
        cls.load_state_dict = real


@pytest.mark.parametrize(
    ("name", "output", "dim"),
    [("inception", "2048", 2048), ("inception-logits", "logits_unbiased", 1008)],
)
def test_inception_is_torch_fidelitys(inception, name, output, dim):
    path, peer = inception
    extractor = get_extractor(name, weights=path)
    network = peer(output)
    expected = [
        network(torch.from_numpy(np.array(image)).permute(2, 0, 1)[None])[0].numpy()
        for image in images()
    ]
    assert extractor.spec.dim == dim
    assert_same(vectors(extractor), np.concatenate(expected))


def test_a_vector_depends_on_its_image_alone(inception):
    path, _ = inception
    one, two = (get_extractor("inception", weights=path, threads=n) for n in (1, 2))
    batch = np.stack([one.prepare(image) for image in images()])
    alone = np.concatenate([one.extract(batch[i : i + 1]) for i in range(3)])
    assert one.extract(batch).tobytes() == alone.tobytes()
    assert two.extract(batch[::-1])[::-1].tobytes() == alone.tobytes()
    assert (one.lanes, two.lanes) == (1, 2)


def test_torch_keeps_its_threads(inception):
    before = torch.get_num_threads()
    vectors(get_extractor("inception", weights=inception[0]))
    assert torch.get_num_threads() == before


def test_a_reference_is_made_and_scored(inception, tmp_path, draw, monkeypatch):
    path, _ = inception
    extractor = get_extractor("inception", weights=path)
    run = Run(cache=tmp_path / "cache")
    reference = Reference.fit(draw(tmp_path / "train", 8, 0), extractor=extractor, run=run)
    reference.save(tmp_path / "reference")
    opened = Reference.load(tmp_path / "reference")
    table = opened.score(draw(tmp_path / "samples", 3, 1), extractor=extractor, run=run)
    assert np.isfinite(table["nearest_distance"]).all()
    with pytest.raises(ReferenceMismatchError, match=extractor.spec.name):
        opened.score(tmp_path / "samples", run=run)


# -- vgg16 ------------------------------------------------------------------------------


@pytest.mark.slow
def test_vgg16_is_torchvisions_after_fc2_and_relu(tmp_path):
    with torch.device("meta"):
        network = torchvision.models.vgg16()
    network = random_weights(network.to_empty(device="cpu"))
    extractor = get_extractor("vgg16", weights=saved(network, tmp_path / "weights.pth"))
    transforms = torchvision.transforms
    transform = transforms.Compose(
        [transforms.Resize([224, 224]), transforms.ToTensor(), transforms.Normalize(*IMAGENET)]
    )
    network.classifier = network.classifier[:5]
    expected = [network(transform(image)[None]).detach().numpy() for image in images()]
    assert extractor.spec.dim == 4096
    assert_same(vectors(extractor), np.concatenate(expected))


# -- SSCD -------------------------------------------------------------------------------


class Sscd(torch.nn.Module):
    """SSCD as its paper describes it, on torchvision's ResNet-50."""

    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet50(num_classes=512)
        self.backbone.avgpool = GeneralisedMean()

    def forward(self, x):
        return torch.nn.functional.normalize(self.backbone(x))


class GeneralisedMean(torch.nn.Module):
    def forward(self, x):
        return x.clamp(min=1e-6).pow(3.0).mean(dim=(2, 3)).pow(1 / 3)


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("how", ["traced", "scripted", "state dict"])
def test_sscd_is_the_torchscript_that_is_not_run(tmp_path, how):
    network, path = random_weights(Sscd()), tmp_path / "sscd.pt"
    if how == "traced":
        torch.jit.trace(network, torch.zeros(1, 3, 64, 64)).save(path)
    elif how == "scripted":
        torch.jit.script(network).save(path)
    else:
        saved(network, path)
    tensors = [
        torchvision.transforms.functional.pil_to_tensor(
            torchvision.transforms.Resize([320, 320])(image)
        )
        for image in images()
    ]
    scaled = torchvision.transforms.functional.normalize(torch.stack(tensors) / 255, *IMAGENET)
    with torch.inference_mode():
        expected = network(scaled).numpy()
    assert_same(vectors(get_extractor("sscd", weights=path)), expected)


# -- timm -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("model", ["resnet18.a1_in1k", "mobilenetv3_small_100.lamb_in1k"])
def test_any_network_of_timm_is_timms(tmp_path, model, suffix):
    network = random_weights(timm.create_model(model))
    path = saved(network, tmp_path / f"{model}{suffix}")
    extractor = get_extractor(f"timm:{model}", weights=path)
    assert extractor.spec.name == f"timm:{model}"
    network.reset_classifier(0)
    config = timm.data.resolve_model_data_config(network)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.no_grad():
        expected = [network(transform(image)[None]).numpy() for image in images()]
    assert extractor.spec.dim == expected[0].shape[1]
    assert_same(vectors(extractor), np.concatenate(expected))


def test_weights_in_the_users_folder_serve_commands_and_saved_references(
    tmp_path, draw, monkeypatch, capsys
):
    monkeypatch.setenv("RARA_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("RARA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights").mkdir()
    network = random_weights(timm.create_model("resnet18.a1_in1k"))
    path = saved(network, tmp_path / "weights" / "resnet18.a1_in1k.safetensors")
    draw(tmp_path / "train", 8, 0)
    draw(tmp_path / "samples", 3, 1)
    reference = str(tmp_path / "reference")
    named = ["--extractor", "timm:resnet18.a1_in1k"]
    build = ["reference", "build", str(tmp_path / "train"), "-o", reference, *named]
    assert run([*build, "--weights", str(path)]) == 0, capsys.readouterr().err
    score = ["score", str(tmp_path / "samples"), "--reference", reference, "--json"]
    assert run(score) == 0, capsys.readouterr().err
    path.unlink()
    assert run([*score, "--retry-failed"]) == 2
    assert "resnet18.a1_in1k.safetensors" in capsys.readouterr().err


def stretched(positions, before, after):
    """DINOv2's positions on another grid: cubic convolution with a = -3/4.

    By the definition, in float64: the sum over the four nearest positions, repeated at the edge.
    The scale is (after + 0.1) / before, as in DINOv2's own code.
    """

    def weight(t):
        t = np.abs(t)
        near = 1.25 * t**3 - 2.25 * t**2 + 1
        far = -0.75 * (t**3 - 5 * t**2 + 8 * t - 4)
        return np.where(t <= 1, near, np.where(t < 2, far, 0))

    at = (np.arange(after) + 0.5) * before / (after + 0.1) - 0.5
    matrix = np.zeros((after, before))
    for row, place in enumerate(at):
        for source in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            matrix[row, np.clip(source, 0, before - 1)] += weight(place - source)
    grid = positions[0, 1:].double().numpy().reshape(before, before, -1)
    grid = np.einsum("ai,bj,ijc->abc", matrix, matrix, grid).reshape(1, after * after, -1)
    return torch.cat([positions[:, :1], torch.from_numpy(grid).float()], dim=1)


def check_dinov2(size, name, tmp_path):
    model = f"vit_{size}_patch14_dinov2.lvd142m"
    large = random_weights(timm.create_model(model))
    published = large.state_dict() | {"mask_token": torch.zeros(1, large.embed_dim)}
    torch.save(published, tmp_path / "weights.pth")
    extractor = get_extractor(name, weights=tmp_path / "weights.pth")
    network = timm.create_model(model, img_size=224).eval()
    positions = stretched(published["pos_embed"], 37, 16)
    network.load_state_dict(large.state_dict() | {"pos_embed": positions})
    transforms = torchvision.transforms
    bicubic = transforms.InterpolationMode.BICUBIC
    transform = transforms.Compose(
        [
            transforms.Resize((224, 224), bicubic),
            transforms.ToTensor(),
            transforms.Normalize(*IMAGENET),
        ]
    )
    with torch.no_grad():
        tokens = [network.forward_features(transform(image)[None]) for image in images()]
    assert_same(vectors(extractor), np.concatenate([one[:, 0].numpy() for one in tokens]))


def test_dinov2_is_timms_with_the_positions_of_its_own_code(tmp_path):
    check_dinov2("small", "dinov2-vits14", tmp_path)


@pytest.mark.slow
def test_large_dinov2_is_timms(tmp_path):
    check_dinov2("large", "dinov2-vitl14", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "name", "size"),
    [
        ("ViT-B-32-quickgelu", "clip-vitb32", 224),
        ("ViT-L-14-quickgelu", "clip-vitl14", 224),
        ("ViT-L-14-336-quickgelu", "clip-vitl14-336", 336),
    ],
)
def test_clip_is_open_clips(tmp_path, architecture, name, size):
    """Against open_clip, whose file holds the text's half, too."""
    open_clip = pytest.importorskip("open_clip")
    model = random_weights(open_clip.create_model(architecture))
    path = tmp_path / "weights.safetensors"
    save_file({key: x.contiguous() for key, x in model.state_dict().items()}, path)
    extractor = get_extractor(name, weights=path)
    transform = open_clip.image_transform(size, is_train=False)
    with torch.no_grad():
        expected = [model.encode_image(transform(image)[None]).numpy() for image in images()]
    assert extractor.spec.dim == expected[0].shape[1]
    assert_same(vectors(extractor), np.concatenate(expected))


# -- files that are not those of the network --------------------------------------------


class Harmful:
    """Pickles as a call that leaves a trace."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["inception", "vgg16", "timm:resnet18.a1_in1k"])
def test_nothing_but_tensors_is_unpickled(tmp_path, name):
    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    torch.save({"weight": Harmful(trace)}, path)
    with pytest.raises(WeightsError, match="no file of weights"):
        get_extractor(name, weights=path)
    path.write_bytes(pickle.dumps(Harmful(trace), protocol=2))
    with pytest.raises(WeightsError, match="no file of weights"):
        get_extractor(name, weights=path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("name", "content", "suffix"),
    [
        ("inception", {"foreign": torch.zeros(1)}, ".pth"),
        ("vgg16", {"foreign": torch.zeros(1)}, ".pth"),
        ("dinov2-vits14", {"foreign": torch.zeros(1)}, ".pth"),
        ("timm:resnet18.a1_in1k", {"foreign": torch.zeros(1)}, ".pth"),
        ("vgg16", {"epoch": 3}, ".pth"),
        ("vgg16", [1], ".pth"),
        ("vgg16", b"", ".pth"),
        ("vgg16", b"\x80\x02", ".pth"),
        ("vgg16", b"", ".safetensors"),
        ("vgg16", b"\xff" * 99, ".safetensors"),
        ("vgg16", {"a": torch.zeros(1)}, ".safetensors"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, name, content, suffix):
    path = tmp_path / f"weights{suffix}"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(WeightsError, match=r"weights\.(pth|safetensors)'"):
        get_extractor(name, weights=path)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("vgg16", torchvision.models.vgg16),
        ("timm:resnet18.a1_in1k", lambda: timm.create_model("resnet18.a1_in1k")),
    ],
)
def test_tensors_of_another_shape_are_refused(tmp_path, name, made):
    with torch.device("meta"):
        names = made().state_dict()
    torch.save({key: torch.zeros(3, 3) for key in names}, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match=r"it lacks [0-9]+ tensors"):
        get_extractor(name, weights=tmp_path / "weights.pth")


def test_a_name_that_timm_does_not_have_is_refused(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pth")
    for name in ("timm:resnet5", "timm:resnet18.no_such_weights"):
        with pytest.raises(UnknownExtractorError, match="timm"):
            get_extractor(name, weights=tmp_path / "weights.pth")
