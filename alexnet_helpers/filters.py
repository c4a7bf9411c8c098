"""First-layer filters: learned from one photograph, made without labels, and measured with a Gabor function.

Filters are tensors (filters, colours, height, width), as `conv1.weight` holds them. That one photograph teaches a
first layer most of what a million do was found by Asano, Rupprecht and Vedaldi (ICLR 2020); theirs learn from the
clusters of the crops, ours tell the spots that the crops come from.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .augmentation import principal_colours
from .profiles import profile

if TYPE_CHECKING:
    import pandas as pd


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
        self.sizes = torch.tensor([photo.shape[:1:-1] for photo in photos])[self.photo_of]  # (spots, 2), width, height
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


# ---------------------------------------------------------------------------------------------------------------
# The scorecard


def colourfulness(filters: torch.Tensor | np.ndarray) -> np.ndarray:
    """The share of each filter's energy off the grey axis, (n,): 0 with three equal colours, 1 if they sum to zero."""
    w = np.asarray(filters, dtype=float)
    energy, grey = (w ** 2).sum(axis=(1, 2, 3)), (w.mean(axis=1) ** 2).sum(axis=(1, 2)) * w.shape[1]
    return 1 - np.divide(grey, energy, out=np.full(len(w), np.nan), where=energy > 0)


