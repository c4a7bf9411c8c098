"""Figures of chapter 04: what reaches each layer, and error over steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import (
    BLACK,
    COLOURS,
    DASHES,
    MARKERS,
    told_apart,
)

if TYPE_CHECKING:

    pass


def depth_grid(cells: dict[tuple[str, str], tuple[list[list[float]], list[float]]], ylabel: str, title: str) -> Figure:
    """A panel for each (row, column) name: dots for every measured run over the layers, a dashed line predicted.

    `cells` maps the two names to (the runs, each with a value a layer; the prediction, a value a layer).
    """
    rows, columns = (list(dict.fromkeys(names[i] for names in cells)) for i in (0, 1))
    figure, axes = plt.subplots(len(rows), len(columns), figsize=(8.8, 1.9 * len(rows) + 0.8), sharex=True,
                                sharey=True, squeeze=False)
    words = []
    for (row, column), (runs, predicted) in cells.items():
        i, j = rows.index(row), columns.index(column)
        ax, layers = axes[i][j], range(1, len(predicted) + 1)
        ax.plot(layers, predicted, "--", color=BLACK, lw=1.2, label="predicted")
        for k, run in enumerate(runs):
            ax.plot(layers, run, MARKERS[i], color=COLOURS[i], ms=4.5, alpha=0.5, label=None if k else "measured")
        ax.set_yscale("log")
        ax.set_title(f"{row}, {column}", fontsize=10.5, fontweight="normal")
        words.append(f"{row}, {column}: predicted {predicted[0]:.1g}, measured {runs[0][0]:.1g} at the first layer, "
                     f"{runs[0][-1]:.1g} at the last")
    axes[0][0].legend(fontsize=9, loc="lower right")
    axes[0][0].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.supxlabel("layer", fontsize=11)
    figure.supylabel(ylabel, fontsize=11)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. {ylabel} by layer. " + "; ".join(words)
    return figure


def step_curves(curves: dict[str, list[list[tuple[int, float]]]], ylabel: str, title: str,
                level: float | None = None) -> Figure:
    """A value over the steps of training: one colour, marker and dash a name, one line a run, dotted at `level`."""
    figure, ax = plt.subplots(figsize=(8.4, 3.8))
    words = []
    for (name, runs), colour, marker, dash in told_apart(curves, COLOURS, MARKERS, DASHES):
        for i, run in enumerate(runs):
            steps, values = zip(*run, strict=True)
            ax.plot(steps, values, marker=marker, ls=dash, color=colour, ms=4.5, lw=1.2, markevery=0.07,
                    label=None if i else name)
        words.append(f"{name}: " + ", ".join(f"{run[-1][1]:.3g} after {run[-1][0]}" for run in runs))
    if level is not None:
        ax.axhline(level, color=BLACK, lw=1, ls=":")
    ax.set(xlabel="step", ylabel=ylabel, xlim=(0, None), ylim=(0, None))
    ax.legend(fontsize=9)
    ax.set_title(title)
    figure.alt = f"{title}. {ylabel} over steps. " + "; ".join(words)
    return figure
