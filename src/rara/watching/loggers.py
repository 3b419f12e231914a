"""What else gets the figures of a look: TensorBoard, Weights & Biases, MLflow.

    names or loggers --loggers_of--> loggers --log: numbers and strips of each look

Each package is imported when its logger is made. A run that the training has begun itself, such as
`wandb.init` or `mlflow.start_run`, gets the figures. Else one is made below the folder of the log,
offline: nothing is sent anywhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from rara.arguments import listed, short
from rara.errors import MissingPackageError, ParameterError

if TYPE_CHECKING:
    from PIL import Image

Pictures: TypeAlias = "Mapping[str, Image.Image]"


@runtime_checkable
class Logger(Protocol):
    """Anything that takes the figures of a look."""

    def log(self, step: int, values: Mapping[str, float], pictures: Pictures) -> None:
        """Take numbers and pictures by name, such as `rara/yield`."""

    def close(self) -> None:
        """Write what is left."""


class TensorBoard:
    """Event files beside the log: `tensorboard --logdir run`."""

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise _missing("tensorboard") from error
        self._event, self._summary = Event, Summary
        self._writer = EventFileWriter(str(folder))

    def log(self, step: int, values: Mapping[str, float], pictures: Pictures) -> None:
        """One event with all of them."""
        value, image = self._summary.Value, self._summary.Image
        found = [value(tag=name, simple_value=number) for name, number in values.items()]
        for name, picture in pictures.items():
            inner = image(
                height=picture.height, width=picture.width, colorspace=3,
                encoded_image_string=_png(picture),
            )  # fmt: skip
            found.append(value(tag=name, image=inner))
        event = self._event(wall_time=time.time(), step=step, summary=self._summary(value=found))
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class WeightsAndBiases:
    """The training's own run, or an offline run in the log's folder: `wandb sync` sends it."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it reports to its makers else
        try:
            import wandb
        except ImportError as error:
            raise _missing("wandb") from error
        self._wandb, self._own = wandb, wandb.run is None
        self._run = wandb.run
        if self._own:
            (folder / ".wandb").mkdir(exist_ok=True)  # wandb/ would be taken for samples
            settings = wandb.Settings(
                mode="offline", console="off", disable_git=True, save_code=False, silent=True,
                x_disable_stats=True, x_disable_meta=True,
            )  # fmt: skip
            self._run = wandb.init(project="rara", dir=str(folder), settings=settings)
        self._run.define_metric("rara/step")
        self._run.define_metric("rara/*", step_metric="rara/step")

    def log(self, step: int, values: Mapping[str, float], pictures: Pictures) -> None:
        """One entry beside those of the training, whose count of steps it leaves alone."""
        images = {name: self._wandb.Image(one) for name, one in pictures.items()}
        self._run.log({**values, **images, "rara/step": step}, commit=self._own)

    def close(self) -> None:
        """End the run, if it is the watcher's."""
        if self._own:
            self._run.finish()


class MLflow:
    """The training's own run, or one in a database in the log's folder."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        try:
            import mlflow
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise _missing("mlflow") from error
        active = mlflow.active_run()
        self._own = active is None
        if active is not None:
            self._client, self._run = MlflowClient(), active.info.run_id
            return
        self._client = MlflowClient(tracking_uri=f"sqlite:///{folder.absolute() / 'mlflow.db'}")
        found = self._client.get_experiment_by_name("rara")
        place = (folder / ".mlflow").absolute().as_uri()
        experiment = (
            self._client.create_experiment("rara", artifact_location=place)
            if found is None
            else found.experiment_id
        )
        self._run = self._client.create_run(experiment).info.run_id

    def log(self, step: int, values: Mapping[str, float], pictures: Pictures) -> None:
        """Metrics and images of the run."""
        for name, number in values.items():
            self._client.log_metric(self._run, name, number, step=step)
        for name, picture in pictures.items():
            self._client.log_image(self._run, picture, f"{name}-{step:06d}.png")

    def close(self) -> None:
        """End the run, if it is the watcher's."""
        if self._own:
            self._client.set_terminated(self._run)


LOGGERS: Mapping[str, Callable[[Path], Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
}
"""Those that are made by their name."""


def checked_loggers(also: object) -> list[str | Logger]:
    """What was asked for, checked. Raises ParameterError."""
    given: list[Any] = [also] if isinstance(also, str) else listed(also, "also")  # type: ignore[arg-type]
    for one in given:
        if not (isinstance(one, Logger) and not isinstance(one, type)) and (
            not isinstance(one, str) or one not in LOGGERS
        ):
            raise ParameterError(
                f"also: {short(one)} is none of {', '.join(LOGGERS)}, and no object with the "
                "methods log and close."
            )
    return given


def loggers_of(also: Iterable[str | Logger], folder: Path) -> list[Logger]:
    """The loggers; those made by name have their files in the folder.

    Raises MissingPackageError where one is not installed.
    """
    return [LOGGERS[one](folder) if isinstance(one, str) else one for one in also]


def _missing(package: str) -> MissingPackageError:
    return MissingPackageError(
        f"also='{package}' needs a package that is not installed: run `pip install {package}`, or "
        "remove it. The figures are in the JSON lines of the log all the same."
    )


def _png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
