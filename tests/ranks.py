"""One of two ranks of a distributed metric: what it sees, and what all see together.

    python ranks.py RANK ADDRESS REAL FAKE

The first rank sees so many REAL and FAKE vectors, the second the others. Each says the figures
of all as JSON.
"""

import json
import sys

import numpy as np
import torch

from make import gaussian
from rara.adapters.torchmetrics import RarityMetric

REAL, FAKE = gaussian(120, 6, 0), 1.1 * gaussian(90, 6, 1)


def updated(real, fake, **options):
    """A metric that saw these vectors in three parts."""
    metric = RarityMetric(**options)
    for vectors, side in ((real, True), (fake, False)):
        for part in np.array_split(vectors, 3):
            if len(part):
                metric.update(torch.from_numpy(part), real=side)
    return metric


def of_rank(rank, split):
    real, fake = split
    return (REAL[:real], FAKE[:fake]) if rank == 0 else (REAL[real:], FAKE[fake:])


def values(metric):
    return {name: value.item() for name, value in metric.compute().items()}


def main(rank, address, *split):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=address, rank=int(rank), world_size=2)
    metric = updated(*of_rank(int(rank), [int(n) for n in split]))
    sys.stdout.write(json.dumps(values(metric)))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
