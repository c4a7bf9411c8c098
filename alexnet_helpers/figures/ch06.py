"""Figures of chapter 06: views of a photograph, the colours of PCA lighting, and what augmentation is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .style import BLACK, BLUE, COLOURS, DASHES, MARKERS, ORANGE, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import torch

    from ..comparing import Verdict


def one_view(photo: torch.Tensor, axes: torch.Tensor, top: int, left: int, mirrored: bool, first_colour: int,
             second_colour: int, size: int = 224) -> Figure:
    """A photograph (3, H, W) in [0, 1] with a window on it, and what a network gets: cut out, pushed, mirrored.

    `axes` (3, 3) has a principal axis a row, as long as one standard deviation of the random draw; the two colours say
    how many of them are added.
    """
    lit = (photo + (first_colour * axes[0] + second_colour * axes[1])[:, None, None]).clamp(0, 1)
    cut = lit[:, top:top + size, left:left + size]
    figure, (whole, part) = plt.subplots(1, 2, figsize=(6.4, 3.2))
    whole.imshow(photo.permute(1, 2, 0).numpy())
    whole.add_patch(plt.Rectangle((left, top), size, size, fill=False, color=ORANGE, lw=2))
    part.imshow((cut.flip(-1) if mirrored else cut).permute(1, 2, 0).numpy())
    whole.set_title("the photograph and the window", fontsize=11, fontweight="normal")
    part.set_title("what the network gets", fontsize=11, fontweight="normal")
    for ax in (whole, part):
        ax.axis("off")
    figure.alt = ("the photograph and the window, and what the network gets: "
                  f"{size} pixels from row {top}, column {left}, {'mirrored' if mirrored else 'not mirrored'}, with "
                  f"{first_colour} deviations of the first principal colour and {second_colour} of the second.")
    return figure


def likeness_by_shift(curves: dict[str, list[float]], others: list[float], title: str) -> Figure:
    """Correlation of a picture with itself, shifted by 0, 1, ... pixels; the band is what different pictures have."""
    figure, ax = plt.subplots(figsize=(7.6, 3.4))
    for (name, curve), colour, dash in told_apart(curves, COLOURS, DASHES):
        ax.plot(range(len(curve)), curve, linestyle=dash, color=colour, label=f"{name}, shifted")
    ax.axhspan(min(others), max(others), color="0.85", lw=0, label="two different photographs")
    ax.set(xlabel="shift of the window to the right (pixels)", ylabel="correlation of pixels")
    ax.set_title(title)
    ax.legend(fontsize=9, loc="upper right", ncols=2)
    figure.alt = f"{title}. Correlation over the shift: " + "; ".join(
        f"{name} {curve[len(curve) // 2]:.2f} at {len(curve) // 2} pixels, {curve[-1]:.2f} at {len(curve) - 1}"
        for name, curve in curves.items()) + f". Different photographs: {min(others):.2f} to {max(others):.2f}."
    return figure


def accuracy_by_class(before: dict[str, float], after: dict[str, float], names: tuple[str, str], title: str) -> Figure:
    """A row a class: its accuracy on two tests of the same images, and how far it falls; the largest fall on top."""
    order = sorted(before, key=lambda c: before[c] - after[c], reverse=True)
    figure, ax = plt.subplots(figsize=(7.6, 3.6))
    for row, c in enumerate(order):
        ax.plot([before[c], after[c]], [row, row], color="0.7", lw=2, zorder=1)
    ax.plot([before[c] for c in order], range(len(order)), MARKERS[0], color=BLUE, ms=7, label=names[0])
    ax.plot([after[c] for c in order], range(len(order)), MARKERS[1], color=ORANGE, ms=7, label=names[1])
    ax.set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.5, -0.5), xlim=(-0.03, 1.03),
           xlabel="share of test images right")
    ax.set_title(title)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9.5)
    figure.alt = f"{title}. {names[0]} and {names[1]}: " + "; ".join(
        f"{c} {before[c]:.0%} and {after[c]:.0%}" for c in order) + "."
    return figure


def accuracy_by_test(runs: pd.DataFrame, tests: Sequence[str], title: str) -> Figure:
    """A comparison (see `compare`) on several tests: a row a test, a dot a run, and a bar at each arm's mean."""
    figure, ax = plt.subplots(figsize=(8.4, 0.55 * len(tests) + 1.5))
    words = []
    for (arm, group), colour, marker in told_apart(dict(list(runs.groupby("arm", sort=False))), COLOURS, MARKERS):
        up = 0.16 if colour == COLOURS[0] else -0.16
        for row, test in enumerate(tests):
            ax.plot(group[test], [row - up] * len(group), marker, color=colour, ms=6, alpha=0.7,
                    label=None if row else f"trained {arm}")
            ax.plot([group[test].mean()] * 2, [row - up - 0.13, row - up + 0.13], color=BLACK, lw=1.5)
        words.append(f"trained {arm}: " + ", ".join(f"{test} {group[test].mean():.3f}" for test in tests))
    ax.set(yticks=range(len(tests)), yticklabels=tests, ylim=(len(tests) - 0.5, -0.5), xlabel="test accuracy")
    ax.set_title(title)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9.5)
    figure.alt = f"{title}. Mean accuracy on each test. " + "; ".join(words) + "."
    return figure


