"""Whole trainings by one command, `python -m alexnet_helpers train`: the book's recipes, and the paper's on a folder.

The book's are LeNet and AlexNet on Fashion-MNIST. The paper's is AlexNet on a folder of images in the layout of
ImageNet: momentum 0.9, weight decay 0.0005, a rate of 0.01 that is divided by 10, three times, when the error no
longer falls, random crops, flips and PCA lighting, the mean image subtracted, ten-crop evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from .. import distributed, models
from ..checkpoints import History
from ..data import load_fashion_mnist
from ..training import fit


class Recipe(NamedTuple):
    """How the book trains a network on Fashion-MNIST."""

    build: Callable[[], nn.Module]
    batch_size: int
    resize: int | None
    lr: float


RECIPES = {"lenet": Recipe(models.lenet, batch_size=256, resize=None, lr=0.9),
           "alexnet": Recipe(models.alexnet, batch_size=128, resize=224, lr=0.01)}


def train_book(name: str, epochs: int = 10, batch_size: int | None = None, lr: float | None = None, seed: int = 0,
               train_size: int | None = None, test_size: int | None = None, checkpoint: Path | None = None,
               ) -> tuple[nn.Module, History]:
    """Train "lenet" or "alexnet" on Fashion-MNIST by the book's recipe; sizes are the profile's by default."""
    build, its_batch_size, resize, its_lr = RECIPES[name]
    train, test = load_fashion_mnist(its_batch_size if batch_size is None else batch_size, resize,
                                     train_size=train_size, test_size=test_size, seed=seed)
    if distributed.rank() == 0:
        print(f"{name} learns from {len(train.images):,} images of Fashion-MNIST; {len(test.images):,} test it.")
    torch.manual_seed(seed)
    net = build()
    torch.manual_seed(seed + distributed.rank())               # each process drops out other units
    return net, fit(net, train, test, epochs=epochs, lr=its_lr if lr is None else lr, checkpoint=checkpoint)


def falling_rate(update: torch.optim.Optimizer, patience: int = 5) -> ReduceLROnPlateau:
    """The paper's schedule: the rate of `update` is divided by 10 when the error stops falling, three times in all.

    The paper did it by hand; here it happens when the error has not fallen for more than `patience` epochs.
    """
    return ReduceLROnPlateau(update, factor=0.1, patience=patience, min_lr=update.param_groups[0]["lr"] / 1000)


def train_paper(folder: Path, epochs: int = 90, batch_size: int = 128, lr: float = 0.01, seed: int = 0,
                checkpoint: Path | None = None, net: nn.Module | None = None, size: int = 224, resize: int = 256,
                patience: int = 5, workers: int = 8) -> tuple[nn.Module, History, dict[str, float]]:
    """Train the network of 2012 by the paper's recipe on `folder`, with train/ and val/ and a folder a class in both.

    Returns the network, its history (centre crops) and its errors over ten crops: {"top 1": …, "top 5": …}. `size` is
    the crop's side and `resize` the short side of the image it is cut from, in pixels; `patience` is that of
    `falling_rate`, in epochs; `workers` processes read. Interrupted, it returns no errors. Raises FolderError for a
    folder or an image that will not do.
    """
    from ..imagenet import load_image_folder, ten_crop_errors

    train, test = load_image_folder(folder, batch_size, size=size, resize=resize, workers=workers, seed=seed)
    torch.manual_seed(seed)
    if net is None:
        net = models.alexnet_2012_code(num_classes=len(train.classes))
    torch.manual_seed(seed + distributed.rank())
    history = fit(net, train, test, epochs=epochs, lr=lr, momentum=0.9, weight_decay=5e-4, checkpoint=checkpoint,
                  schedule=lambda update: falling_rate(update, patience))
    return net, history, {} if history.interrupted else ten_crop_errors(net, test, size)
