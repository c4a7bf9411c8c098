"""Figures: one style, one function a figure, and a text alternative for each, computed from what it shows."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from IPython.display import HTML

    from .training import History

# Okabe and Ito's palette, which people with colour-vision deficiency can tell apart. Even so no series is known by its
# colour alone: lines and dots differ in marker or dash, areas in hatch or plainly in lightness (tests/test_figures.py).
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))

STYLE = {
    "figure.figsize": (7.2, 3.6), "figure.dpi": 100, "figure.constrained_layout.use": True,
    "font.size": 11, "axes.titlesize": 12, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
    "axes.prop_cycle": plt.cycler(color=COLOURS), "legend.frameon": False, "lines.linewidth": 1.8,
    "image.cmap": "gray", "image.interpolation": "nearest",
}


def told_apart(series: dict, *looks: tuple) -> Iterator[tuple]:
    """((name, values), colour, marker, …) of each series. Raises ValueError where there are more series than looks."""
    if len(series) > (most := min(map(len, looks))):
        raise ValueError(f"This figure tells at most {most} series apart, not {len(series)}: draw two figures.")
    return zip(series.items(), *looks, strict=False)


def use_course_style() -> None:
    """The course's look for every figure; in a notebook also PNG pictures that carry a text alternative.

    The alternative is the figure's attribute `alt` where a function has set it, else `describe(figure)`. It stands in
    the output's metadata, where exports to HTML and the tests find it.
    """
    plt.rcParams.update(STYLE)
    shell = notebook_shell()
    if shell is None:
        return
    from IPython.core.pylabtools import print_figure

    def png(figure: Figure) -> tuple[bytes, dict[str, str]]:
        return small_png(print_figure(figure, "png")), {"alt": getattr(figure, "alt", "") or describe(figure)}

    formatters = shell.display_formatter.formatters
    for formatter in formatters.values():
        formatter.pop(Figure, None)
    formatters["image/png"].for_type(Figure, png)


def small_png(picture: bytes) -> bytes:
    """The same PNG with a palette of 256 colours, a third of its size; a small photo, with many colours, stays."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    if image.getcolors(maxcolors=4096) is None and len(picture) < 60_000:
        return picture
    small = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def notebook_shell() -> object | None:
    """IPython's shell if this runs in a notebook's kernel, else None."""
    try:
        from IPython import get_ipython
    except ImportError:                                        # a plain script on a machine without IPython
        return None
    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None


# ---------------------------------------------------------------------------------------------------------------
# A figure in words


def describe(figure: Figure) -> str:
    """What a figure shows, from its own data: titles, axes, where each line starts and ends, the height of bars."""
    parts = []
    for ax in figure.axes:
        words = []
        if title := " ".join(ax.get_title(loc=place) for place in ("left", "center", "right")).strip():
            words.append(title)
        if ax.get_xlabel() or ax.get_ylabel():
            words.append(f"{ax.get_ylabel() or 'values'} over {ax.get_xlabel() or 'position'}")
        lines = ax.get_lines()
        labels = [line.get_label() for line in lines]
        if ax.get_legend() and all(label.startswith("_") for label in labels):      # named in the legend, as d2l does
            names = [text.get_text() for text in ax.get_legend().get_texts()]
            labels = names + labels[len(names):]
        for line, label in zip(lines, labels, strict=False):
            x, y = line.get_xdata(orig=False), line.get_ydata(orig=False)          # numbers, whatever was drawn
            name = "" if label.startswith("_") else f"{label}: "
            if line.get_transform() == ax.get_yaxis_transform(which="grid"):       # drawn by axhline
                words.append(f"{name}a level line at {y[0]:.3g}")
            elif line.get_transform() == ax.get_xaxis_transform(which="grid"):
                words.append(f"{name}an upright line at {x[0]:.3g}")
            elif len(drawn := [(a, b) for a, b in zip(x, y, strict=True) if a == a and b == b]) > 1:     # but for NaN
                (x0, y0), (x1, y1) = drawn[0], drawn[-1]
                words.append(f"{name}{y0:.3g} at {x0:.3g} to {y1:.3g} at {x1:.3g}")
        for bars in ax.containers:
            if hasattr(bars, "patches"):
                heights = [max(bar.get_height(), bar.get_width(), key=abs) if bar.get_width() > 1 else bar.get_height()
                           for bar in bars.patches]
                words.append("bars of " + ", ".join(f"{height:.3g}" for height in heights))
        if ax.images:
            rows, columns = ax.images[0].get_array().shape[:2]
            words.append(f"an image of {rows} by {columns} pixels")
        if words:
            parts.append("; ".join(words))
    return ". ".join(parts)[:1000] or "An empty figure"


