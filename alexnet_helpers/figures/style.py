"""The course's look for every figure: palette, settings, and a text alternative computed from what is shown."""

from __future__ import annotations

import io
from collections.abc import Iterator

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ..progress import notebook_shell

# Okabe and Ito's palette, which people with colour-vision deficiency can tell apart. Even so no series is known by its
# colour alone: lines and dots differ in marker or dash, areas in hatch or plainly in lightness.
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


def apply() -> None:
    """Set the look; in a notebook also how figures become pictures, PNG with a text alternative."""
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


def short(number: float) -> str:
    """1,234,567 as 1.23 M, to stand in a drawing."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"
