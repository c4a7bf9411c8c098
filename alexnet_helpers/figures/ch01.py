"""Figures of chapter 01: contests, data sets, the race, and days of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .common import accuracy_by_size
from .style import (
    BLACK,
    BLUE,
    COLOURS,
    GREEN,
    MARKERS,
    ORANGE,
    SKY,
    VERMILION,
)

if TYPE_CHECKING:
    import pandas as pd

    from ..comparing import Verdict


def ilsvrc_by_year(years: list[dict], rival: dict) -> Figure:
    """Top-5 error of the best entry of each year; `rival` is the best one without a network in the first year of these.

    Squares: features made by hand; circles: networks.
    """
    figure, ax = plt.subplots(figsize=(8.6, 3.9))
    hand = [e for e in years if not e["learned"]] + [rival]
    learned = [e for e in years if e["learned"]]
    for entries, colour, marker, dash, name in ((hand, ORANGE, "s", "--", "features made by hand"),
                                                (learned, BLUE, "o", "-", "networks")):
        ax.plot([e["year"] for e in entries], [e["error"] for e in entries], color=colour, marker=marker, ls=dash,
                ms=8, label=name)
        for e in entries:
            ax.annotate(f"{e['team']}\n{e['error']:.1f}", (e["year"], e["error"]), (0, 8), ha="center", fontsize=9,
                        textcoords="offset points")
    ax.set(ylabel="top-5 error (%)", ylim=(0, 36), xlim=(2009.4, 2017.6))
    ax.set_xticks([e["year"] for e in years])
    ax.legend(loc="upper right")
    title = (f"Hand-made features stalled near {rival['error']:.0f} %; "
             f"networks went down to {learned[-1]['error']:.0f} %")
    ax.set_title(title)
    figure.alt = (f"{title}. Top-5 error of the best entry by year, on the supplied images. "
                  + "; ".join(f"{name}: " + ", ".join(f"{e['year']} {e['team']} {e['error']:.1f} %" for e in entries)
                              for name, entries in (("made by hand", hand), ("networks", learned))))
    return figure


def timeline(milestones: list[dict]) -> Figure:
    """Milestones of `facts()`, a row each; colour and marker tell their kind."""
    names = {"network": "a network", "idea": "an idea for training", "features": "features made by hand",
             "data": "data", "hardware": "hardware", "recognition": "recognition"}
    kinds = dict(zip(names, zip(COLOURS, MARKERS, strict=True), strict=True))
    figure, ax = plt.subplots(figsize=(8.8, 0.28 * len(milestones) + 0.9))
    ax.axvline(2012, color=BLACK, lw=1, ls=":", zorder=0)
    for row, m in enumerate(milestones):
        colour, marker = kinds[m["kind"]]
        early = m["year"] < 1995
        ax.plot(m["year"], -row, marker, color=colour, ms=9, zorder=3)
        ax.annotate(f"{m['name']}: {m['text']}", (m["year"], -row), (10 if early else -10, 0), va="center", fontsize=9,
                    textcoords="offset points", ha="left" if early else "right",
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
                    fontweight="bold" if m["name"] == "AlexNet" else "normal")
    handles = [ax.plot([], [], marker, color=colour, ls="none", ms=8, label=names[kind])[0]
               for kind, (colour, marker) in kinds.items() if any(m["kind"] == kind for m in milestones)]
    ax.legend(handles=handles, loc="lower left", fontsize=9)
    ax.spines["left"].set_visible(False)
    last = max(m["year"] for m in milestones)
    ax.set(xlim=(1977, last + 2), xlabel="year", ylim=(-len(milestones) + 0.4, 0.7))
    ax.set_xticks(range(1980, last + 1, 5))
    ax.set_yticks([])
    ax.set_title("Networks came first, ideas for training deep ones came late")
    figure.alt = "Networks came first, ideas for training deep ones came late. A timeline. " + " ".join(
        f"{m['year']} {m['name']}: {m['text']}." for m in milestones)
    return figure


def challenge(entries: list[dict], single: float, fair: tuple[dict, dict]) -> Figure:
    """Top-5 errors of ILSVRC-2012: the networks, then each team's best entry; a bracket between the two of `fair`."""
    bars = [(f"AlexNet, {e['networks']} networks" + (", extra images" if e["extra_data"] else ""), e["error"], BLUE, "")
            for e in entries if e["learned"]]
    bars.append(("AlexNet, one network (validation)", single, SKY, "//"))
    teams = set()
    for entry in entries:
        if not entry["learned"] and entry["team"] not in teams:
            teams.add(entry["team"])
            bars.append((entry["team"], entry["error"], ORANGE, ""))
    figure, ax = plt.subplots(figsize=(8.6, 4.0))
    for row, (_, error, colour, hatch) in enumerate(bars):
        ax.barh(-row, error, color=colour, hatch=hatch, edgecolor="white", height=0.72)
        ax.annotate(f"{error:.1f}", (error, -row), (4, 0), textcoords="offset points", va="center", fontsize=10)
    best, second = (entry["error"] for entry in fair)
    low, high = (next(-row for row, bar in enumerate(bars) if bar[1] == error) for error in (best, second))
    arrow = high - 0.24                                        # low in its bar, so that its label stands in there too
    ax.plot([best, best], [low - 0.36, arrow], ls=":", color=BLACK, lw=1.2)
    ax.annotate("", (second, arrow), (best, arrow), arrowprops={"arrowstyle": "<->", "color": BLACK, "lw": 1.4})
    ax.annotate(f"{second - best:.2f} points", ((best + second) / 2, arrow), (0, 2), textcoords="offset points",
                ha="center", va="bottom", fontsize=9)
    ax.set_yticks([-row for row in range(len(bars))], [name for name, *_ in bars])
    ax.grid(axis="y", alpha=0)
    ax.set(xlabel="top-5 error (%); orange: best entry of each other team", xlim=(0, 38))
    ax.set_title(f"On equal data the networks lead by {second - best:.2f} percentage points")
    figure.alt = (f"On equal data the networks lead by {second - best:.2f} percentage points. Top-5 error at "
                  "ILSVRC-2012 in percent, of each other team its best: "
                  + "; ".join(f"{n}: {e:.1f}" for n, e, *_ in bars))
    return figure