# ---------------------------------------------------------------------------------------------------------------
# While a network trains


class Progress:
    """A progress bar that is one line of output: in a notebook a display of its own, elsewhere tqdm's."""

    def __init__(self, total: int, unit: str) -> None:
        self.total, self.unit, self.started = total, unit, time.perf_counter()
        self.line = self.bar = None
        if notebook_shell():                                   # tqdm would write to stderr, which stays red there
            from IPython.display import display
            self.line = display({"text/plain": "…"}, raw=True, display_id=True)
        else:
            from tqdm import tqdm
            self.bar = tqdm(total=total, unit=unit)

    def show(self, done: int, state: str) -> None:
        if self.bar is not None:
            self.bar.n = done
            self.bar.set_postfix_str(state)
        else:
            from tqdm import tqdm
            meter = tqdm.format_meter(done, self.total, time.perf_counter() - self.started, ncols=90, unit=self.unit,
                                      postfix=state)
            self.line.update({"text/plain": meter}, raw=True)

    def close(self, result: str) -> None:
        if self.bar is not None:
            self.bar.close()
            print(result)
        else:
            self.line.update({"text/plain": result}, raw=True)


class TrainingDisplay:
    """Progress with loss and accuracy; in a notebook also the curves. `fit` draws with it."""

    def __init__(self, history: History, total: int) -> None:
        self.history, self.progress, self.figure = history, Progress(total, unit="step"), None

    def steps_done(self, steps: int, loss: float, accuracy: float) -> None:
        self.progress.show(steps, f"loss {loss:.3f}, accuracy {accuracy:.3f}")

    def epoch_done(self) -> None:
        if not notebook_shell():
            self.progress.show(len(self.history.step_loss), f"test accuracy {self.history.test_accuracy[-1]:.3f}")
            return
        from IPython.display import display
        figure = training_curves({"": [self.history]})
        if self.figure is None:
            self.figure = display(figure, display_id=True)
        else:
            self.figure.update(figure)
        plt.close(figure)                                      # shown already: the notebook must not show it again

    def close(self) -> None:
        self.progress.close(str(self.history))


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
    loss_axes.set(xlabel="epoch", ylabel="cross-entropy (nats)", ylim=(0, None))
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


# ---------------------------------------------------------------------------------------------------------------
# Chapter figures


