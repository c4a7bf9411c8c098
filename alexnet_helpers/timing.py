"""Times and rates: on a GPU the clock stops when the device has finished; each function says how often it measures."""

from __future__ import annotations

import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from . import counting, inspection, speed, training


def seconds(work: Callable[[], Any], device: str) -> float:
    """Wall time of `work`, until the device has finished it."""
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def matrix_rate(device: str, dtype: torch.dtype = torch.float32, repeats: int = 5) -> float:
    """FLOP/s of a large square matrix product, the best of `repeats` + 1: the rate to compare with.

    On a CPU torch has two libraries for it, one for matrices and one for convolutions (a kernel of 1 x 1 is a matrix
    product), and which is the faster depends on the maker: the better one counts.
    """
    n = 8192 if device == "cuda" else 3072
    A, B = torch.rand(2, n, n, device=device).to(dtype)
    ways = [lambda: A @ B]
    if device == "cpu":
        maps = A.T[None, :, :, None].contiguous(memory_format=torch.channels_last)
        kernels = B.T[:, :, None, None].contiguous(memory_format=torch.channels_last)
        ways.append(lambda: F.conv2d(maps, kernels))
    with torch.no_grad():
        return 2 * n ** 3 / min(seconds(way, device) for way in ways for _ in range(repeats + 1))


def matrix_rates(device: str) -> dict[str, float]:
    """`matrix_rate` in every format that a network may be trained in there: float32; on newer GPUs TF32, bfloat16."""
    rates = {"float32": matrix_rate(device)}
    if device == "cuda" and torch.cuda.get_device_capability() >= (8, 0):      # Ampere, the first with TF32
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
        try:
            rates["tf32"] = matrix_rate(device)
        finally:
            torch.set_float32_matmul_precision(before)
    if speed.has_bf16(device):
        rates["bfloat16"] = matrix_rate(device, torch.bfloat16)
    return rates


def machine(device: str) -> dict[str, str]:
    """What is in this machine, in words: the processor or the card, its parts, its memory, and what drives it."""
    memory = f"{inspection.device_memory(torch.device(device)) / 2**30:.1f} GiB"
    if device == "cpu":
        return {"processors": f"{os.cpu_count()} {platform.machine()}, torch uses {torch.get_num_threads()} threads",
                "instructions": torch.backends.cpu.get_cpu_capability(), "memory": memory}
    card = torch.cuda.get_device_properties(0)
    return {"card": f"{card.name}, {card.multi_processor_count} multiprocessors",
            "memory": f"{card.total_memory / 2**30:.1f} GiB, {memory} of it free",
            "CUDA": f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}",
            "bfloat16": "yes" if speed.has_bf16(device) else "no"}


def training_flops(net: nn.Module, input_shape: tuple[int, ...]) -> int:
    """FLOPs of a training step on one image: forward, and backward to weights and to inputs, but not to the image.

    Raises ValueError if the network has a layer that `layer_table` does not count.
    """
    macs = counting.layer_table(net, input_shape)["MACs"]
    if math.isnan(macs["total"]):
        missing = ", ".join(macs.index[macs.isna()][:-1])
        raise ValueError(f"The multiply-accumulates of some layers are not counted: {missing}.")
    first = next(value for value in macs if value)
    return int(2 * (3 * macs["total"] - first))


def arithmetic_seconds(net: nn.Module, input_shape: tuple[int, ...], train_size: int, test_size: int,
                       rate: float) -> float:
    """Seconds of an epoch if it were nothing but its multiplications and sums, at `rate` FLOP/s; testing is forward.

    What no loop can do without: poolings, activations, updates and images come on top.
    """
    forward = 2 * counting.layer_table(net, input_shape).loc["total", "MACs"]
    return (train_size * training_flops(net, input_shape) + test_size * int(forward)) / rate


def training_rate(net: nn.Module, X: torch.Tensor, y: torch.Tensor, lr: float, steps: int) -> float:
    """Images a second of training alone: `fit`'s steps on a batch that is there already; timed once, after two."""
    update = torch.optim.SGD(net.parameters(), lr=lr, **speed.fused(torch.optim.SGD, X.device, {}))

    def work(steps: int) -> None:
        training.train_epoch(net, [(X, y)] * steps, update, 0, training.History(), None)

    with speed.memory_kept(), speed.channels_last(net), speed.tried_kernels():
        work(2)
        return steps * len(X) / seconds(lambda: work(steps), X.device.type)


def loading_rate(data: Iterable, device: str) -> float:
    """Images a second of one pass over the loader, with nothing done to them; timed once."""
    images = 0

    def work() -> None:
        nonlocal images
        for _, y in data:
            images += len(y)

    took = seconds(work, device)
    return images / took


def peak_memory(device: str) -> int | None:
    """Bytes: on a GPU what tensors took at most since the last reset, else what the process did; None if unknown."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:                                        # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def fetched_pages(rounds: int = 20) -> dict[str, int] | None:
    """Pages of memory that Linux provides for a new tensor of 64 MiB, "usual" and "kept" (see `speed.memory_kept`).

    The fewest of some rounds: at first the heap may grow instead, when something small has settled in the gap that a
    tensor left. 64 MiB are 16,384 pages, or fewer large ones. None on other systems.
    """
    if sys.platform != "linux":
        return None
    import resource

    def fewest() -> int:
        faults = []
        for _ in range(rounds):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            torch.empty(2 ** 24).fill_(1)
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        return min(faults)

    usual = fewest()
    with speed.memory_kept():
        return {"usual": usual, "kept": fewest()}
