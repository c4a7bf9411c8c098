"""Crops of photographs, labelled with the spot they show, and a small network around AlexNet's conv1 for them.

That one photograph teaches a first layer most of what a million do was found by Asano, Rupprecht and Vedaldi (ICLR
2020); theirs learn from the clusters of the crops, ours tell the spots that the crops come from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .augmentation import principal_colours
from .profiles import profile


class Spots:
    """Iterate over (X, y): crops X float32 (batch, 3, side, side) of photographs, and the spots y they show.

    A spot is a place in a photograph; each of its crops is turned, scaled, mirrored and shifted, and its contrast,
    its saturation and its tint are changed. Values are in standard deviations from the photograph's mean colour, after
    a share of its blurred copy is taken off. With `shuffle` every epoch draws new crops; without it, the same ones
    every time. The same `seed` draws the same crops. The spots themselves depend on their number only, so that two
    loaders pose one task; the photographs share them in turn.
    """

    def __init__(self, photos: list[torch.Tensor], spots: int, batch_size: int, batches: int, side: int,
                 scale: tuple[float, float], turn: float, grey: float, tint: float, sharpen: float, shuffle: bool,
                 device: str | torch.device, seed: int) -> None:
        small = min((tuple(photo.shape[-2:]) for photo in photos), key=min)
        if min(small) < side:
            raise ValueError(f"Crops of {side} pixels do not fit into a photograph of {small[0]} by {small[1]}.")
        self.photos = [standardised(photo - sharpen * blurred(photo, sigma=4.0))[None].to(device) for photo in photos]
        values, vectors = principal_colours(torch.cat([photo.flatten(2) for photo in self.photos], dim=2)[..., None])
        self.axes = (values.sqrt() * vectors).T.float()                    # (3, 3), an axis a row
        self.photo_of = torch.arange(spots) % len(photos)
        self.sizes = torch.tensor([photo.shape[:0:-1] for photo in photos])[self.photo_of]  # (spots, 2), width, height
        places = torch.rand(spots, 2, generator=torch.Generator().manual_seed(spots))
        self.places = side / 2 + places * (self.sizes - side)              # (spots, 2), x and y
        self.spots, self.batch_size, self.batches, self.side = spots, batch_size, batches, side
        self.scale, self.turn, self.grey, self.tint = scale, math.radians(turn), grey, tint
        self.shuffle, self.seed = shuffle, seed
        self.generator = torch.Generator().manual_seed(seed)

    @property
    def device(self) -> torch.device:
        return self.photos[0].device

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if not self.shuffle:
            self.generator.manual_seed(self.seed)
        for _ in range(self.batches):
            y = torch.randint(self.spots, (self.batch_size,), generator=self.generator)
            yield self.tinted(self.crops(y)), y.to(self.device)

    def crops(self, y: torch.Tensor) -> torch.Tensor:
        """A crop of each spot y, (len(y), 3, side, side); a photograph is continued by mirrors of itself."""
        n, g, side = len(y), self.generator, self.side
        angle = self.turn * (2 * torch.rand(n, generator=g) - 1)
        low, high = map(math.log, self.scale)
        scale = torch.exp(low + (high - low) * torch.rand(n, generator=g))
        flip = 1.0 - 2.0 * torch.randint(2, (n,), generator=g)
        centre = self.places[y] + side / 12 * torch.randn(n, 2, generator=g)
        across = scale * angle.cos() * flip, scale * angle.sin() * flip      # x and y, in photo pixels
        down = -scale * angle.sin(), scale * angle.cos()
        size = self.sizes[y]
        theta = torch.stack([torch.stack(across, 1) * side, torch.stack(down, 1) * side, 2 * centre - size], dim=2)
        grid = F.affine_grid((theta / size[:, :, None]).to(self.device), [n, 3, side, side], align_corners=False)
        X = torch.empty(n, 3, side, side, device=self.device)
        for number in self.photo_of[y].unique():
            photo, here = self.photos[number], (self.photo_of[y] == number).nonzero()[:, 0].to(self.device)
            tall = grid[here].view(1, -1, side, 2)                         # one photo, one tall picture of its crops
            cut = F.grid_sample(photo, tall, padding_mode="reflection", align_corners=False)
            X[here] = cut.view(3, len(here), side, side).movedim(1, 0)
        return X

    def tinted(self, X: torch.Tensor) -> torch.Tensor:
        """Crops X with other contrast, saturation (none at all for a share `grey` of them) and tint."""
        n, g = len(X), self.generator
        contrast = torch.exp(0.25 * torch.randn(n, 1, 1, 1, generator=g)).to(X)
        colour = torch.exp(0.35 * torch.randn(n, 1, 1, 1, generator=g))
        colour = colour * (torch.rand(n, 1, 1, 1, generator=g) >= self.grey)
        tint = self.tint * torch.randn(n, 3, generator=g) @ self.axes
        grey = X.mean(dim=1, keepdim=True)
        return contrast * (grey + colour.to(X) * (X - grey)) + tint.to(X)[:, :, None, None]


def standardised(photo: torch.Tensor) -> torch.Tensor:
    """The photo (3, H, W) minus its mean colour, in standard deviations from it."""
    centred = photo - photo.mean(dim=(1, 2), keepdim=True)
    return centred / centred.std()


def blurred(photo: torch.Tensor, sigma: float) -> torch.Tensor:
    """The photo (3, H, W) under a Gaussian of width `sigma`, continued by mirrors of itself."""
    x = torch.arange(-3 * round(sigma), 3 * round(sigma) + 1)
    bell = torch.exp(-(x / sigma) ** 2 / 2)
    bell = (bell / bell.sum()).to(photo)
    padded = F.pad(photo[:, None], (len(x) // 2,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, bell.view(1, 1, 1, -1)), bell.view(1, 1, -1, 1))[:, 0]


def photo_spots(photos: Sequence[np.ndarray] | None = None, spots: int = 256, batch_size: int = 64, batches: int = 100,
                side: int = 64, scale: tuple[float, float] = (0.8, 2.5), turn: float = 25, grey: float = 0.2,
                tint: float = 0.25, sharpen: float = 0.7, shuffle: bool = True,
                device: str | torch.device | None = None, seed: int = 0) -> Spots:
    """Batches of crops of photographs, labelled with the spot they show, made on the device as they are asked for.

    `photos` are uint8 (height, width, 3), by default one, scikit-image's portrait of the astronaut Eileen Collins
    (NASA, public domain). `scale` is the range of photo pixels per pixel of a crop, `turn` the largest angle that it is
    turned by, in degrees to either side, `grey` the share of crops without colour, `tint` the strength of a random
    colour added to a crop, in standard deviations along the photos' principal colours. `sharpen` is the share of a
    blurred copy (sigma 4 pixels) that is taken off a photo first: in photographs slow changes are far stronger than
    fast ones, and filters learn the strong ones first; this evens them out, in part. 0 leaves the photo as it is.

    Raises ValueError for a photo that is smaller than a crop.
    """
    photos = public_photos("astronaut") if photos is None else photos
    pixels = [torch.tensor(np.asarray(photo)).movedim(2, 0).float() / 255 for photo in photos]
    return Spots(pixels, spots, batch_size, batches, side, scale, turn, grey, tint, sharpen, shuffle,
                 device=profile().device if device is None else device, seed=seed)


def public_photos(*names: str) -> list[np.ndarray]:
    """Photographs that come with scikit-image, uint8 (height, width, 3); grey ones get three equal colours."""
    import skimage.data

    photos = [getattr(skimage.data, name)() for name in names]
    return [photo if photo.ndim == 3 else np.stack([photo] * 3, axis=2) for photo in photos]


def spot_network(filters: int = 96, spots: int = 256, groups: int = 1, channels: int = 3) -> nn.Sequential:
    """A small network around AlexNet's conv1 that tells the spots of `photo_spots` apart, or other classes.

    Images are (batch, channels, 64, 64). conv2 has `groups`: with 2, each half of the filters is seen by its own
    half of conv2 only, as in the paper's two towers. Batch normalization, three years younger than the paper, makes
    filters that start small grow.
    """
    net = nn.Sequential()
    for name, layer in (
            ("conv1", nn.Conv2d(channels, filters, kernel_size=11, stride=4, bias=False)),        # 14 x 14
            ("norm1", nn.BatchNorm2d(filters)), ("relu1", nn.ReLU()), ("pool1", nn.MaxPool2d(3, stride=2)),      # 6 x 6
            ("conv2", nn.Conv2d(filters, 128, kernel_size=3, padding=1, groups=groups, bias=False)),
            ("norm2", nn.BatchNorm2d(128)), ("relu2", nn.ReLU()),
            ("conv3", nn.Conv2d(128, 128, kernel_size=3, padding=1, bias=False)),
            ("norm3", nn.BatchNorm2d(128)), ("relu3", nn.ReLU()), ("pool3", nn.MaxPool2d(2)),                # 3 x 3
            ("flatten", nn.Flatten()), ("fc", nn.Linear(128 * 3 * 3, spots))):
        net.add_module(name, layer)
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    nn.init.normal_(net.conv1.weight, std=0.01)                            # as the paper's
    return net
