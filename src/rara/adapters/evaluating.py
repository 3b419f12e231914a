"""A module of PyTorch while it samples, and what the ranks of a training agree on.

module, seed --evaluating--> no gradients, evaluation modes, random numbers of our own
a step, module --Watching.look--> its images judged by a Watch; whether to stop
one rank wants to stop --any_rank--> all ranks stop, and none waits for another
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rara.adapters.pixels import pixels_of
from rara.arguments import whole
from rara.watching.watch import Watch

if TYPE_CHECKING:
    import torch


class Watching:
    """What callbacks of all trainers do with a `rara.Watch`; they say when, and how to stop."""

    def __init__(
        self,
        watch: Watch | None,
        sample: Callable[[Any, int], torch.Tensor],
        *,
        images: int = 1000,
        seed: int = 0,
    ) -> None:
        self.watch, self.sample = watch, sample
        self.images, self.seed = whole(images, "images"), whole(seed, "seed", least=0)

    def look(self, step: int, module: Any) -> bool:
        """Judge the module's images, if the step is due; whether any rank wants to stop."""

        def sample() -> list[Any]:
            with evaluating(module, self.seed):
                return list(pixels_of(self.sample(module, self.images)))

        if self.watch is not None:
            self.watch(step, sample)
        return any_rank(self.watch is not None and self.watch.should_stop, module)

    def end(self) -> None:
        """Close the log."""
        if self.watch is not None:
            self.watch.close()


@contextmanager
def evaluating(module: Any, seed: int) -> Iterator[None]:
    """No gradients, every part in its evaluation mode, and random numbers of our own."""
    import torch

    training = {part: part.training for part in module.modules()}
    module.eval()
    try:
        device = next((one.device for one in module.parameters()), torch.device("cpu"))
        devices = [device] if device.type == "cuda" else []
        with torch.no_grad(), torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            yield
    finally:
        for part, mode in training.items():
            part.training = mode


def any_rank(wanted: bool, module: Any) -> bool:
    """Whether any rank of the training wants it; every rank must ask at the same step."""
    import torch

    ranks = torch.distributed
    if not (ranks.is_available() and ranks.is_initialized()):
        return wanted
    device = next((one.device for one in module.parameters()), torch.device("cpu"))
    flag = torch.tensor(int(wanted), device=device)
    ranks.all_reduce(flag, op=ranks.ReduceOp.MAX)
    return bool(flag.item())
