"""Figures: one style, one function a figure, and a text alternative for each, computed from what it shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from .training import History

# Okabe and Ito's palette, which people with colour-vision deficiency can tell apart; markers and dashes say it again.
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

    def png(figure: Figure) -> tuple[str, dict[str, str]]:
        return print_figure(figure, "png", base64=True), {"alt": getattr(figure, "alt", "") or describe(figure)}

    formatters = shell.display_formatter.formatters
    for formatter in formatters.values():
        formatter.pop(Figure, None)
    formatters["image/png"].for_type(Figure, png)


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
        for line in ax.get_lines():
            x, y = line.get_xdata(), line.get_ydata()
            name = "" if line.get_label().startswith("_") else f"{line.get_label()}: "
            if len(x) > 1:
                words.append(f"{name}{y[0]:.3g} at {x[0]:.3g} to {y[-1]:.3g} at {x[-1]:.3g}")
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


class TrainingDisplay:
    """A progress bar with loss and accuracy; in a notebook also the curves. `fit` draws with it."""

    def __init__(self, history: History, total: int) -> None:
        self.history, self.total, self.started = history, total, time.perf_counter()
        self.line = self.figure = self.bar = None
        if notebook_shell():
            from IPython.display import display
            self.line = display({"text/plain": "training …"}, raw=True, display_id=True)
        else:
            from tqdm import tqdm
            self.bar = tqdm(total=total, unit="step")

    def steps_done(self, steps: int, loss: float, accuracy: float) -> None:
        state = f"loss {loss:.3f}, accuracy {accuracy:.3f}"
        if self.bar is not None:
            self.bar.n = steps
            self.bar.set_postfix_str(state)
        else:
            from tqdm import tqdm
            meter = tqdm.format_meter(steps, self.total, time.perf_counter() - self.started, ncols=90, unit="step",
                                      postfix=state)
            self.line.update({"text/plain": meter}, raw=True)

    def epoch_done(self) -> None:
        if self.line is None:
            self.bar.n = len(self.history.step_loss)
            self.bar.set_postfix_str(f"test accuracy {self.history.test_accuracy[-1]:.3f}")
            return
        from IPython.display import display
        figure = training_curves({"": [self.history]})
        if self.figure is None:
            self.figure = display(figure, display_id=True)
        else:
            self.figure.update(figure)
        plt.close(figure)                                      # shown already: the notebook must not show it again

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            print(self.history)
        else:
            self.line.update({"text/plain": str(self.history)}, raw=True)


def training_curves(runs: dict[str, list[History]], title: str = "") -> Figure:
    """Loss and accuracy over epochs; one colour and marker a name, one thin line a run; dashed: training."""
    figure, (loss_axes, accuracy_axes) = plt.subplots(1, 2, figsize=(8.4, 3.2))
    for (name, histories), colour, marker in zip(runs.items(), COLOURS, MARKERS, strict=False):
        for i, history in enumerate(histories):
            epochs = range(1, len(history.seconds) + 1)
            for ax, train, test in ((loss_axes, history.train_loss, history.test_loss),
                                    (accuracy_axes, history.train_accuracy, history.test_accuracy)):
                label = f"{name} " if name else ""
                ax.plot(epochs, train, "--", color=colour, lw=1, label=f"{label}training" if i == 0 else None)
                ax.plot(epochs, test, "-", color=colour, marker=marker, ms=3, label=f"{label}test" if i == 0 else None)
    loss_axes.set(xlabel="epoch", ylabel="cross-entropy (nats)", ylim=(0, None))
    accuracy_axes.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
    accuracy_axes.legend(fontsize=9)
    loss_axes.set_title(title)
    return figure


# ---------------------------------------------------------------------------------------------------------------
# Chapter figures


def image_grid(images: torch.Tensor, titles: list[str], columns: int, title: str = "") -> Figure:
    """Images (N, 1, H, W) or (N, 3, H, W) in [0, 1], each under its title."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.05 * columns, 1.3 * rows + 0.3), squeeze=False)
    for ax, image, name in zip(axes.flat, images.cpu(), titles, strict=False):
        ax.imshow(image.squeeze(0) if len(image) == 1 else image.permute(1, 2, 0), vmin=0, vmax=1)
        ax.set_title(name, fontsize=9, fontweight="normal", loc="center")
    for ax in axes.flat:
        ax.axis("off")
    figure.suptitle(title, fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.alt = f"{title}. {len(images)} images of {images.shape[-2]} by {images.shape[-1]} pixels: " \
                 f"{', '.join(titles[:len(images)])}"
    return figure


def networks_to_scale(tables: dict[str, pd.DataFrame]) -> Figure:
    """Every layer with parameters as two squares: one with the area of its output, one with that of its parameters.

    `tables` maps a network's name to its `layer_table`. Within each panel all squares share one scale.
    """
    figure, panels = plt.subplots(2, 1, figsize=(9, 6.4), height_ratios=(1, 1.55))
    totals = []
    for ax, what in zip(panels, ("values that the layer computes, per image", "parameters that it holds"), strict=True):
        columns = []                                           # (network, layer, area)
        for name, table in tables.items():
            for layer, row in table.drop("total").query("parameters > 0").iterrows():
                values = 1
                for side in row["output shape"]:
                    values *= side
                columns.append((name, layer, values if what.startswith("values") else row["parameters"]))
        totals.append({name: sum(area for n, _, area in columns if n == name) for name in tables})
        gap = 0.07 * sum(area ** 0.5 for *_, area in columns)
        x = 0.0
        for i, (name, layer, area) in enumerate(columns):
            if i and name != columns[i - 1][0]:
                x += gap
            side, colour = area ** 0.5, COLOURS[list(tables).index(name)]
            slot = max(side, 0.62 * gap)
            ax.add_patch(Rectangle((x + (slot - side) / 2, 0), side, side, color=colour))
            ax.annotate(f"{layer}\n{short(area)}", (x + slot / 2, 0), (0, -4), textcoords="offset points", ha="center",
                        va="top", fontsize=9)
            x += slot + 0.12 * gap
        ax.set(xlim=(-0.05 * gap, x), ylim=(0, 1.06 * max(area for *_, area in columns) ** 0.5), aspect="equal")
        ax.axis("off")
        ax.set_title(f"Area: {what}")
    handles = [Rectangle((0, 0), 1, 1, color=colour) for _, colour in zip(tables, COLOURS, strict=False)]
    panels[1].legend(handles, list(tables), loc="upper left", fontsize=11)
    figure.alt = ("Each layer drawn as a square. " + " ".join(
        f"{name}: {totals[0][name]:,} values an image and {totals[1][name]:,} parameters in total." for name in tables))
    return figure


def short(number: float) -> str:
    """1,234,567 as 1.2 M, to stand in a drawing."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def official_runs(ax: Axes, row: float, name: str, mean: float, sd: float, low: float, high: float, n: int) -> None:
    """A published distribution as a row of a dot plot: whisker from `low` to `high`, box of one sd, line at the mean."""
    ax.plot([low, high], [row, row], color=BLACK, lw=1)
    ax.add_patch(Rectangle((mean - sd, row - 0.22), 2 * sd, 0.44, color="0.8", zorder=2))
    ax.plot([mean, mean], [row - 0.22, row + 0.22], color=BLACK, lw=2, zorder=3)
    ax.annotate(f"{name}\n(n = {n})", (low, row), (-6, 0), textcoords="offset points", ha="right", va="center",
                fontsize=9)
