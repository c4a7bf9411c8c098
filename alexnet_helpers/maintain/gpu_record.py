"""What `python -m alexnet_helpers.maintain record gpu` measures: both networks, the book's way and ours, on a GPU.

Each part is kept as soon as it is whole, and what is there is not measured again. A part that fails is kept as
{"failed": why}, and the others go on. A part whose loss stopped being finite has an answer; any other failure is tried
once more when the command is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from .. import recorded, timing
from ..commands import benchmark
from ..commands.recipes import RECIPES, falling_rate
from ..data import Batches, load_fashion_mnist
from ..training import LossNotFiniteError, evaluate, fit
from . import records

BATCH_SIZES = (16, 64, 256, 1024)


# ---------------------------------------------------------------------------------------------------------------
# What is recorded


def record_gpu(name: str = "gpu", device: str = "cuda", networks: tuple[str, ...] = ("lenet", "alexnet"),
               seeds: tuple[int, ...] = (0, 1, 2), epochs: int = 10, train_size: int = 60_000, test_size: int = 10_000,
               batch_sizes: tuple[int, ...] = BATCH_SIZES) -> dict:
    """Measure the parts that the record lacks, and return it. Raises RuntimeError where there is no such device.

    AlexNet's are some 75 · 10^15 FLOPs by the count of chapter 07: at 100 TFLOP/s thirteen minutes, and loading on top.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("This record is made on a GPU, and torch finds none that it can use. Run it on a machine "
                           "that has one.")
    record = recorded.read_record(name) or {
        **records.provenance(name), "networks": list(networks), "epochs": epochs, "seeds": list(seeds),
        "batch_sizes": list(batch_sizes), "images": [train_size, test_size], "parts": {}}
    sizes = train_size, test_size
    parts: dict[str, Callable[[], Any]] = {"matrix rates": partial(timing.matrix_rates, device)}
    for network in networks:
        parts[f"{network}, an epoch both ways"] = partial(
            benchmark.compare_ways, network, device, *sizes, repeats=len(seeds))
        parts[f"{network}, ladder"] = partial(benchmark.ladder, network, device, *sizes)
        for seed in seeds:
            ours = partial(our_curves, network, device, seed=seed)
            parts |= {
                f"{network}, the book's loop, seed {seed}": partial(book_curves, network, device, epochs, seed, *sizes),
                # Twice as long: at a constant rate its first half is the run of `epochs` epochs.
                f"{network}, ours, seed {seed}": partial(ours, 2 * epochs, *sizes),
                f"{network}, the paper's recipe, seed {seed}": partial(ours, epochs, *sizes, paper=True)}
            for batch_size in batch_sizes if network == "alexnet" else ():
                part, its = f"alexnet, batch {batch_size}", RECIPES["alexnet"]
                few, times = max(1, epochs // 5), batch_size // batch_sizes[0]
                parts |= {
                    f"{part}, seed {seed}": partial(ours, few, *sizes, batch_size=batch_size),
                    f"{part}, rate in proportion, seed {seed}": partial(
                        ours, few, *sizes, batch_size=batch_size, lr=its.lr * batch_size / its.batch_size)}
                if times <= 16:                                # one epoch of the smallest batch, 16 of the largest
                    parts[f"{part}, equal updates, seed {seed}"] = partial(
                        ours, times, train_size // 4, test_size, batch_size=batch_size)
    again = [part for part, found in record["parts"].items() if "again" in found]
    for part, measure in parts.items():
        if part not in record["parts"] or part in again:
            try:
                record["parts"][part] = measure()
            except LossNotFiniteError as error:
                record["parts"][part] = {"failed": str(error)}
            except Exception as error:                         # memory, a library, a driver: the others may go on
                record["parts"][part] = {"failed": f"{type(error).__name__}: {error}"[:500],
                                         **({} if part in again else {"again": True})}
            record["missing"] = len(parts) - len(record["parts"])
            records.save_record(name, record)
            print(part, flush=True)
    return record


def book_curves(network: str, device: str, epochs: int, seed: int, train_size: int, test_size: int) -> dict:
    """The book's `train_ch6` over our loader, whose pixels are the book's: its curves, one value an epoch."""
    d2l = benchmark.the_book()
    build, batch_size, resize, lr = RECIPES[network]
    train, test = load_fashion_mnist(batch_size, resize, device, train_size, test_size, seed=seed)
    torch.manual_seed(seed)
    net = build()
    with benchmark.book_without_drawing() as points:
        seconds = timing.seconds(lambda: d2l.train_ch6(net, train, test, epochs, lr, torch.device(device)), device)
    ends = [i for i, point in enumerate(points) if point[2] is not None]           # where an epoch ends
    return {"train_loss": [float(points[i - 1][0]) for i in ends],
            "train_accuracy": [float(points[i - 1][1]) for i in ends],
            "test_accuracy": [float(points[i][2]) for i in ends], "seconds": [seconds / epochs] * epochs}


def our_curves(network: str, device: str, epochs: int, train_size: int, test_size: int, *, seed: int,
               batch_size: int | None = None, lr: float | None = None, paper: bool = False) -> dict:
    """`fit`'s history by the book's recipe, with another batch or rate, or with the paper's; and the peak memory.

    The paper's has momentum 0.9, for which a tenth of the book's rate takes steps as long as the book's, decay, and a
    rate that falls by the error on the last twelfth of the training images, which it does not train on.
    """
    build, its_batch_size, resize, its_lr = RECIPES[network]
    train, test = load_fashion_mnist(batch_size or its_batch_size, resize, device, train_size, test_size, seed=seed)
    torch.manual_seed(seed)
    net, lr, options = build(), lr or its_lr, {}
    if paper:
        kept = train_size - train_size // 12
        held_out = Batches(train.images[kept:], train.labels[kept:], its_batch_size, resize=resize, device=device)
        train = Batches(train.images[:kept], train.labels[:kept], its_batch_size, resize=resize, device=device,
                        shuffle=True, seed=seed)

        def by_held_out_images(update: torch.optim.Optimizer) -> ReduceLROnPlateau:
            plan = falling_rate(update, patience=0)
            step = plan.step
            plan.step = lambda _: step(1 - evaluate(net, held_out)[1])             # not by the test error of `fit`
            return plan

        lr, options = lr / 10, {"momentum": 0.9, "weight_decay": 5e-4, "schedule": by_held_out_images}
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    history = asdict(fit(net, train, test, epochs=epochs, lr=lr, show=False, **options).whole())
    del history["step_loss"]                                   # thousands of numbers that nobody draws
    return {**history, "peak_memory": timing.peak_memory(device)}
