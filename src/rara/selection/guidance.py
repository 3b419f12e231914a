"""A generator led to higher rewards: by its latent vectors, or within its denoising steps.

    latents --generator--> images --reward--> rewards --gradient--> latents, and again
        latent_search
    noisy images --denoise--> estimate --reward--> rewards --gradient--> the estimate, moved
        guided_estimate

A reward is any callable that takes what the generator gives, for n images, and returns n numbers
with a gradient; higher is better. `rara.selection.torch.Reward` makes such numbers of vectors.
What is optimised hard stops to mean what it meant: stop early (`enough`), and judge what comes out
by images that the reward never saw. docs/studies/guidance.md measures both. Needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rara.arguments import number, short, whole
from rara.errors import MissingPackageError, ParameterError

try:
    import torch
except ImportError as error:
    raise MissingPackageError(
        "rara.selection.guidance takes torch: run `pip install torch`."
    ) from error

if TYPE_CHECKING:
    from torch import Tensor

Generator = Callable[["Tensor"], "Tensor"]
"""(n, …) latent vectors or noisy images -> (n, …) images."""
RewardOf = Callable[["Tensor"], "Tensor"]
"""(n, …) images -> (n,) rewards with a gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class LatentSearch:
    """What a search found: the best latent vector of each sample."""

    latents: Tensor
    """(n, …) like those that the search began from."""
    rewards: Tensor
    """(n,) their rewards."""
    start: Tensor
    """(n,) the rewards that the search began from."""
    stopped: Tensor
    """(n,) bool: the search met a reward or a gradient that is not finite, and went no further."""


def latent_search(
    generator: Generator,
    latents: Tensor,
    reward: RewardOf,
    *,
    steps: int = 10,
    step_size: float = 0.05,
    prior: float = 1.0,
    enough: float | None = None,
) -> LatentSearch:
    """Climb the reward from each latent vector, and return the best one that was met.

    What is climbed, for a latent vector z of d numbers with the norm r:

        reward(generator(z)) + prior * ((d - 1) log r - r^2 / 2)

    The second term is the log density of the norm of a standard Gaussian vector, but for a
    constant: without it, `prior=0`, vectors leave the shell that the generator was trained on
    (Samuel et al., NeurIPS 2023, arXiv 2306.08687; Eyring et al., NeurIPS 2024, arXiv 2406.04312).

    `latents`: (n, …) draws from the standard Gaussian; a single sample is n = 1. `step_size`: how
    far a step goes, as a share of the root of d, the usual norm. `enough`: a sample whose reward
    is at least this is moved no further. `steps=0` only finds the rewards. Put networks into
    evaluation mode first: `generator.eval()`. A search takes `steps` + 1 passes forward and
    `steps` back.

    A reward may depend on the other images of the batch, as a penalty of repeats does; the best
    vectors of two samples may then come from different steps. Errors of the generator and of the
    reward pass through. Raises ParameterError for options out of range, where a first reward is
    not finite, and where no gradient leads from the rewards to the latents.
    """
    steps, step_size = whole(steps, "steps", least=0), _positive(step_size, "step_size")
    prior, enough = _at_least_0(prior, "prior"), _finite(enough, "enough")
    _check_batch(latents, "latents")
    with torch.inference_mode(False), torch.enable_grad():
        return _climbed(
            generator, latents.detach().clone(), reward, steps, step_size, prior, enough
        )


def _climbed(
    generator: Generator,
    latents: Tensor,
    reward: RewardOf,
    steps: int,
    step_size: float,
    prior: float,
    enough: float | None,
) -> LatentSearch:
    size = latents[0].numel()
    stopped = torch.zeros(len(latents), dtype=torch.bool, device=latents.device)
    best = torch.full_like(stopped, -math.inf, dtype=latents.dtype)
    found, start, rewards = latents.clone(), best, best
    for step in range(steps + 1):
        last = step == steps
        latents.requires_grad_(not last)
        reached = _rewards_of(reward(generator(latents)), len(latents))
        at = reached.detach().to(latents.dtype)
        density, outwards = _norm_density(latents.detach())
        value = at + prior * density
        if step == 0:
            _check_first(at)
            start = rewards = at
        stopped = stopped | ~torch.isfinite(value)
        better = ~stopped & (value > best)
        best, rewards = torch.where(better, value, best), torch.where(better, at, rewards)
        found = torch.where(_each(better, latents), latents.detach(), found)
        if last:
            break
        gradient = _gradient(reached, latents) + prior * outwards
        stopped = stopped | ~torch.isfinite(gradient.flatten(1)).all(1)
        still = stopped if enough is None else stopped | (at >= enough)
        moved = step_size * math.sqrt(size) * _unit(gradient)
        latents = latents.detach() + torch.where(_each(still, latents), 0, moved)
    return LatentSearch(found, rewards, start, stopped)


