"""Training in several processes at once: one a GPU, or several on a CPU, each with its share of every batch.

`torchrun --nproc_per_node=N -m alexnet_helpers train` starts them; `join` makes them one group. Without torchrun there
is one process, and `total` and `shared` give back what they got.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

T = TypeVar("T")

# torchrun for processes of this machine, after the name of a Python: it takes a free port, and does not look up the
# machine's own name, which not every network knows.
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--local-addr=localhost")


def join() -> None:
    """Join the processes that torchrun started, if it did: over NCCL where each has a GPU, else over gloo."""
    if "LOCAL_RANK" not in os.environ or dist.is_initialized():
        return
    if torch.cuda.is_available():
        local, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= there:
            raise RuntimeError(f"torchrun started at least {local + 1} processes, and this machine has {there} GPUs: "
                               f"start one a GPU, --nproc_per_node={there}.")
        torch.cuda.set_device(local)                           # "cuda" now means this process's own
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def leave() -> None:
    """Leave the group that `join` made, if it did."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def world() -> int:
    """The number of processes."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def total(tensor: torch.Tensor) -> torch.Tensor:
    """The sum of the processes' tensors, the same in each; the tensor itself with one process."""
    if world() == 1:
        return tensor
    summed = (tensor.cuda() if dist.get_backend() == "nccl" else tensor).clone()       # all_reduce works in place
    dist.all_reduce(summed)
    return summed.to(tensor.device)


def gather(thing: T) -> list[T]:
    """What every process holds, in order."""
    things: list = [thing] * world()
    if world() > 1:
        dist.all_gather_object(things, thing)
    return things


def shared(net: nn.Module) -> nn.Module:
    """The network whose backward pass averages the gradients over the processes, and starts from rank 0's weights."""
    if world() == 1:
        return net
    return nn.parallel.DistributedDataParallel(net)


def shares(order: torch.Tensor, batch_size: int, even: bool) -> Iterator[torch.Tensor]:
    """This process's rows of every batch of `order`; a batch is `batch_size` rows over all processes.

    `even` for training, where the gradients' mean is that of the batch only if all shares are alike: what is left over
    in the last batch, fewer rows than there are processes, is skipped. Raises ValueError if a process would get none.
    """
    if min(batch_size, len(order)) < world() > 1:
        raise ValueError(f"{world()} processes cannot share {len(order)} images in batches of {batch_size}: there must "
                         "be at least one for each. Start fewer, or take larger batches and more images.")
    for rows in order.split(batch_size):
        mine = rows[:len(rows) // world() * world() if even else None][rank()::world()]
        if len(mine):
            yield mine


def number_of_shares(rows: int, batch_size: int, even: bool) -> int:
    """How many batches `shares` gives, at most."""
    left_over = rows % batch_size
    return rows // batch_size + (left_over >= world() if even else left_over > 0)
