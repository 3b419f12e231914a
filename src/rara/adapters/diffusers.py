"""The reward inside a pipeline of diffusers: recorded every few steps, or followed.

    latents --decode--> images --RewardCallback--> rewards, kept; latents moved up the gradient
    prediction --estimate--> clean image --RewardGuidance--> prediction moved up the gradient

Gradients need a `Reward` with an extractor of PyTorch. Without gradients any scorer serves.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rara.adapters.rewarding import rewards_of
from rara.arguments import number, short, whole
from rara.errors import MissingPackageError, ParameterError
from rara.reference.scorer import Scorer
from rara.selection.torch import Reward

try:
    import torch
    from diffusers.guiders import ClassifierFreeGuidance
except ImportError as error:
    raise MissingPackageError(
        "rara.adapters.diffusers takes diffusers of 0.36 or later: run `pip install diffusers`."
    ) from error

if TYPE_CHECKING:
    from torch import Tensor

Decode = Callable[[Any, "Tensor"], "Tensor"]
"""Takes the pipeline and latents; gives images (n, 3, height, width) from 0 to 1."""
Estimate = Callable[["Tensor", "Tensor", Any], "Tensor"]
"""Takes latents, prediction and time step; gives the clean images that these lead to, 0 to 1."""


class StepReward(NamedTuple):
    """The rewards of a batch at one step."""

    step: int
    timestep: float
    rewards: NDArray[np.float64]
    """(n,) NaN where an image has none."""


def decoded(pipe: Any, latents: Tensor) -> Tensor:
    """Images from 0 to 1 by the pipeline's autoencoder."""
    vae = pipe.vae
    scaled = latents / vae.config.scaling_factor + (getattr(vae.config, "shift_factor", None) or 0)
    images = vae.decode(scaled.to(vae.dtype), return_dict=False)[0]
    return (images / 2 + 0.5).clamp(0, 1)