def guided_estimate(
    noisy: Tensor,
    denoise: Generator,
    reward: RewardOf,
    *,
    strength: float | Tensor,
    enough: float | None = None,
) -> Tensor:
    """The image that a denoiser estimates, moved towards a higher reward of that estimate.

    Classifier guidance with a reward in the classifier's place, taken at the denoised estimate,
    so that the reward sees images without noise (Dhariwal and Nichol 2021, arXiv 2105.05233;
    Bansal et al. 2023, arXiv 2302.07121):

        x = denoise(noisy);  x + strength * g / rms(g),  g = d reward(x) / d noisy

    `noisy`: (n, …) the noisy images of a step of any sampler. `denoise`: gives the estimate x of
    the clean image at this step, with a gradient. `strength`: how far x moves, as the root mean
    square over its numbers; one number, or n of them. Let it fall with the share of noise; 0 gives
    x. `enough`: estimates whose reward is at least this are not moved.

    Where the gradient or the reward is not finite, or the gradient is 0, the estimate stays as it
    is: early estimates may lie where a reward has no value. Errors of the denoiser and the reward
    pass through. Raises ParameterError for options out of range, and where no gradient leads from
    the rewards to the noisy images.
    """
    _check_batch(noisy, "noisy")
    far, enough = _strength(strength, noisy), _finite(enough, "enough")
    with torch.inference_mode(False), torch.enable_grad():
        at = noisy.detach().clone().requires_grad_()
        estimate = denoise(at)
        reached = _rewards_of(reward(estimate), len(at))
        gradient = _gradient(reached, at)
    finite = torch.isfinite(gradient.flatten(1)).all(1) & torch.isfinite(reached.detach())
    led = finite if enough is None else finite & (reached.detach() < enough)
    moved = far * math.sqrt(noisy[0].numel()) * _unit(gradient)
    return estimate.detach() + torch.where(_each(led, moved), moved, 0)


# -- the arithmetic --------------------------------------------------------------------


def _norm_density(latents: Tensor) -> tuple[Tensor, Tensor]:
    """(n,) log density of the norm of each vector, but for a constant; and (n, …) its gradient."""
    flat = latents.flatten(1)
    free = flat.shape[1] - 1
    norm2 = flat.square().sum(1).clamp(min=torch.finfo(latents.dtype).eps)
    density = free / 2 * norm2.log() - norm2 / 2
    return density, _each(free / norm2 - 1, latents) * latents


def _gradient(rewards: Tensor, at: Tensor) -> Tensor:
    """Of the rewards, with respect to what they were found at."""
    found = None
    if rewards.requires_grad:
        (found,) = torch.autograd.grad(rewards.sum(), at, allow_unused=True)
    if found is None:
        raise ParameterError(
            "No gradient leads from the rewards to what is searched: compute both the images and "
            "the rewards in torch, without `no_grad`, `detach` or numpy."
        )
    return found


def _unit(gradient: Tensor) -> Tensor:
    """Each with the norm 1; 0 stays 0."""
    norm = gradient.flatten(1).norm(dim=1)
    return gradient / _each(norm.where(norm > 0, torch.ones_like(norm)), gradient)


def _each(values: Tensor, like: Tensor) -> Tensor:
    """(n,) numbers with as many axes as (n, …)."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


# -- what came from outside ------------------------------------------------------------


def _rewards_of(rewards: Any, count: int) -> Tensor:
    if not isinstance(rewards, torch.Tensor):
        raise ParameterError(f"The reward gave a {type(rewards).__name__}: give a tensor.")
    if rewards.shape != (count,):
        raise ParameterError(
            f"The reward gave the shape {tuple(rewards.shape)} for {count} images: give ({count},)."
        )
    return rewards


def _check_first(rewards: Tensor) -> None:
    lacking = int((~torch.isfinite(rewards)).sum())
    if lacking:
        raise ParameterError(
            f"The reward is not finite for {lacking} of the {len(rewards)} samples that the search "
            "begins from: begin from others, or give a reward that is defined for all images."
        )


def _check_batch(values: Any, name: str) -> None:
    if not isinstance(values, torch.Tensor) or not values.is_floating_point():
        kind = getattr(values, "dtype", type(values).__name__)
        raise ParameterError(f"{name} is {kind}: give a tensor of floating-point numbers.")
    if values.ndim < 2 or not values.numel():
        raise ParameterError(f"{name} has the shape {tuple(values.shape)}: give (n, …) numbers.")
    if not bool(torch.isfinite(values).all()):
        raise ParameterError(f"{name} has numbers that are not finite.")


def _strength(value: float | Tensor, noisy: Tensor) -> float | Tensor:
    if not isinstance(value, torch.Tensor):
        return _at_least_0(value, "strength")
    if value.shape != (len(noisy),) or not bool((torch.isfinite(value) & (value >= 0)).all()):
        raise ParameterError(
            f"strength of the shape {tuple(value.shape)}: give one number of at least 0, or one "
            f"for each of the {len(noisy)} images."
        )
    return _each(value, noisy)


def _finite(value: float | None, name: str) -> float | None:
    if value is not None and not math.isfinite(number(value, name)):
        raise ParameterError(f"{name} = {short(value)}: give a finite number, or None.")
    return value


def _at_least_0(value: float, name: str) -> float:
    if not 0 <= number(value, name) < math.inf:
        raise ParameterError(f"{name} = {short(value)}: give a number of at least 0.")
    return float(value)


def _positive(value: float, name: str) -> float:
    if not 0 < number(value, name) < math.inf:
        raise ParameterError(f"{name} = {short(value)}: give a number above 0.")
    return float(value)
