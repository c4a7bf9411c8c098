"""Where `fit` is faster than a plain loop, one function a reason. They change what is learned by rounding only.

The rest of the speed lies in what is not done: `Batches` converts and resizes a batch at once instead of an image at a
time, and `train_epoch` leaves its sums on the device instead of waiting for every step's.

    enlarged_once    a GPU with room for it keeps the images at the size that they are trained at
    memory_kept      the CPU's memory is not fetched from the system anew for every batch
    channels_last    the memory order that convolutions like
    precision        bfloat16 on GPUs that have it, for large networks
    fused            all weights updated in one kernel, on a GPU
    tried_kernels    cuDNN measures its convolutions and keeps the fastest

`with without("precision"):` leaves one out, to measure what it is worth.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

OURS = ("torch.nn.", "alexnet_helpers.")                       # modules of which we know that any memory order will do
LARGE = 1_000_000                                              # parameters
# From so many maps on channels-last pays: on a CPU LeNet's 6 are enough; a GPU's tensor cores multiply 16 at once.
CHANNELS = {"cpu": 6, "cuda": 16}
REASONS = ("enlarged_once", "memory_kept", "channels_last", "precision", "fused", "tried_kernels")
ON = {"cpu": ("memory_kept", "channels_last"),
      "cuda": ("enlarged_once", "channels_last", "precision", "fused", "tried_kernels")}
left_out: set[str] = set()


@contextmanager
def without(*reasons: str) -> Iterator[None]:
    """Within it `fit` goes without some of REASONS. Raises ValueError for another name."""
    if wrong := set(reasons) - set(REASONS):
        raise ValueError(f"{', '.join(sorted(wrong))}: the reasons are {', '.join(REASONS)}.")
    before = set(left_out)
    left_out.update(reasons)
    try:
        yield
    finally:
        left_out.intersection_update(before)


def enlarged_once(images: torch.Tensor, side: int) -> bool:
    """Whether uint8 `images` (N, C, H, W) are kept at `side` pixels: on a GPU, in a quarter of its free memory at most.

    Enlarged grey levels are whole (see `data.resize_images`), so what is learned is the same to the bit. All of
    Fashion-MNIST at 224 pixels takes 3.5 GB.
    """
    size = images.shape[0] * images.shape[1] * side * side
    return (images.device.type == "cuda" and "enlarged_once" not in left_out
            and size <= torch.cuda.mem_get_info(images.device)[0] / 4)


@contextmanager
def memory_kept() -> Iterator[None]:
    """Within it Linux's C library keeps the memory of a batch for the next one; after it, it gives it back.

    It would return large pieces to the system at once, and the system clears every page that it hands out again: about
    a quarter of AlexNet's time on two cores. Does nothing on other systems.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" and "memory_kept" not in left_out else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    trim_threshold, mmap_threshold, mmap_max = -1, -3, -4      # names of <malloc.h>
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(mmap_max, 0)
    try:
        yield
    finally:                                                   # what the library itself comes to after a while
        libc.mallopt(mmap_max, 65_536)
        libc.mallopt(mmap_threshold, 32 * 2**20)
        libc.mallopt(trim_threshold, 64 * 2**20)
        libc.malloc_trim(0)


@contextmanager
def channels_last(net: nn.Module) -> Iterator[None]:
    """Within it the weights of convolutions, and so all maps, lie in memory channel by channel at each pixel.

    Convolutions then read what they multiply in one piece, on the CPU and on tensor cores alike. Shapes and values
    stay; after it the weights lie as before. It pays where there are channels enough. A network with layers of the
    reader's own stays as it is: a `.view` in them may count on the usual order.
    """
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    device = convolutions[0].weight.device.type if convolutions else ""
    pays = (max((module.in_channels for module in convolutions), default=0) >= CHANNELS.get(device, 16)
            and all(type(module).__module__.startswith(OURS) for module in net.modules())
            and "channels_last" not in left_out)
    moved = [module for module in convolutions if pays and module.weight.is_contiguous()]
    for module in moved:
        module.to(memory_format=torch.channels_last)
    try:
        yield
    finally:
        for module in moved:
            module.to(memory_format=torch.contiguous_format)


def to_device(net: nn.Module, X: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The batch on the device, in the memory order of the network's convolutions."""
    if X.ndim == 4 and any(p.ndim == 4 and not p.is_contiguous() for p in net.parameters()):
        return X.to(device, memory_format=torch.channels_last)
    return X.to(device)


def has_bf16(device: str) -> bool:
    """Whether `device` is a GPU that multiplies bfloat16 itself."""
    return device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def precision(net: nn.Module) -> torch.autocast:
    """On a GPU that has bfloat16, a large network computes with it; its weights and their updates stay in float32.

    Tensor cores multiply bfloat16 many times faster, and it has float32's range, so that no loss needs scaling. A
    small network waits for kernels to start, not for them to end: it would only lose digits.
    """
    device = next(net.parameters()).device
    pays = (has_bf16(device.type) and "precision" not in left_out
            and sum(p.numel() for p in net.parameters()) > LARGE)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=pays)


def fused(optimizer: type[torch.optim.Optimizer], device: torch.device, options: dict[str, Any]) -> dict[str, bool]:
    """The option for updating all weights in one kernel on a GPU, where the optimizer has it.

    Empty elsewhere, and where the reader's `options` have `foreach`, which excludes `fused`.
    """
    known = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
    pays = device.type == "cuda" and optimizer in known and "fused" not in left_out and "foreach" not in options
    return {"fused": True} if pays else {}


@contextmanager
def tried_kernels() -> Iterator[None]:
    """Within it cuDNN tries its convolutions on the first batch of each shape and keeps the fastest."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = "tried_kernels" not in left_out
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
