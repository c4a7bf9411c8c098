"""Does dropout pay, and does augmentation? Lessons 05 and 06's sweeps: the small AlexNet on ever more images.

Arms of one sweep differ in one thing. A run trains on a random part of the first 55,000 training images, by Adam at a
constant rate, and is judged on its way. The last 5,000 training images are held out: they choose, for every arm and
size, the rate and the number of epochs. The test images choose nothing.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.transforms import v2

from .. import recorded, speed
from ..augmentation import RandomCrop, RandomFlip
from ..checkpoints import History
from ..comparing import tuned, widened
from ..data import Batches, load_fashion_mnist
from ..models import alexnet, small_alexnet
from ..profiles import profile
from ..training import LossNotFiniteError, evaluate, train_epoch
from . import records

JUDGED = 5_000                                                 # of its own images a run is judged on so many at most
BATCH_SIZE = 64
TUNING_SEEDS = (100, 101)
LOOKS = 6                                                      # on the way of a run, evenly spaced, the last at its end


@dataclass(frozen=True)
class Size:
    """How long a run on so many images lasts, how long one that tunes, and how many seeds are run."""

    epochs: int
    tuning_epochs: int
    seeds: int


# At most sizes long enough for the plain arm to be best before its last look; the other arms take longer.
SIZES = {"dropout": {300: Size(240, 120, 10), 1_000: Size(120, 60, 10), 4_000: Size(36, 18, 10), 55_000: Size(8, 1, 3)},
         "augmentation": {300: Size(240, 120, 10), 1_000: Size(120, 60, 10), 4_000: Size(54, 27, 10)}}


def shifts(side: int, seed: int) -> RandomCrop:
    """By up to two pixels of 28."""
    return RandomCrop(side, padding=round(2 * side / 28), seed=seed)


# An arm of a sweep: the share of units that drops out, and a function of side and seed that makes the transform.
Arm = tuple[float, Callable[[int, int], Callable] | None]
ARMS: dict[str, dict[str, Arm]] = {
    "dropout": {"without dropout": (0.0, None), "dropout": (0.5, None)},
    "augmentation": {
        "none": (0.5, None), "flips": (0.5, lambda side, seed: RandomFlip(seed)), "shifts": (0.5, shifts),
        "both": (0.5, lambda side, seed: v2.Compose([RandomFlip(seed), shifts(side, 1_000 + seed)]))}}


@dataclass(frozen=True)
class Job:
    """One run: all that it depends on."""

    sweep: str
    network: str                                               # a name of NETWORKS
    arm: str
    size: int
    rate: float
    seed: int
    epochs: int
    test: bool                                                 # whether it is judged on the test images too

    @property
    def name(self) -> str:
        return f"{self.network}, {self.size}, {self.arm}, rate {self.rate:g}, seed {self.seed}"


@dataclass(frozen=True)
class Network:
    """How it is built, the side of its images in pixels, and the rates that are tried: more beyond an edge."""

    build: Callable[[], nn.Module]
    side: int
    grid: tuple[float, ...]


NETWORKS = {"small AlexNet": Network(lambda: small_alexnet(side=65), 65, (0.0005, 0.001, 0.002)),
            "AlexNet": Network(alexnet, 224, (0.0001, 0.0003, 0.001))}     # the book's


@cache
def images(train_size: int, test_size: int) -> tuple[Batches, Batches]:
    return load_fashion_mnist(BATCH_SIZE, train_size=train_size, test_size=test_size)


def run(job: Job, train_size: int = 60_000, test_size: int = 10_000) -> dict[str, list[float]]:
    """Train as the job says; at each look the epoch and the accuracies: held out, on its own images, on test images."""
    train, test = images(train_size, test_size)
    kept = train_size - train_size // 12
    side = NETWORKS[job.network].side
    dropout, augment = ARMS[job.sweep][job.arm]
    rows = torch.from_numpy(np.random.default_rng(job.seed).permutation(kept)[:job.size]).to(train.device)

    def batches(of: Batches, chosen: torch.Tensor | slice, **options: Any) -> Batches:
        options = {"batch_size": 500, "resize": side, "device": of.device, **options}
        return Batches(of.images[chosen], of.labels[chosen], **options)

    seen = batches(train, rows, batch_size=BATCH_SIZE, shuffle=True, seed=job.seed,
                   augment=augment(side, job.seed) if augment else None)
    judged = {"held out": batches(train, slice(kept, None)), "training": batches(train, rows[:JUDGED])}
    if job.test:
        judged["test"] = batches(test, slice(None))
    torch.manual_seed(job.seed)
    net = NETWORKS[job.network].build().to(train.device)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    update = torch.optim.Adam(net.parameters(), lr=job.rate, fused=True)
    looks = sorted({max(1, round(job.epochs * (i + 1) / LOOKS)) for i in range(LOOKS)})
    found: dict[str, list[float]] = {"epoch": looks, **{name: [] for name in judged}}
    history = History(settings={})
    try:
        with speed.memory_kept(), speed.channels_last(net), speed.tried_kernels():
            for epoch in range(1, job.epochs + 1):
                train_epoch(net, seen, update, epoch - 1, history, None)
                for name, data in judged.items() if epoch in looks else ():
                    found[name].append(round(evaluate(net, data)[1], 4))
    except LossNotFiniteError:
        return {"epoch": []}
    return found


def one_thread() -> None:
    torch.set_num_threads(1)


def all_of(jobs: list[Job], train_size: int, test_size: int) -> Iterator[tuple[Job, dict]]:
    """Run the jobs, on a CPU as many at a time as it has cores, and give each as it is done."""
    workers = min(8, os.cpu_count() or 1, len(jobs)) if profile().device == "cpu" else 1
    if workers < 2:
        for job in jobs:
            yield job, run(job, train_size, test_size)
        return
    with multiprocessing.get_context("spawn").Pool(workers, one_thread) as pool:
        yield from pool.imap_unordered(run_named, [(job, train_size, test_size) for job in jobs])


def run_named(work: tuple[Job, int, int]) -> tuple[Job, dict]:
    return work[0], run(*work)


def record_sweep(sweep: str, sizes: dict[int, Size], train_size: int = 60_000, test_size: int = 10_000) -> dict:
    """Tune every arm at every size, then run it with every seed; what is there already is not run again.

    On a GPU the book's own AlexNet is run at the largest size too.
    """
    record = recorded.read_record(sweep) or {
        **records.provenance(sweep), "batch_size": BATCH_SIZE, "optimizer": "Adam", "train_size": train_size,
        "test_size": test_size, "held_out": train_size // 12, "tuning_seeds": list(TUNING_SEEDS),
        "arms": list(ARMS[sweep]), "tuning": {}, "rates": {}, "runs": {}}

    def done(part: str, jobs: Iterable[Job]) -> None:
        missing = [job for job in jobs if job.name not in record[part]]
        for job, found in all_of(missing, train_size, test_size) if missing else ():
            record[part][job.name] = found
            records.save_record(sweep, record)
            print(f"{job.name}: {found}", flush=True)

    todo = [("small AlexNet", size, plan) for size, plan in sizes.items()]
    if profile().device == "cuda":
        todo.append(("AlexNet", max(sizes), sizes[max(sizes)]))
    for half in (True, False):                                 # all sizes with half the seeds before the others
        for network, size, plan in todo:
            key = f"{network}, {size}"
            if key not in record["rates"]:
                record["rates"][key] = tuned_rates(sweep, network, size, plan, record, done)
            seeds = range(plan.seeds // 2 if half else plan.seeds)
            done("runs", [Job(sweep, network, arm, size, record["rates"][key][arm], seed, plan.epochs, test=True)
                          for seed in seeds for arm in ARMS[sweep]])
    return record


def tuned_rates(sweep: str, network: str, size: int, plan: Size, record: dict,
                done: Callable[[str, list[Job]], None]) -> dict[str, float]:
    """For every arm the best rate of a grid, which is widened twice at most where the best lies at its edge."""
    grids = {arm: list(NETWORKS[network].grid) for arm in ARMS[sweep]}
    best = {}
    for _ in range(3):
        jobs = [Job(sweep, network, arm, size, rate, seed, plan.tuning_epochs, test=False)
                for arm, grid in grids.items() for rate in grid for seed in TUNING_SEEDS]
        done("tuning", jobs)
        best = {arm: best_rate(record, [job for job in jobs if job.arm == arm]) for arm in grids}
        grids = {arm: widened(grid, best[arm]) for arm, grid in grids.items()}
    return best


def best_rate(record: dict, jobs: list[Job]) -> float:
    """The rate with the best mean, over its seeds, of the best held-out accuracy on the way."""
    import pandas as pd

    rows = [{"arm": job.rate, "seed": job.seed,
             "held-out accuracy": max(record["tuning"][job.name].get("held out", [float("nan")]))} for job in jobs]
    return tuned(pd.DataFrame(rows), "held-out accuracy").value


def record_dropout() -> dict:
    return record_sweep("dropout", SIZES["dropout"])


def record_augmentation() -> dict:
    return record_sweep("augmentation", SIZES["augmentation"])