def image_grid(images: torch.Tensor, titles: list[str], columns: int, title: str = "") -> Figure:
    """Images (N, 1, H, W) or (N, 3, H, W) in [0, 1], each under its title."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(min(1.05 * columns, 8.8), 1.3 * rows + 0.3), squeeze=False)
    for ax, image, name in zip(axes.flat, images.cpu(), titles, strict=False):
        ax.imshow(image.squeeze(0) if len(image) == 1 else image.permute(1, 2, 0), vmin=0, vmax=1)
        ax.set_title(name, fontsize=9, fontweight="normal", loc="center")
    for ax in axes.flat:
        ax.axis("off")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    names = [(name, len(list(some))) for name, some in groupby(" ".join(t.split()) for t in titles[:len(images)])]
    figure.alt = f"{title}. {len(images)} images of {images.shape[-2]} by {images.shape[-1]} pixels: " + ", ".join(
        f"{number} times {name}" if number > 1 else name for name, number in names)
    return figure


def networks_to_scale(tables: dict[str, pd.DataFrame]) -> Figure:
    """Every layer with parameters as two squares: one with the area of its output, one with that of its parameters.

    `tables` maps a network's name to its `layer_table`. Within each panel all squares share one scale.
    """
    figure, panels = plt.subplots(2, 1, figsize=(8.8, 6.2), height_ratios=(1, 1.25))
    words = []
    for ax, title, area_of in ((panels[0], "Convolutions put out most values: area is values for one image",
                                lambda row: math.prod(row["output shape"])),
                               (panels[1], "Fully connected layers remember: area is the number of parameters",
                                lambda row: row["parameters"])):
        areas = {name: {layer: area_of(row) for layer, row in table.drop("total").query("parameters > 0").iterrows()}
                 for name, table in tables.items()}
        largest = {name: max(layers, key=layers.get) for name, layers in areas.items()}
        words += [title + ". " + "; ".join(f"{name}: {sum(layers.values()):,} in all, most in {largest[name]}, "
                                           f"{layers[largest[name]]:,}" for name, layers in areas.items())]
        sides = [area ** 0.5 for layers in areas.values() for area in layers.values()]
        room, x = sum(sides) / 12, 0.0                         # the least width in which a label can stand
        for (name, layers), colour in told_apart(areas, COLOURS):
            start = x
            for layer, area in layers.items():
                side, slot = area ** 0.5, max(area ** 0.5, room)
                ax.add_patch(Rectangle((x + (slot - side) / 2, 0), side, side, color=colour))
                ax.annotate(f"{layer}\n{short(area)}", (x + slot / 2, 0), (0, -4), textcoords="offset points",
                            ha="center", va="top", fontsize=9.5)
                x += slot + room / 8
            ax.text(start, max(area ** 0.5 for area in layers.values()) + room / 4, name, fontweight="bold",
                    fontsize=12, va="bottom")
            x += room / 2
        ax.set(xlim=(0, x), ylim=(0, max(sides) + room), aspect="equal", title=title)
        ax.axis("off")
    figure.alt = ". ".join(words) + "."
    return figure


def short(number: float) -> str:
    """1,234,567 as 1.2 M, to stand in a drawing."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def accuracy_rows(rows: dict[str, dict | list[float]], title: str) -> Figure:
    """Test accuracies in rows of dots: a list holds single runs; a dict (mean, sd, low, high, n) published ones."""
    figure, ax = plt.subplots(figsize=(8.4, 0.55 * len(rows) + 1.1))
    words = []
    for row, (name, runs) in enumerate(rows.items()):
        if isinstance(runs, dict):
            ax.plot([runs["low"], runs["high"]], [row, row], color=BLACK, lw=1)
            ax.add_patch(Rectangle((runs["mean"] - runs["sd"], row - 0.2), 2 * runs["sd"], 0.4, color="0.8", zorder=2))
            ax.plot([runs["mean"]] * 2, [row - 0.2, row + 0.2], color=BLACK, lw=2, zorder=3)
            words.append(f"{name}: mean {runs['mean']:.4f}, sd {runs['sd']:.4f}, n = {runs['n']}")
        else:
            ax.plot(runs, [row] * len(runs), MARKERS[row % 6], color=COLOURS[row % 6], ms=7, alpha=0.8)
            words.append(f"{name}: {', '.join(f'{run:.3f}' for run in runs)}")
    ax.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.4, -0.6), xlabel="test accuracy")
    ax.set_title(title)
    figure.alt = f"{title}. " + "; ".join(words)
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


def explorer(draw: Callable[..., Figure | pd.DataFrame | HTML],
             **controls: tuple[int, int, int] | bool | list[str]) -> None:
    """Sliders, and below them what `draw` returns for their values; moving one draws it anew.

    A control is (value at the start, lowest, highest), a truth value for a box to tick, or words to choose from, the
    first at the start. The picture at the start is stored with the notebook, so that there is something to see without
    a kernel.
    """
    import ipywidgets as widgets
    from IPython.display import display

    def control(name: str, setting: tuple[int, int, int] | bool | list[str]) -> widgets.Widget:
        if isinstance(setting, bool):
            return widgets.Checkbox(value=setting, description=name.replace("_", " "))
        if isinstance(setting, list):
            return widgets.Dropdown(options=setting, description=name.replace("_", " "))
        value, low, high = setting
        style = {"description_width": "initial"} if len(name) > 12 else {}         # else a long name is cut
        return widgets.IntSlider(value=value, min=low, max=high, description=name.replace("_", " "), style=style)

    shown = {name: control(name, setting) for name, setting in controls.items()}

    def picture() -> Figure | pd.DataFrame | HTML:
        result = draw(**{name: widget.value for name, widget in shown.items()})
        if isinstance(result, Figure):
            plt.close(result)                                  # shown here, so the cell must not show it again
        return result

    display(widgets.VBox(list(shown.values())))
    output = display(picture(), display_id=True)
    for widget in shown.values():
        widget.observe(lambda _: output.update(picture()), names="value")


# ---------------------------------------------------------------------------------------------------------------
# Chapter 01


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


# ---------------------------------------------------------------------------------------------------------------
# Chapter 04


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


# ---------------------------------------------------------------------------------------------------------------
# Chapter 05


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