def main_patterns(filters: torch.Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each filter's first singular vector over space, (n, H, W), of unit energy, and the share of energy it holds."""
    w = np.asarray(filters, dtype=float)
    _, s, vectors = np.linalg.svd(w.reshape(*w.shape[:2], -1), full_matrices=False)
    energy = (s ** 2).sum(axis=1)
    share = np.divide(s[:, 0] ** 2, energy, out=np.full(len(w), np.nan), where=energy > 0)
    return vectors[:, 0].reshape(len(w), *w.shape[2:]), share


def gabor_waves(shapes: np.ndarray, size: int) -> np.ndarray:
    """The cosine and the sine under a bell, (n, 2, size * size), for shapes (n, 6): every Gabor function is their sum.

    A shape is x and y of the centre, the widths sigma along and across the wave, all in pixels, the frequency in cycles
    a pixel, and the wave's direction in radians, from x (right) to y (down).
    """
    y, x = np.mgrid[:size, :size].reshape(2, -1) - (size - 1) / 2
    cx, cy, along, across, frequency, angle = shapes.T[:, :, None]
    u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    v = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
    bell = np.exp(-(u / along) ** 2 / 2 - (v / across) ** 2 / 2)
    return np.stack([bell * np.cos(2 * np.pi * frequency * u), bell * np.sin(2 * np.pi * frequency * u)], axis=1)


def orthonormal(waves: np.ndarray) -> np.ndarray:
    even, odd = waves[:, 0], waves[:, 1]
    even = even / np.maximum(np.linalg.norm(even, axis=1, keepdims=True), 1e-12)
    odd = odd - (odd * even).sum(axis=1, keepdims=True) * even
    return np.stack([even, odd / np.maximum(np.linalg.norm(odd, axis=1, keepdims=True), 1e-12)], axis=1)


def preferred(coefficients: np.ndarray, along: float, carrier: float) -> tuple[float, float]:
    """Frequency, in cycles a pixel, that a Gabor function answers to most, and its bandwidth in octaves.

    `coefficients` are the amplitudes of its cosine and its sine. Its spectrum along the wave is the sum of two bells,
    at plus and minus the carrier; a wide carrier and a narrow envelope move the peak of the sum off the carrier.
    """
    f = np.linspace(0, 0.5, 1001)
    even, odd = coefficients / 2
    bell = [np.exp(-2 * (np.pi * along * (f - sign * carrier)) ** 2) for sign in (1, -1)]
    spectrum = np.abs((even - 1j * odd) * bell[0] + (even + 1j * odd) * bell[1])
    peak = int(spectrum.argmax())
    weak = spectrum < spectrum[peak] / 2
    below, above = np.flatnonzero(weak[:peak]), np.flatnonzero(weak[peak:])
    if not len(below):
        return f[peak], math.inf
    return f[peak], math.log2((f[peak + above[0]] if len(above) else 0.5) / f[max(below[-1], 1)])


@functools.cache
def start_shapes(size: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """A grid of shapes, (m, 6), and the orthonormal cosines and sines of each, (m, size * size), float32."""
    half = size / 2
    places, widths = half * np.array([-0.6, -0.3, 0, 0.3, 0.6]), half * np.array([0.22, 0.4, 0.75])
    grid = np.array([(x, y, s, s, f, a) for x in places for y in places for s in widths
                     for f in (0.02, 0.06, 0.1, 0.15, 0.2, 0.26, 0.33, 0.41) for a in np.arange(12) * np.pi / 12])
    even, odd = orthonormal(gabor_waves(grid, size)).swapaxes(0, 1).astype(np.float32)
    return grid, (even, odd)


def least_squares(shapes: np.ndarray, patterns: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Shapes (n, 6) moved to where they explain their pattern (n, size * size) best, and the energy left, (n,).

    Levenberg and Marquardt's method for all at once, within bounds, with differences for derivatives.
    """
    half, small = size / 2, 1e-7 * np.array([1, 1, 1, 1, 0.05, 0.3])
    low, high = np.array([[-half, -half, 0.6, 0.6, 0.004, -10], [half, half, 2 * size, 2 * size, 0.5, 10]])

    def left(shapes: np.ndarray, patterns: np.ndarray) -> np.ndarray:
        waves = orthonormal(gabor_waves(shapes, size))
        return patterns - np.einsum("nk,nkd->nd", np.einsum("nd,nkd->nk", patterns, waves), waves)

    shapes, damping, now = shapes.copy(), np.full(len(shapes), 0.01), np.arange(len(shapes))
    rest = left(shapes, patterns)
    errors, still = (rest ** 2).sum(axis=1), np.zeros(len(shapes), dtype=int)
    for _ in range(150):
        at, p, r = shapes[now], patterns[now], rest[now]
        slopes = np.stack([(left(at + h, p) - r) / h.sum() for h in np.diag(small)], axis=1)           # (n, 6, D)
        down = -np.einsum("njd,nd->nj", slopes, r)
        slopes[((at <= low) & (down < 0)) | ((at >= high) & (down > 0))] = 0                 # against its bound
        square = slopes @ slopes.swapaxes(1, 2)
        scale = np.einsum("njj->nj", square) * damping[now, None] + 1e-9
        step = np.linalg.solve(square + scale[:, None] * np.eye(6), down[..., None])[..., 0]
        new = np.clip(at + step, low, high)
        tried = left(new, p)
        error = (tried ** 2).sum(axis=1)
        better = error < errors[now]
        still[now] = np.where(better & (errors[now] - error > 1e-9), 0, still[now] + 1)
        damping[now] *= np.where(better, 0.2, 5)
        shapes[now[better]], rest[now[better]], errors[now[better]] = new[better], tried[better], error[better]
        now = now[still[now] < 4]
        if not len(now):
            break
    return shapes, errors


def fit_gabor(filters: torch.Tensor | np.ndarray) -> pd.DataFrame:
    """A Gabor function fitted to each filter's main spatial pattern by least squares; a row a filter.

    orientation   of the bars, in degrees from the horizontal, counterclockwise, 0 to 180
    frequency     that the fitted function answers to most, in cycles a pixel, 0 to 0.5; 0 for a blob
    bandwidth     around it at half height, in octaves; infinite where the answer to frequency 0 is above that
    fit           R^2: the share of the pattern's energy that the Gabor function explains
    x, y          the centre, in pixels right of and below the filter's middle
    along, across the widths sigma along the wave and across it, in pixels
    carrier       the frequency of the fitted wave itself: that above, unless the envelope holds less than a wave
    one_pattern   the share of the filter's energy in its main pattern; the rest is other patterns in other colours
    colourfulness the share of its energy off the grey axis

    The four best of a grid of shapes, with amplitude and phase solved for, are refined by `least_squares`. A filter of
    zeros has no values. Raises ValueError unless the filters are (n, 1 or 3, size, size).
    """
    import pandas as pd

    w = np.asarray(filters.detach().cpu() if isinstance(filters, torch.Tensor) else filters, dtype=float)
    if w.ndim != 4 or w.shape[1] not in (1, 3) or w.shape[2] != w.shape[3]:
        raise ValueError(f"Filters are (n, 1 or 3, size, size), not {w.shape}.")
    size, (patterns, share) = w.shape[-1], main_patterns(w)
    whole = np.isfinite(share)
    patterns = patterns.reshape(len(w), -1)[whole]
    grid, waves = start_shapes(size)
    explained = np.zeros((len(patterns), len(grid)))
    for wave in waves:                                         # the cosines, then the sines
        explained += (patterns @ wave.T) ** 2
    starts = grid[np.argsort(explained, axis=1)[:, :-5:-1]]                # (n, 4, 6)
    shapes, errors = least_squares(starts.reshape(-1, 6), patterns.repeat(4, axis=0), size)
    best = np.arange(len(patterns)), errors.reshape(-1, 4).argmin(axis=1)
    shapes, errors = shapes.reshape(-1, 4, 6)[best], errors.reshape(-1, 4)[best]
    rows = np.full((len(w), 9), np.nan)
    found = []
    for pattern, shape, error in zip(patterns, shapes, errors, strict=True):
        x, y, along, across, carrier, angle = shape
        coefficients = np.linalg.lstsq(gabor_waves(shape[None], size)[0].T, pattern, rcond=None)[0]
        found.append([(90 - math.degrees(angle)) % 180, *preferred(coefficients, along, carrier), 1 - error, x, y,
                      along, across, carrier])
    rows[whole] = np.array(found).reshape(-1, 9)
    table = pd.DataFrame(rows, columns=["orientation", "frequency", "bandwidth", "fit", "x", "y", "along", "across",
                                        "carrier"])
    return table.assign(one_pattern=share, colourfulness=colourfulness(w))


def fitted_gabors(filters: torch.Tensor | np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """The Gabor functions of `fit_gabor`'s table for these filters, (n, size, size), as large as the main patterns."""
    patterns, _ = main_patterns(filters.detach().cpu() if isinstance(filters, torch.Tensor) else filters)
    shapes = table[["x", "y", "along", "across", "carrier"]].assign(angle=np.radians(90 - table["orientation"]))
    waves = orthonormal(gabor_waves(shapes.to_numpy(), patterns.shape[-1]))
    amplitudes = np.einsum("nd,nkd->nk", patterns.reshape(len(patterns), -1), waves)
    return np.einsum("nk,nkd->nd", amplitudes, waves).reshape(patterns.shape)


def scorecard(table: pd.DataFrame) -> dict[str, float]:
    """A few numbers for all filters of `fit_gabor`'s table: medians, and the shares (0 to 1) of some kinds.

    "median share" is of the energy of a *whole* filter that one Gabor function in one colour explains. A filter is Gabor-like if its fit is 0.8 or more; of these, oriented if its bandwidth is finite, so that it answers
    to an even surface less than half as strongly as to its stripes, else a blob; and coloured if half of its energy or
    more is off the grey axis.
    """
    like, oriented, coloured = table["fit"] >= 0.8, table["bandwidth"] < math.inf, table["colourfulness"] >= 0.5
    return {"median fit": float(table["fit"].median()),
            "median share": float((table["fit"] * table["one_pattern"]).median()), "Gabor-like": float(like.mean()),
            "oriented": float((like & oriented).mean()), "oriented, grey": float((like & oriented & ~coloured).mean()),
            "blobs": float((like & ~oriented).mean()), "blobs, coloured": float((like & ~oriented & coloured).mean()),
            "median colourfulness": float(table["colourfulness"].median())}


# ---------------------------------------------------------------------------------------------------------------
# Rungs of the ladder


def patches(data: Spots, number: int) -> torch.Tensor:
    """`number` patches (number, 3, 11, 11) from the middle of the crops that `data` give."""
    found, count, corner = [], 0, (data.side - 11) // 2
    while count < number:
        for X, _ in data:
            found.append(X[:, :, corner:corner + 11, corner:corner + 11].cpu())
            count += len(X)
            if count >= number:
                break
    return torch.cat(found)[:number]


def whitener(X: np.ndarray, kept: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal axes (kept, D) of the rows of X, and the standard deviations along them."""
    _, s, axes = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    return axes[:kept], s[:kept] / math.sqrt(len(X))


def pca_filters(patches: torch.Tensor, count: int = 96) -> np.ndarray:
    """The first `count` principal components of the patches, (count, 3, size, size), the strongest first."""
    X = patches.flatten(1).numpy().astype(float)
    return whitener(X, count)[0].reshape(count, *patches.shape[1:])


def ica_filters(patches: torch.Tensor, count: int = 96) -> np.ndarray:
    """`count` independent components of the patches, as what each adds to a patch, (count, 3, size, size)."""
    import warnings

    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    X = patches.flatten(1).numpy().astype(float)
    ica = FastICA(count, whiten="unit-variance", whiten_solver="eigh", max_iter=60, tol=1e-2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)                # the last digits do not matter here
        ica.fit(X)
    return ica.mixing_.T.reshape(count, *patches.shape[1:])


def kmeans_filters(patches: torch.Tensor, count: int = 96) -> np.ndarray:
    """`count` centres of the whitened patches, (count, 3, size, size), after Coates, Lee and Ng (2011)."""
    from sklearn.cluster import MiniBatchKMeans

    X = patches.flatten(1).numpy().astype(float)
    X = X - X.mean(axis=1, keepdims=True)
    X = X / np.sqrt(X.var(axis=1, keepdims=True) + 0.05)                   # every patch the same contrast, about
    axes, sd = whitener(X, X.shape[1])
    white = (X - X.mean(axis=0)) @ axes.T / np.sqrt(sd ** 2 + 0.01) @ axes
    means = MiniBatchKMeans(count, batch_size=1024, n_init=1, max_iter=20, random_state=0).fit(white)
    return means.cluster_centers_.reshape(count, *patches.shape[1:])