def dataset_sizes(datasets: list[dict], title: str) -> Figure:
    """Number of images of each data set on one logarithmic axis."""
    figure, ax = plt.subplots(figsize=(8.6, 3.9))
    for row, entry in enumerate(datasets):
        colour, marker = (ORANGE, "s") if not entry.get("clean", True) else (BLUE, "o")
        ax.plot([100, entry["images"]], [-row, -row], color=colour, lw=1.5, ls="-" if marker == "o" else ":")
        ax.plot(entry["images"], -row, marker, color=colour, ms=8)
        ax.annotate(f"{entry['images']:,}", (entry["images"], -row), (9, 0), textcoords="offset points", va="center",
                    fontsize=9)
    ax.set_yticks([-row for row in range(len(datasets))], [f"{e['name']} ({e['year']})" for e in datasets])
    ax.set(xscale="log", xlim=(1e3, 2e9), xlabel="images (logarithmic; square and dotted: labels not checked)")
    ax.grid(axis="y", alpha=0)
    ax.set_title(title)
    figure.alt = f"{title}. " + "; ".join(f"{e['name']} {e['year']}: {e['images']:,} images" for e in datasets)
    return figure


def race(runs: pd.DataFrame, verdicts: dict[int, Verdict], margin: float, title: str) -> Figure:
    """Test accuracy over training-set size, and what the verdicts say of learned minus HOG; see `accuracy_by_size`."""
    return accuracy_by_size(runs, verdicts, margin, "learned minus HOG", title)


