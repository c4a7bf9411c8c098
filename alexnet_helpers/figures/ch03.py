"""Figures of chapter 03: layers, windows, groups and towers, LRN, shares of layers, and the roofline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
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


def slab(ax: plt.Axes, x: float, y: float, width: float, height: float, slant: float, **look: object) -> None:
    """A box seen from the front and a little from above; (x, y) is its lower left corner, `slant` its depth."""
    up, edge = 0.5 * slant, {"edgecolor": BLACK, "lw": 0.8}
    right, top = x + width, y + height
    ax.add_patch(Rectangle((x, y), width, height, **edge, **look))
    ax.add_patch(Polygon([(x, top), (x + slant, top + up), (right + slant, top + up), (right, top)], **edge, **look))
    ax.add_patch(Polygon([(right, y), (right + slant, y + up), (right + slant, top + up), (right, top)], **edge,
                         **look))


def layer_diagram(shapes: dict[str, tuple[int, ...]], windows: dict[str, str]) -> Figure:
    """A network as a row of slabs: `shapes` maps the input and each layer to its output, (maps, rows, columns) or (n,).

    Height grows with the square root of the rows, width with the logarithm of the number of maps, so that 224 and 5
    rows can stand side by side. `windows` maps a layer to a line about its window, written under it.
    """
    figure, ax = plt.subplots(figsize=(8.8, 3.3))
    looks = {"conv": {"facecolor": SKY}, "pool": {"facecolor": YELLOW}, "fc": {"facecolor": "0.85", "hatch": "//"}}
    for i, (name, shape) in enumerate(shapes.items()):
        maps, height = shape[0], 2.1 * math.sqrt(shape[1] / 224) if len(shape) > 1 else 0.15 * math.log2(shape[0])
        width = 0.05 + 0.045 * math.log2(maps) if len(shape) > 1 else 0.12
        look = looks.get(name.rstrip("0123456789"), {"facecolor": "white", "hatch": ".."})
        slab(ax, i - width / 2, -height / 2, width, height, slant=0.18 * height if len(shape) > 1 else 0.08, **look)
        ax.annotate(name, (i, 1.5), ha="center", fontsize=9, fontweight="bold")
        ax.annotate("\n".join(map(str, shape[:1])) + ("" if len(shape) == 1 else f"\n{shape[1]}×{shape[2]}"),
                    (i, -1.25), ha="center", va="top", fontsize=8.5)
        ax.annotate(windows.get(name, ""), (i, -1.75), ha="center", va="top", fontsize=8)
    for y, words in ((-1.25, "maps\nsize"), (-1.75, "window\nstride")):
        ax.annotate(words, (-0.65, y), ha="right", va="top", fontsize=8, style="italic")
    ax.set(xlim=(-1.35, len(shapes) - 0.3), ylim=(-2.25, 1.75))
    ax.axis("off")
    maps, rows, _ = zip(*(shape for shape in shapes.values() if len(shape) > 1), strict=True)
    ax.set_title(f"Maps shrink from {rows[0]} to {rows[-1]} rows; their number grows from {maps[0]} to {max(maps)}")
    figure.alt = f"{ax.get_title(loc='left')}. In order: " + ", ".join(
        f"{name} {'×'.join(map(str, shape))}" + (f" ({' '.join(windows[name].split())})" if name in windows else "")
        for name, shape in shapes.items()) + "."
    return figure


def window_in_two_dimensions(image: torch.Tensor, kernel: int, stride: int, padding: int,
                             row: int, column: int) -> Figure:
    """A window on an image (H, W), and the map of averages that it leaves behind, one value for each of its places.

    `row` and `column` say which output is looked at, from 0; those beyond the last mean the last.
    """
    padded = F.pad(image[None, None], [padding] * 4)
    averages = F.avg_pool2d(padded, kernel, stride)[0, 0]
    rows, columns = averages.shape
    row, column = min(row, rows - 1), min(column, columns - 1)
    top, left = stride * row - padding, stride * column - padding
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 4.0))
    height, width = image.shape
    panels[0].imshow(padded[0, 0].numpy(), extent=(-padding - 0.5, width + padding - 0.5, height + padding - 0.5,
                                           -padding - 0.5))
    if padding:
        panels[0].add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor=SKY, ls="--", lw=1.5))
    panels[0].add_patch(Rectangle((left - 0.5, top - 0.5), kernel, kernel, fill=False, edgecolor=ORANGE, lw=3))
    end = stride * (rows - 1) - padding + kernel               # the first pixel behind the last window
    if (missed := max(0, height - end)):
        for corner, size in (((-0.5, end - 0.5), (width, missed)), ((end - 0.5, -0.5), (missed, end))):
            panels[0].add_patch(Rectangle(corner, *size, facecolor="white", alpha=0.5, hatch="xx", lw=0))
    panels[1].imshow(averages.numpy())
    panels[1].add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=ORANGE, lw=3))
    for ax in panels:
        ax.grid(False)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    lost = f", the last {missed} never read" if missed else ""
    panels[0].set_title(f"{height} × {width} pixels{lost}", fontsize=10)
    panels[1].set_title(f"{rows} × {columns} outputs", fontsize=10)
    title = (f"Output ({row}, {column}) sees rows {top} to {top + kernel - 1}, "
             f"columns {left} to {left + kernel - 1}")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = (f"{title}. A window of {kernel} × {kernel} with stride {stride} and padding {padding} on "
                  f"{height} × {width} pixels leaves {rows} × {columns} outputs; {missed} rows and columns "
                  "are never read.")
    return figure


def group_links(inputs: int, outputs: int, groups: int) -> Figure:
    """Which maps each kernel of a convolution reads, in one group and in `groups`: a line is a slice of a kernel."""
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.0))
    links = {}
    for ax, parts in zip(panels, (1, groups), strict=True):
        places = [[-(i - (n - 1) / 2) * 6 / n for i in range(n)] for n in (inputs, outputs)]
        pairs = [(i, j) for i in range(inputs) for j in range(outputs) if i * parts // inputs == j * parts // outputs]
        links[parts] = len(pairs)
        for i, j in pairs:
            ax.plot([0.12, 0.88], [places[0][i], places[1][j]], "-", color="0.35", lw=0.8)
        for x, side, colour in ((0, 0, SKY), (1, 1, YELLOW)):
            for y in places[side]:
                ax.add_patch(Rectangle((x - 0.1, y - 0.3), 0.2, 0.6, facecolor=colour, edgecolor=BLACK, lw=0.8))
        ax.set(xlim=(-0.4, 1.4), ylim=(-3.4, 3.4))
        ax.axis("off")
        ax.set_title(f"{parts} group{'s'[:parts - 1]}: {len(pairs)} links", fontsize=10)
    title = f"With {groups} groups a kernel reads {inputs // groups} of {inputs} maps"
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = (f"{title}. {inputs} maps below and {outputs} above are joined by {links[1]} lines in one group, "
                  f"by {links[groups]} in {groups} groups.")
    return figure


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


def lrn_neighbours(first: int, last: int, at: int, border: int | None = None) -> Figure:
    """Maps `first` to `last` as slabs, and the five that LRN reads for map `at`; GPU b begins with map `border`."""
    figure, ax = plt.subplots(figsize=(8.0, 2.5))
    read = range(at - 2, at + 3)
    for i in reversed(range(first, last + 1)):
        look = {"facecolor": VERMILION, "hatch": "xx"} if i == at else {"facecolor": YELLOW, "hatch": "//"} \
            if i in read else {"facecolor": "0.92"}
        slab(ax, i, 0, 0.35, 2.0, slant=0.9, **look)
        ax.annotate(str(i), (i + 0.18, -0.12), ha="center", va="top", fontsize=9)
    title = f"For map {at}, LRN adds up squares of the maps {read[0]} to {read[-1]}, at one place"
    if border is not None:
        ax.axvline(border - 0.1, color=BLACK, ls="--", lw=2)
        for x, name, side in ((border - 0.4, "GPU a", "right"), (border + 0.2, "GPU b", "left")):
            ax.annotate(name, (x, 2.75), ha=side, va="bottom", fontsize=10, fontweight="bold")
        title = f"Map {at} stands at the border: its five maps lie on two GPUs"
    ax.set(xlim=(first - 0.4, last + 1.5), ylim=(-0.5, 3.2))
    ax.axis("off")
    ax.set_title(title)
    across = "" if border is None else f" Maps from {border} on are on GPU b."
    figure.alt = f"{title}. Shown are maps {first} to {last}; {read[0]} to {read[-1]} are marked, {at} most.{across}"
    return figure


def lrn_curves(alphas: dict[str, float], neighbour: float) -> Figure:
    """A value after LRN over the value before, alone and beside one of `neighbour`; `alphas` weigh sums of squares."""
    k, beta = 2.0, 0.75                                        # the paper's
    figure, ax = plt.subplots(figsize=(7.6, 3.4))
    a, words = torch.linspace(0, 400, 200).numpy(), []
    for (name, alpha), colour, marker in told_apart(alphas, (BLUE, VERMILION), MARKERS):
        for beside, dash in ((0.0, "-"), (neighbour, "--")):
            b = a / (k + alpha * (a ** 2 + beside ** 2)) ** beta
            label = f"{name}, beside a neighbour of {beside:.0f}" if beside else f"{name}, alone"
            ax.plot(a, b, dash, color=colour, marker=marker, markevery=25, ms=5, label=label)
            words.append(f"{label}: {b[-1]:.3g} at 400")
    ax.plot(a, a / k ** beta, ":", color="0.4", label=f"no sum: divided by {k ** beta:.2f}")
    ax.set(xlabel="value before LRN", ylabel="value after LRN")
    ax.set_title("LRN holds strong values down; the paper's formula starts earlier")
    ax.legend(fontsize=9)
    figure.alt = f"{ax.get_title(loc='left')}. {'; '.join(words)}; without the sum {400 / k ** beta:.3g}."
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
            align = side if others else "right"
            up = rate > min(flops, intensity * bandwidth)      # off the roof, on either side of it
            place = {"xytext": (-4 if align == "right" else 4, 4 if up else -4), "ha": align,
                     "va": "bottom" if up else "top"}
            if above:
                place = {"xytext": (7 if side == "right" else -7, 7), "ha": side, "va": "bottom"} if others else \
                    {"xytext": (0, 7), "ha": "center", "va": "bottom"}
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
