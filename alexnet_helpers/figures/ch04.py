"""Figures of chapter 04: slopes, what reaches each layer, the size of its steps, steps to a level, dead units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    MARKERS,
    VERMILION,
    told_apart,
)

if TYPE_CHECKING:
    import pandas as pd
    import torch


def slope_curves(x: torch.Tensor, slopes: dict[str, torch.Tensor], title: str) -> Figure:
    """The slope of each activation over its input `x`."""
    figure, ax = plt.subplots(figsize=(7.6, 3.2))
    words = []
    for (name, slope), colour, dash in told_apart(slopes, COLOURS, DASHES):
        ax.plot(x, slope, ls=dash, color=colour, label=name)
        words.append(f"{name}: from {slope.min().item():.2f} to {slope.max().item():.2f}")
    ax.set(xlabel="input of the activation", ylabel="slope", ylim=(-0.05, 1.1))
    ax.set_title(title)
    ax.legend(fontsize=9.5, loc="upper left")
    figure.alt = f"{title}. Slopes: " + "; ".join(words) + "."
    return figure


def remaining_gradient(factors: dict[str, float], title: str, layers: int = 40) -> Figure:
    """What is left of a gradient of 1 after up to so many layers, each of which multiplies it by the same factor."""
    figure, ax = plt.subplots(figsize=(8.8, 3.4))
    words = []
    for (name, factor), colour, dash in told_apart(factors, COLOURS, DASHES):
        left = [factor ** n for n in range(layers + 1)]
        ax.semilogy(range(layers + 1), left, ls=dash, color=colour, label=f"{name}, {factor:.2f} a layer")
        words.append(f"{name}: {left[-1]:.1g}")
    ax.axhline(1, color=BLACK, lw=1, ls=":")
    ax.set(xlabel="layers", ylabel="gradient left", ylim=(1e-12, 1e6), xlim=(0, layers))
    ax.set_title(title)
    ax.legend(fontsize=9.5, loc="upper left", bbox_to_anchor=(1, 1))
    figure.alt = f"{title}. Left after {layers} layers: " + "; ".join(words) + "."
    return figure


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


def flow_histograms(cases: dict[str, tuple[list[torch.Tensor], list[torch.Tensor]]], title: str,
                    layers: tuple[int, ...] = (1, 3, 5, 7, 9)) -> Figure:
    """Histograms of the sizes of activations, above, and gradients, below: a column a case, a ridge a layer.

    `cases` maps a name to what each layer puts out and to the gradient at it. Sizes are powers of ten; zeros have
    none and are left out.
    """
    figure, axes = plt.subplots(2, len(cases), figsize=(8.8, 5.0), sharex="row", sharey=True, squeeze=False)
    words = []
    for j, (name, both) in enumerate(cases.items()):
        for i, (tensors, low, high, ticks) in enumerate(zip(both, (-4, -12), (5, 3), ((-3, 0, 3), (-10, -5, 0)),
                                                            strict=True)):
            ax = axes[i][j]
            for row, layer in enumerate(layers):
                sizes = tensors[layer - 1].flatten().abs()
                sizes = sizes[sizes > 0].log10().clamp(low, high)
                counts = sizes.histc(bins=60, min=low, max=high)
                heights = (len(layers) - 1 - row + 1.3 * counts / counts.max()).tolist()
                x = [low + (high - low) * (k + 0.5) / 60 for k in range(60)]
                ax.fill_between(x, len(layers) - 1 - row, heights, color=COLOURS[i], alpha=0.75, lw=0.5,
                                edgecolor="white", zorder=row)
            sizes = [tensors[layer - 1].double().square().mean().sqrt().item() for layer in (layers[0], layers[-1])]
            words.append(f"{name}, {('activations', 'gradients')[i]}: root mean square {sizes[0]:.1g} in layer "
                         f"{layers[0]}, {sizes[1]:.1g} in layer {layers[-1]}")
            ax.set(yticks=range(len(layers)), yticklabels=[f"layer {n}" for n in reversed(layers)])
            ax.grid(axis="y", visible=False)
            ax.set(xticks=ticks, xticklabels=[f"$10^{{{n}}}$" for n in ticks])
        axes[0][j].set_title(name, fontsize=10.5, fontweight="normal")
    axes[0][0].set_xlabel("size of activations", loc="left")
    axes[1][0].set_xlabel("size of gradients", loc="left")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. Histograms by layer. " + "; ".join(words) + "."
    return figure


def by_layer(panels: dict[str, dict[str, dict[str, float]]], ylabel: str, title: str,
             level: float | None = None) -> Figure:
    """A panel for each name, in it a line for each name, over layers; logarithmic, dotted at `level`.

    0 has no logarithm, and no dot.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(8.8, 3.9), sharey=True, squeeze=False)
    words = []
    for ax, (panel, lines) in zip(axes[0], panels.items(), strict=True):
        for (name, values), colour, marker, dash in told_apart(lines, COLOURS, MARKERS, DASHES):
            ax.semilogy(list(values), [value or math.nan for value in values.values()], marker=marker, ls=dash,
                        color=colour, ms=5, lw=1.3, label=name)
            first, last = list(values)[0], list(values)[-1]
            words.append(f"{panel} {name}: {values[first]:.1g} at {first}, {values[last]:.1g} at {last}".lstrip())
        ax.set_title(panel, fontsize=10.5, fontweight="normal")
        ax.tick_params(axis="x", labelsize=9.5)
        if level is not None:
            ax.axhline(level, color=BLACK, lw=1, ls=":")
    axes[0][0].set_ylabel(ylabel)
    handles, labels = axes[0][-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=9.5)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. {ylabel} by layer. " + "; ".join(words) + "."
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


