"""What `python -m alexnet_helpers record gpu` measures: both networks, the book's way and ours, on a GPU.

Each part is kept as soon as it is whole, and what is there is not measured again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from . import benchmark, recording
from .data import load_fashion_mnist
from .recipes import RECIPES, falling_rate
from .training import fit

BATCH_SIZES = (16, 32, 64, 128, 256, 512, 1024)


def record_gpu(name: str = "gpu", device: str = "cuda", networks: tuple[str, ...] = ("lenet", "alexnet"),
               seeds: tuple[int, ...] = (0, 1, 2), epochs: int = 10, train_size: int = 60_000, test_size: int = 10_000,
               batch_sizes: tuple[int, ...] = BATCH_SIZES) -> dict:
    """Measure the parts that the record lacks, and return it. Raises RuntimeError where there is no such device."""
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("This record is made on a GPU, and torch finds none that it can use. Run it on a machine "
                           "that has one.")
    record = recording.load_record(name) or {**recording.provenance(name), "networks": list(networks), "epochs": epochs,
                                             "seeds": list(seeds), "images": [train_size, test_size], "parts": {}}
    sizes = train_size, test_size
    parts: dict[str, Callable[[], Any]] = {
        "matrix rate float32": lambda: benchmark.matrix_rate(device),
        "matrix rate bfloat16": lambda: benchmark.matrix_rate(device, torch.bfloat16)}
    for network in networks:
        def both_ways(network: str = network) -> Any:
            return benchmark.compare_ways(network, device, *sizes, repeats=len(seeds))

        def ladder(network: str = network) -> Any:
            return benchmark.ladder(network, device, *sizes)

        parts |= {f"{network}, an epoch both ways": both_ways, f"{network}, ladder": ladder}
        for seed in seeds:
            for way, run in (("the book's loop", book_curves), ("ours", our_curves)):
                parts[f"{network}, {way}, seed {seed}"] = \
                    lambda run=run, network=network, seed=seed: run(network, device, epochs, seed, *sizes)
            parts[f"{network}, the paper's recipe, seed {seed}"] = \
                lambda network=network, seed=seed: our_curves(network, device, epochs, seed, *sizes, paper=True)
            for batch_size in batch_sizes:
                parts[f"{network}, batch {batch_size}, seed {seed}"] = \
                    lambda network=network, seed=seed, batch_size=batch_size: our_curves(
                        network, device, max(1, epochs // 3), seed, *sizes, batch_size=batch_size)
    for part, measure in parts.items():
        if part not in record["parts"]:
            record["parts"][part] = measure()
            recording.save_record(name, record)
            print(part, flush=True)
    return record


def book_curves(network: str, device: str, epochs: int, seed: int, train_size: int, test_size: int) -> dict:
    """The book's `train_ch6` over our loader, whose pixels are the book's: its curves, one value an epoch."""
    from d2l import torch as d2l

    build, batch_size, resize, lr = RECIPES[network]
    train, test = load_fashion_mnist(batch_size, resize, device, train_size, test_size, seed=seed)
    torch.manual_seed(seed)
    net = build()
    with benchmark.book_without_drawing() as points:
        seconds = benchmark.seconds(lambda: d2l.train_ch6(net, train, test, epochs, lr, torch.device(device)), device)
    ends = [i for i, point in enumerate(points) if point[2] is not None]           # where an epoch ends
    return {"train_loss": [float(points[i - 1][0]) for i in ends],
            "train_accuracy": [float(points[i - 1][1]) for i in ends],
            "test_accuracy": [float(points[i][2]) for i in ends], "seconds": [seconds / epochs] * epochs}


def our_curves(network: str, device: str, epochs: int, seed: int, train_size: int, test_size: int,
               batch_size: int | None = None, paper: bool = False) -> dict:
    """`fit`'s history by the book's recipe, or with the paper's momentum, decay and falling rate; and the memory."""
    build, its_batch_size, resize, lr = RECIPES[network]
    train, test = load_fashion_mnist(batch_size or its_batch_size, resize, device, train_size, test_size, seed=seed)
    torch.manual_seed(seed)
    net = build()
    options: dict = {} if not paper else {
        "momentum": 0.9, "weight_decay": 5e-4, "schedule": lambda update: falling_rate(update, patience=0)}
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    history = asdict(fit(net, train, test, epochs=epochs, lr=lr, show=False, **options).whole())
    del history["step_loss"]                                   # thousands of numbers that nobody draws
    return {**history, "peak_memory": benchmark.peak_memory(device)}
