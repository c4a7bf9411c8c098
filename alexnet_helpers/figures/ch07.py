"""Figures of chapter 07: published speeds, the ladder of a training loop, where the minutes go, and recorded runs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from ..comparing import AGAIN, factor
from .style import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    GREEN,
    MARKERS,
    VERMILION,
    told_apart,
)

if TYPE_CHECKING:
    import pandas as pd


def published_speeds(table: pd.DataFrame) -> Figure:
    """Published images a second over those that the card's float32 peak would give; lines at 100 and 30 %.

    `table` has a row a card with the columns "at the peak" and "published".
    """
    share = table["published"] / table["at the peak"]
    best = share.idxmax()
    figure, ax = plt.subplots(figsize=(7.2, 4.2))
    ends = [0.5 * table.min().min(), 2 * table.max().max()]
    for part, dash in ((1.0, "-"), (0.3, "--")):
        ax.plot(ends, [part * end for end in ends], dash, color=BLACK, lw=1, label=f"{part:.0%} of the peak")
    for i, (name, row) in enumerate(table.iterrows()):
        ax.plot(row["at the peak"], row["published"], MARKERS[i % 6], color=COLOURS[i % 6], ms=9)
        above = share[name] > 1                                # on that side of the line there is room at the left
        ax.annotate(f"{name}: {share[name]:.0%}", (row["at the peak"], row["published"]),
                    (-10, 6) if above else (10, -12), textcoords="offset points", ha="right" if above else "left",
                    fontsize=9.5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    ax.set(xscale="log", yscale="log", xlabel="images a second by arithmetic, at the float32 peak",
           ylabel="images a second, published", xlim=(ends[0], 4 * ends[1]))
    ax.legend(fontsize=9, loc="upper left")
    title = f"{best} did {share[best]:.0%} of its peak"
    ax.set_title(title)
    figure.alt = f"{title}. Published images a second, beside those at the float32 peak: " + "; ".join(
        f"{name} {row['published']:,.0f} of {row['at the peak']:,.0f}" for name, row in table.iterrows())
    return figure


def ladder(turns: dict[str, pd.DataFrame], rungs: list[str], title: str) -> Figure:
    """How many times as fast a rung is as the one before, with 95 % intervals: a panel a network.

    `turns` maps a network to its `timed_turns`, of which the arm that ran twice gives the grey band; rungs that were
    not timed are left out.
    """
    figure, panels = plt.subplots(1, len(turns), figsize=(8.8, 3.3), sharey=True, squeeze=False)
    words = []
    for ax, (network, table), colour, marker in zip(panels[0], turns.items(), COLOURS, MARKERS, strict=False):
        there = [rung for rung in rungs if rung in set(table["arm"])]
        twice = next(name for name in table["arm"] if name.endswith(AGAIN))
        noise = factor(table, twice, twice.removesuffix(AGAIN))
        gains = {rung: factor(table, before, rung) for before, rung in pairwise(there)}
        ax.axvspan(*noise[1:], color="0.85", label="one arm, twice")
        ax.axvline(1, color=BLACK, lw=1)
        for row, (gain, low, high) in enumerate(gains.values()):
            ax.hlines(row, low, high, color=colour, lw=2)
            ax.plot(gain, row, marker, color=colour, ms=7)
            ax.annotate(f"{gain:.2f}", (gain, row), (0, 8), textcoords="offset points", ha="center", fontsize=9)
        ends = [end for gain in gains.values() for end in gain] + [1]
        ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32) if 0.7 * min(ends) < tick < 1.5 * max(ends)]
        ax.set(xscale="log", yticks=range(len(gains)), yticklabels=gains, ylim=(len(gains) - 0.4, -0.7),
               xlabel="times as fast as the rung before")
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_title(network, fontsize=11)
        words.append(f"{network}: one arm twice {noise[1]:.2f} to {noise[2]:.2f}; " + ", ".join(
            f"{rung} {gain:.2f} ({low:.2f} to {high:.2f})" for rung, (gain, low, high) in gains.items()))
    figure.legend(*panels[0][0].get_legend_handles_labels(), fontsize=9, loc="outside lower center")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. Times as fast as the rung before, with 95 % intervals. " + ". ".join(words)
    return figure


def two_rules(steps: dict[str, list[float]], falls: int) -> Figure:
    """Length of each step by two update rules, with the rate divided by 10 after step `falls`."""
    figure, ax = plt.subplots(figsize=(7.6, 3.4))
    for (name, values), colour, marker, dash in told_apart(steps, (BLUE, VERMILION), MARKERS, DASHES):
        ax.plot(range(1, len(values) + 1), values, color=colour, marker=marker, ls=dash, ms=4, label=name)
    ax.axvline(falls + 0.5, color=BLACK, lw=1, ls=":", label="the rate falls")
    ax.set(xlabel="step", ylabel="length of the step", ylim=(0, None))
    ax.legend(fontsize=9)
    title = "When the rate falls, PyTorch brakes at once; the paper's rule coasts"
    ax.set_title(title)
    figure.alt = f"{title}. Length of the step just before and just after: " + "; ".join(
        f"{name} {values[falls - 1]:.3g} and {values[falls]:.3g}" for name, values in steps.items())
    return figure


def where_minutes_go(images: int, flops: float, loads: dict[str, float], machines: dict[str, float]) -> Figure:
    """Seconds an epoch over a machine's speed: arithmetic falls with it, loading does not.

    `flops` are those of one image; `loads` maps a loader to its images a second, the first of them the one whose
    crossing is marked; `machines` maps names to FLOP/s.
    """
    first = next(iter(loads))
    crossing = loads[first] * flops
    speeds = [min(*machines.values(), crossing) / 4, max(*machines.values(), crossing) * 4]
    figure, ax = plt.subplots(figsize=(8.6, 4.4))
    ax.plot([s / 1e12 for s in speeds], [images * flops / s for s in speeds], color=BLUE, label="arithmetic alone")
    for (name, rate), colour, dash in told_apart(loads, (VERMILION, GREEN), DASHES[1:]):
        ax.axhline(images / rate, color=colour, ls=dash, label=f"loading alone, {name}")
    for i, (name, speed) in enumerate(sorted(machines.items(), key=lambda item: item[1])):
        ax.plot(speed / 1e12, images * flops / speed, MARKERS[i % 6], color=BLUE, ms=7)
        below = name == "this machine"                         # its place is not known: it may be next to a card
        ax.annotate(name, (speed / 1e12, images * flops / speed), (-8, -7) if below else (8, 7),
                    textcoords="offset points", fontsize=9, ha="right" if below else "left",
                    va="top" if below else "bottom", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    ax.plot(crossing / 1e12, images / loads[first], "o", ms=13, markerfacecolor="none", color=BLACK, zorder=4)
    ax.set(xscale="log", yscale="log", xlabel="speed of the machine (TFLOP/s, logarithmic)",
           ylabel=f"seconds for {images:,} images")
    ax.set_xlim(right=40 * max(*machines.values(), crossing) / 1e12)
    ax.legend(fontsize=9, loc="lower left")
    ax.set_title(f"Above {crossing / 1e12:.2g} TFLOP/s AlexNet waits for {first}")
    figure.alt = (f"Above {crossing / 1e12:.2g} TFLOP/s AlexNet waits for {first}. Seconds an epoch of {images:,} "
                  "images. Arithmetic: " + ", ".join(
        f"{images * flops / speed:.3g} on {name}" for name, speed in machines.items()) + ". Loading: " + ", ".join(
        f"{images / rate:.3g} with {name}" for name, rate in loads.items())
        + f". Arithmetic and {first} take equally long at {crossing / 1e12:.2g} TFLOP/s.")
    return figure


def recorded_curves(runs: dict[str, list[dict]], title: str) -> Figure:
    """Test accuracy over epochs of recorded runs, one thin line a run, one colour, marker and dash a name."""
    figure, ax = plt.subplots(figsize=(8.4, 3.8))
    for (name, histories), colour, marker, dash in told_apart(runs, COLOURS, MARKERS, DASHES):
        for i, history in enumerate(histories):
            curve = history["test_accuracy"]
            ax.plot(range(1, len(curve) + 1), curve, color=colour, marker=marker, ls=dash, ms=4, lw=1.2,
                    label=None if i else f"{name}, {len(histories)} seeds")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="epoch", ylabel="test accuracy")
    ax.legend(fontsize=9, loc="lower right")
    ax.set_title(title)
    figure.alt = f"{title}. Test accuracy after the last epoch: " + "; ".join(
        f"{name} {', '.join(format(h['test_accuracy'][-1], '.3f') for h in histories)}"
        for name, histories in runs.items())
    return figure
