"""The callback for Lightning, in real trainings of a small module.

Needs `pip install rara[lightning]`; without it the whole file is skipped.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs pip install rara[lightning]")
lightning = pytest.importorskip("lightning.pytorch", reason="needs pip install rara[lightning]")

from embedding import Means  # noqa: E402
from rara import Reference, Run, compare  # noqa: E402
from rara.adapters.lightning import LOGGED, OriginalityCallback  # noqa: E402
from rara.errors import ParameterError  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's advice on loaders and loggers

STEPS = 3
"""Optimiser steps an epoch."""


def pixels(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), np.uint8)


REAL = pixels(80, 0)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    run = Run(cache=tmp_path_factory.mktemp("cache"), threads=1)
    return Reference.fit(REAL, extractor=Means(), run=run).scorer(run=run)


class Toy(lightning.LightningModule):
    """Trains a few weights by noisy steps, and remembers what they were after each."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(4, 3)
        self.dropout = torch.nn.Dropout(0.5)
        self.history = []

    def training_step(self, batch, batch_idx):
        return self.dropout(self.layer(batch + torch.randn_like(batch))).square().mean()

    def on_train_batch_end(self, outputs, batch, batch_idx):
        self.history.append(self.layer.weight.detach().clone())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.3)


def train(module, *callbacks, epochs=2, resume=None, **options):
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **options,
    )
    data = torch.from_numpy(np.random.default_rng(0).normal(size=(4 * STEPS, 4)).astype("f4"))
    torch.manual_seed(1)
    trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=4), ckpt_path=resume)
    return trainer


def as_tensor(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2)


class Sampled:
    """Gives images, and remembers the weights and modes that it was called with."""

    def __init__(self, images):
        self.images, self.weights, self.modes, self.drawn = images, [], [], []

    def __call__(self, module, count):
        self.weights.append(module.layer.weight.detach().clone())
        self.modes.append((module.training, module.dropout.training, torch.is_grad_enabled()))
        self.drawn.append(torch.rand(1).item())
        return as_tensor(self.images[:count])


@pytest.mark.parametrize("images", [REAL[:20], pixels(20, 1), pixels(20, 2) // 64])
def test_it_logs_the_figures_of_a_comparison(scorer, images):
    logged = train(Toy(), OriginalityCallback(scorer, Sampled(images), images=20)).logged_metrics
    row = compare({"toy": list(images)}, scorer, extractor=Means()).table.to_pylist()[0]
    assert row["generator"] == "toy"
    assert set(LOGGED) <= set(logged)
    for name, figure in LOGGED.items():
        assert logged[name].item() == pytest.approx(row[figure])


def test_copies_of_the_reference_are_logged_as_copies(scorer):
    callback = OriginalityCallback(scorer, Sampled(REAL), images=20)
    assert train(Toy(), callback).logged_metrics["rara/copy_rate"] == 1


def test_images_in_floats_count_as_their_bytes(scorer):
    images = pixels(20, 2)

    def floats(module, count):
        return as_tensor(images).float() / 255

    by_floats = train(Toy(), OriginalityCallback(scorer, floats, images=20)).logged_metrics
    by_bytes = train(Toy(), OriginalityCallback(scorer, Sampled(images), images=20)).logged_metrics
    assert by_floats == by_bytes


def test_the_average_is_swapped_in_and_out(scorer):
    sample, module = Sampled(REAL[:9]), Toy()
    mean = module.layer.weight.detach().clone()
    train(module, OriginalityCallback(scorer, sample, images=9, decay=0.7))
    expected = []
    for step, weights in enumerate(module.history):
        mean = 0.7 * mean + 0.3 * weights
        if step % STEPS == STEPS - 1:
            expected.append(mean)
    assert len(sample.weights) == 2
    for found, wanted in zip(sample.weights, expected, strict=True):
        torch.testing.assert_close(found, wanted)
    assert not torch.allclose(expected[0], module.history[STEPS - 1])
    assert torch.equal(module.layer.weight, module.history[-1])


def test_without_a_decay_the_weights_are_their_own(scorer):
    sample, module = Sampled(REAL[:9]), Toy()
    train(module, OriginalityCallback(scorer, sample, images=9))
    assert torch.equal(sample.weights[1], module.history[-1])


def test_gradients_summed_over_batches_are_one_step(scorer):
    sample, module = Sampled(REAL[:9]), Toy()
    start = module.layer.weight.detach().clone()
    callback = OriginalityCallback(scorer, sample, images=9, decay=0.7)
    train(module, callback, epochs=1, accumulate_grad_batches=STEPS)
    torch.testing.assert_close(sample.weights[0], 0.7 * start + 0.3 * module.history[-1])


def test_training_is_the_same_with_and_without(scorer):
    alone, watched, sample = Toy(), Toy(), Sampled(REAL[:9])
    train(alone, epochs=3)
    train(watched, OriginalityCallback(scorer, sample, images=9, decay=0.9, seed=5), epochs=3)
    assert torch.equal(alone.layer.weight, watched.layer.weight)
    assert sample.modes == [(False, False, False)] * 3
    assert len(set(sample.drawn)) == 1  # every epoch's images come from the same seed
    assert watched.training
    assert watched.dropout.training


def test_it_samples_every_so_many_epochs(scorer):
    sample = Sampled(REAL[:9])
    train(Toy(), OriginalityCallback(scorer, sample, images=9, every=2), epochs=5)
    assert len(sample.weights) == 2


def test_the_average_goes_on_from_a_checkpoint(scorer, tmp_path):
    before, after = (
        OriginalityCallback(scorer, Sampled(REAL[:9]), images=9, decay=0.7) for _ in range(2)
    )
    train(Toy(), before, epochs=1).save_checkpoint(tmp_path / "one.ckpt")
    mean, resumed = before.sample.weights[-1], Toy()
    train(resumed, after, epochs=2, resume=tmp_path / "one.ckpt")
    assert len(resumed.history) == STEPS
    for weights in resumed.history:
        mean = 0.7 * mean + 0.3 * weights
    torch.testing.assert_close(after.sample.weights[-1], mean)


def test_weights_and_modes_come_back_where_sampling_fails(scorer):
    def fails(module, count):
        raise RuntimeError("no images today")

    module = Toy()
    with pytest.raises(RuntimeError, match="no images today"):
        train(module, OriginalityCallback(scorer, fails, images=9, decay=0.5))
    assert torch.equal(module.layer.weight, module.history[-1])
    assert module.training


@pytest.mark.parametrize(
    ("options", "words"),
    [({"decay": 1.0}, "less than 1"), ({"decay": -0.1}, "0 or more"), ({"images": 0}, "images"),
     ({"every": 0}, "every"), ({"seed": -1}, "seed")],
)  # fmt: skip
def test_options_out_of_range_are_refused(scorer, options, words):
    with pytest.raises(ParameterError, match=words):
        OriginalityCallback(scorer, Sampled(REAL), **options)
