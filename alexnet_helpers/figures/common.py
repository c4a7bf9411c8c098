"""Figures that several chapters draw, and the curves that grow while a network trains."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ..progress import TrainingProgress, notebook_shell
from .style import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    GREEN,
    MARKERS,
    ORANGE,
    PURPLE,
    SKY,
    told_apart,
)

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from ..checkpoints import History
    from ..comparing import Verdict


class TrainingDisplay(TrainingProgress):
    """Progress with loss and accuracy; in a notebook also the curves. `use_course_style` hands it to `fit`."""

    def __init__(self, history: History, total: int) -> None:
        super().__init__(history, total)
        self.figure = None

    def epoch_done(self) -> None:
        if not notebook_shell():
            super().epoch_done()
            return
        from IPython.display import display
        figure = training_curves({"": [self.history]})
        if self.figure is None:
            self.figure = display(figure, display_id=True)
        else:
            self.figure.update(figure)
        plt.close(figure)                                      # shown already: the notebook must not show it again


def training_curves(runs: dict[str, list[History]], title: str = "", judged: str = "test") -> Figure:
    """Loss and accuracy over epochs; one colour and marker a name, one thin line a run; dashed, hollow: training.

    `judged` says on which images each epoch was judged, if not on test images.
    """
    figure, (loss_axes, accuracy_axes) = plt.subplots(1, 2, figsize=(8.8, 3.5))
    for (name, histories), colour, marker in told_apart(runs, COLOURS, MARKERS):
        for i, history in enumerate(histories):
            epochs = range(1, len(history.seconds) + 1)
            for ax, train, test in ((loss_axes, history.train_loss, history.test_loss),
                                    (accuracy_axes, history.train_accuracy, history.test_accuracy)):
                label = f"{name} " if name else ""
                ax.plot(epochs, train, "--", color=colour, marker=marker, ms=4, mfc="white", lw=1,
                        label=f"{label}training" if i == 0 else None)
                ax.plot(epochs, test, "-", color=colour, marker=marker, ms=4,
                        label=f"{label}{judged}" if i == 0 else None)
    loss_axes.set(xlabel="epoch", ylabel="cross-entropy", ylim=(0, None))
    accuracy_axes.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
    for ax in (loss_axes, accuracy_axes):
        ax.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = loss_axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9.5)
    loss_axes.set_title(title)
    figure.alt = f"{title}. Loss and accuracy over epochs, as they stand after the last: ".lstrip(". ") + "; ".join(
        f"{name} run {i}, {len(h.seconds)} epochs: ".lstrip() + ", ".join(
            f"{part} loss {loss[-1]:.3g}, accuracy {accuracy[-1]:.3g}" for part, loss, accuracy in (
                ("training", h.train_loss, h.train_accuracy), (judged, h.test_loss, h.test_accuracy)) if loss)
        for name, histories in runs.items() for i, h in enumerate(histories, start=1))
    return figure


def image_grid(images: torch.Tensor, titles: list[str], columns: int, title: str = "") -> Figure:
    """Images (N, 1, H, W) or (N, 3, H, W) in [0, 1], each under its title."""
    rows = -(-len(images) // columns)
    height = rows * (1.3 + 0.25 * max((name.count("\n") for name in titles), default=0)) + 0.3
    figure, axes = plt.subplots(rows, columns, figsize=(min(1.05 * columns, 8.8), height), squeeze=False)
    for ax, image, name in zip(axes.flat, images.detach().cpu(), titles, strict=False):
        ax.imshow((image.squeeze(0) if len(image) == 1 else image.permute(1, 2, 0)).numpy(), vmin=0, vmax=1)
        ax.set_title(name, fontsize=9, fontweight="normal", loc="center")
    for ax in axes.flat:
        ax.axis("off")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    names = [(name, len(list(some))) for name, some in groupby(" ".join(t.split()) for t in titles[:len(images)])]
    figure.alt = f"{title}. {len(images)} images of {images.shape[-2]} by {images.shape[-1]} pixels: " + ", ".join(
        f"{number} times {name}" if number > 1 else name for name, number in names)
    return figure


def every_run(runs: pd.DataFrame, measure: str, title: str) -> Figure:
    """A comparison (see `compare`): a row an arm, a dot a run, a bar at the mean; diverged runs are told in words."""
    arms = list(runs["arm"].unique())
    figure, ax = plt.subplots(figsize=(8.4, 0.5 * len(arms) + 1.2))
    words = []
    for row, arm in enumerate(arms):
        values = runs.loc[runs["arm"] == arm, measure]
        whole, lost = list(values.dropna()), int(values.isna().sum())
        mean = sum(whole) / len(whole) if whole else math.nan
        ax.plot([mean, mean], [row - 0.25, row + 0.25], "-", color=BLACK, lw=2)
        ax.plot(whole, [row] * len(whole), MARKERS[row % 6], color=COLOURS[row % 6], ms=7, alpha=0.8)
        lost_words = f", {lost} diverged" if lost else ""
        if lost:
            ax.annotate(f"{lost} diverged", (1, row), xycoords=("axes fraction", "data"), ha="right", va="center")
        words.append(f"{arm} {mean:.3g} ({', '.join(f'{value:.3g}' for value in whole)}){lost_words}")
    ax.set(yticks=range(len(arms)), yticklabels=arms, ylim=(len(arms) - 0.4, -0.6), xlabel=measure)
    ax.set_title(title)
    figure.alt = f"{title}. {measure}: " + "; ".join(words)
    return figure


def accuracy_by_size(runs: pd.DataFrame, verdicts: dict[int, Verdict], margin: float, difference: str,
                     title: str) -> Figure:
    """Test accuracy over training-set size, and what the verdicts say of a `difference`; a band for the margin.

    `runs` has the columns size, arm, seed and test accuracy: small open marks are single runs, lines join the means.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4.0), width_ratios=(1.35, 1))
    words, arms = [], {arm: rows for arm, rows in runs.groupby("arm", sort=False)}
    for place, ((name, rows), colour, marker, dash) in enumerate(told_apart(arms, COLOURS, MARKERS, DASHES)):
        shift = 1.05 ** (place - 1)                            # side by side, so that the marks do not hide each other
        means = rows.groupby("size")["test accuracy"].mean()
        left.plot(shift * rows["size"], rows["test accuracy"], marker, color=colour, ms=3.5, mfc="white", mew=0.9)
        left.plot([shift * size for size in means.index], means, color=colour, marker=marker, ms=6, ls=dash,
                  label=name)
        words.append(f"{name}: " + ", ".join(f"{mean:.3f} at {size:,}" for size, mean in means.items()))
    left.set(xlabel="training images", ylabel="test accuracy", xscale="log")
    left.legend(fontsize=9, loc="lower right")
    left.set_title("every run (open) and the mean", fontweight="normal")
    right.axhspan(-100 * margin, 100 * margin, color=GREEN, alpha=0.2, lw=0)
    right.axhline(0, color=BLACK, lw=1)
    points = {size: (100 * v.mean, 50 * (v.high - v.low)) for size, v in verdicts.items()}
    right.errorbar(list(points), [mean for mean, _ in points.values()], yerr=[half for _, half in points.values()],
                   color=BLACK, marker="o", capsize=4, ls="none")
    for size, (mean, half) in points.items():
        right.annotate(f"{mean:+.1f}", (size, mean + half), (0, 4), textcoords="offset points", ha="center", fontsize=9)
    right.set(xlabel="training images", ylabel="percentage points", xscale="log")
    right.set_title(f"{difference}, 95 % interval\n(band: too little to matter)", fontweight="normal")
    right.margins(x=0.12, y=0.15)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    for ax in (left, right):
        ax.set_xticks(list(verdicts), [f"{size:,}" for size in verdicts], fontsize=9)
        ax.minorticks_off()
    figure.alt = f"{title}. Test accuracy over training images. " + "; ".join(words) + (
        f". {difference[0].upper()}{difference[1:]}, points: " + ", ".join(f"{mean:+.1f} ± {half:.1f} at {size:,}"
                                                     for size, (mean, half) in points.items()))
    return figure