def two_training_curves(runs: dict[str, list[History]], test: dict[str, float], title: str) -> Figure:
    """Training accuracy as the epoch goes by, and of the same images after it in eval mode; a panel a name.

    The histories were made with the training images given to `fit` as its test set; `test` is the final accuracy
    on real test images, a level line.
    """
    figure, panels = plt.subplots(1, len(runs), figsize=(8.8, 3.6), sharey=True)
    words = []
    for ax, (name, histories) in zip(panels, runs.items(), strict=True):
        for i, history in enumerate(histories):
            epochs = range(1, len(history.seconds) + 1)
            ax.plot(epochs, history.train_accuracy, "--", color=VERMILION, lw=1.2,
                    label=None if i else "training, on the way")
            ax.plot(epochs, history.test_accuracy, "-", color=BLUE, lw=1.2,
                    label=None if i else "training, after the epoch, eval mode")
        ax.axhline(test[name], color=BLACK, ls=":", label="test, at the end, eval mode")
        ax.set(xlabel="epoch", ylim=(0.4, 1.02))
        ax.set_title(name, fontweight="normal")
        on_the_way, after = (sum(getattr(h, part)[-1] for h in histories) / len(histories)
                             for part in ("train_accuracy", "test_accuracy"))
        words.append(f"{name}, last epoch: training {on_the_way:.3f} on the way, {after:.3f} in eval mode; "
                     f"test {test[name]:.3f}")
    panels[0].set_ylabel("accuracy")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9.5)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. " + ". ".join(words)
    return figure


def sampled_answers(passes: torch.Tensor, scaled: torch.Tensor, titles: list[str], classes: tuple[str, ...],
                    title: str) -> Figure:
    """Probabilities of the classes for some images: dots for `passes`, (passes, images, classes), bars for `scaled`."""
    figure, panels = plt.subplots(1, len(titles), figsize=(8.8, 3.5), sharey=True)
    places = range(len(classes))
    for image, (ax, name) in enumerate(zip(panels, titles, strict=True)):
        for k in range(len(passes)):
            ax.plot(places, passes[k, image].cpu(), "o", color=ORANGE, ms=4, alpha=0.35,
                    label=None if k else f"train mode, {len(passes)} passes")
        ax.plot(places, scaled[image].cpu(), "_", color=BLACK, ms=14, mew=2, label="eval mode")
        ax.set_xticks(places, classes, rotation=60, ha="right", fontsize=9)
        ax.set_title(name, fontweight="normal")
    panels[0].set_ylabel("probability")
    panels[-1].legend(fontsize=9)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. " + "; ".join(
        f"{name}: {classes[int(scaled[i].argmax())]} in eval mode, its probability in train mode from "
        f"{passes[:, i, int(scaled[i].argmax())].min():.2f} to {passes[:, i, int(scaled[i].argmax())].max():.2f}"
        for i, name in enumerate(titles))
    return figure


# ---------------------------------------------------------------------------------------------------------------
# Chapter 07


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


# ---------------------------------------------------------------------------------------------------------------
# Chapter 08


