"""Lesson 01's race, recorded: raw pixels, HOG and a small network, on training sets up to all of Fashion-MNIST.

Every arm is tuned for every size, on held-out images and two seeds, by a walk over its grid that ends where no
neighbour is better: a best value stands inside its grid, or the record names it as standing at the edge.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LinearLR

from .. import recorded
from ..data import Batches, load_fashion_mnist
from ..models import xavier_init
from ..training import fit
from . import records

RECIPE = {"orientations": 9, "pixels_per_cell": (4, 4), "cells_per_block": (2, 2)}
GRIDS = {"C": (0.0001, 0.00032, 0.001, 0.0032, 0.01, 0.032, 0.1, 0.32, 1.0, 3.2, 10.0),
         "lr": (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064),
         "decay": (0.001, 0.0032, 0.01, 0.032, 0.1, 0.32, 1.0, 3.2, 10.0)}
STARTS = {"pixels + linear": {"C": 0.1}, "HOG + linear": {"C": 0.1}, "learned": {"lr": 0.004, "decay": 0.1}}
HELD_OUT = 6                                                   # the last sixth of the training images is for tuning
TUNING_SEEDS = (100, 101)
Setting = dict[str, float]


def small_network() -> nn.Sequential:
    """The lesson's network for (n, 1, 28, 28): two convolutions, two fully connected layers, 106,122 parameters."""
    return xavier_init(nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=5, stride=2, padding=2), nn.ReLU(),     # 16 x 14 x 14
        nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1), nn.ReLU(),    # 32 x 7 x 7
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 64), nn.ReLU(),
        nn.Linear(64, 10)))


def epochs_for(size: int) -> int:
    """Passes over `size` images: eight and, so that few images give enough updates, 40,000 images' worth more."""
    return 8 + round(40_000 / size)


def train_network(images: torch.Tensor, labels: torch.Tensor, setting: Setting, seed: int) -> nn.Module:
    """AdamW in batches of 64, the rate falling along a line to zero, an epoch a step."""
    torch.manual_seed(seed)
    net, epochs = small_network(), epochs_for(len(images))
    batches = Batches(images, labels, 64, shuffle=True, seed=seed)
    fit(net, batches, Batches(images[:64], labels[:64], 64), epochs=epochs, lr=setting["lr"], show=False,
        optimizer=torch.optim.AdamW, weight_decay=setting["decay"], fused=True,
        schedule=lambda update: LinearLR(update, 1.0, 0.0, total_iters=epochs))
    return net


def hog_features(images: torch.Tensor) -> np.ndarray:
    """HOG of uint8 images (n, 1, 28, 28): float32 (n, 1296)."""
    from skimage.feature import hog

    return np.stack([hog(image, **RECIPE) for image in images[:, 0].numpy() / 255]).astype(np.float32)


def climb(score: Callable[[Setting], float], start: Setting) -> Setting:
    """The setting that no neighbour beats: from `start`, one step along one knob's grid at a time, to the best."""
    best = start
    while True:
        near = []
        for knob, value in best.items():
            place = GRIDS[knob].index(value)
            near += [{**best, knob: GRIDS[knob][i]} for i in (place - 1, place + 1) if 0 <= i < len(GRIDS[knob])]
        ahead = max(near, key=score)
        if score(ahead) <= score(best):
            return best
        best = ahead


def at_edge(setting: Setting) -> list[str]:
    """The knobs whose value is the first or last of its grid."""
    return [knob for knob, value in setting.items() if value in (GRIDS[knob][0], GRIDS[knob][-1])]


class Race:
    """The images, their features, and who predicts what."""

    def __init__(self, train: Batches, test: Batches) -> None:
        self.images = {"train": train.images, "test": test.images}
        self.labels = {"train": train.labels, "test": test.labels}
        self.features = {arm: {part: of(images) for part, images in self.images.items()} for arm, of in (
            ("pixels + linear", lambda images: (images.flatten(1).numpy() / 255).astype(np.float32)),
            ("HOG + linear", hog_features))}

    def right(self, arm: str, rows: np.ndarray, setting: Setting, seed: int, part: str,
              asked: np.ndarray) -> np.ndarray:
        """Trained on the training images `rows`: which of the images `asked` of `part` are told right, as booleans."""
        from sklearn.svm import LinearSVC

        wanted = self.labels[part][asked].numpy()
        if arm == "learned":
            net = train_network(self.images["train"][rows], self.labels["train"][rows], setting, seed)
            with torch.no_grad():
                found = [net(X).argmax(dim=1) for X, _ in Batches(self.images[part][asked], self.labels[part][asked],
                                                                  1_000)]
            return torch.cat(found).numpy() == wanted
        machine = LinearSVC(C=setting["C"], dual=True, tol=0.1, random_state=seed)
        machine.fit(self.features[arm]["train"][rows], self.labels["train"][rows].numpy())
        return machine.predict(self.features[arm][part][asked]) == wanted


