"""The reward inside a pipeline of diffusers: recorded, and followed, by callback and by guider.

Needs `pip install torch diffusers`; without them the whole file is skipped.
"""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs pip install torch")
pytest.importorskip("diffusers", reason="needs pip install diffusers")
pytestmark = pytest.mark.filterwarnings("ignore")  # the packages' advice

from embedding import Means  # noqa: E402
from make import fit, noise  # noqa: E402
from rara import Reference, Run  # noqa: E402
from rara.adapters.diffusers import RewardCallback, RewardGuidance, decoded  # noqa: E402
from rara.errors import ParameterError  # noqa: E402
from rara.selection.torch import Reward  # noqa: E402


def extractor(images):
    """Means of squares of the image, as vectors."""
    return torch.nn.functional.avg_pool2d(images, 4).flatten(1)


REAL = torch.from_numpy(noise(200, 0)).permute(0, 3, 1, 2).float() / 255
REWARD = Reward(fit(extractor(REAL).numpy()).scorer(), extractor=extractor)


class Vae(torch.nn.Module):
    """Makes images of latents by doubling their size."""

    config = SimpleNamespace(scaling_factor=0.5, shift_factor=None)

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.dtype = torch.float32

    def decode(self, latents, return_dict=True):
        assert return_dict is False
        return (torch.nn.functional.interpolate(self.weight * latents, scale_factor=2),)


