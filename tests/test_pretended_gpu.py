"""CPU and GPU are never mixed up: the library on a pretended GPU, on machines without one.

Tensors say that they are on it, compute on the CPU, and refuse to meet the CPU's. Marked is every tensor that is made
on, or moved to, "cuda", and all that is computed from such. Refused is what a card refuses: tensors of both devices in
one operation, a CPU's generator for a card's draws, NumPy's view of a card's tensor. Only calls from Python are seen;
kernels, streams, clocks and memory are not pretended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

import alexnet_helpers as ah
from alexnet_helpers import augmentation, comparing

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")
MAY_MIX = {"__getitem__", "__setitem__", "copy_", "_has_compatible_shallow_copy_type"}   # indices and copies may
TO_NUMPY = {"numpy", "__array__"}
MEMORY = 8 * 2**30


def tensors_in(thing: Any) -> list[torch.Tensor]:
    if isinstance(thing, torch.Tensor):
        return [thing]
    parts = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else ()
    return [tensor for part in parts for tensor in tensors_in(part)]


class PretendedGPU(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.here = WeakIdKeyDictionary()                      # the tensors that are on it

    def has(self, thing: Any) -> bool:
        return isinstance(thing, torch.Tensor) and thing in self.here

    def mark(self, thing: Any) -> Any:
        for tensor in tensors_in(thing):
            self.here[tensor] = True
        return thing

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        owner = getattr(getattr(func, "__self__", None), "__name__", "")       # of a property: "device", "grad", …
        if owner in ("device", "is_cuda"):
            on = self.has(args[0])
            return (CUDA if on else func(*args)) if owner == "device" else on
        if name == "__set__" and owner == "data":              # Module.to puts the moved weights there
            func(*args)
            if self.has(args[1]):
                self.mark(args[0])
            else:
                self.here.pop(args[0], None)
            return None
        if name in ("to", "cuda", "cpu"):
            return self.moved(name, args, kwargs)
        asked = torch.device(kwargs["device"]) if kwargs.get("device") is not None else None
        if asked and asked.type == "cuda":
            kwargs["device"] = CPU
        tensors = tensors_in(args) + tensors_in(kwargs)
        on = [self.has(tensor) for tensor in tensors]
        if name in TO_NUMPY and any(on):
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
        in_place = name.startswith("__i") or name.endswith("_") and not name.endswith("__")
        fits = all(flag or tensor.ndim == 0 for tensor, flag in zip(tensors, on, strict=True))  # numbers may come
        if any(on) and (not fits or in_place and not on[0]) and name not in MAY_MIX and name != "__set__":
            raise RuntimeError(f"Expected all tensors to be on the same device, but found cuda:0 and cpu ({name}).")
        on_gpu = any(on) if asked is None else asked.type == "cuda"
        if name in MAY_MIX and tensors and not on[0]:
            on_gpu = False
        if on_gpu and isinstance(kwargs.get("generator"), torch.Generator):
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        out = func(*args, **kwargs)
        return self.mark(out) if on_gpu else out

    def moved(self, name: str, args: tuple, kwargs: dict) -> torch.Tensor:
        """The tensor where `to`, `cuda` or `cpu` wants it; one that is there already, itself."""
        X, rest, others = args[0], args[1:], tensors_in(args[1:])
        if others:
            device, dtype, order = CUDA if self.has(others[0]) else CPU, others[0].dtype, None
        elif name == "to":
            kwargs.pop("copy", None)
            device, dtype, _, order = torch._C._nn._parse_to(*rest, **kwargs)
        else:
            device, dtype, order = CUDA if name == "cuda" else CPU, None, None
        on_gpu = self.has(X) if device is None else device.type == "cuda"
        options = {key: value for key, value in (("dtype", dtype), ("memory_format", order)) if value is not None}
        out = X.to(**options) if options else X
        if on_gpu != self.has(X) and out is X:
            out = X.clone()
        return self.mark(out) if on_gpu else out


@contextlib.contextmanager
def pretended_gpu() -> Iterator[PretendedGPU]:
    cpu_autocast, gpu = torch.autocast, PretendedGPU()

    def autocast(device_type: str, *args: Any, **kwargs: Any) -> torch.autocast:
        return cpu_autocast("cpu", *args, **kwargs)

    patches = {"is_available": True, "device_count": 1, "current_device": 0, "get_device_name": "Pretended GPU",
               "synchronize": None, "empty_cache": None, "is_bf16_supported": True, "mem_get_info": (MEMORY, MEMORY),
               "memory_reserved": 0, "memory_allocated": 0, "max_memory_allocated": 0, "reset_peak_memory_stats": None,
               "get_device_capability": (9, 0), "get_rng_state": None, "set_rng_state": None}
    with contextlib.ExitStack() as stack:
        for name, answer in patches.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, lambda *_, answer=answer, **__: answer))
        stack.enter_context(mock.patch.object(torch, "autocast", autocast))
        stack.enter_context(gpu)
        yield gpu


# ---------------------------------------------------------------------------------------------------------------
# What is tested on it


@pytest.fixture(autouse=True)
def gpu():
    with pretended_gpu() as gpu:
        yield gpu


@pytest.mark.parametrize("wrong", [
    lambda X: X + torch.rand(2, 3), lambda X: torch.cat([torch.rand(2, 3), X]),
    lambda X: torch.rand(3, device="cuda", generator=torch.Generator()), lambda X: X.numpy(), lambda X: np.asarray(X),
    lambda X: nn.Linear(3, 1)(X), lambda X: torch.zeros(()).add_(X.sum())])
def test_it_refuses_what_a_card_refuses(wrong):
    with pytest.raises((RuntimeError, TypeError), match="device|numpy"):
        wrong(torch.rand(2, 3, device="cuda"))


def test_it_allows_what_a_card_allows():
    X = torch.rand(2, 3, device="cuda")
    assert (X * torch.tensor(2.0)).is_cuda                     # a number that lies in a tensor on the CPU
    assert X[torch.tensor([1])].is_cuda
    assert X.cpu().numpy().shape == (2, 3) and not X.cpu().is_cuda
    net = nn.Linear(3, 1).to("cuda")
    net(X).sum().backward()
    assert net.weight.is_cuda and net.weight.grad.is_cuda


def large() -> nn.Sequential:
    """Large enough for bfloat16 and for channels-last."""
    return nn.Sequential(nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Flatten(),
                         nn.Linear(16 * 11 * 11, 600), nn.ReLU(), nn.Dropout(), nn.Linear(600, 10))


@pytest.mark.parametrize("build", [ah.lenet, large])
@pytest.mark.parametrize("resize", [None, 28])
def test_training_stops_and_goes_on(tmp_path, build, resize):
    train, test = ah.load_fashion_mnist(64, resize, train_size=256, test_size=100, augment=augmentation.RandomFlip())
    assert train.device.type == "cuda"
    options = {"lr": 0.05, "momentum": 0.9, "show": False, "checkpoint": tmp_path / "run.pt"}
    ah.fit(build(), train, test, epochs=1, **options)
    net = build()
    history = ah.fit(net, train, test, epochs=3, **options)
    assert len(history.seconds) == 3 and next(net.parameters()).is_cuda


@pytest.mark.parametrize("transform", [
    augmentation.RandomFlip(), augmentation.RandomCrop(28, padding=2),
    augmentation.PCALighting(torch.ones(1), torch.ones(1, 1))])
def test_augmentation(transform):
    assert transform(torch.rand(4, 1, 28, 28, device="cuda")).is_cuda


def test_ten_crop_and_colours():
    net = nn.Sequential(nn.Flatten(), nn.Linear(24 * 24, 10)).to("cuda")
    X = torch.rand(4, 1, 28, 28, device="cuda")
    assert augmentation.ten_crop(net, X, 24).is_cuda
    assert not ah.principal_colours(torch.rand(4, 3, 8, 8, device="cuda"))[0].is_cuda


def test_inspection():
    net = ah.lenet(nn.ReLU).to("cuda")
    X, y = next(iter(ah.load_fashion_mnist(8, train_size=8, test_size=8)[1]))
    for table in (ah.layer_table(net, (1, 28, 28)), ah.layer_flow(net, X, y), ah.dead_units(net, [(X, y)]),
                  ah.memory_table(net, (1, 28, 28), 8), ah.layer_seconds(net, X, 2)):
        assert len(table)
    assert ah.saved_bytes(net, X)


def test_filters():
    spots = ah.photo_spots(spots=8, batch_size=8, batches=2)
    net = ah.spot_network(16, 8)
    ah.fit(net, spots, spots, epochs=1, lr=0.03, show=False)
    assert len(ah.fit_gabor(net.conv1.weight)) == 16


def test_comparisons():
    def run(seed: int) -> dict[str, float]:
        train, test = ah.load_fashion_mnist(50, train_size=100, test_size=50, seed=seed)
        return {"test accuracy": ah.fit(ah.lenet(nn.ReLU), train, test, epochs=1, lr=0.1, show=False).test_accuracy[-1]}

    assert len(ah.compare({"one": run, "other": run}, (0, 1))) == 4
    X = torch.ones(4, 4, device="cuda")
    turns = comparing.timed_turns({"product": lambda: X @ X}, 2)
    assert (turns["seconds"] > 0).all()
