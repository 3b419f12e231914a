"""Ways to lead a generator: by the reward, and by what was published before it.

latent vectors --a method--> images, each from the same draws

base        the generator as it is
psi P       latent vectors scaled: truncation (Karras et al. 2019, arXiv 1812.04948)
best of N   the best by the reward of N draws, which take as long as the search
k-NN        led by the distance to the k-th nearest image of the guide's half alone
minority    denoising led to what the model itself restores badly: self-guidance (Um and Ye,
            ECCV 2024, arXiv 2407.11555)
guided      the search, or denoising, led by the reward
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from generators_networks import Denoiser, schedule
from generators_training import to_images, to_pixels
from guidance_student import Student
from guidance_worlds import BATCH, World, classes_of, denoised, estimate
from paper_data import Images, Work
from torch import Tensor

from rara import Features
from rara.reference.scorer import Scorer
from rara.selection.guidance import guided_estimate, latent_search
from rara.selection.torch import Reward

K = 3
RewardOf = Callable[[Tensor], Tensor]
Method = Callable[[int], Images]
"""How many samples -> their pixels."""
SEARCH, TIMES = 10, 20
"""Steps of a search, and draws that cost as much."""
STRENGTH = 0.15
"""Of guidance in denoising, at noise alone."""
RESTORED = 0.5
"""The time at which minority guidance lets the model restore its estimate."""


@dataclass(frozen=True)
class Guide:
    """What leads: a world's generator, and rewards of images by its guiding half."""

    world: World
    reward: RewardOf
    knn: RewardOf
    work: Work
    default: Scorer
    """The same half by the default network, which has no gradient here."""

    @classmethod
    def of(cls, world: World, student: Student, work: Work) -> Guide:
        vectors = student.of(world.guide)
        scorer = work.reference_of(Features.from_arrays(vectors)).scorer(run=work.run)
        real = torch.from_numpy(vectors)

        def knn(images: Tensor) -> Tensor:
            return torch.cdist(student(images), real).topk(K, largest=False).values[:, -1]

        default = work.reference(world.guide).scorer(run=work.run)
        return cls(world, Reward(scorer, extractor=student), knn, work, default)

    def search(self, latents: Tensor, reward: RewardOf, **options: float) -> Tensor:
        """The latent vectors that searches end at."""
        found = []
        for some, classes in batches(latents):
            draw = partial(self._drawn, classes=classes)
            found.append(latent_search(draw, some, reward, **options).latents)  # type: ignore[arg-type]
        return torch.cat(found)

    def _drawn(self, latents: Tensor, classes: Tensor) -> Tensor:
        return self.world.draw(latents, classes)

    @torch.no_grad()
    def best_of(self, count: int, times: int) -> Images:
        """The best of so many draws for each sample."""
        images = self.draws(count, times)
        rewards = torch.stack([self.rewards(one) for one in images])
        best = rewards.nan_to_num(nan=-torch.inf).argmax(0).numpy()
        return np.stack(images)[best, np.arange(count)]

    def picked(self, candidates: Sequence[Images]) -> Images:
        """The candidate of each sample with the highest reward by the default network."""
        terms = [self.default.reward_terms(self.work.features(one)) for one in candidates]
        rewards = np.stack([one["reward"] + one["repeat"] for one in terms])
        best = np.nan_to_num(rewards, nan=-np.inf).argmax(0)
        return np.stack(candidates)[best, np.arange(len(best))]

    def draws(self, count: int, times: int) -> list[Images]:
        """So many draws for each sample."""
        return [self.world.images(self.world.latents(count, seed=100 + i)) for i in range(times)]

    @torch.no_grad()
    def rewards(self, pixels: Images) -> Tensor:
        """Of images, without what they cost as repeats."""
        parts = to_images(pixels).split(BATCH)
        terms = [self.reward.terms(part) for part in parts]  # type: ignore[attr-defined]
        return torch.cat([one["reward"] + one["repeat"] for one in terms])

    def searched(self, count: int, reward: RewardOf, **options: float) -> Images:
        return self.world.images(self.search(self.world.latents(count), reward, **options))


def batches(latents: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Latent vectors and their classes, so many at a time."""
    classes = classes_of(len(latents))
    return list(zip(latents.split(BATCH), classes.split(BATCH), strict=True))


# -- a GAN -----------------------------------------------------------------------------


def of_gan(guide: Guide) -> Mapping[str, Method]:
    world = guide.world

    def scaled(count: int, psi: float) -> Images:
        return world.images(psi * world.latents(count))

    near = {"step_size": 0.03, "enough": 0.7}
    """A gentle search: to what is called rare, and no further."""

    def picked(count: int) -> Images:
        searches: list[dict[str, float]] = [{}, near]
        found = [guide.searched(count, guide.reward, steps=SEARCH, **one) for one in searches]
        return guide.picked([scaled(count, 1.0), *found])

    def picked_draws(count: int) -> Images:
        return guide.picked(guide.draws(count, 3))

    return {
        "base": partial(scaled, psi=1.0),
        "psi 0.7": partial(scaled, psi=0.7),
        f"best of {TIMES}": partial(guide.best_of, times=TIMES),
        "best of 3, default network": picked_draws,
        "k-NN": partial(guide.searched, reward=guide.knn, steps=SEARCH),
        "guided": partial(guide.searched, reward=guide.reward, steps=SEARCH),
        "guided, to 0.7": partial(guide.searched, reward=guide.reward, steps=SEARCH, **near),
        "guided, picked": picked,
    }


# -- the diffusion model ---------------------------------------------------------------


def of_diffusion(guide: Guide) -> Mapping[str, Method]:
    model = guide.world.network
    assert isinstance(model, Denoiser)

    def led(count: int, reward_of: Callable[[Tensor], RewardOf], strength: float) -> Images:
        found = []
        for noise, classes in batches(guide.world.latents(count)):
            lead = partial(_led, reward_of(classes), strength)
            found.append(denoised(model, noise, classes, lead))
        return to_pixels(torch.cat(found))

    def by(reward: RewardOf) -> Callable[[Tensor], RewardOf]:
        return lambda classes: reward

    return {
        "base": lambda count: guide.world.images(guide.world.latents(count)),
        "best of 2": partial(guide.best_of, times=2),
        "minority": partial(led, reward_of=partial(restored_badly, model), strength=STRENGTH),
        "k-NN": partial(led, reward_of=by(guide.knn), strength=STRENGTH),
        "guided": partial(led, reward_of=by(guide.reward), strength=STRENGTH),
    }


def _led(
    reward: RewardOf,
    strength: float,
    noisy: Tensor,
    expected: Callable[[Tensor], Tensor],
    noise_share: Tensor,
) -> Tensor:
    return guided_estimate(noisy, expected, reward, strength=strength * noise_share)


def restored_badly(model: Denoiser, classes: Tensor) -> RewardOf:
    """How far the model's own estimate moves when it is noised and restored: high for minorities.

    d(x, sg(estimate(a x + b noise)))        with the squared error as d, without a gradient in sg
    """

    def reward(images: Tensor) -> Tensor:
        with torch.no_grad():
            time = torch.full((len(images),), RESTORED)
            image_share, noise_share = schedule(time)
            noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(5))
            restored = estimate(model, image_share * images + noise_share * noise, time, classes)
        return (images - restored).square().mean((1, 2, 3))

    return reward