class Pipe:
    """Denoises as pipelines do: no gradients, one callback a step."""

    def __init__(self, steps=10):
        self.vae, self.steps = Vae(), steps

    @torch.no_grad()
    def __call__(self, callback_on_step_end, inputs=("latents",)):
        latents = 0.3 * torch.randn(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
        for step in range(self.steps):
            latents = 0.98 * latents
            given = {name: {"latents": latents}[name] for name in inputs}
            given = callback_on_step_end(self, step, torch.tensor(1000 - step), given)
            latents = given.pop("latents", latents)
        return latents


def test_rewards_are_recorded_every_few_steps_and_nothing_is_changed():
    callback = RewardCallback(REWARD, every=4, start=1)
    latents = Pipe()(callback)
    assert torch.equal(latents, Pipe()(lambda pipe, step, timestep, given: given))
    assert [one.step for one in callback.records] == [1, 5, 9]
    assert [one.timestep for one in callback.records] == [999, 995, 991]
    with torch.no_grad():
        expected = REWARD(decoded(Pipe(), latents))
    assert callback.records[-1].rewards == pytest.approx(expected.numpy())


def test_a_scorer_of_images_records_too(tmp_path):
    run = Run(cache=tmp_path, threads=1)
    scorer = Reference.fit(noise(100, 0), extractor=Means(), run=run).scorer(run=run)
    callback = RewardCallback(scorer, every=10)
    Pipe()(callback)
    assert np.isfinite(callback.records[0].rewards).all()
    assert len(callback.records) == 1


def test_latents_that_follow_the_gradient_end_with_a_higher_reward():
    plain, followed = RewardCallback(REWARD, every=1), RewardCallback(REWARD, every=1, scale=0.05)
    Pipe()(plain)
    Pipe()(followed)
    gain = followed.records[-1].rewards - plain.records[-1].rewards
    assert gain.mean() > 1
    assert gain.min() > -0.1  # what is at the top already stays there


def test_a_batch_row_without_a_finite_gradient_stays():
    pipe, callback = Pipe(), RewardCallback(REWARD, every=1, scale=0.1)
    latents = torch.rand(3, 3, 4, 4) / 4
    latents[1] = torch.nan
    moved = callback(pipe, 0, 0, {"latents": latents})["latents"]
    assert torch.isnan(moved[1]).all()
    assert torch.isfinite(moved[[0, 2]]).all()
    assert not torch.equal(moved[0], latents[0])
    assert np.isnan(callback.records[0].rewards).tolist() == [False, True, False]


def test_a_step_is_a_share_of_the_length_of_the_latents():
    latents = torch.rand(3, 3, 4, 4) / 4
    moved = RewardCallback(REWARD, every=1, scale=0.1)(Pipe(), 0, 0, {"latents": latents})
    step = (moved["latents"] - latents).flatten(1).norm(dim=1)
    assert torch.allclose(step, 0.1 * latents.flatten(1).norm(dim=1), rtol=1e-4)


def test_no_gradient_through_an_extractor_of_rara(tmp_path):
    scorer = fit(np.random.default_rng(0).normal(size=(50, 12))).scorer()
    for reward in (scorer, Reward(scorer)):
        with pytest.raises(ParameterError, match="rara's extractors have no gradients"):
            RewardCallback(reward, scale=0.1)
        with pytest.raises(ParameterError, match="rara's extractors have no gradients"):
            RewardGuidance(reward, lambda latents, pred, timestep: pred)


def test_a_decoder_without_gradients_is_named():
    callback = RewardCallback(
        REWARD, every=1, scale=0.1, decode=lambda pipe, latents: decoded(pipe, latents.detach())
    )
    with pytest.raises(ParameterError, match="must keep gradients"):
        Pipe()(callback)


def test_a_pipeline_that_passes_no_latents_is_named():
    with pytest.raises(ParameterError, match="callback_on_step_end_tensor_inputs"):
        Pipe()(RewardCallback(REWARD), inputs=())


@pytest.mark.parametrize(
    "options", [{"every": 0}, {"start": -1}, {"scale": -1}, {"scale": "x"}, {"decode": 3},
                {"reward": 3}],
)  # fmt: skip
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        RewardCallback(**{"reward": REWARD, **options})


# -- the guider -------------------------------------------------------------------------


class Denoiser(torch.nn.Module):
    """Predicts the noise of latents."""

    def forward(self, hidden_states, condition):
        return 0.1 * hidden_states + condition


def estimate(latents, prediction, timestep):
    return torch.nn.functional.interpolate((latents - prediction), scale_factor=2).clamp(0, 1)


def guided(guider, latents, step=0):
    """One step as modular pipelines take it."""
    from diffusers.modular_pipelines.modular_pipeline import BlockState

    denoiser = Denoiser()
    guider.set_state(step=step, num_inference_steps=10, timestep=torch.tensor(100))
    states = guider.prepare_inputs({"condition": (torch.tensor(0.01), torch.tensor(0.0))})
    for state in states:
        assert isinstance(state, BlockState)
        guider.prepare_models(denoiser)
        with torch.no_grad():
            state.noise_pred = denoiser(hidden_states=latents, condition=state.condition)
        guider.cleanup_models(denoiser)
    assert not denoiser._forward_pre_hooks
    return guider(states).pred


def test_a_guided_prediction_leads_to_a_higher_reward():
    latents = 0.3 + 0.2 * torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    plain = guided(RewardGuidance(REWARD, estimate, scale=0.0, guidance_scale=2.0), latents)
    followed = guided(RewardGuidance(REWARD, estimate, scale=0.2, guidance_scale=2.0), latents)
    with torch.no_grad():
        gain = REWARD(estimate(latents, followed, 0)) - REWARD(estimate(latents, plain, 0))
    assert (gain > 0).all()


def test_it_guides_from_start_to_stop_alone():
    latents = 0.3 + 0.2 * torch.rand(3, 3, 4, 4)
    plain = RewardGuidance(REWARD, estimate, scale=0.0, start=0.2, stop=0.8)
    guider = RewardGuidance(REWARD, estimate, scale=0.2, start=0.2, stop=0.8)
    changed = [
        not torch.equal(guided(guider, latents, step), guided(plain, latents, step))
        for step in range(10)
    ]
    assert changed == [False] * 2 + [True] * 6 + [False] * 2
