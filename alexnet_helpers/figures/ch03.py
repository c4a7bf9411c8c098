"""Figures of chapter 03: windows, towers, shares of layers, and the roofline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

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
    YELLOW,
    told_apart,
)

if TYPE_CHECKING:
    import pandas as pd



def convolution_windows(size: int, kernel: int, stride: int, padding: int = 0, round_up: bool = False) -> Figure:
    """Where the windows of a convolution stand along one side of an image, the last eight of them; see its title.

    Rounding up allows a last window that begins inside the padded image and ends outside.
    """
    steps = (size + 2 * padding - kernel) / stride
    outputs = 1 + (math.ceil(steps) if round_up else math.floor(steps))
    starts = [stride * i - padding for i in range(outputs)]
    end = starts[-1] + kernel                                  # the first place behind the last window
    missed, outside = max(0, size - end), max(0, end - size - padding)
    shown = starts[-8:]
    left, right = (shown[0] if len(starts) > 8 else min(0, -padding)) - 0.5, max(size + padding, end) + 0.5
    figure, ax = plt.subplots(figsize=(7.2, 2.9))
    ax.axvspan(max(0, left), size, color=SKY, alpha=0.25, lw=0, label="image")
    for pad_from, pad_to in ((-padding, 0), (size, size + padding)):
        if padding and pad_to > left:
            ax.axvspan(max(pad_from, left), pad_to, facecolor="0.85", edgecolor="0.6", hatch="..", lw=0,
                       label="padding" if pad_from > 0 else None)
    if missed:
        ax.axvspan(end, size, facecolor=ORANGE, edgecolor=BLACK, alpha=0.6, lw=0, hatch="//", label="never read")
    for row, start in enumerate(shown):
        over = start + kernel > size + padding
        ax.barh(-row, kernel, left=start, height=0.6, color=VERMILION if over else BLUE, hatch="xx" if over else None,
                edgecolor="white", label="window that overhangs" if over else "window" if row == 0 else None)
        ax.annotate(str(outputs - len(shown) + row + 1), (start, -row), (-3, 0), textcoords="offset points",
                    ha="right", va="center", fontsize=8)
    ax.set(xlim=(left - 0.04 * (right - left), right), yticks=[], xlabel="pixel")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(False)
    ax.legend(fontsize=9, loc="lower left", framealpha=0.9, frameon=True)
    ending = (f"the last {missed} pixels are never read" if missed > 1 else
              "the last pixel is never read" if missed else
              f"the last window overhangs by {outside} pixel{'s'[:outside - 1]}" if outside else "every pixel is read")
    ax.set_title(f"{outputs} outputs; {ending}\n({size} pixels, window {kernel}, stride {stride}, "
                 f"padding {padding}, rounded {'up' if round_up else 'down'})")
    figure.alt = (f"{outputs} outputs; {ending}. A convolution with window {kernel}, stride {stride} and padding "
                  f"{padding} over {size} pixels has its last window from pixel {starts[-1]} to {end - 1}; "
                  f"{missed} pixels are never read, {outside} lie outside of image and padding.")
    return figure


def two_towers(shapes: dict[str, tuple[int, ...]], sent: dict[str, int],
               behind: dict[str, str] | None = None) -> Figure:
    """Two rows of layers, one a GPU, with crossing arrows where each sends its maps to the other.

    `shapes` maps the layers of one tower to the shape of their outputs, `sent` the layers that read both towers to
    the number of values that cross over, an image, `behind` to the layer whose outputs these are. A layer in `sent`
    alone stands on the first GPU only.
    """
    figure, ax = plt.subplots(figsize=(8.8, 3.2))

    def box(x: float, y: float, layer: str, shape: tuple[int, ...] | None) -> None:
        ax.add_patch(Rectangle((x, y - 0.2), 0.76, 0.4, color=SKY if y else YELLOW))
        ax.annotate(layer, (x + 0.38, y + 0.09 * (shape is not None)), ha="center", va="center", fontsize=10,
                    fontweight="bold")
        if shape:
            ax.annotate("×".join(map(str, shape)), (x + 0.38, y - 0.1), ha="center", va="center", fontsize=8)

    for i, (layer, shape) in enumerate(shapes.items()):
        for y in (1, 0):
            box(i, y, layer, shape)
            if i:
                ax.annotate("", (i, y), (i - 0.24, y), arrowprops={"arrowstyle": "->", "color": "0.4"})
    for y, name in ((1, "GPU a"), (0, "GPU b")):
        ax.annotate(name, (-0.1, y), ha="right", va="center", fontsize=10)
    for layer, values in sent.items():
        both = layer in shapes
        x = list(shapes).index(layer) if both else len(shapes)
        for start, end in ((0.2, 0.8), (0.8, 0.2)) if both else ((0.2, 0.8),):
            ax.annotate("", (x, end), (x - 0.24, start),
                        arrowprops={"arrowstyle": "->", "color": VERMILION, "lw": 1.6})
        after = f"\nafter {behind[layer]}" if behind else ""
        ax.annotate(f"{values:,}{after}", (x - 0.12, 1.26), ha="center", va="bottom", fontsize=10)
        if not both:
            box(x, 1, layer, None)
            ax.annotate("", (x, 1), (x - 0.24, 1), arrowprops={"arrowstyle": "->", "color": "0.4"})
    ax.set(xlim=(-0.75, len(shapes) + 0.85), ylim=(-0.3, 1.65))
    ax.axis("off")
    ax.set_title(f"{sum(sent.values()):,} values cross between the GPUs for each image")
    figure.alt = (f"{sum(sent.values()):,} values cross between the GPUs for each image. Two towers of "
                  + ", ".join(f"{layer} {'×'.join(map(str, shape))}" for layer, shape in shapes.items())
                  + ". They cross: " + ", ".join(f"{values:,} before {layer}" for layer, values in sent.items()) + ".")
    return figure


def roofline(points: dict[str, dict[str, tuple[float, float]]], flops: float, bandwidth: float) -> Figure:
    """Layers under the roof that a machine sets: the lower of its arithmetic rate and intensity times bandwidth.

    `points` maps a name of a series to layer -> (FLOPs a byte, FLOPs a second); `flops` and `bandwidth` are the
    machine's FLOPs and bytes a second.
    """
    figure, ax = plt.subplots(figsize=(7.6, 4.2))
    x = [intensity for series in points.values() for intensity, _ in series.values()]
    ridge = flops / bandwidth
    ends = (min(*x, ridge) / 2, max(*x, ridge) * 3)
    ax.plot([ends[0], ridge, ends[1]], [ends[0] * bandwidth / 1e9, flops / 1e9, flops / 1e9], color=BLACK,
            label="roof: copy rate, then best arithmetic rate")
    for (name, series), colour, marker in told_apart(points, COLOURS, MARKERS):
        ax.plot([p[0] for p in series.values()], [p[1] / 1e9 for p in series.values()], marker, color=colour, ms=7,
                label=name)
        above = marker != MARKERS[0]
        for layer, (intensity, rate) in series.items():
            others = [i / intensity for i, _ in series.values() if i != intensity and 0.4 < i / intensity < 2.5]
            side = "right" if others and max(others) > 1 else "left"                       # away from a close neighbour
            place = {"xytext": (-4, -4), "ha": "right", "va": "top"}
            if above:
                place = {"xytext": (7 if side == "right" else -7, 7), "ha": side, "va": "bottom"} if others else \
                    {"xytext": (7, 0), "ha": "left", "va": "center"}
            ax.annotate(layer, (intensity, rate / 1e9), textcoords="offset points", fontsize=9, **place)
    y = [rate / 1e9 for series in points.values() for _, rate in series.values()]
    ax.set(xscale="log", yscale="log", xlabel="arithmetic intensity (FLOPs a byte)",
           ylabel="achieved rate (GFLOP/s)", ylim=(min(y) / 2, 2 * max(*y, flops / 1e9)))
    ax.legend(fontsize=9, loc="upper left")
    ax.set_title("A ceiling for every layer: memory left of the ridge, arithmetic right of it")
    figure.alt = ("A ceiling for every layer: memory left of the ridge, arithmetic right of it. The roof rises to "
                  f"{flops / 1e9:.3g} GFLOP/s at the ridge, {ridge:.3g} FLOPs a byte. "
                  + ". ".join(f"{name}: " + ", ".join(
                      f"{layer} at {i:.3g} FLOPs a byte does {rate / 1e9:.3g} GFLOP/s"
                      for layer, (i, rate) in series.items()) for name, series in points.items()))
    return figure


def accepted_sizes(inputs: range, last_map: dict[str, list[int]], accepted: dict[str, list[int]]) -> Figure:
    """Rows after the last pooling over the input size, one step line a network, and the sizes that it accepts."""
    figure, ax = plt.subplots(figsize=(8.4, 3.2))
    for (name, rows), colour, dash, hatch in told_apart(last_map, (BLUE, VERMILION), DASHES, ("", "//")):
        ax.step(inputs, rows, linestyle=dash, where="post", color=colour, label=name)
        low, high = accepted[name][0], accepted[name][-1]
        ax.axvspan(low, high + 1, facecolor=colour, alpha=0.15, lw=0, hatch=hatch, edgecolor=BLACK)
        ax.annotate(f"{name}:\n{low} to {high}", ((low + high) / 2, 8.25), ha="center", va="top", fontsize=9,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.7})
    ax.set(xlabel="input size (pixels)", ylabel="rows after pool5", ylim=(3, 8.4))
    ax.set_title("The book's and the paper's network accept 32 sizes each")
    ax.legend(loc="lower right")
    figure.alt = ax.get_title(loc="left") + ". Rows after pool5 grow in steps of 32 pixels. " + " ".join(
        f"{name[0].upper()}{name[1:]} accepts {accepted[name][0]} to {accepted[name][-1]}." for name in last_map)
    return figure


def layer_shares(tables: dict[str, pd.DataFrame], layers: list[str]) -> Figure:
    """Each layer's share of a network's parameters, left, and of its multiply-accumulates, right; from layer tables."""
    figure, panels = plt.subplots(1, 2, figsize=(8.8, 3.6), sharey=True)
    words = []
    for ax, what in zip(panels, ("parameters", "MACs"), strict=True):
        looks = ((BLUE, ""), (ORANGE, "//"))
        for i, ((name, table), (colour, hatch)) in enumerate(zip(tables.items(), looks, strict=True)):
            percent = [100 * table.loc[layer, what] / table.loc["total", what] for layer in layers]
            bars = ax.barh([-row - 0.4 * (i - 0.5) for row in range(len(layers))], percent, height=0.4, color=colour,
                           label=name, hatch=hatch, edgecolor="white")
            ax.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
            words.append(f"{what}, {name}: " + ", ".join(f"{layer} {value:.1f} %" for layer, value in
                                                         zip(layers, percent, strict=True)))
        ax.set(xlabel=f"share of all {what} (%)", yticks=[-row for row in range(len(layers))], yticklabels=layers,
               xlim=(0, 72))
        ax.grid(axis="y", visible=False)
    panels[1].legend(loc="lower right")
    panels[0].set_title("Parameters live in fc6 and fc7 …")
    panels[1].set_title("… and arithmetic in the convolutions")
    figure.alt = "Parameters live in fc6 and fc7, and arithmetic in the convolutions. " + ". ".join(words)
    return figure


def grouped_bars(series: dict[str, dict[str, float]], ylabel: str, title: str,
                 stressed: tuple[str, ...] = ()) -> Figure:
    """Groups of bars side by side: `series` maps a name in the legend to label -> height. `stressed`: labels."""
    labels = list(next(iter(series.values())))
    width = 0.8 / len(series)
    figure, ax = plt.subplots(figsize=(8.4, 3.4))
    for i, ((name, heights), colour, hatch) in enumerate(told_apart(series, ("0.6", BLUE, ORANGE, GREEN),
                                                                    ("", "//", "..", "xx"))):
        bars = ax.bar([x + width * (i - (len(series) - 1) / 2) for x in range(len(labels))], list(heights.values()),
                      width=width, color=colour, hatch=hatch, edgecolor="white", label=name)
        for bar, label in zip(bars, heights, strict=True):
            if label in stressed:
                bar.set(facecolor=VERMILION, hatch="//")
    ax.set(xticks=range(len(labels)), xticklabels=labels, ylabel=ylabel)
    ax.set_title(title)
    if len(series) > 1:
        ax.legend(fontsize=9)
    figure.alt = f"{title}. " + " ".join(
        f"{name}: " + ", ".join(f"{label} {value:.1f}" for label, value in heights.items()) + "."
        for name, heights in series.items())
    return figure