class RewardCallback:
    """A `callback_on_step_end`: decodes the latents every few steps and records their reward.

        callback = RewardCallback(scorer, every=10)
        pipe(prompt, callback_on_step_end=callback)
        callback.records

    `reward`: a scorer, or a `rara.selection.torch.Reward`. `every`: so many steps between two
    looks. `decode`: makes images of latents, by default with `pipe.vae`. With `scale` above 0,
    latents move up the gradient of the reward after each look, by this share of their own length:
    that takes a `Reward` with an `extractor`, and a `decode` with gradients. Latents without a
    finite gradient stay. `start`: the first step looked at: latents of early steps are noise, and
    so are their images.

    Raises ParameterError for options out of range, for a gradient without an extractor that has
    one, and where the pipeline passes no `latents`.
    """

    def __init__(
        self,
        reward: Scorer | Reward,
        *,
        every: int = 10,
        start: int = 0,
        scale: float = 0.0,
        decode: Decode = decoded,
    ) -> None:
        self.every, self.start = whole(every, "every"), whole(start, "start", least=0)
        self.scale = _checked_scale(scale)
        if self.scale:
            check_gradient(reward)
        elif not isinstance(reward, (Scorer, Reward)):
            raise ParameterError(f"reward = {short(reward)}: give a scorer, or a `Reward`.")
        if not callable(decode):
            raise ParameterError(f"decode = {short(decode)}: give a function.")
        self.reward, self.decode = reward, decode
        self.records: list[StepReward] = []

    def __call__(
        self, pipe: Any, step: int, timestep: Any, callback_kwargs: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Look at the latents, if the step is due."""
        if step < self.start or (step - self.start) % self.every:
            return callback_kwargs
        if "latents" not in callback_kwargs:
            raise ParameterError(
                "The pipeline passes no latents: give it "
                "`callback_on_step_end_tensor_inputs=['latents']`."
            )
        latents = callback_kwargs["latents"]
        if not self.scale:
            with torch.no_grad():
                rewards = self._plain(self.decode(pipe, latents))
        else:
            rewards, gradient = ascent(self.reward, latents, lambda moved: self.decode(pipe, moved))
            callback_kwargs["latents"] = moved_by(latents, gradient, self.scale)
        self.records.append(StepReward(int(step), float(timestep), rewards))
        return callback_kwargs

    def _plain(self, images: Tensor) -> NDArray[np.float64]:
        if isinstance(self.reward, Reward) and self.reward.extractor is not None:
            found: NDArray[np.float64] = self.reward(images).cpu().numpy()
            return found
        scorer = self.reward.scorer if isinstance(self.reward, Reward) else self.reward
        return rewards_of(images, scorer, float("nan"))


class RewardGuidance(ClassifierFreeGuidance):
    """A guider: classifier-free guidance whose prediction then moves up the gradient of the reward.

    `reward`: a `rara.selection.torch.Reward` with an `extractor`. `estimate(latents, prediction,
    timestep)` gives, with gradients, the clean images from 0 to 1 that a prediction leads to; it
    depends on the scheduler and the autoencoder. `scale`: how far the prediction moves, as a share
    of its own length. `guidance_scale`, `start` and `stop` are those of classifier-free guidance;
    the reward is followed in the same range of steps.

    Guiders of diffusers are experimental. The latents are what the denoiser is called with.
    """

    def __init__(
        self,
        reward: Reward,
        estimate: Estimate,
        *,
        scale: float = 0.05,
        guidance_scale: float = 7.5,
        start: float = 0.0,
        stop: float = 1.0,
    ) -> None:
        super().__init__(guidance_scale=guidance_scale, start=start, stop=stop)
        check_gradient(reward)
        if not callable(estimate):
            raise ParameterError(f"estimate = {short(estimate)}: give a function.")
        self._reward, self._estimate, self._scale = reward, estimate, _checked_scale(scale)
        self._latents: Tensor | None = None
        self._hook: Any = None

    def prepare_models(self, denoiser: Any) -> None:
        """Take note of the latents that the denoiser is called with."""
        super().prepare_models(denoiser)

        def note(module: Any, args: tuple[Any, ...], kwargs: dict[str, object]) -> None:
            given = args[0] if args else kwargs.get("hidden_states", kwargs.get("sample"))
            self._latents = given if isinstance(given, torch.Tensor) else None

        self._hook = denoiser.register_forward_pre_hook(note, with_kwargs=True)

    def cleanup_models(self, denoiser: Any) -> None:
        """Remove what `prepare_models` added."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        super().cleanup_models(denoiser)

    def forward(self, pred_cond: Tensor, pred_uncond: Tensor | None = None) -> Any:
        """The guided prediction."""
        found = super().forward(pred_cond, pred_uncond)
        if not (self._scale and self._within()):
            return found
        latents = self._latents
        if latents is None:
            raise ParameterError(
                "The denoiser was called without latents as its first argument, `hidden_states` or "
                "`sample`: use RewardCallback."
            )
        _, gradient = ascent(
            self._reward,
            found.pred,
            lambda pred: self._estimate(latents, pred, self._timestep),
        )
        found.pred = moved_by(found.pred, gradient, self._scale)
        return found

    def _within(self) -> bool:
        """Whether this step is in the range from `start` to `stop`."""
        if self._num_inference_steps is None:
            return True
        first, last = (
            int(share * self._num_inference_steps) for share in (self._start, self._stop)
        )
        return bool(first <= self._step < last)


def check_gradient(reward: object) -> None:
    """Raise ParameterError for what has no gradient through its extractor."""
    if not isinstance(reward, Reward) or reward.extractor is None:
        raise ParameterError(
            f"reward = {short(reward)}: rara's extractors have no gradients. Give "
            "`rara.selection.torch.Reward(scorer, extractor=...)` with a module of PyTorch."
        )


def ascent(
    reward: Any, start: Tensor, images_of: Callable[[Tensor], Tensor]
) -> tuple[NDArray[np.float64], Tensor]:
    """The rewards of the images that a tensor leads to, and their gradient by it."""
    with torch.enable_grad():
        moved = start.detach().clone().requires_grad_(True)
        rewards = reward(images_of(moved))
        (gradient,) = torch.autograd.grad(rewards.nansum(), moved, allow_unused=True)
    if gradient is None:
        raise ParameterError(
            "PyTorch sees no way from these images to what they were made of: `decode` or "
            "`estimate` must keep gradients."
        )
    return rewards.detach().cpu().numpy(), gradient


def moved_by(start: Tensor, gradient: Tensor, scale: float) -> Tensor:
    """Each of a batch moved up its gradient by a share of its own length; where that is not finite
    or 0, it stays."""
    parts = tuple(range(1, start.ndim))
    length = gradient.float().square().sum(parts, keepdim=True).sqrt()
    own = start.float().square().sum(parts, keepdim=True).sqrt()
    step = scale * own * gradient.float() / torch.where(length > 0, length, 1.0)
    usable = torch.isfinite(step).flatten(1).all(1).view(-1, *(1,) * (start.ndim - 1))
    return torch.where(usable, start + step.to(start.dtype), start)


def _checked_scale(scale: object) -> float:
    if not number(scale, "scale") >= 0:
        raise ParameterError(f"scale = {short(scale)}: give 0 or more.")
    return number(scale, "scale")
