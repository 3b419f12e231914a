"""The callbacks of the watcher, in real trainings of a small module.

Needs `pip install rara[lightning]` and transformers; what is missing is skipped.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs pip install rara[lightning]")

from embedding import Means  # noqa: E402
from rara import Reference, Run, Watch  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # the packages' advice


def pixels(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), np.uint8)


REAL = pixels(120, 0)


class Without:
    """Stands for a rank that has no watcher."""


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    run = Run(cache=tmp_path_factory.mktemp("cache"), threads=1)
    return Reference.fit(REAL, extractor=Means(), run=run).scorer(run=run)


class Sampled:
    """Gives new images, and from the third call on copies; remembers how it was called."""

    def __init__(self):
        self.modes, self.drawn = [], []

    def __call__(self, module, count):
        self.modes.append((module.training, torch.is_grad_enabled()))
        self.drawn.append(torch.rand(1).item())
        images = REAL if len(self.modes) >= 3 else pixels(count, 1)
        return torch.from_numpy(images[:count]).permute(0, 3, 1, 2)


def given(watch):
    return None if isinstance(watch, Without) else watch


def by_lightning(watch, sample, steps):
    lightning = pytest.importorskip("lightning.pytorch", reason="needs pip install rara[lightning]")
    from rara.adapters.lightning import WatchCallback

    class Toy(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.layer = torch.nn.Linear(4, 3)
            self.dropout = torch.nn.Dropout(0.5)

        def training_step(self, batch, batch_idx):
            return self.dropout(self.layer(batch + torch.randn_like(batch))).square().mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.3)

    module = Toy()
    callbacks = [] if watch is None else [WatchCallback(given(watch), sample, images=100)]
    trainer = lightning.Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, callbacks=callbacks,
    )  # fmt: skip
    data = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 4)).astype("f4"))
    torch.manual_seed(1)
    trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=4))
    return trainer.global_step, module.layer.weight.detach()


def by_transformers(watch, sample, steps, tmp_path):
    transformers = pytest.importorskip("transformers", reason="needs pip install transformers")
    pytest.importorskip("accelerate", reason="needs pip install accelerate")
    from rara.adapters.transformers import WatchCallback

    class Toy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.layer = torch.nn.Linear(4, 3)
            self.dropout = torch.nn.Dropout(0.5)

        def forward(self, x):
            return {"loss": self.dropout(self.layer(x + torch.randn_like(x))).square().mean()}

    rows = np.random.default_rng(0).normal(size=(8, 4)).astype("f4")
    model = Toy()
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(
            str(tmp_path / "out"), max_steps=steps, per_device_train_batch_size=4, report_to=[],
            use_cpu=True, save_strategy="no", logging_strategy="no", disable_tqdm=True, seed=1,
        ),
        train_dataset=[{"x": row} for row in torch.from_numpy(rows)],
        callbacks=[] if watch is None else [WatchCallback(given(watch), sample, images=100)],
    )  # fmt: skip
    return trainer.train().global_step, model.layer.weight.detach()


TRAININGS = {
    "lightning": lambda watch, sample, steps, place: by_lightning(watch, sample, steps),
    "transformers": by_transformers,
}


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_is_stopped_at_the_look_that_shows_copying(scorer, tmp_path, name):
    sample, watch = Sampled(), Watch(scorer, tmp_path / "run", every=2, on_alarm="stop")
    steps, _ = TRAININGS[name](watch, sample, 12, tmp_path)
    assert steps == 6
    assert [look.step for look in watch.looks] == [2, 4, 6]
    assert [look.alarm for look in watch.looks] == [False, False, True]
    assert sample.modes == [(False, False)] * 3
    assert len(set(sample.drawn)) == 1
    Watch(scorer, tmp_path / "run").close()  # it was let go


@pytest.mark.parametrize("name", TRAININGS)
def test_training_is_the_same_with_and_without(scorer, tmp_path, name):
    watch = Watch(scorer, tmp_path / "run", every=2)
    _, alone = TRAININGS[name](None, None, 6, tmp_path)
    _, watched = TRAININGS[name](watch, Sampled(), 6, tmp_path)
    assert torch.equal(alone, watched)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_sample_that_fails_does_not_end_the_training(scorer, tmp_path, name):
    def fails(module, count):
        raise RuntimeError("no images today")

    watch = Watch(scorer, tmp_path / "run", every=2)
    steps, _ = TRAININGS[name](watch, fails, 6, tmp_path)
    assert steps == 6
    lines = (tmp_path / "run" / "watch.jsonl").read_text().splitlines()
    failed = [one for one in map(json.loads, lines) if one["event"] == "error"]
    assert [one["message"] for one in failed] == ["RuntimeError: no images today"] * 3


@pytest.mark.parametrize("name", TRAININGS)
def test_a_sample_that_fails_ends_it_if_asked_to(scorer, tmp_path, name):
    def fails(module, count):
        raise RuntimeError("no images today")

    watch = Watch(scorer, tmp_path / "run", every=2, on_error="raise")
    with pytest.raises(RuntimeError, match="no images today"):
        TRAININGS[name](watch, fails, 6, tmp_path)


@pytest.mark.parametrize("name", TRAININGS)
def test_a_rank_without_a_watcher_trains_on(tmp_path, name):
    steps, _ = TRAININGS[name](Without(), Sampled(), 4, tmp_path)
    assert steps == 4


def test_all_ranks_stop_together(tmp_path):
    script = Path(__file__).parents[1] / "stopping.py"
    ranks = [
        subprocess.Popen(
            [sys.executable, str(script), str(rank), f"file://{tmp_path / 'meeting'}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    assert [rank.communicate(timeout=200)[0] for rank in ranks] == ["3", "3"]