def filter_grid(filters: np.ndarray | torch.Tensor, title: str, table: pd.DataFrame | None = None,
                columns: int = 16) -> Figure:
    """All filters (n, 1 or 3, H, W) in one picture, each scaled so that its strongest weight is black or white.

    Zero is grey. Sorted by `fit_gabor`'s table, made here if it is not given: grey filters by orientation, then
    coloured ones by theirs.
    """
    import numpy as np

    from .filters import fit_gabor, scorecard

    table = fit_gabor(filters) if table is None else table
    order = table.assign(coloured=table["colourfulness"] >= 0.5).sort_values(["coloured", "orientation"]).index
    w = np.array(filters.detach().cpu() if hasattr(filters, "detach") else filters)[order]
    n, side = len(w), w.shape[-1] + 2
    w = in_few_levels(w)
    rows = -(-n // columns)
    sheet = np.ones((rows * columns, side, side, 3))
    sheet[:n, 1:-1, 1:-1] = np.broadcast_to(w, (n, 3, side - 2, side - 2)).transpose(0, 2, 3, 1)
    sheet = sheet.reshape(rows, columns, side, side, 3).swapaxes(1, 2).reshape(rows * side, columns * side, 3)
    figure, ax = plt.subplots(figsize=(8.6, 8.6 * rows / columns + 0.4))
    ax.imshow(sheet)
    ax.axis("off")
    ax.set_title(title)
    card = scorecard(table)
    figure.alt = (f"{title}. {n} filters of {side - 2} by {side - 2} pixels: " + ", ".join(
        f"{name} {card[name]:.0%}" for name in ("Gabor-like", "oriented", "oriented, grey", "blobs", "blobs, coloured"))
        + f"; median R squared of the Gabor fit {card['median fit']:.2f}")
    return figure


def in_few_levels(w: np.ndarray) -> np.ndarray:
    """Filters, each scaled to 0 to 1 with zero in the middle, in 15 levels: enough for the eye, and small as PNG."""
    import numpy as np

    return np.round(7 * w / np.maximum(abs(w).max(axis=(1, 2, 3), keepdims=True), 1e-12)) / 14 + 0.5


def filter_rows(rows: dict[str, np.ndarray | torch.Tensor], title: str, columns: int = 16) -> Figure:
    """A row a name: `columns` of its filters (n, 1 or 3, H, W), at even steps through them as they stand; zero is grey.

    Each filter is scaled so that its strongest weight is black or white.
    """
    import numpy as np

    figure, axes = plt.subplots(len(rows), 1, figsize=(8.8, 0.48 * len(rows) + 0.5), squeeze=False)
    for ax, (name, filters) in zip(axes.flat, rows.items(), strict=True):
        w = np.array(filters.detach().cpu() if hasattr(filters, "detach") else filters)
        w = w[np.linspace(0, len(w) - 1, columns).round().astype(int)]
        w, (height, width) = in_few_levels(w), w.shape[2:]
        sheet = np.ones((columns, height + 2, width + 2, 3))
        sheet[:, 1:-1, 1:-1] = np.broadcast_to(w, (columns, 3, height, width)).transpose(0, 2, 3, 1)
        ax.imshow(sheet.swapaxes(0, 1).reshape(height + 2, -1, 3))
        ax.set(xticks=[], yticks=[])
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
        ax.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. {columns} filters in each of the rows {', '.join(rows)}"
    return figure


def strips(panels: dict[str, dict[str, np.ndarray]], title: str) -> Figure:
    """Distributions side by side: `panels` maps a measure to {name: values}; a row a name, a dot a value, a bar at the
    median. What is not finite is left out.
    """
    import numpy as np

    names = list(next(iter(panels.values())))
    figure, axes = plt.subplots(1, len(panels), figsize=(8.8, 0.42 * len(names) + 1.3), sharey=True, squeeze=False)
    words = []
    for ax, (measure, rows) in zip(axes.flat, panels.items(), strict=True):
        medians = []
        for row, (name, values) in enumerate(rows.items()):
            values = np.asarray(values, dtype=float)
            values = values[np.isfinite(values)]
            y = row + np.random.default_rng(0).uniform(-0.28, 0.28, len(values))
            ax.plot(values, y, MARKERS[row % 6], color=COLOURS[row % 6], ms=3.2, alpha=0.6, mew=0)
            if len(values):
                ax.plot([np.median(values)] * 2, [row - 0.36, row + 0.36], color=BLACK, lw=2)
                medians.append(f"{name} {np.median(values):.2g}")
        ax.set_xlabel(measure, fontsize=9.5)
        words.append(f"Medians of {measure}: " + ", ".join(medians))
    axes[0][0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6))
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. " + ". ".join(words).replace("\n", " ")
    return figure


# ---------------------------------------------------------------------------------------------------------------
# Page 09


def verdict_bars(counts: pd.DataFrame, title: str) -> Figure:
    """A bar for each row of `counts`, in per cent of it, split by verdict: exact, approximate, wrong, unsettled."""
    colours = dict(zip(counts.columns, (BLUE, SKY, VERMILION, "0.92"), strict=True))
    hatches = dict(zip(counts.columns, ("", "", "//", ""), strict=True))
    figure, ax = plt.subplots(figsize=(8.6, 0.5 * len(counts) + 1.4))
    words = []
    for y, (name, row) in enumerate(counts.iterrows()):
        left = 0.0
        for verdict, number in row.items():
            width = 100 * number / row.sum()
            ax.barh(-y, width, left=left, height=0.74, color=colours[verdict], hatch=hatches[verdict],
                    edgecolor="white", label=verdict if y == 0 else None)
            if number:
                ax.annotate(str(number), (left + width / 2, -y), ha="center", va="center", fontsize=10,
                            color="white" if verdict == "exact" else "black",
                            bbox={"facecolor": colours[verdict], "edgecolor": "none", "pad": 1})
            left += width
        words.append(f"{name}: " + ", ".join(f"{number} {verdict}" for verdict, number in row.items() if number))
    ax.set_yticks([-y for y in range(len(counts))], [f"{name} ({row.sum()})" for name, row in counts.iterrows()])
    ax.set(xlim=(0, 100), xlabel="share of its claims (%)")
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    ax.set_title(title, pad=26)
    ax.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 0.99), fontsize=9, borderaxespad=0.2)
    figure.alt = f"{title}. Bars split by verdict. " + "; ".join(words) + "."
    return figure
