"""Chapter 07's two recorded comparisons, of recipes and of batch sizes, on a miniature network.

Every arm's learning rate is tuned on held-out images with seeds of its own; then every arm runs with every seed.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.lr_scheduler import MultiStepLR

from .. import recorded
from ..comparing import tune
from ..data import Batches, load_fashion_mnist
from ..models import xavier_init
from ..training import LossNotFiniteError, evaluate, fit
from . import records

GRID = (0.01, 0.03, 0.1, 0.3, 1.0)                             # `tune` goes on where the best is at an end
TUNING_SEEDS = (100, 101, 102)
HELD_OUT = 2_000                                               # the last of the training images
Setting = dict[str, float | list[int]]

PARTS: dict[str, Setting] = {"plain SGD": {}, "momentum": {"momentum": 0.9}, "decay": {"weight_decay": 5e-4},
                             "drops": {"drops": [5, 7]},
                             "all three": {"momentum": 0.9, "weight_decay": 5e-4, "drops": [5, 7]}}
BATCHES: dict[str, Setting] = {
    "16, equal epochs": {"batch_size": 16}, "64": {"batch_size": 64}, "256, equal epochs": {"batch_size": 256},
    "16, equal updates": {"batch_size": 16, "epochs": 2}, "256, equal updates": {"batch_size": 256, "epochs": 32}}


def miniature() -> nn.Sequential:
    """(n, 1, 28, 28) -> logits (n, 10): two convolutions and two fully connected layers, 11,306 parameters."""
    return xavier_init(nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=5, stride=3), nn.ReLU(),           # 8 x 8 x 8
        nn.Conv2d(8, 16, kernel_size=3, stride=2), nn.ReLU(),          # 16 x 3 x 3
        nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10)))


def run_trials(name: str, arms: dict[str, Setting], seeds: tuple[int, ...], train_size: int, held_out: int,
               images: int, test_size: int) -> dict:
    """Tune and run every arm on the first `train_size` of so many training images; keep each run as it ends.

    A setting's `batch_size` is 64 and its `epochs` are 8 unless it says otherwise; `drops` are the epochs after which
    the rate is divided by 10; the rest goes to SGD. A run that diverged is kept as {}.
    """
    record = recorded.read_record(name) or {
        **records.provenance(name), "network": "miniature", "train_size": train_size, "held_out": held_out,
        "test_size": test_size, "arms": arms, "seeds": list(seeds), "tuning": {}, "rates": {}, "runs": {}}
    data, test = load_fashion_mnist(1_000, train_size=images, test_size=test_size)

    def part(rows: slice, batch_size: int, **how: int) -> Batches:
        return Batches(data.images[rows], data.labels[rows], batch_size, device=data.device, **how)

    def train(setting: Setting, lr: float, seed: int) -> dict[str, float]:
        options = dict(setting)
        batch_size, epochs, drops = (options.pop(key, usual) for key, usual in
                                     (("batch_size", 64), ("epochs", 8), ("drops", [])))
        torch.manual_seed(seed)
        net = miniature()
        try:
            fit(net, part(slice(train_size), batch_size, shuffle=True, seed=seed), part(slice(-10, None), 10),
                epochs=epochs, lr=lr, show=False, schedule=lambda update: MultiStepLR(update, drops, 0.1),
                **options).whole()
        except LossNotFiniteError:
            return {}
        return {"held-out accuracy": round(evaluate(net, part(slice(-held_out, None), 1_000))[1], 5),
                "test accuracy": round(evaluate(net, test)[1], 5)}

    def trial(kind: str, arm: str, lr: float, seed: int) -> dict[str, float]:
        key = f"{arm}; rate {lr:g}; seed {seed}"
        if key not in record[kind]:
            record[kind][key] = train(arms[arm], lr, seed)
            records.save_record(name, record)
        return record[kind][key]

    for arm in arms:
        record["rates"][arm] = tune(lambda lr, seed, arm=arm: trial("tuning", arm, lr, seed), GRID, TUNING_SEEDS).value
    for seed in seeds:
        for arm in arms:
            trial("runs", arm, record["rates"][arm], seed)
    return record


def record_recipe(seeds: tuple[int, ...] = tuple(range(20)), train_size: int = 2_048, held_out: int = HELD_OUT,
                  images: int = 60_000, test_size: int = 10_000) -> dict:
    """The parts of the paper's recipe, alone and together, against the book's plain SGD."""
    return run_trials("recipe", PARTS, seeds, train_size, held_out, images, test_size)


def record_batch(seeds: tuple[int, ...] = tuple(range(30)), train_size: int = 1_024, held_out: int = HELD_OUT,
                 images: int = 60_000, test_size: int = 10_000) -> dict:
    """Batches of 16, 64 and 256 with equal epochs, and with the updates of 64."""
    return run_trials("batch", BATCHES, seeds, train_size, held_out, images, test_size)