def arms_by_size(runs: pd.DataFrame, gains: dict[str, dict[int, Verdict]], margin: float, title: str) -> Figure:
    """A recorded sweep (see `sweep_runs`): every arm's test accuracy over the training images, and the gains.

    Small dots are single runs, lines join the means. `gains` has an arm's verdicts against the plain one by size;
    they are drawn with their 95 % intervals, and the band says which gains are too small to matter.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4.0), width_ratios=(1.2, 1))
    looks, words = {}, []
    for (arm, rows), colour, marker, dash in told_apart(dict(list(runs.groupby("arm", sort=False))), COLOURS, MARKERS,
                                                        DASHES):
        looks[arm] = colour, marker
        means = rows.groupby("size")["test accuracy"].mean()
        left.plot(rows["size"], rows["test accuracy"], color=colour, marker=marker, ms=3, alpha=0.4, ls="none")
        left.plot(means.index, means, color=colour, marker=marker, ms=6, ls=dash, label=arm)
        words.append(f"{arm}: " + ", ".join(f"{mean:.3f} at {size:,}" for size, mean in means.items()))
    right.axhspan(-100 * margin, 100 * margin, color="0.88", lw=0)
    right.axhline(0, color=BLACK, lw=1)
    for place, (arm, by_size) in enumerate(gains.items()):
        colour, marker = looks[arm]
        right.errorbar([size * 1.12 ** (place - (len(gains) - 1) / 2) for size in by_size],
                       [100 * v.mean for v in by_size.values()], [50 * (v.high - v.low) for v in by_size.values()],
                       color=colour, marker=marker, ms=6, lw=1.4, capsize=3, ls="none")
        words.append(f"{arm} gains, in points, " + ", ".join(
            f"{100 * v.mean:+.1f} ± {50 * (v.high - v.low):.1f} at {size:,}" for size, v in by_size.items()))
    left.set(xlabel="training images", ylabel="test accuracy")
    right.set(xlabel="training images", ylabel="percentage points")
    left.set_title("every run (small) and the mean", fontsize=10.5, fontweight="normal")
    right.set_title("gain over none, 95 % (band: too little)", fontsize=10.5, fontweight="normal")
    sizes = sorted(runs["size"].unique())
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
        ax.minorticks_off()
    right.margins(x=0.15)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.legend(loc="outside lower center", ncols=4, fontsize=9.5)
    figure.alt = f"{title}. Test accuracy over training images. " + "; ".join(words) + "."
    return figure


def gains_by_epoch(gains: dict[int, dict[int, Verdict]], margin: float, title: str) -> Figure:
    """What an arm gains over another on its way: a panel a training-set size, the verdict of each epoch looked at.

    Points are the means, with their 95 % intervals; the band says which gains are too small to matter.
    """
    figure, axes = plt.subplots(1, len(gains), figsize=(8.8, 3.0), sharey=True, squeeze=False)
    words = []
    for ax, (size, by_epoch) in zip(axes[0], gains.items(), strict=True):
        ax.axhspan(-100 * margin, 100 * margin, color="0.88", lw=0)
        ax.axhline(0, color=BLACK, lw=1)
        ax.errorbar(list(by_epoch), [100 * v.mean for v in by_epoch.values()],
                    [50 * (v.high - v.low) for v in by_epoch.values()], color=BLUE, marker="o", ms=5, lw=1.4, capsize=3)
        ax.set_title(f"{size:,} images", fontsize=10.5, fontweight="normal")
        ax.set(xlabel="epoch", xlim=(0, 1.07 * max(by_epoch)))
        words.append(f"{size:,} images: " + ", ".join(f"{100 * v.mean:+.1f} ± {50 * (v.high - v.low):.1f} at {epoch}"
                                                      for epoch, v in by_epoch.items()))
    axes[0, 0].set_ylabel("gain (points, 95 %)")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. Gain in percentage points by epoch. " + "; ".join(words) + "."
    return figure


def colour_strips(photo: torch.Tensor, axes: torch.Tensor, title: str) -> Figure:
    """A row a principal axis: the photograph (3, H, W) in [0, 1] pushed by -3 to 3 times that row of `axes` (3, 3).

    Every fourth pixel is drawn: the panels are small, and the notebook stays light.
    """
    steps, photo = range(-3, 4), photo[:, ::4, ::4]
    figure, panels = plt.subplots(3, len(steps), figsize=(8.8, 4.4))
    for row, axis in zip(panels, axes, strict=True):
        for ax, step in zip(row, steps, strict=True):
            ax.imshow((photo + step * axis[:, None, None]).clamp(0, 1).permute(1, 2, 0).numpy())
            ax.set(xticks=[], yticks=[])
    for ax, step in zip(panels[0], steps, strict=True):
        ax.set_title(f"{step:+d} σ" if step else "as it is", fontsize=10, fontweight="normal", loc="center")
    for i, row in enumerate(panels):
        row[0].set_ylabel(f"axis {i + 1}", fontsize=10)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = (f"{title}. One photograph 21 times: a row for each principal axis, pushed along it by -3 to +3 "
                  "standard deviations of the random draw.")
    return figure


def intervals(spans: dict[str, tuple[float, float, float]], xlabel: str, title: str) -> Figure:
    """A row a name: a mean, and the ends of its interval, as (low, mean, high); 0 is marked."""
    figure, ax = plt.subplots(figsize=(7.6, 0.42 * len(spans) + 1.2))
    for row, (low, mean, high) in enumerate(spans.values()):
        ax.plot([low, high], [row, row], color=BLUE, lw=2)
        ax.plot(mean, row, MARKERS[3], color=BLUE, ms=7)
    ax.axvline(0, color=BLACK, lw=1, ls=":")
    ax.set(yticks=range(len(spans)), yticklabels=spans, ylim=(len(spans) - 0.5, -0.5), xlabel=xlabel)
    ax.set_title(title)
    figure.alt = f"{title}. {xlabel}: " + "; ".join(
        f"{name} {mean:+.4f} ({low:+.4f} to {high:+.4f})" for name, (low, mean, high) in spans.items()) + "."
    return figure
