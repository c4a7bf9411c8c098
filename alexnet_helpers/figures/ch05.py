"""Figures of chapter 05: gaps between training and test, and answers with dropout on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .style import (
    BLACK,
    BLUE,
    ORANGE,
    VERMILION,
)

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from ..checkpoints import History


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
            ax.plot(places, passes[k, image].cpu().numpy(), "o", color=ORANGE, ms=4, alpha=0.35,
                    label=None if k else f"train mode, {len(passes)} passes")
        ax.plot(places, scaled[image].cpu().numpy(), "_", color=BLACK, ms=14, mew=2, label="eval mode")
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
