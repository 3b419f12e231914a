"""The reward as a module of PyTorch: the numbers of numpy, and gradients that are right.

Needs `pip install torch`; without it the whole file is skipped.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs pip install torch")

from make import features, fit, gaussian, noise  # noqa: E402
from rara.errors import ParameterError  # noqa: E402
from rara.selection.torch import Reward  # noqa: E402

REAL = gaussian(500, 8)
POSITIVE = np.abs(REAL)
METRICS = {"euclidean": REAL, "cosine": REAL, "hellinger": POSITIVE}


def batch(metric="euclidean"):
    """Fresh vectors with a near copy and two that are nearly alike."""
    vectors = gaussian(12, 8, seed=1)
    vectors[2], vectors[1] = REAL[7] + 0.02, vectors[0] + 0.03
    return np.abs(vectors) if metric == "hellinger" else vectors


@pytest.fixture(params=METRICS)
def metric(request):
    return request.param


def module(metric):
    return Reward(fit(METRICS[metric], metric=metric).scorer())


def test_it_gives_the_numbers_of_numpy(metric):
    reward, vectors = module(metric), batch(metric)
    found = reward.terms(torch.from_numpy(vectors))
    for name, values in reward.scorer.reward_terms(vectors).items():
        exact = 1e-12 if metric == "euclidean" else 1e-5  # others round unit vectors to float32
        assert found[name].numpy() == pytest.approx(values, abs=exact, rel=exact)
    assert torch.equal(reward(torch.from_numpy(vectors)), found["reward"])


def test_gradients_are_those_of_finite_differences(metric):
    vectors = torch.from_numpy(batch(metric)).double().requires_grad_()
    assert torch.autograd.gradcheck(module(metric), vectors, eps=1e-6, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("term", ["rarity", "off_manifold", "copy", "repeat"])
def test_each_term_has_a_gradient(term):
    vectors = torch.from_numpy(batch() * 1.3).double()
    vectors[2] = torch.from_numpy(REAL[7] + 0.02)
    vectors.requires_grad_()
    reward = module("euclidean")
    assert torch.autograd.gradcheck(
        lambda x: reward.terms(x)[term], vectors, eps=1e-6, atol=1e-5, rtol=1e-4
    )
    reward.terms(vectors)[term].sum().backward()
    assert vectors.grad.abs().sum() > 0


def test_steps_up_the_gradient_raise_the_reward():
    reward = module("euclidean")
    vectors = torch.from_numpy(3 * gaussian(32, 8, seed=3))
    first = reward(vectors).mean()
    for _ in range(30):
        vectors = vectors.detach().requires_grad_()
        reward(vectors).sum().backward()
        vectors = vectors + 0.05 * torch.nn.functional.normalize(vectors.grad, dim=1)
    assert reward(vectors).mean() > first + 2
    assert reward(vectors).max() < 1.5


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_gradients_have_the_type_of_the_vectors(kind):
    vectors = torch.from_numpy(batch()).to(kind).requires_grad_()
    rewards = module("euclidean")(vectors)
    assert rewards.dtype == torch.float64
    rewards.sum().backward()
    assert vectors.grad.dtype == kind
    assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize(("metric_", "bad"), [
    ("euclidean", np.nan), ("euclidean", np.inf), ("cosine", np.nan), ("cosine", 0),
    ("hellinger", np.nan), ("hellinger", 0), ("hellinger", -1),
])  # fmt: skip
def test_a_row_that_cannot_be_rewarded_is_nan_and_changes_no_other(metric_, bad):
    vectors, reward = batch(metric_), module(metric_)
    vectors[5] = bad
    given = torch.from_numpy(vectors).requires_grad_()
    rewards = reward(given)
    assert torch.isnan(rewards).nonzero().flatten().tolist() == [5]
    others = reward(torch.from_numpy(np.delete(vectors, 5, axis=0)))
    assert torch.equal(rewards[torch.isfinite(rewards)], others)
    rewards.nansum().backward()
    assert torch.isfinite(given.grad).all()
    assert (given.grad[5] == 0).all()
    assert (given.grad[4] != 0).any()


def test_zeros_get_no_gradient_under_hellinger():
    vectors = batch("hellinger")
    vectors[:, 0] = 0
    given = torch.from_numpy(vectors).requires_grad_()
    module("hellinger")(given).sum().backward()
    assert torch.isfinite(given.grad).all()


def test_one_vector_none_and_an_exact_copy():
    reward = module("euclidean")
    assert reward(torch.from_numpy(batch()[:1])).shape == (1,)
    assert reward(torch.zeros(0, 8)).shape == (0,)
    copy = torch.from_numpy(REAL[:2]).requires_grad_()
    reward(copy).sum().backward()
    assert torch.isfinite(copy.grad).all()


def test_gradients_flow_through_an_extractor_of_pytorch():
    torch.manual_seed(0)
    extractor = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 8))
    with torch.no_grad():
        real = extractor(torch.from_numpy(noise(200, 0)).permute(0, 3, 1, 2).float() / 255)
    reward = Reward(fit(real.numpy()).scorer(), extractor=extractor)
    images = torch.rand(4, 3, 8, 8, requires_grad=True)
    reward(images).sum().backward()
    assert (images.grad != 0).any()
    assert "extractor.1.weight" in dict(reward.named_parameters())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (torch.zeros(2, 3, 8, 8), "rara's extractors have no gradients"),
        (torch.zeros(2, 9), r"give floats of shape \(n, 8\)"),
        (torch.zeros(8), r"give floats of shape \(n, 8\)"),
        (torch.zeros(2, 8, dtype=torch.int64), "features of torch.int64"),
        (np.zeros((2, 8)), "give a tensor"),
    ],
)
def test_what_is_no_batch_of_vectors_is_refused(given, words):
    with pytest.raises(ParameterError, match=words):
        module("euclidean")(given)


def test_what_is_no_scorer_or_extractor_is_refused():
    with pytest.raises(ParameterError, match="scorer = 3"):
        Reward(3)
    with pytest.raises(ParameterError, match="extractor = 3"):
        Reward(fit(REAL).scorer(), extractor=3)
    with pytest.raises(ParameterError, match="at least 20"):
        Reward(fit(REAL[:10]).scorer())


def test_features_are_rewarded_as_their_vectors_are():
    reward = module("euclidean")
    numbers = reward.scorer.reward(features(batch()))
    assert reward(torch.from_numpy(batch())).numpy() == pytest.approx(numbers, abs=1e-12)
