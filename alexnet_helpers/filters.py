"""First-layer filters: measured with a Gabor function, and made from patches without a network.

Filters are tensors (filters, colours, height, width), as `conv1.weight` holds them.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from .spots import Spots

if TYPE_CHECKING:
    import pandas as pd


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

    "median share" is of the energy of a *whole* filter that one Gabor function in one colour explains. A filter is
    Gabor-like if its fit is 0.8 or more; of these, oriented if its bandwidth is finite, so that it answers to an even
    surface less than half as strongly as to its stripes, else a blob; and coloured if half of its energy or more is off
    the grey axis.
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
    """`count` independent components of the patches, as what each adds to a patch, (count, 3, size, size).

    Bell and Sejnowski (1997) found with ICA that the independent components of photographs are bars and edges.
    """
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
