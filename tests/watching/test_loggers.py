"""TensorBoard, Weights & Biases and MLflow, each in its own format; skipped where not installed.

Needs `pip install rara[loggers]` from a checkout. Nothing is sent anywhere.
"""

import os
import socket

import numpy as np
import pytest

from make import noise
from rara import Watch
from rara.watching.look import Look

pytestmark = pytest.mark.filterwarnings("ignore")  # the packages' own

FIGURES = {"yield": 0.25, "yield_low": 0.125, "copies": 0.5, "coverage": None, "note": "x"}
LOOK = Look(7, 1, FIGURES, True, "why")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Any connection but to this machine fails the test."""
    true = socket.socket.connect

    def connect(own, address):
        host = address[0] if isinstance(address, tuple) else ""
        assert own.family == socket.AF_UNIX or host.startswith("127.") or host == "::1", address
        return true(own, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    for name in ("WANDB_MODE", "WANDB_ERROR_REPORTING", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)


def watched(of_pictures, folder, *also):
    with Watch(of_pictures, folder, every=5, also=also) as watch:
        return [watch(step, list(noise(30, step))) for step in (5, 10)]


def test_what_loggers_get():
    assert LOOK.scalars() == {
        "rara/alarm": 1.0, "rara/yield": 0.25, "rara/yield_low": 0.125, "rara/copies": 0.5,
    }  # fmt: skip


def test_tensorboard(of_pictures, tmp_path):
    pytest.importorskip("tensorboard", reason="needs pip install rara[loggers]")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    looks = watched(of_pictures, tmp_path, "tensorboard")
    found = EventAccumulator(str(tmp_path)).Reload()
    for name, value in looks[1].scalars().items():
        event = found.Scalars(name)[-1]
        assert event.step == 10
        assert event.value == np.float32(value)
    image = found.Images("rara/nearest")[-1]
    assert image.encoded_image_string.startswith(b"\x89PNG")
    assert len(found.Scalars("rara/coverage")) == 2
    assert {one.name for one in tmp_path.iterdir() if one.is_dir()} == {
        "step-000005", "step-000010",
    }  # fmt: skip


def test_wandb_offline(of_pictures, tmp_path):
    wandb = pytest.importorskip("wandb", reason="needs pip install rara[loggers]")
    with Watch(of_pictures, tmp_path, every=5, also="wandb") as watch:
        look = watch(5, list(noise(30, 5)))
        assert wandb.run.settings.mode == "offline"
        assert {name: wandb.run.summary[name] for name in look.scalars()} == look.scalars()
        assert wandb.run.summary["rara/step"] == 5
    assert wandb.run is None
    [run] = tmp_path.glob(".wandb/offline-run-*")
    assert len(list(run.glob("*.wandb"))) == 1
    assert len(list(run.glob("files/media/images/rara/nearest*.png"))) == 1
    assert not (tmp_path / "wandb").exists()


def test_wandb_joins_the_run_of_the_training(of_pictures, tmp_path):
    wandb = pytest.importorskip("wandb", reason="needs pip install rara[loggers]")
    with wandb.init(mode="offline", dir=str(tmp_path), settings={"silent": True}) as run:
        watched(of_pictures, tmp_path / "watch", "wandb")
        assert wandb.run is run
        run.log({"loss": 1.0})
        assert run.summary["rara/step"] == 10
        assert run.summary["loss"] == 1.0
    assert not (tmp_path / "watch" / ".wandb").exists()


def test_mlflow(of_pictures, tmp_path):
    pytest.importorskip("mlflow", reason="needs pip install rara[loggers]")
    pytest.importorskip("sqlalchemy", reason="mlflow-skinny has no database")
    from mlflow.tracking import MlflowClient

    looks = watched(of_pictures, tmp_path, "mlflow")
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("rara")
    [run] = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "rara/yield")
    assert [(one.step, one.value) for one in history] == [
        (look.step, look["yield"]) for look in looks
    ]
    assert run.info.status == "FINISHED"
    strips = {one.path for one in client.list_artifacts(run.info.run_id, "rara")}
    assert {"rara/nearest-000005.png", "rara/nearest-000010.png"} <= strips


def test_mlflow_joins_the_run_of_the_training(of_pictures, tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="needs pip install rara[loggers]")
    pytest.importorskip("sqlalchemy", reason="mlflow-skinny has no database")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'own.db'}")
    try:
        experiment = mlflow.create_experiment("mine", (tmp_path / "artifacts").as_uri())
        with mlflow.start_run(experiment_id=experiment) as run:
            looks = watched(of_pictures, tmp_path / "watch", "mlflow")
            assert mlflow.active_run() is not None
        kept = mlflow.get_run(run.info.run_id).data.metrics
        assert kept["rara/yield"] == looks[-1]["yield"]
        assert not (tmp_path / "watch" / "mlflow.db").exists()
    finally:
        mlflow.set_tracking_uri(before)


def test_nothing_is_set_for_the_rest_of_the_process(of_pictures, tmp_path):
    """But switches that keep the packages from reporting to their makers."""
    before = dict(os.environ)
    with Watch(of_pictures, tmp_path, every=5):
        pass
    assert dict(os.environ) == before
