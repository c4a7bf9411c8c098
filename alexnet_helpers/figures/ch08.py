"""Figures of chapter 08: filters as pictures, and their measures as strips of dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .style import BLACK, COLOURS, DASHES, MARKERS, told_apart

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch


def filter_grid(filters: np.ndarray | torch.Tensor, title: str, table: pd.DataFrame | None = None,
                columns: int = 16) -> Figure:
    """All filters (n, 1 or 3, H, W) in one picture, each scaled so that its strongest weight is black or white.

    Zero is grey. Sorted by `fit_gabor`'s table, made here if it is not given: grey filters by orientation, then
    coloured ones by theirs.
    """
    import numpy as np

    from ..filters import fit_gabor, scorecard

    table = fit_gabor(filters) if table is None else table
    order = table.assign(coloured=table["colourfulness"] >= 0.5).sort_values(["coloured", "orientation"]).index
    w = np.array(filters.detach().cpu().numpy() if hasattr(filters, "detach") else filters)[order]
    n, side = len(w), w.shape[-1] + 2
    w = in_few_levels(w)
    rows = -(-n // columns)
    sheet = np.ones((rows * columns, side, side, 3))
    sheet[:n, 1:-1, 1:-1] = np.broadcast_to(w, (n, 3, side - 2, side - 2)).transpose(0, 2, 3, 1)
    sheet = sheet.reshape(rows, columns, side, side, 3).swapaxes(1, 2).reshape(rows * side, columns * side, 3)
    figure, ax = plt.subplots(figsize=(8.6, 8.6 * rows / columns + 0.4))
    ax.imshow(sheet)
    ax.axis("off")
    ax.set_title(title)
    card = scorecard(table)
    figure.alt = (f"{title}. {n} filters of {side - 2} by {side - 2} pixels: " + ", ".join(
        f"{name} {card[name]:.0%}" for name in ("Gabor-like", "oriented", "oriented, grey", "blobs", "blobs, coloured"))
        + f"; median R squared of the Gabor fit {card['median fit']:.2f}")
    return figure


def in_few_levels(w: np.ndarray) -> np.ndarray:
    """Filters, each scaled to 0 to 1 with zero in the middle, in 15 levels: enough for the eye, and small as PNG."""
    import numpy as np

    return np.round(7 * w / np.maximum(abs(w).max(axis=(1, 2, 3), keepdims=True), 1e-12)) / 14 + 0.5


def filter_rows(rows: dict[str, np.ndarray | torch.Tensor], title: str, columns: int = 16) -> Figure:
    """A row a name: `columns` of its filters (n, 1 or 3, H, W), at even steps through them as they stand; zero is grey.

    Each filter is scaled so that its strongest weight is black or white.
    """
    import numpy as np

    figure, axes = plt.subplots(len(rows), 1, figsize=(8.8, 0.48 * len(rows) + 0.5), squeeze=False)
    for ax, (name, filters) in zip(axes.flat, rows.items(), strict=True):
        w = np.array(filters.detach().cpu().numpy() if hasattr(filters, "detach") else filters)
        w = w[np.linspace(0, len(w) - 1, columns).round().astype(int)]
        w, (height, width) = in_few_levels(w), w.shape[2:]
        sheet = np.ones((columns, height + 2, width + 2, 3))
        sheet[:, 1:-1, 1:-1] = np.broadcast_to(w, (columns, 3, height, width)).transpose(0, 2, 3, 1)
        ax.imshow(sheet.swapaxes(0, 1).reshape(height + 2, -1, 3))
        ax.set(xticks=[], yticks=[])
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
        ax.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. {columns} filters in each of the rows {', '.join(rows)}"
    return figure


def strips(panels: dict[str, dict[str, np.ndarray]], title: str) -> Figure:
    """Distributions side by side: `panels` maps a measure to {name: values}; a row a name, a dot a value, a bar at the
    median. What is not finite is left out.
    """
    import numpy as np

    names = list(next(iter(panels.values())))
    figure, axes = plt.subplots(1, len(panels), figsize=(8.8, 0.42 * len(names) + 1.3), sharey=True, squeeze=False)
    words = []
    for ax, (measure, rows) in zip(axes.flat, panels.items(), strict=True):
        medians = []
        for row, (name, values) in enumerate(rows.items()):
            values = np.asarray(values, dtype=float)
            values = values[np.isfinite(values)]
            y = row + np.random.default_rng(0).uniform(-0.28, 0.28, len(values))
            ax.plot(values, y, MARKERS[row % 6], color=COLOURS[row % 6], ms=3.2, alpha=0.6, mew=0)
            if len(values):
                ax.plot([np.median(values)] * 2, [row - 0.36, row + 0.36], color=BLACK, lw=2)
                medians.append(f"{name} {np.median(values):.2g}")
        ax.set_xlabel(measure, fontsize=9.5)
        words.append(f"Medians of {measure}: " + ", ".join(medians))
    axes[0][0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6))
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. " + ". ".join(words).replace("\n", " ")
    return figure


def progress(looks: dict[str, pd.DataFrame], measure: str, title: str) -> Figure:
    """`measure`, a share, over minutes of training: a line a network, from its looks (columns "seconds", `measure`)."""
    figure, ax = plt.subplots(figsize=(7.2, 3.2))
    for (name, table), colour, marker, dash in told_apart(looks, COLOURS, MARKERS, DASHES):
        ax.plot(table["seconds"] / 60, table[measure], color=colour, marker=marker, ls=dash, label=name)
    ax.set(xscale="log", xlabel="minutes of training (logarithmic)", ylabel=measure, ylim=(0, 1),
           xticks=[0.1, 0.3, 1, 3, 10], xticklabels=["0.1", "0.3", "1", "3", "10"])
    ax.set_title(title)
    ax.legend(loc="upper left", fontsize=9.5)
    figure.alt = f"{title}. " + "; ".join(
        f"{name}: {', '.join(f'{share:.2f}' for share in table[measure])}" for name, table in looks.items())
    return figure


def maps(filters: np.ndarray, answers: np.ndarray, names: list[str], title: str) -> Figure:
    """Filters (n, 3, H, W), and under each its feature map, of answers (n, rows, columns), dark where it is 0."""
    import numpy as np

    figure, axes = plt.subplots(2, len(filters), figsize=(1.25 * len(filters), 2.9), squeeze=False)
    for column, (w, answer, name) in enumerate(zip(in_few_levels(np.asarray(filters)), answers, names, strict=True)):
        axes[0][column].imshow(w.transpose(1, 2, 0))
        axes[0][column].set_title(name, fontweight="normal", loc="center", fontsize=10)
        axes[1][column].imshow(np.round(15 * answer / np.quantile(answer, 0.99)), vmin=0, vmax=15)
    for ax in axes.flat:
        ax.axis("off")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. Filters, each above its map: " + ", ".join(
        f"{name}, {(answer == 0).mean():.0%} of the map dark" for name, answer in zip(names, answers, strict=True))
    return figure


def one_filter(w: np.ndarray, row: pd.DataFrame, answer: np.ndarray) -> Figure:
    """A filter (1, 3, H, W), its main pattern, the fit in `fit_gabor`'s row, and its answer (rows, columns) to a photo.

    Light is positive, dark negative.
    """
    import math

    import numpy as np

    from ..filters import fitted_gabors, main_patterns

    pattern, found = main_patterns(w)[0][0], row.iloc[0]
    sign = np.sign((pattern * w[0].sum(axis=0)).sum())         # light where the filter is light
    pictures = {"filter": in_few_levels(w)[0].transpose(1, 2, 0), "main pattern": sign * pattern,
                f"Gabor, R² {found.fit:.2f}": sign * fitted_gabors(w, row)[0],
                "its answer": (7 * answer / np.abs(answer).max()).round()}
    figure, axes = plt.subplots(1, 4, figsize=(8, 2.8), width_ratios=(1, 1, 1, 1.5))
    for ax, (name, picture) in zip(axes, pictures.items(), strict=True):
        ax.imshow(picture, vmin=-np.abs(picture).max(), vmax=np.abs(picture).max())
        ax.set_title(name, fontweight="normal")
        ax.axis("off")
    seen = f"bars at {round(found.orientation) % 180}°" if found.bandwidth < math.inf else "a blob"
    title = f"Filter {row.index[0]}: {seen}"
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. R² {found.fit:.2f}, colourfulness {found.colourfulness:.2f}"
    return figure
