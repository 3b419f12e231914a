"""The reward in the signatures of Flow-GRPO and verl; tensors where PyTorch is installed."""

import numpy as np
import pytest
from PIL import Image

from embedding import Means
from make import gaussian, noise
from rara import Reference, Run
from rara.adapters.flow_grpo import reward_function
from rara.adapters.verl import score_function
from rara.errors import ParameterError

SEEN = noise(6, 1)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    run = Run(cache=tmp_path_factory.mktemp("cache"), threads=1, vectors="forget")
    return Reference.fit(noise(200, 0), extractor=Means(), run=run).scorer(run=run)


def tensors(kind):
    torch = pytest.importorskip("torch", reason="needs pip install torch")
    images = torch.from_numpy(SEEN).permute(0, 3, 1, 2)
    return images if kind == "bytes" else (images.double() / 255).to(getattr(torch, kind))


BATCHES = {
    "numpy": lambda: SEEN,
    "Pillow": lambda: [Image.fromarray(one) for one in SEEN],
    "bytes": lambda: tensors("bytes"),
    "float32": lambda: tensors("float32"),
    "bfloat16": lambda: tensors("bfloat16"),
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_have_the_rewards_of_the_scorer(scorer, name):
    images, expected = BATCHES[name](), scorer.reward(list(SEEN))
    scores, nothing = reward_function(scorer)(images, ["a"] * 6, [{}] * 6)
    assert nothing == {}
    assert scores.shape == (6,)
    listed = score_function(scorer)(
        data_source="prompts", solution_str=images, ground_truth=["a"] * 6, extra_info={}
    )
    assert isinstance(listed, list)
    assert listed == scores.tolist()
    if name != "bfloat16":  # which rounds pixels
        assert np.array_equal(scores, expected)


@pytest.mark.parametrize("name", BATCHES)
def test_one_image_has_a_number(scorer, name):
    one = BATCHES[name]()[0]
    score = score_function(scorer)("prompts", one, "a", {"index": 0}, router="unused")
    assert isinstance(score, float)
    if name != "bfloat16":
        assert score == scorer.reward([SEEN[0]])[0]


def test_images_with_nan_have_the_reward_that_was_asked_for(scorer):
    images = tensors("float32").clone()
    images[2, 0, 0, 0] = float("nan")
    scores, _ = reward_function(scorer)(images, None, None)
    assert np.flatnonzero(np.isnan(scores)).tolist() == [2]
    assert np.array_equal(np.delete(scores, 2), scorer.reward(list(np.delete(SEEN, 2, axis=0))))
    assert reward_function(scorer, failed=-9)(images, None, None)[0][2] == -9
    assert score_function(scorer, failed=-9.0)("", images[2], "") == -9
    assert (reward_function(scorer, failed=-9)(images * float("nan"), None, None)[0] == -9).all()


def test_images_that_want_gradients_are_refused(scorer):
    images = tensors("float32").clone().requires_grad_()
    for call in (
        lambda: reward_function(scorer)(images, None, None),
        lambda: score_function(scorer)("", images, ""),
    ):
        with pytest.raises(ParameterError, match="rara's extractors have none"):
            call()


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (SEEN.astype("f"), "Images of float32"),
        (SEEN[0], "give numpy arrays of uint8"),
        (SEEN[..., :2], "give numpy arrays of uint8"),
        (3, "images = 3"),
        ("text", "images = 'text'"),
    ],
)
def test_what_is_no_batch_is_refused(scorer, images, words):
    with pytest.raises(ParameterError, match=words):
        reward_function(scorer)(images, None, None)


def test_floats_out_of_range_are_refused(scorer):
    with pytest.raises(ParameterError, match="from 0 to 1"):
        reward_function(scorer)(tensors("float32") * 2, None, None)
    with pytest.raises(ParameterError, match="four dimensions"):
        reward_function(scorer)(tensors("float32")[0], None, None)


@pytest.mark.parametrize("text", [None, "an answer", b"an answer"])
def test_text_is_refused(scorer, text):
    with pytest.raises(ParameterError, match="rara rewards images, and no text"):
        score_function(scorer)("prompts", text, "a")


@pytest.mark.parametrize("made", [reward_function, score_function])
def test_what_is_no_scorer_or_number_is_refused(scorer, made):
    with pytest.raises(ParameterError, match="scorer = 3"):
        made(3)
    for failed in ("0", None, True, float("inf")):
        with pytest.raises(ParameterError, match="failed = "):
            made(scorer, failed=failed)
    with pytest.raises(ParameterError, match="at least 20"):
        made(Reference.from_features(gaussian(10, 4)).scorer())
