"""Chapter 07's two recorded comparisons, of recipes and of batch sizes, on a miniature network.

Every arm's learning rate is tuned on held-out images with seeds of its own; then every arm runs with every seed. The
networks are so small that a computer spends its time on starting operations: hundreds are trained side by side, each by
its own setting, and none sees another.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .. import recorded
from ..data import Batches, load_fashion_mnist
from ..models import xavier_init
from . import records

GRID = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
TUNING_SEEDS = (100, 101, 102)


@dataclass(frozen=True)
class Recipe:
    """How SGD trains: `drops` are the epochs after which the rate is divided by 10."""

    batch_size: int = 64
    epochs: int = 8
    momentum: float = 0.0
    decay: float = 0.0
    drops: tuple[int, ...] = ()


PARTS = {"plain SGD": Recipe(), "momentum": Recipe(momentum=0.9), "decay": Recipe(decay=5e-4),
         "drops": Recipe(drops=(5, 7)), "all three": Recipe(momentum=0.9, decay=5e-4, drops=(5, 7))}
BATCHES = {"16, equal epochs": Recipe(16), "64": Recipe(64), "256, equal epochs": Recipe(256),
           "16, equal updates": Recipe(16, epochs=2), "256, equal updates": Recipe(256, epochs=32)}


def miniature() -> nn.Sequential:
    """(n, 1, 28, 28) -> logits (n, 10): two convolutions and two fully connected layers, 11,306 parameters."""
    return xavier_init(nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=5, stride=3), nn.ReLU(),           # 8 x 8 x 8
        nn.Conv2d(8, 16, kernel_size=3, stride=2), nn.ReLU(),          # 16 x 3 x 3
        nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10)))


def miniatures(seeds: list[int]) -> list[torch.Tensor]:
    """The parameters of a miniature a seed, as it starts: stacked, with the networks along the first dimension."""
    networks = []
    for seed in seeds:
        torch.manual_seed(seed)
        networks.append(miniature())
    return [torch.stack(same).detach() for same in zip(*(net.parameters() for net in networks), strict=True)]


def windows_of(images: torch.Tensor) -> torch.Tensor:
    """What the first convolution looks at: (n, 1, 28, 28) -> (n, 64, 25)."""
    return images.unfold(2, 5, 3).unfold(3, 5, 3).reshape(len(images), 64, 25)


def logits_of(weights: list[torch.Tensor], windows: torch.Tensor) -> torch.Tensor:
    """What N miniatures answer, each to images of its own, given as windows: (N, batch, 64, 25) -> (N, batch, 10)."""
    def linear(X: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(bias[:, None], X, weight.flatten(2).transpose(1, 2))

    n, batch = windows.shape[:2]
    maps = linear(windows.reshape(n, batch * 64, 25), *weights[:2]).relu()                 # (n, batch * 64, 8)
    maps = maps.reshape(n, batch, 8, 8, 8).permute(1, 0, 4, 2, 3).reshape(batch, n * 8, 8, 8)
    maps = F.conv2d(maps, weights[2].flatten(0, 1), weights[3].flatten(), stride=2, groups=n).relu()
    maps = maps.reshape(batch, n, 144).transpose(0, 1)
    return linear(linear(maps, *weights[4:6]).relu(), *weights[6:])


def train(images: torch.Tensor, labels: torch.Tensor, recipes: list[Recipe], rates: list[float],
          seeds: list[int]) -> list[torch.Tensor]:
    """Train a miniature a recipe, rate and seed on images (n, 1, 28, 28); all recipes share batch size and epochs.

    The update is torch.optim.SGD's. Returns the weights, networks first.
    """
    def a_network(values: list[float], like: torch.Tensor) -> torch.Tensor:
        return torch.tensor(values).reshape(-1, *[1] * (like.ndim - 1))

    weights, orders = miniatures(seeds), [torch.Generator().manual_seed(seed) for seed in seeds]
    velocities = [torch.zeros_like(w) for w in weights]
    batch_size, epochs, windows = recipes[0].batch_size, recipes[0].epochs, windows_of(images)
    for epoch in range(epochs):
        now = [rate / 10 ** sum(epoch >= drop for drop in recipe.drops)
               for rate, recipe in zip(rates, recipes, strict=True)]
        order = torch.stack([torch.randperm(len(images), generator=generator) for generator in orders])
        for rows in order.split(batch_size, dim=1):
            for w in weights:
                w.requires_grad_()
            found = logits_of(weights, windows[rows])
            loss = F.cross_entropy(found.flatten(0, 1), labels[rows].flatten(), reduction="sum") / rows.shape[1]
            gradients = torch.autograd.grad(loss, weights)
            weights = [w.detach() for w in weights]
            for w, v, g in zip(weights, velocities, gradients, strict=True):
                v.mul_(a_network([recipe.momentum for recipe in recipes], w)).add_(g)
                v.add_(a_network([recipe.decay for recipe in recipes], w) * w)
                w.sub_(a_network(now, w) * v)
    return weights


def accuracies(weights: list[torch.Tensor], images: torch.Tensor, labels: torch.Tensor) -> list[float]:
    """Each network's share of right answers; None where a weight is not finite."""
    networks = len(weights[0])
    right = torch.zeros(networks)
    with torch.no_grad():
        for X, y in zip(images.split(250), labels.split(250), strict=True):
            windows = windows_of(X).expand(networks, -1, -1, -1)
            right += (logits_of(weights, windows).argmax(dim=2) == y).sum(dim=1)
    whole = torch.stack([w.flatten(1).isfinite().all(dim=1) for w in weights]).all(dim=0)
    return [round(share, 5) if finite else None
            for share, finite in zip((right / len(labels)).tolist(), whole.tolist(), strict=True)]