def steps_needed(arms: dict[str, list[float]], limit: int, title: str) -> Figure:
    """Steps to a level, a row an arm, a dot a run; runs that did not get there in `limit` steps are hollow at its end.
    """
    figure, ax = plt.subplots(figsize=(8.4, 0.42 * len(arms) + 1.2))
    words = []
    for row, (name, steps) in enumerate(arms.items()):
        there = [s for s in steps if s < math.inf]
        lost = len(steps) - len(there)
        ax.plot(there, [row] * len(there), MARKERS[row % 6], color=COLOURS[row % 6], ms=7, alpha=0.7)
        if lost:
            ax.plot([1.04 * limit], [row], MARKERS[row % 6], color=COLOURS[row % 6], ms=7, mfc="white")
            ax.annotate(f"{lost} of {len(steps)} not", (1.07 * limit, row), va="center", fontsize=9.5)
        words.append(f"{name}: " + (f"{min(there):.0f} to {max(there):.0f} steps" if there else "no run")
                     + (f", {lost} of {len(steps)} not in {limit}" if lost else ""))
    ax.axvline(limit, color=BLACK, lw=1, ls=":")
    ax.set(yticks=range(len(arms)), yticklabels=arms, ylim=(len(arms) - 0.4, -0.6), xlim=(0, 1.3 * limit),
           xlabel="steps")
    ax.set_title(title)
    figure.alt = f"{title}. " + "; ".join(words) + "."
    return figure


def dead_by_layer(arms: dict[str, pd.DataFrame], title: str) -> Figure:
    """A panel an arm, a table with a row a layer: the share of dead units before training, hollow, and after, full."""
    figure, axes = plt.subplots(1, len(arms), figsize=(8.8, 3.3), sharex=True, sharey=True)
    words = []
    for ax, (name, table) in zip(axes, arms.items(), strict=True):
        layers = {layer: (row["before"], row["after"]) for layer, row in table.iterrows()}
        for row, (before, after) in enumerate(layers.values()):
            colour, marker = (VERMILION, "s") if after > before else (BLUE, "o")
            ax.plot([before, after], [row, row], color=BLACK, lw=1)
            ax.plot([before], [row], "o", color=BLACK, mfc="white", ms=7)
            ax.plot([after], [row], marker, color=colour, ms=7)
        ax.set(yticks=range(len(layers)), yticklabels=layers, ylim=(len(layers) - 0.4, -0.6), xlim=(-0.05, 1.05),
               xticks=(0, 0.5, 1))
        ax.set_title(name, fontsize=10.5, fontweight="normal")
        words.append(f"{name}: " + ", ".join(f"{layer} {before:.2f} to {after:.2f}"
                                             for layer, (before, after) in layers.items()))
    figure.supxlabel("share of dead units: hollow before, full after", fontsize=11)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. Share of dead units before and after training. " + "; ".join(words) + "."
    return figure
