"""Figures of chapter 02: two networks to scale, a plateau from inside, and accuracies beside published ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .style import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    MARKERS,
    short,
    told_apart,
)

if TYPE_CHECKING:
    import pandas as pd
    import torch


def networks_to_scale(tables: dict[str, pd.DataFrame]) -> Figure:
    """Every layer with parameters as three squares, whose areas are its values, its parameters and its arithmetic.

    `tables` maps a network's name to its `layer_table`. Within each panel all squares share one scale.
    """
    figure, panels = plt.subplots(3, 1, figsize=(8.8, 8.6))
    words = []
    for ax, title, area_of in (
            (panels[0], "Values: convolutions put out most (area is values for one image)",
             lambda row: math.prod(row["output shape"])),
            (panels[1], "Parameters: fully connected layers hold most", lambda row: row["parameters"]),
            (panels[2], "Arithmetic: convolutions do most (area is MACs for one image)", lambda row: row["MACs"])):
        areas = {name: {layer: area_of(row) for layer, row in table.drop("total").query("parameters > 0").iterrows()}
                 for name, table in tables.items()}
        largest = {name: max(layers, key=layers.get) for name, layers in areas.items()}
        words += [title + ". " + "; ".join(f"{name}: {sum(layers.values()):,} in all, most in {largest[name]}, "
                                           f"{layers[largest[name]]:,}" for name, layers in areas.items())]
        sides = [area ** 0.5 for layers in areas.values() for area in layers.values()]
        room, x = sum(sides) / 9, 0.0                          # the least width in which a label can stand
        for (name, layers), colour in told_apart(areas, COLOURS):
            start = x
            for layer, area in layers.items():
                side, slot = area ** 0.5, max(area ** 0.5, room)
                ax.add_patch(Rectangle((x + (slot - side) / 2, 0), side, side, color=colour))
                ax.annotate(f"{layer}\n{short(area)}", (x + slot / 2, 0), (0, -4), textcoords="offset points",
                            ha="center", va="top", fontsize=9)
                x += slot + room / 8
            ax.text(start, max(area ** 0.5 for area in layers.values()) + room / 4, name, fontweight="bold",
                    fontsize=12, va="bottom")
            x += room / 2
        ax.set(xlim=(0, x), ylim=(0, max(sides) + room), aspect="equal", title=title)
        ax.axis("off")
    figure.alt = ". ".join(words) + "."
    return figure


def activation_histograms(layers: dict[str, torch.Tensor], title: str) -> Figure:
    """One panel a layer: how its values (pictures, units) are spread, and how far a unit differs between pictures."""
    figure, axes = plt.subplots(1, len(layers), figsize=(8.8, 2.9), sharex=True)
    words = []
    for ax, (name, values) in zip(axes, layers.items(), strict=True):
        values = values.flatten(1)
        between = values.std(dim=0).mean().item()
        ax.hist(values.flatten().tolist(), bins=[i / 40 for i in range(41)], color=BLUE, density=True)
        ax.set_title(name, fontsize=11)
        ax.set(xlabel=f"values\nsd between pictures {between:.1g}", yticks=[], xlim=(0, 1))
        words.append(f"{name}: mean {values.mean().item():.2f}, a unit's standard deviation between pictures "
                     f"{between:.1g}")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. Histograms of what units put out. " + "; ".join(words) + "."
    return figure


def losses(runs: dict[str, list[list[float]]], title: str, span: int = 1) -> Figure:
    """Training losses: one colour and dash a name, one line a run, each point the mean of `span` steps; ln 10 dotted.
    """
    figure, ax = plt.subplots(figsize=(7.6, 3.6))
    words = []
    for (name, curves), colour, dash in told_apart(runs, COLOURS, DASHES):
        for i, curve in enumerate(curves):
            means = [sum(curve[k:k + span]) / len(curve[k:k + span]) for k in range(0, len(curve), span)]
            ax.plot([span * (k + 1) for k in range(len(means))], means, linestyle=dash, color=colour, lw=1.6,
                    label=None if i else name)
            words.append(f"{name}: {means[0]:.2f} to {means[-1]:.2f}")
    ax.axhline(math.log(10), color=BLACK, lw=1, ls=":")
    ax.annotate("ln 10: every class alike", (1, math.log(10)), (-2, 3), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", va="bottom", fontsize=9.5)
    ax.set(xlabel="step", ylabel="cross-entropy")
    ax.set_title(title)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9.5)
    figure.alt = f"{title}. Loss over steps, from the first to the last point: " + "; ".join(words) + "."
    return figure


def book_curves(runs: list[dict], title: str) -> Figure:
    """Test accuracy by epoch over all of the book's stored runs (facts: book_runs): mean, lowest to highest shaded."""
    figure, ax = plt.subplots(figsize=(7.6, 3.6))
    words = []
    for (_, entry), colour, marker in told_apart({run["network"]: run for run in runs}, COLOURS, MARKERS):
        mean, low, high = zip(*entry["test_accuracy"], strict=True)
        epochs = range(1, len(mean) + 1)
        ax.fill_between(epochs, low, high, color=colour, alpha=0.2, lw=0)
        ax.plot(epochs, mean, color=colour, marker=marker, label=f"{entry['network']}, {entry['runs']} runs")
        words.append(f"{entry['network']}: mean {mean[0]:.2f} after the first epoch ({low[0]:.2f} to {high[0]:.2f}), "
                     f"{mean[-1]:.3f} after the last ({low[-1]:.3f} to {high[-1]:.3f})")
    ax.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1), xticks=list(epochs))
    ax.set_title(title)
    ax.legend(loc="lower right")
    figure.alt = f"{title}. " + "; ".join(words) + "."
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
            words.append(f"{name}: " + (", ".join(f"{run:.3f}" for run in runs) if len(runs) <= 12 else
                                        f"{min(runs):.3f} to {max(runs):.3f}, mean {sum(runs) / len(runs):.3f}"))
    ax.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.4, -0.6), xlabel="test accuracy")
    ax.set_title(title)
    figure.alt = f"{title}. " + "; ".join(words)
    return figure