def record_trials(name: str, arms: dict[str, Recipe], seeds: tuple[int, ...], train_size: int, held_out: int,
                  images: int, test_size: int) -> dict:
    """Tune and run every arm on the first `train_size` of so many training images; the last `held_out` judge rates.

    Keys of runs: "arm; rate; seed". Where it was stopped, it goes on with the next arm.
    """
    record = recorded.read_record(name) or {
        **records.provenance(name), "network": "miniature, 11,306 parameters", "train_size": train_size,
        "held_out": held_out, "test_size": test_size, "seeds": list(seeds), "tuning_seeds": list(TUNING_SEEDS),
        "arms": {arm: {key: value for key, value in vars(recipe).items() if value} for arm, recipe in arms.items()},
        "tuning": {}, "rates": {}, "runs": {}}
    data, test = load_fashion_mnist(1_000, train_size=images, test_size=test_size, device="cpu")

    def pixels(batches: Batches, rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
        return batches.images[rows].float() / 255, batches.labels[rows]

    def trials(kind: str, arm: str, settings: list[tuple[float, int]], judges: dict[str, tuple]) -> dict[str, dict]:
        rates, networks = [rate for rate, _ in settings], [seed for _, seed in settings]
        weights = train(*pixels(data, slice(train_size)), [arms[arm]] * len(settings), rates, networks)
        found = {judge: accuracies(weights, *of) for judge, of in judges.items()}
        record[kind] |= {f"{arm}; {rate:g}; {seed}": {judge: values[i] for judge, values in found.items()}
                         for i, (rate, seed) in enumerate(settings)}
        return record[kind]

    judge = {"held-out accuracy": pixels(data, slice(-held_out, None))}
    for arm in arms:
        if arm not in record["rates"]:
            tuning = trials("tuning", arm, [(rate, seed) for rate in GRID for seed in TUNING_SEEDS], judge)
            record["rates"][arm] = max(GRID, key=lambda rate, arm=arm, tuning=tuning: sum(
                tuning[f"{arm}; {rate:g}; {seed}"]["held-out accuracy"] or -9 for seed in TUNING_SEEDS))
            records.save_record(name, record)
        if not any(run.startswith(f"{arm};") for run in record["runs"]):
            trials("runs", arm, [(record["rates"][arm], seed) for seed in seeds],
                   {**judge, "test accuracy": pixels(test, slice(None))})
            records.save_record(name, record)
    return record


def record_recipe(seeds: tuple[int, ...] = tuple(range(20)), train_size: int = 2_048, held_out: int = 2_000,
                  images: int = 60_000, test_size: int = 10_000) -> dict:
    """The parts of the paper's recipe, alone and together, against the book's plain SGD."""
    return record_trials("recipe", PARTS, seeds, train_size, held_out, images, test_size)


def record_batch(seeds: tuple[int, ...] = tuple(range(30)), train_size: int = 1_024, held_out: int = 2_000,
                 images: int = 60_000, test_size: int = 10_000) -> dict:
    """Batches of 16, 64 and 256 with equal epochs, and with the updates of 64."""
    return record_trials("batch", BATCHES, seeds, train_size, held_out, images, test_size)
