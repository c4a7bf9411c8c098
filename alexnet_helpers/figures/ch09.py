"""The figure of page 09: verdicts by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .style import (
    BLUE,
    SKY,
    VERMILION,
)

if TYPE_CHECKING:
    import pandas as pd



def verdict_bars(counts: pd.DataFrame, title: str) -> Figure:
    """A bar for each row of `counts`, in per cent of it, split by verdict: right, roughly, wrong, unsupported."""
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
                            color="white" if verdict == "right" else "black",
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
