"""Figures of chapter 01: contests, data sets, the race, and days of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .style import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    GREEN,
    MARKERS,
    ORANGE,
    SKY,
    VERMILION,
    told_apart,
)

if TYPE_CHECKING:
    import numpy as np



def timeline(milestones: list[dict]) -> Figure:
    """The milestones of `facts()`, a row each; colour and marker tell their kind."""
    kinds = dict(zip(("network", "features", "data", "hardware", "recognition"),
                     zip(COLOURS, MARKERS, strict=False), strict=False))
    names = {"network": "a network", "features": "features made by hand", "data": "data", "hardware": "hardware",
             "recognition": "recognition"}
    figure, ax = plt.subplots(figsize=(8.8, 5.4))
    ax.axvline(2012, color=BLACK, lw=1, ls=":", zorder=0)
    for row, m in enumerate(milestones):
        colour, marker = kinds[m["kind"]]
        early = m["year"] < 2000
        ax.plot(m["year"], -row, marker, color=colour, ms=9, zorder=3)
        ax.annotate(f"{m['name']}: {m['text']}", (m["year"], -row), (10 if early else -10, 0), va="center", fontsize=9,
                    textcoords="offset points", ha="left" if early else "right",
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
                    fontweight="bold" if m["name"] == "AlexNet" else "normal")
    handles = [ax.plot([], [], marker, color=colour, ls="none", ms=8, label=names[kind])[0]
               for kind, (colour, marker) in kinds.items()]
    ax.legend(handles=handles, loc="lower left", fontsize=9)
    ax.spines["left"].set_visible(False)
    ax.set(xlim=(1978, 2027), xlabel="year", ylim=(-len(milestones) + 0.4, 0.7))
    ax.set_xticks(range(1990, 2026, 5))
    ax.set_yticks([])
    ax.set_title("Fourteen years lie between LeNet-5 and AlexNet")
    figure.alt = "Fourteen years lie between LeNet-5 and AlexNet. A timeline. " + " ".join(
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


def learning_curves(curves: dict[str, dict[int, np.ndarray]], leads: dict[int, tuple[float, float]],
                    names: tuple[str, str], title: str) -> Figure:
    """Accuracy over training-set size, and the lead of one arm over another, under a `title`.

    `curves` maps an arm to {size: right or wrong, (seeds, test images)}; bars are 95 % binomial intervals for the
    test images, small open marks single seeds. `leads` maps a size to the lead of `names[0]` over `names[1]` and its
    two standard errors, both as fractions.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4.1), width_ratios=(1.35, 1))
    for arm, ((name, curve), colour, marker) in enumerate(told_apart(curves, COLOURS, MARKERS)):
        sizes = [size * 1.06 ** (arm - 1) for size in curve]   # side by side, so that the bars do not hide each other
        means = [right_or_wrong.mean() for right_or_wrong in curve.values()]
        spread = [1.96 * (p * (1 - p) / next(iter(curve.values())).shape[1]) ** 0.5 for p in means]
        left.errorbar(sizes, means, yerr=spread, color=colour, marker=marker, ms=6, ls=DASHES[arm], capsize=3,
                      label=name)
        for size, right_or_wrong in zip(sizes, curve.values(), strict=True):
            left.plot([1.025 * size] * len(right_or_wrong), right_or_wrong.mean(axis=1), marker, color=colour, ms=3.5,
                      markerfacecolor="white", markeredgewidth=0.9)
    left.set(xlabel="training images", ylabel="test accuracy", xscale="log")
    left.legend(fontsize=9, loc="lower right")
    points = [100 * lead for lead, _ in leads.values()]
    right.axhline(0, color=BLACK, lw=1)
    right.errorbar(list(leads), points, yerr=[100 * error for _, error in leads.values()], color=BLACK, marker="o",
                   capsize=4, ls="none")
    right.set(xlabel="training images", ylabel="percentage points", xscale="log")
    for size, point, (lead, error) in zip(leads, points, leads.values(), strict=True):
        right.annotate(f"{100 * lead:+.1f} ± {100 * error:.1f}", (size, point), (8, 0), textcoords="offset points",
                       va="center", fontsize=9)
    right.set_title(f"{names[0]} minus {names[1]}", fontweight="normal")
    left.set_title("every subset (open), mean and 95 % interval", fontweight="normal")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    for ax in (left, right):
        ax.set_xticks(list(leads), [f"{size:,}" for size in leads])
        ax.minorticks_off()
        ax.margins(x=0.12)
    right.margins(x=0.25)
    figure.alt = f"{title}. Test accuracy over training images. " + "; ".join(
        f"{name}: " + ", ".join(f"{r.mean():.3f} at {size:,}" for size, r in curve.items())
        for name, curve in curves.items()) + f". Lead of {names[0]} over {names[1]}, points: " + ", ".join(
        f"{100 * lead:+.1f} ± {100 * error:.1f} at {size:,}" for size, (lead, error) in leads.items())
    return figure


def training_days(days: dict[str, float], reported: tuple[float, float], here: str) -> Figure:
    """Days of each machine on a logarithmic axis, with a band for the days that a paper reports."""
    figure, ax = plt.subplots(figsize=(8.6, 3.8))
    for row, (name, value) in enumerate(days.items()):
        ax.plot(value, -row, "D" if name == here else "o", color=VERMILION if name == here else BLUE, ms=8)
        text = (f"{value / 365.25:,.0f} years" if value > 1_000 else f"{value:,.0f} days" if value >= 10
                else f"{value:.1f} days" if value >= 1 else f"{24 * value:.1f} hours")
        ax.annotate(text, (value, -row), (9, 0), textcoords="offset points", va="center", fontsize=10,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    ax.axvspan(*reported, color=GREEN, alpha=0.3, lw=0)
    ax.annotate(f"reported: {reported[0]:g} to {reported[1]:g} days", (reported[1], 0.75), (6, 0), fontsize=9,
                textcoords="offset points", va="center")
    ax.set_yticks([-row for row in range(len(days))], list(days))
    ax.set(xscale="log", xlabel="days at full speed (logarithmic)", ylim=(-len(days) + 0.4, 1.1))
    ax.set_xlim(right=30 * max(days.values()))
    ax.grid(axis="y", alpha=0)
    ax.set_title("The run of 2012, if every machine were always busy")
    figure.alt = ("The run of 2012, if every machine were always busy, in days: "
                  + "; ".join(f"{n} {v:,.3g}" if v < 100 else f"{n} {v:,.0f}" for n, v in days.items())
                  + f". Reported: {reported[0]:g} to {reported[1]:g}.")
    return figure
