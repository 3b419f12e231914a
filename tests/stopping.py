"""One of two ranks of a training: the first one wants to stop at step 3; each says when it stopped.

python stopping.py RANK ADDRESS
"""

import sys

from rara.adapters.evaluating import any_rank


def main(rank, address):
    import torch  # not at the top: doctests of all files are collected without it, too

    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=address, rank=int(rank), world_size=2)
    module = torch.nn.Linear(2, 2)
    steps = (step for step in range(10) if any_rank(rank == "0" and step == 3, module))
    sys.stdout.write(str(next(steps)))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
