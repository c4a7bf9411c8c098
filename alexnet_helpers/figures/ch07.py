"""Figures of chapter 07: where the minutes go, and recorded runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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

    pass


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
