"""Figures of chapter 02: two networks to scale, and accuracies beside published ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .style import (
    BLACK,
    COLOURS,
    MARKERS,
    short,
    told_apart,
)

if TYPE_CHECKING:
    import pandas as pd



def networks_to_scale(tables: dict[str, pd.DataFrame]) -> Figure:
    """Every layer with parameters as two squares: one with the area of its output, one with that of its parameters.

    `tables` maps a network's name to its `layer_table`. Within each panel all squares share one scale.
    """
    figure, panels = plt.subplots(2, 1, figsize=(8.8, 6.2), height_ratios=(1, 1.25))
    words = []
    for ax, title, area_of in ((panels[0], "Convolutions put out most values: area is values for one image",
                                lambda row: math.prod(row["output shape"])),
                               (panels[1], "Fully connected layers remember: area is the number of parameters",
                                lambda row: row["parameters"])):
        areas = {name: {layer: area_of(row) for layer, row in table.drop("total").query("parameters > 0").iterrows()}
                 for name, table in tables.items()}
        largest = {name: max(layers, key=layers.get) for name, layers in areas.items()}
        words += [title + ". " + "; ".join(f"{name}: {sum(layers.values()):,} in all, most in {largest[name]}, "
                                           f"{layers[largest[name]]:,}" for name, layers in areas.items())]
        sides = [area ** 0.5 for layers in areas.values() for area in layers.values()]
        room, x = sum(sides) / 12, 0.0                         # the least width in which a label can stand
        for (name, layers), colour in told_apart(areas, COLOURS):
            start = x
            for layer, area in layers.items():
                side, slot = area ** 0.5, max(area ** 0.5, room)
                ax.add_patch(Rectangle((x + (slot - side) / 2, 0), side, side, color=colour))
                ax.annotate(f"{layer}\n{short(area)}", (x + slot / 2, 0), (0, -4), textcoords="offset points",
                            ha="center", va="top", fontsize=9.5)
                x += slot + room / 8
            ax.text(start, max(area ** 0.5 for area in layers.values()) + room / 4, name, fontweight="bold",
                    fontsize=12, va="bottom")
            x += room / 2
        ax.set(xlim=(0, x), ylim=(0, max(sides) + room), aspect="equal", title=title)
        ax.axis("off")
    figure.alt = ". ".join(words) + "."
    return figure


def accuracy_rows(rows: dict[str, dict | list[float]], title: str) -> Figure:
    """Test accuracies in rows of dots: a list holds single runs; a dict (mean, sd, low, high, n) published ones."""
    figure, ax = plt.subplots(figsize=(8.4, 0.55 * len(rows) + 1.1))
    words = []
    for row, (name, runs) in enumerate(rows.items()):
        if isinstance(runs, dict):
            ax.plot([runs["low"], runs["high"]], [row, row], color=BLACK, lw=1)
            ax.add_patch(Rectangle((runs["mean"] - runs["sd"], row - 0.2), 2 * runs["sd"], 0.4, color="0.8", zorder=2))
            ax.plot([runs["mean"]] * 2, [row - 0.2, row + 0.2], color=BLACK, lw=2, zorder=3)
            words.append(f"{name}: mean {runs['mean']:.4f}, sd {runs['sd']:.4f}, n = {runs['n']}")
        else:
            ax.plot(runs, [row] * len(runs), MARKERS[row % 6], color=COLOURS[row % 6], ms=7, alpha=0.8)
            words.append(f"{name}: {', '.join(f'{run:.3f}' for run in runs)}")
    ax.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.4, -0.6), xlabel="test accuracy")
    ax.set_title(title)
    figure.alt = f"{title}. " + "; ".join(words)
    return figure