def hog_steps(image: np.ndarray, strength: np.ndarray, angle: np.ndarray, cells: np.ndarray) -> Figure:
    """HOG of one picture, step by step: the picture, how strong its edges are and which way they run, and one cell.

    `image`, `strength` and `angle` are (H, W), angles in degrees from 0 to 180; `cells` (rows, columns, directions).
    The cell whose histogram is drawn is the one with the strongest edges.
    """
    figure, axes = plt.subplots(1, 4, figsize=(8.8, 2.6), width_ratios=(1, 1, 1, 1.3))
    side, n = len(image) // len(cells), cells.shape[-1]
    row, column = divmod(int(cells.sum(axis=-1).argmax()), cells.shape[1])
    seen = np.where(strength > 0.15 * strength.max(), angle, np.nan)
    for ax, values, name, colours in zip(axes, (image, strength, seen), ("picture", "strength", "direction"),
                                         ("gray", "gray", "twilight"), strict=False):
        ax.imshow(values, cmap=colours)
        ax.set_title(name, fontsize=10)
        ax.axis("off")
        ax.plot([column * side - 0.5, (column + 1) * side - 0.5, (column + 1) * side - 0.5, column * side - 0.5,
                 column * side - 0.5],
                [row * side - 0.5, row * side - 0.5, (row + 1) * side - 0.5, (row + 1) * side - 0.5,
                 row * side - 0.5], color=VERMILION, lw=1.5)
    counts = cells[row, column]
    axes[3].bar(np.arange(n) * 180 / n + 90 / n, counts, width=150 / n, color=BLUE)
    axes[3].set(xlabel="direction (degrees)", xticks=range(0, 181, 60))
    axes[3].set_title("the marked cell", fontsize=10)
    figure.suptitle("HOG turns a cell of pixels into a histogram of edge directions", fontsize=12, fontweight="bold",
                    x=0.01, ha="left")
    figure.alt = ("HOG turns a cell of pixels into a histogram of edge directions. A picture, the strength and the "
                  f"direction of its edges, and the histogram of the cell in row {row}, column {column}: "
                  + ", ".join(f"{count:.2f}" for count in counts))
    return figure


def training_days(days: dict[str, float], reported: tuple[float, float], used: str, here: str) -> Figure:
    """Days of each machine on a logarithmic axis, with a bar for the days that a paper reports of the machine `used`.

    A diamond stands for `here`, the machine that was measured.
    """
    figure, ax = plt.subplots(figsize=(8.6, 3.8))
    for row, (name, value) in enumerate(days.items()):
        ax.plot(value, -row, "D" if name == here else "o", color=VERMILION if name == here else BLUE, ms=8)
        text = (f"{value / 365.25:,.0f} years" if value > 1_000 else f"{value:,.0f} days" if value >= 10
                else f"{value:.1f} days" if value >= 1 else f"{24 * value:.1f} hours")
        ax.annotate(text, (value, -row), (-9 if name == used else 9, 0), textcoords="offset points", va="center",
                    ha="right" if name == used else "left", fontsize=10)
    row = list(days).index(used)
    ax.barh(-row, reported[1] - reported[0], left=reported[0], height=0.6, color=GREEN)
    ax.annotate(f"reported: {reported[0]:g} to {reported[1]:g} days", (reported[1], -row), (6, 0), fontsize=10,
                textcoords="offset points", va="center")
    ax.set_yticks([-row for row in range(len(days))], list(days))
    ax.set(xscale="log", xlabel="days at the peak rate, or at the measured one (logarithmic)",
           ylim=(-len(days) + 0.4, 0.6), xlim=(min(days.values()) / 5, 30 * max(days.values())))
    ax.grid(axis="y", alpha=0)
    ax.set_title("The run of 2012 at peak rates, and as it went")
    figure.alt = ("The run of 2012 at peak rates, and as it went, in days: "
                  + "; ".join(f"{n} {v:,.3g}" if v < 100 else f"{n} {v:,.0f}" for n, v in days.items())
                  + f". Reported of {used}: {reported[0]:g} to {reported[1]:g}.")
    return figure