def record_race(sizes: tuple[int, ...] = (300, 1_200, 4_800, 19_200, 60_000), seeds: tuple[int, ...] = tuple(range(10)),
                train_size: int = 60_000, test_size: int = 10_000) -> dict:
    """Tune every arm at every size, then race it with every seed, each on its own subset of the training images.

    A setting is tuned on subsets that leave the held-out images aside, and judged on these; a race takes its subset
    from all training images and is judged on the test images. At the largest size the seeds share one subset, and a
    linear classifier is fitted once. `only` counts the test images that one of the two arms alone tells right.
    """
    record = recorded.read_record("race") or {
        **records.provenance("race"), "sizes": list(sizes), "seeds": list(seeds), "tuning_seeds": list(TUNING_SEEDS),
        "train_size": train_size, "test_size": test_size, "grids": {knob: list(grid) for knob, grid in GRIDS.items()},
        "epochs": {str(size): epochs_for(size) for size in sizes}, "tuning": {}, "chosen": {}, "runs": {}}
    race = Race(*load_fashion_mnist(64, train_size=train_size, test_size=test_size, device="cpu"))
    split = train_size - train_size // HELD_OUT
    held_out, tested = np.arange(split, train_size), np.arange(test_size)

    def choose(arm: str, size: int) -> None:
        chosen, tried = (record[part].setdefault(arm, {}) for part in ("chosen", "tuning"))
        tried = tried.setdefault(str(size), {})

        def score(setting: Setting) -> float:
            name = ", ".join(f"{knob} {value:g}" for knob, value in setting.items())
            if name not in tried:
                subsets = [np.random.default_rng(seed).permutation(split)[:size] for seed in TUNING_SEEDS]
                tried[name] = [float(race.right(arm, rows, setting, seed, "train", held_out).mean())
                               for rows, seed in zip(subsets, TUNING_SEEDS, strict=True)]
                records.save_record("race", record)
            return sum(tried[name]) / len(TUNING_SEEDS)

        start = list(chosen.values())[-1] if chosen else STARTS[arm]           # the last size's best, if there is one
        setting = climb(score, {knob: start[knob] for knob in STARTS[arm]})
        chosen[str(size)] = {**setting, "at_edge": at_edge(setting)}
        records.save_record("race", record)

    shared = {}                                                # of arms for which a seed changes nothing

    def final(arm: str, size: int, seed: int) -> np.ndarray:
        setting = {knob: record["chosen"][arm][str(size)][knob] for knob in STARTS[arm]}
        rows = np.random.default_rng(seed).permutation(train_size)[:size]
        if arm == "learned" or size < train_size:
            return race.right(arm, rows, setting, seed, "test", tested)
        if arm not in shared:
            shared[arm] = race.right(arm, rows, setting, 0, "test", tested)
        return shared[arm]

    half = len(seeds) // 2
    for some in (seeds[:half], seeds[half:]):                  # every size with half the seeds before the other half
        for size in sizes:
            for arm in STARTS:
                if str(size) not in record["chosen"].get(arm, {}):
                    choose(arm, size)
            for seed in some:
                if f"{size}, seed {seed}" not in record["runs"]:
                    right = {arm: final(arm, size, seed) for arm in STARTS}
                    learned, by_hand = right["learned"], right["HOG + linear"]
                    record["runs"][f"{size}, seed {seed}"] = {
                        **{arm: float(values.mean()) for arm, values in right.items()},
                        "only": [int((learned & ~by_hand).sum()), int((by_hand & ~learned).sum())]}
                    records.save_record("race", record)
    return record