def memory_by_batch(fixed: dict[str, float], each: float, mark: int, title: str) -> Figure:
    """Bytes that training takes over the batch size: those that do not depend on it, and `each` for every image."""
    batches, mib = list(range(2 * mark + 1)), 2 ** 20
    figure, ax = plt.subplots(figsize=(7.6, 3.8))
    areas = ax.stackplot(batches, *[[size / mib] * len(batches) for size in fixed.values()],
                         [b * each / mib for b in batches], labels=[*fixed, "activations"], edgecolor="white", lw=0,
                         colors=[*(BLUE, SKY, PURPLE)[:len(fixed)], ORANGE])
    for area, hatch in zip(areas, [*("", "//", "..")[:len(fixed)], "xx"], strict=True):
        area.set_hatch(hatch)
    total = (sum(fixed.values()) + mark * each) / mib
    ax.plot([mark], [total], "o", color=BLACK)
    ax.annotate(f"{mark} images: {total:,.0f} MiB", (mark, total), (-8, 8), textcoords="offset points", ha="right")
    ax.set(xlabel="images a batch", ylabel="memory (MiB)", xlim=(0, batches[-1]))
    ax.set_title(title)
    ax.legend(loc="upper left", fontsize=9)
    figure.alt = (f"{title}. " + ", ".join(f"{name} {size / mib:.0f} MiB" for name, size in fixed.items())
                  + f", and activations of {each / mib:.1f} MiB an image; {total:,.0f} MiB at {mark} images.")
    return figure
