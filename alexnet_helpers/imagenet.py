"""A folder of images in ImageNet's layout, prepared as the paper of 2012 did (sections 2 and 4.1)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from . import distributed, speed
from .augmentation import PCALighting, RandomCrop, RandomFlip, principal_colours, ten_crop
from .profiles import profile

LAYOUT = "It needs train/ and val/, and in both one folder of images a class, as train/dog/1.jpg and val/dog/7.jpg."


class FolderError(ValueError):
    """A folder of images, or an image in it, that cannot be used; the message names it and says what to do."""


def read_image(path: str) -> object:
    """The image as Pillow's RGB. Raises FolderError if it cannot be read whole."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FolderError(f"{Path(path).as_posix()} cannot be read as an image ({error}). Put a whole copy in "
                          "its place, or delete it.") from error


def check_folder(folder: Path) -> None:
    """Raises FolderError unless `folder` has train/ and val/ with the same classes, two or more, an image in each."""
    from torchvision.datasets.folder import IMG_EXTENSIONS

    here, classes = folder.as_posix(), {}
    if not folder.is_dir():
        raise FolderError(f"There is no folder {here}. {LAYOUT}")
    for part in ("train", "val"):
        if not (folder / part).is_dir():
            raise FolderError(f"{here} has no folder {part}/. {LAYOUT}")
        classes[part] = {entry.name for entry in os.scandir(folder / part) if entry.is_dir()}
        if len(classes[part]) < 2:
            raise FolderError(f"{here}/{part} has {'one' if classes[part] else 'no'} folder in it: there must be two "
                              f"classes or more to tell apart. {LAYOUT}")
        for name in sorted(classes[part]):
            if not any(file.lower().endswith(IMG_EXTENSIONS)
                       for _, _, files in os.walk(folder / part / name, followlinks=True) for file in files):
                raise FolderError(f"{here}/{part}/{name} has no image in it ({', '.join(IMG_EXTENSIONS)}). "
                                  "Fill it, or delete it in train/ and val/.")
    for one, other in (("train", "val"), ("val", "train")):
        if only := sorted(classes[one] - classes[other]):
            raise FolderError(f"{here}: {len(only)} of the classes in {one}/ are not in {other}/ "
                              f"({', '.join(only[:5])}{', …' if len(only) > 5 else ''}). Both need the same folders.")


class FolderBatches:
    """Iterate over (X, y) of an image folder, as `Batches` does: X float32 (batch, 3, height, width), y int64.

    Worker processes read the images and cut them to one size; what is drawn at random is done to whole batches on the
    device, by `augment`. Where several processes train together, each gets its share of every batch.
    """

    def __init__(self, dataset: Dataset, batch_size: int, augment: Callable[[torch.Tensor], torch.Tensor], *,
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
        try:
            for X, y in DataLoader(self.dataset, batch_sampler=rows, num_workers=self.workers, pin_memory=on_gpu):
                yield X.to(self.device, non_blocking=True).float(), y.to(self.device, non_blocking=True)
        except FolderError as error:                           # a worker's comes with its traceback as text
            raise FolderError(str(error).strip().split("FolderError: ")[-1]) from None

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        n = len(self.dataset)
        for X, y in self.raw(torch.randperm(n, generator=self.generator) if self.shuffle else torch.arange(n)):
            yield self.augment(X), y


def load_image_folder(folder: str | Path, batch_size: int = 128, size: int = 224, resize: int = 256,
                      workers: int = 8, seed: int = 0) -> tuple[FolderBatches, FolderBatches]:
    """Training and validation batches of `folder`/train and `folder`/val, prepared by the paper's recipe.

    The short side becomes `resize` pixels and the centre square of that is kept; pixels are grey levels, 0 to 255, less
    the mean image of the training set. Training images: a random crop of `size`, a random mirror image, PCA lighting.
    Validation images stay whole for `ten_crop_errors`; `fit` and `evaluate` see their centre crop. Mean and colours
    come from 10,000 training images at most. Raises FolderError for a folder that will not do.
    """
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    folder = Path(folder).expanduser()
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}.")
    if size > resize:
        raise ValueError(f"A crop of {size} pixels does not fit into images of {resize}: take a smaller size, or a "
                         "larger resize.")
    check_folder(folder)
    whole = v2.Compose([v2.Resize(resize), v2.CenterCrop(resize), v2.PILToTensor()])
    workers = min(workers, os.cpu_count() or 1)
    settings = {"device": torch.device(profile().device), "workers": workers, "seed": seed}
    train, test = (FolderBatches(ImageFolder(folder / part, transform=whole, loader=read_image), batch_size,
                                 nn.Identity(), shuffle=part == "train", **settings) for part in ("train", "val"))
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
    """The mean image (3, H, W), and eigenvalues and eigenvectors of the colours, of `most` images spread evenly.

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
