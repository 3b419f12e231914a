"""Guidance: latent vectors searched, and denoised estimates moved, towards higher rewards.

Needs `pip install torch`; without it the whole file is skipped.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs pip install torch")

from rara.errors import ParameterError  # noqa: E402
from rara.selection.guidance import guided_estimate, latent_search  # noqa: E402

DIM = 16
TARGET = torch.linspace(-1, 1, DIM)


def latents(n=5, dim=DIM, seed=0):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def same(z):
    return z


def near(images):
    """Higher nearer to a point whose norm is below the usual one."""
    return -(images - TARGET).square().sum(1)


def search(z=None, reward=near, generator=same, **options):
    return latent_search(generator, latents() if z is None else z, reward, **options)


# -- the search ------------------------------------------------------------------------


def test_rewards_are_those_of_the_latents_that_come_back():
    began = latents()
    found = search(began, steps=20, prior=0)
    torch.testing.assert_close(found.rewards, near(found.latents))
    torch.testing.assert_close(found.start, near(began))
    assert (found.rewards > found.start).all()
    assert not found.stopped.any()
    torch.testing.assert_close(began, latents())  # what was given stays as it was


def test_no_steps_give_the_rewards_of_what_was_given():
    found = search(steps=0, reward=lambda x: near(x).detach())  # a gradient is not needed
    torch.testing.assert_close(found.latents, latents())
    torch.testing.assert_close(found.rewards, found.start)


def test_the_first_step_is_as_long_as_asked():
    began = latents()
    found = search(began, steps=1, step_size=0.01, prior=0)
    length = (found.latents - began).norm(dim=1)
    torch.testing.assert_close(length, torch.full((5,), 0.01 * DIM**0.5), rtol=1e-4, atol=0)


def test_without_a_prior_vectors_leave_the_usual_norm():
    began = latents(50)

    def outwards(images):
        return images.norm(dim=1)

    def off(found):
        return (found.latents.norm(dim=1) - (DIM - 1) ** 0.5).abs().mean()

    free = search(began, outwards, steps=30, prior=0)
    held = search(began, outwards, steps=30, prior=10)
    assert off(held) < 0.2 < 2 < off(free)


def test_the_prior_is_the_density_of_the_norm():
    """With no reward, vectors of any length go to the norm where the density is highest."""
    began = latents() * torch.tensor([0.2, 0.5, 1, 2, 4])[:, None]
    found = search(began, lambda x: 0 * x.sum(1), steps=400, step_size=0.02)
    norms = found.latents.norm(dim=1)
    torch.testing.assert_close(norms, torch.full((5,), (DIM - 1) ** 0.5), rtol=0.02, atol=0)


def test_a_sample_that_is_good_enough_is_not_moved():
    began = latents()
    rewards = near(began)
    limit = float(rewards.sort().values[2])
    found = search(began, steps=5, enough=limit, prior=0)
    moved = (found.latents != began).any(1)
    assert moved.tolist() == (rewards < limit).tolist()  # equal is enough


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 4), steps=st.integers(0, 6), seed=st.integers(0, 99))
def test_samples_do_not_depend_on_their_batch(n, steps, seed):
    began = latents(n, seed=seed)
    whole = search(began, steps=steps)
    for i in range(n):
        alone = search(began[i : i + 1], steps=steps)
        torch.testing.assert_close(alone.latents[0], whole.latents[i], rtol=1e-4, atol=1e-5)


def test_latents_of_0_have_no_direction_and_stay_without_a_reward():
    found = search(torch.zeros(1, DIM), lambda x: 0 * x.sum(1), steps=2)
    assert not found.stopped.any()
    assert not found.latents.any()


@pytest.mark.parametrize("shape", [(1, 3), (2, 3, 4, 4)])
def test_latents_of_any_shape(shape):
    began = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = search(began, lambda x: -x.flatten(1).abs().sum(1), steps=3)
    assert found.latents.shape == began.shape
    assert found.rewards.shape == (shape[0],)


def test_the_best_is_kept_and_not_the_last():
    """Steps that are too long jump over the best place and past it."""
    began = latents()
    found = search(began, steps=11, step_size=3.0, prior=0)
    assert (found.rewards >= found.start).all()


def test_the_weights_of_the_networks_get_no_gradient():
    network = torch.nn.Linear(DIM, DIM)
    search(generator=network, steps=2)
    assert network.weight.grad is None


def test_within_no_grad_and_inference_mode():
    with torch.no_grad():
        first = search(steps=3)
    with torch.inference_mode():
        second = search(steps=3)
    torch.testing.assert_close(first.latents, second.latents)
    assert (first.rewards > first.start).any()


def test_where_the_reward_ends_the_search_of_that_sample_stops():
    began = torch.zeros(2, DIM)
    began[:, 0] = torch.tensor([0.5, 9.0])

    def falling(images):
        """Falls from left to right, and has no value left of 0."""
        x = images[:, 0]
        return torch.where(x < 0, torch.nan, 20 - x)

    found = search(began, falling, steps=10, step_size=0.1, prior=0)
    assert found.stopped.tolist() == [True, False]
    assert (found.latents[:, 0] >= 0).all()
    assert torch.isfinite(found.rewards).all()
    assert (found.rewards > found.start).all()


def test_a_gradient_that_is_not_finite_stops_a_sample():
    began = torch.zeros(2, DIM)
    began[1] = 1
    found = search(began, lambda x: x.norm(dim=1) - x.abs().sum(1).sqrt(), steps=2, prior=0)
    assert found.stopped.tolist() == [True, False]
    torch.testing.assert_close(found.latents[0], began[0])


# -- what fails ------------------------------------------------------------------------


def test_a_first_reward_that_is_nan():
    with pytest.raises(ParameterError, match=r"not finite for 2 of the 5 samples"):
        search(reward=lambda x: near(x) + torch.tensor([0, math.nan, 0, math.inf, 0]))


@pytest.mark.parametrize(
    "reward",
    [lambda x: near(x).detach(), lambda x: torch.as_tensor(near(x).detach().numpy())],
)
def test_rewards_without_a_gradient(reward):
    with pytest.raises(ParameterError, match="No gradient leads from the rewards"):
        search(reward=reward, prior=0)


def test_a_generator_whose_outputs_do_not_hang_on_the_latents():
    other = torch.ones(5, DIM, requires_grad=True)
    with pytest.raises(ParameterError, match="No gradient leads"):
        search(generator=lambda z: other, prior=0)


@pytest.mark.parametrize("prior", [0, 1])
def test_the_prior_does_not_hide_that_there_is_no_gradient(prior):
    with pytest.raises(ParameterError, match="No gradient leads"):
        search(generator=lambda z: z.detach(), prior=prior)


def test_errors_of_the_generator_pass_through():
    def broken(z):
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        search(generator=broken)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (lambda x: near(x).sum(), r"gave the shape \(\) for 5 images: give \(5,\)"),
        (lambda x: near(x)[:4], r"the shape \(4,\) for 5"),
        (lambda x: near(x)[:, None], r"the shape \(5, 1\) for 5"),
        (lambda x: 1.0, "gave a float: give a tensor"),
        (lambda x: near(x).detach().numpy(), "gave a ndarray"),
    ],
)
def test_rewards_of_another_shape(given, match):
    with pytest.raises(ParameterError, match=match):
        search(reward=given)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (torch.zeros(5), r"shape \(5,\): give \(n, …\)"),
        (torch.zeros(0, DIM), r"shape \(0, 16\)"),
        (torch.zeros(5, DIM, dtype=torch.int64), "latents is torch.int64"),
        (np.zeros((5, DIM)), "latents is float64"),
        ([[1.0]], "latents is list"),
        (torch.full((2, DIM), math.nan), "not finite"),
    ],
)
def test_latents_of_another_kind(given, match):
    with pytest.raises(ParameterError, match=match):
        search(given)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"steps": -1}, "steps = -1"),
        ({"steps": 2.0}, "steps = 2.0"),
        ({"steps": True}, "steps = True"),
        ({"step_size": 0}, "step_size = 0: give a number above 0"),
        ({"step_size": math.inf}, "step_size = inf"),
        ({"step_size": math.nan}, "step_size = nan"),
        ({"prior": -0.1}, "prior = -0.1: give a number of at least 0"),
        ({"prior": "1"}, "prior = '1'"),
        ({"enough": math.nan}, "enough = nan"),
    ],
)
def test_options_out_of_range(options, match):
    with pytest.raises(ParameterError, match=match):
        search(**options)


# -- denoising steps -------------------------------------------------------------------


def half(noisy):
    return noisy / 2


def led(noisy=None, denoise=half, reward=near, strength=0.1, **options):
    noisy = latents() if noisy is None else noisy
    return guided_estimate(noisy, denoise, reward, strength=strength, **options)


def test_the_estimate_moves_as_far_as_asked_and_uphill():
    noisy = latents()
    found = led(noisy)
    move = found - half(noisy)
    torch.testing.assert_close(move.square().mean(1).sqrt(), torch.full((5,), 0.1))
    assert (near(found) > near(half(noisy))).all()
    assert not found.requires_grad


def test_no_strength_is_the_estimate():
    torch.testing.assert_close(led(strength=0), half(latents()))


def test_a_strength_for_each_image():
    strength = torch.tensor([0, 0.1, 0.2, 0.3, 0.4])
    move = led(strength=strength) - half(latents())
    torch.testing.assert_close(move.square().mean(1).sqrt(), strength)


def test_a_single_image_of_several_axes():
    noisy = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = led(noisy, reward=lambda x: x.sum((1, 2, 3)))
    torch.testing.assert_close(found, half(noisy) + 0.1)


def test_estimates_without_a_reward_or_a_gradient_stay():
    noisy = latents(3)
    factor = torch.tensor([math.nan, 0.0, 1.0])
    found = led(noisy, reward=lambda x: factor * near(x))
    moved = (found != half(noisy)).any(1)
    assert moved.tolist() == [False, False, True]
    assert torch.isfinite(found).all()


def test_estimates_that_are_good_enough_stay():
    noisy = latents()
    rewards = near(half(noisy))
    limit = float(rewards.sort().values[2])
    moved = (led(noisy, enough=limit) != half(noisy)).any(1)
    assert moved.tolist() == (rewards < limit).tolist()


def test_the_gradient_leads_through_the_denoiser():
    """A denoiser that swaps two halves sends the gradient to the other half."""

    def swapped(noisy):
        return noisy.roll(DIM // 2, 1)

    found = led(torch.zeros(1, DIM), swapped, lambda x: x[:, 0], strength=1.0)
    assert int((found != 0).sum()) == 1
    assert float(found[0, DIM // 2]) == pytest.approx(DIM**0.5)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"strength": -1}, "strength = -1"),
        ({"strength": math.nan}, "strength = nan"),
        ({"strength": torch.ones(4)}, r"strength of the shape \(4,\)"),
        ({"strength": torch.full((5,), math.nan)}, "strength of the shape"),
        ({"noisy": torch.zeros(5)}, r"noisy has the shape \(5,\)"),
        ({"reward": lambda x: near(x).detach()}, "No gradient leads"),
        ({"denoise": lambda x: x.detach()}, "No gradient leads"),
        ({"enough": math.inf}, "enough = inf"),
    ],
)
def test_bad_input_of_a_step(options, match):
    with pytest.raises(ParameterError, match=match):
        led(**options)


def test_errors_of_the_denoiser_pass_through():
    def broken(noisy):
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        led(denoise=broken)
