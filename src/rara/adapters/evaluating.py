"""A module of PyTorch while it samples, and what the ranks of a training agree on.

module, seed --evaluating--> no gradients, evaluation modes, random numbers of our own
one rank wants to stop --any_rank--> all ranks stop, and none waits for another
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
