"""Figures of chapter 05: gaps between training and test, answers with dropout on, and averages of many networks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .style import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    MARKERS,
    ORANGE,
    VERMILION,
    told_apart,
)

if TYPE_CHECKING:
    import pandas as pd
    import torch


def noise_of_a_sum(percent: int, inputs: int) -> Figure:
    """How the mean of `inputs` equal values is spread after dropout of `percent` percent: binomial bars around 1."""
    p = percent / 100
    kept = range(inputs + 1)
    chance = [math.comb(inputs, k) * (1 - p) ** k * p ** (inputs - k) for k in kept]
    spread = math.sqrt(p / ((1 - p) * inputs))
    figure, ax = plt.subplots(figsize=(7.2, 2.8))
    ax.bar([k / (inputs * (1 - p)) for k in kept], chance, width=0.8 / (inputs * (1 - p)), color=BLUE)
    ax.axvline(1, color=BLACK, ls=":", lw=1)
    ax.set(xlim=(-0.1, 3), ylabel="probability", xlabel="sum of the inputs after dropout (1: without dropout)")
    title = f"p = {percent} %, {inputs} inputs: mean 1, standard deviation {spread:.2f}"
    ax.set_title(title)
    figure.alt = f"{title}. Binomial bars, the highest {max(chance):.2f}."
    return figure


def gap_rows(runs: pd.DataFrame, low: str, high: str, title: str) -> Figure:
    """Every run of a comparison as a line from its measure `low` to its measure `high`; rows of one arm together."""
    arms = list(runs["arm"].unique())
    figure, ax = plt.subplots(figsize=(8.4, 0.62 * len(arms) + 1.5))
    words = []
    for row, arm in enumerate(arms):
        chosen = runs[runs["arm"] == arm]
        for i, (a, b) in enumerate(zip(chosen[low], chosen[high], strict=True)):
            y = row + 0.6 * ((i + 0.5) / len(chosen) - 0.5)
            ax.plot([a, b], [y, y], color="0.6", lw=1, zorder=1)
            ax.plot(a, y, "s", color=ORANGE, ms=6, label=low if row == i == 0 else None)
            ax.plot(b, y, "o", color=BLUE, ms=6, label=high if row == i == 0 else None)
        words.append(f"{arm}: {low} {chosen[low].mean():.3f}, {high} {chosen[high].mean():.3f}")
    ax.set(yticks=range(len(arms)), yticklabels=arms, ylim=(len(arms) - 0.4, -0.6), xlabel="accuracy, in eval mode")
    ax.set_title(title)
    figure.legend(loc="outside lower right", ncols=2, fontsize=9.5)
    figure.alt = f"{title}. Means over the runs: " + "; ".join(words)
    return figure


def curves_by_mode(arms: dict[str, list[pd.DataFrame]], title: str) -> Figure:
    """Accuracies by epoch, a panel an arm, a line a run: a row an epoch, a column for what was measured, and how."""
    figure, panels = plt.subplots(1, len(arms), figsize=(8.8, 3.6), sharey=True)
    words = []
    for ax, (arm, runs) in zip(panels, arms.items(), strict=True):
        names = dict.fromkeys(runs[0].columns.drop("epoch"))
        for (name, _), colour, dash in told_apart(names, (VERMILION, BLUE, BLACK), ("--", "-", ":")):
            for i, run in enumerate(runs):
                ax.plot(run["epoch"], run[name], ls=dash, color=colour, lw=1.2, label=None if i else name)
        ax.set(xlabel="epoch", ylim=(0.2, 1.02))
        ax.set_title(arm, fontweight="normal")
        words.append(f"{arm}, last epoch: " + ", ".join(
            f"{name} {sum(run[name].iloc[-1] for run in runs) / len(runs):.2f}" for name in names))
    panels[0].set_ylabel("accuracy")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9.5)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. " + "; ".join(words) + "."
    return figure


def luck(passes: torch.Tensor, with_eval: float, title: str) -> Figure:
    """Accuracies of `passes` in train mode, (passes,), as a histogram, and that of eval mode as a line."""
    figure, ax = plt.subplots(figsize=(8.0, 2.6))
    ax.hist(passes.tolist(), bins=15, color=ORANGE, label=f"{len(passes)} passes in train mode")
    ax.axvline(with_eval, color=BLACK, label="eval mode")
    ax.set(xlabel="accuracy on the same test pictures", ylabel="passes")
    ax.locator_params(axis="y", integer=True)
    ax.set_title(title)
    ax.legend(fontsize=9)
    figure.alt = (f"{title}. {len(passes)} accuracies in train mode from {passes.min():.3f} to {passes.max():.3f}; "
                  f"in eval mode {with_eval:.3f}.")
    return figure


def averages(lines: dict[str, dict[int, float]], title: str) -> Figure:
    """Distance of averages to the scaled pass over how many networks each averages; dotted: falling as 1 / sqrt K."""
    figure, ax = plt.subplots(figsize=(7.6, 3.9))
    words = []
    for (name, line), colour, marker in told_apart(lines, COLOURS, MARKERS):
        ax.loglog(list(line), list(line.values()), color=colour, marker=marker, ms=5, label=name)
        words.append(f"{name}: " + ", ".join(f"{value:.3f} for {K}" for K, value in (*line.items(),)[::len(line) - 1]))
    K, first = next(iter(next(iter(lines.values())).items()))
    ends = [K, max(max(line) for line in lines.values())]
    ax.loglog(ends, [first * (K / k) ** 0.5 for k in ends], color=BLACK, ls=":", lw=1, label="as 1 / √K")
    ax.set(xlabel="K, number of networks averaged", ylabel="distance to the scaled pass")
    ax.set_title(title)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9.5)
    figure.alt = f"{title}. Distance to the scaled pass by the number of networks: " + "; ".join(words) + "."
    return figure


def wrong_labels(looks: pd.DataFrame, right: float, title: str) -> Figure:
    """Agreement with the given labels, of which a share `right` is right, and test accuracy, by epoch; a line a run.

    `looks` has the columns arm, seed, epoch, agreement, test accuracy and held-out accuracy; a large mark stands where
    a run's held-out accuracy is highest.
    """
    figure, panels = plt.subplots(1, 2, figsize=(8.8, 3.6), sharey=True)
    words = []
    for (arm, rows), colour, dash, marker in told_apart(dict([*looks.groupby("arm", sort=False)]), COLOURS, DASHES,
                                                        MARKERS):
        for i, (_, run) in enumerate(rows.groupby("seed")):
            stop = run.loc[run["held-out accuracy"].idxmax()]
            for ax, measure in zip(panels, ("agreement", "test accuracy"), strict=True):
                ax.plot(run["epoch"], run[measure], ls=dash, color=colour, lw=1.2, label=None if i else arm)
                ax.plot(stop["epoch"], stop[measure], marker, color=colour, ms=7, ls="none")
        last = rows[rows["epoch"] == rows["epoch"].max()]
        words.append(f"{arm}, at the end: agreement {last['agreement'].mean():.2f}, test accuracy "
                     f"{last['test accuracy'].mean():.2f}")
    panels[0].axhline(right, color=BLACK, ls=":", lw=1)
    panels[0].annotate(f"{100 * right:.0f} % are right", (0.98, right), (0, -4), xycoords=("axes fraction", "data"),
                       textcoords="offset points", ha="right", va="top", fontsize=9.5)
    panels[0].set(xlabel="epoch", ylabel="share of pictures", ylim=(0.2, 1.02))
    panels[1].set(xlabel="epoch")
    panels[0].set_title("agreement with the given labels", fontweight="normal")
    panels[1].set_title("test accuracy (marks: stopped there)", fontweight="normal")
    panels[1].legend(fontsize=9, loc="lower right")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. " + "; ".join(words) + "."
    return figure


def gap_over_training(curves: pd.DataFrame, runs: pd.DataFrame, title: str) -> Figure:
    """Training minus test accuracy over training accuracy, a panel a size, a line an arm from look to look.

    Means over the seeds; `curves` has one row a look, `runs` one row a run at the look that was chosen: filled marks.
    """
    sizes = sorted(curves["size"].unique())
    figure, panels = plt.subplots(1, len(sizes), figsize=(8.8, 3.5), sharex=True, sharey=True, squeeze=False)
    measures, words = ["training accuracy", "test accuracy"], []
    for ax, size in zip(panels[0], sizes, strict=True):
        of_size = {arm: curves[(curves["size"] == size) & (curves["arm"] == arm)] for arm in curves["arm"].unique()}
        for (arm, rows), colour, dash, marker in told_apart(of_size, COLOURS, DASHES, MARKERS):
            training, test = rows.groupby("epoch")[measures].mean().to_numpy().T
            ax.plot(training, 100 * (training - test), ls=dash, color=colour, marker=marker, ms=5, mfc="white",
                    label=arm)
            training, test = runs[(runs["size"] == size) & (runs["arm"] == arm)][measures].mean()
            ax.plot(training, 100 * (training - test), marker, color=colour, ms=8)
            words.append(f"{size:,} images, {arm}: training {training:.3f}, test {test:.3f}")
        ax.axhline(0, color=BLACK, lw=0.8)
        ax.set(xlabel="training accuracy")
        ax.set_title(f"{size:,} images", fontweight="normal")
    panels[0, 0].set_ylabel("training − test (points)")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9.5)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. At the chosen number of epochs: " + "; ".join(words) + "."
    return figure


def units_missing(left: pd.DataFrame, title: str) -> Figure:
    """Accuracy over the share of units switched off; a line a run. Columns: arm, seed, share, accuracy."""
    figure, ax = plt.subplots(figsize=(7.6, 3.5))
    words = []
    for (arm, rows), colour, dash, marker in told_apart(dict([*left.groupby("arm", sort=False)]), COLOURS, DASHES,
                                                        MARKERS):
        for i, (_, run) in enumerate(rows.groupby("seed")):
            ax.plot(run["share"], run["accuracy"], ls=dash, color=colour, marker=marker, ms=5,
                    label=None if i else f"trained with {arm}")
        words.append(f"{arm}: " + ", ".join(f"{value:.2f} with {share:.0%} off"
                                            for share, value in rows.groupby("share")["accuracy"].mean().items()))
    ax.set(xlabel="share of the units of fc6 and fc7 switched off", ylabel="accuracy on test pictures", ylim=(0, 1))
    ax.set_title(title)
    ax.legend(fontsize=9, loc="lower left")
    figure.alt = f"{title}. " + "; ".join(words) + "."
    return figure
