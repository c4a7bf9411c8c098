"""A folder of images in ImageNet's layout, prepared as the paper of 2012 did (sections 2 and 4.1)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from . import distributed, speed
from .augmentation import PCALighting, RandomCrop, RandomFlip, principal_colours, ten_crop
from .image_folder import ImageFolder, batches, check_images, find_images
from .profiles import profile


class FolderBatches:
    """Iterate over (X, y) of an image folder, as `Batches` does: X float32 (batch, 3, height, width), y int64.

    Worker processes read the images and cut them to one size; what is drawn at random is done to whole batches on the
    device, by `augment`. Where several processes train together, each gets its share of every batch.
    """

    def __init__(self, dataset: ImageFolder, batch_size: int, augment: Callable[[torch.Tensor], torch.Tensor], *,
                 device: torch.device, shuffle: bool, workers: int, seed: int) -> None:
        self.dataset, self.batch_size, self.augment = dataset, batch_size, augment
        self.device, self.shuffle, self.workers = device, shuffle, workers
        self.classes: list[str] = dataset.classes
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return distributed.number_of_shares(len(self.dataset), self.batch_size, even=self.shuffle)

    def raw(self, order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The images `order` names, in batches, as they were read: whole grey levels, float32."""
        rows = [rows.tolist() for rows in distributed.shares(order, self.batch_size, even=self.shuffle)]
        on_gpu = self.device.type == "cuda"
        for X, y in batches(self.dataset, self.workers, batch_sampler=rows, pin_memory=on_gpu):
            yield X.to(self.device, non_blocking=True).float(), y.to(self.device, non_blocking=True)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        n = len(self.dataset)
        for X, y in self.raw(torch.randperm(n, generator=self.generator) if self.shuffle else torch.arange(n)):
            yield self.augment(X), y


def load_image_folder(folder: str | Path, batch_size: int = 128, size: int = 224, resize: int = 256,
                      workers: int = 8, seed: int = 0) -> tuple[FolderBatches, FolderBatches]:
    """Training and validation batches of `folder`/train and `folder`/val, prepared by the paper's recipe.

    Every image is looked at first (`check_images` says how closely), and read as a viewer shows it (`read_image`).

    The short side becomes `resize` pixels and the centre square of that is kept; pixels are grey levels, 0 to 255, less
    the mean image of the training set. Training images: a random crop of `size`, a random mirror image, PCA lighting.
    Validation images stay whole for `ten_crop_errors`; `fit` and `evaluate` see their centre crop. Mean and colours
    come from 10,000 training images at most. Hidden and system files and folders do not count; other files that are no
    images are passed over, and a line says so. Raises FolderError for a folder, or images, that will not do.
    """
    from torchvision.transforms import v2

    folder = Path(folder).expanduser()
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}.")
    if size > resize:
        raise ValueError(f"A crop of {size} pixels does not fit into images of {resize}: take a smaller size, or a "
                         "larger resize.")
    whole = v2.Compose([v2.Resize(resize), v2.CenterCrop(resize), v2.PILToTensor()])
    workers = min(workers, os.cpu_count() or 1)
    folders = find_images(folder, whole)
    check_images(folders, workers)
    settings = {"device": torch.device(profile().device), "workers": workers, "seed": seed}
    train, test = (FolderBatches(images, batch_size, nn.Identity(), shuffle=shuffle, **settings)
                   for images, shuffle in zip(folders, (True, False), strict=True))
    mean, values, vectors = pixel_statistics(train)
    own = seed + 1000 * distributed.rank()                     # every process draws its own crops
    train.augment = v2.Compose([Subtract(mean), RandomCrop(size, seed=own + 1), RandomFlip(seed=own + 2),
                                PCALighting(values, vectors, white=None, seed=own + 3)])
    test.augment = v2.Compose([Subtract(mean), v2.CenterCrop(size)])
    return train, test


class Subtract:
    """X - mean, for a batch X (N, C, H, W) and a mean image (C, H, W)."""

    def __init__(self, mean: torch.Tensor) -> None:
        self.mean = mean

    def __call__(self, X: torch.Tensor) -> torch.Tensor:
        return X - self.mean


def pixel_statistics(train: FolderBatches, most: int = 10_000) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The mean image (3, H, W), and eigenvalues and eigenvectors of the colours, of `most` images at most, spread out.

    Colours are those of every eighth pixel both ways. The same in every process: each reads a share, and they add up.
    """
    n = len(train.dataset)
    chosen = torch.arange(n)[::-(-n // most)]
    total, count, colours = torch.zeros(()), torch.zeros(()), []
    for X, _ in train.raw(chosen):
        total, count = total + X.sum(dim=0, dtype=torch.float64), count + len(X)
        colours.append(X[:, :, ::8, ::8].cpu())
    mean = distributed.total(total) / distributed.total(count.to(total.device))
    colours = distributed.gather(torch.cat(colours))
    return (mean.float(), *principal_colours(torch.cat(colours)))


def ten_crop_errors(net: nn.Module, test: FolderBatches, size: int = 224) -> dict[str, float]:
    """Share of images of which the class is not the first guess, "top 1", and not in the first five, "top 5"."""
    subtract = test.augment.transforms[0]
    top = min(5, len(test.classes))
    wrong = torch.zeros(3, dtype=torch.float64)                # first guess, first five, all images
    with speed.channels_last(net), speed.precision(net):
        for X, y in test.raw(torch.arange(len(test.dataset))):
            guesses = ten_crop(net, speed.to_device(net, subtract(X), X.device), size).topk(top).indices
            right = (guesses == y[:, None]).cpu()
            wrong += torch.tensor([(~right[:, 0]).sum(), (~right.any(dim=1)).sum(), len(y)])
    first, five, images = distributed.total(wrong).tolist()
    return {"top 1": first / images, "top 5": five / images}
