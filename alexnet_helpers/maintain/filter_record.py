"""What `python -m alexnet_helpers.maintain record filters` learns: AlexNet's conv1 from one photograph, in
one tower, in two, and averaged over many steps; and the book's conv1 from clothes.

The filters stand in notebooks/recorded/filters.npz, how they were made and the scorecard on the way in filters.json.
Each network is kept as soon as it is whole; one that was interrupted goes on from its checkpoint.
"""

from __future__ import annotations

import functools
import time

import numpy as np
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

from .. import recorded
from ..checkpoints import write_whole
from ..data import load_fashion_mnist
from ..filters import fit_gabor, scorecard
from ..models import alexnet
from ..profiles import profile
from ..training import fit
from . import records
from .filter_trials import START, optimizer_options, spot_data, started_network

# Name -> groups of conv2, seed, minutes of training on a CPU and on a GPU, and whether its weights are averaged: then
# the rate stays as it is, and the filters are the mean of conv1's weights at all steps of the second half of the
# training. That it is the second half was set when seed 0 had been tried, and before seeds 1 and 2 were.
NETWORKS = {"one tower": (1, 0, 16, 5, False), "two towers, seed 0": (2, 0, 3, 1, False),
            "two towers, seed 1": (2, 1, 3, 1, False), "two towers, seed 2": (2, 2, 3, 1, False),
            "averaged, seed 1": (1, 1, 16, 5, True), "averaged, seed 2": (1, 2, 16, 5, True)}
BOOK = {"lr": 0.01, "momentum": 0.9}                           # at the book's rate plain SGD sits at ln 10 for long


def save_filters(filters: dict[str, np.ndarray]) -> None:
    """Write them in float16."""
    half = {key: w.astype(np.float16) for key, w in filters.items()}
    write_whole(recorded.FOLDER / "filters.npz", lambda file: np.savez_compressed(file, **half))


def sum_weights(conv: torch.nn.Conv2d, begin: int) -> None:
    """Let `conv` add up its weights at each training step after the first `begin`, in buffers that checkpoints keep."""
    conv.register_buffer("steps", torch.zeros((), dtype=torch.long))
    conv.register_buffer("total", torch.zeros_like(conv.weight, dtype=torch.float64))

    def add(conv: torch.nn.Conv2d, _: tuple) -> None:
        if conv.training:
            conv.steps += 1
            if conv.steps > begin:
                conv.total += conv.weight.detach()

    conv.register_forward_pre_hook(add)


def record_filters(networks: dict[str, tuple[int, int, float, float, bool]] | None = None, batches: int = 200,
                   filters: int = 96, spots: int | None = None, looks: int = 9) -> dict:
    """Train the networks that the record lacks, and return it.

    Each trains for so many epochs of `batches` batches as the first ones say will take its minutes, at a rate that
    falls along a cosine, or, if its weights are averaged, at one that stays. `looks` times on the way, at the end too,
    its filters are measured as they are then; their average, at the end.
    """
    device = profile().device
    record = recorded.read_record("filters") or {
        **records.provenance("filters"), "photo": "skimage.data.astronaut(), NASA, public domain",
        "batches": batches, "networks": {}}
    for network, (groups, seed, on_cpu, on_cuda, averaged) in (networks or NETWORKS).items():
        recipe = START | ({} if spots is None else {"spots": spots})
        part = record["networks"].setdefault(network, {
            "groups": groups, "seed": seed, "recipe": recipe, **records.provenance("filters"), "looks": []})
        if part["looks"] and part["looks"][-1]["epoch"] == part.get("epochs"):
            continue                                           # it is whole
        if "epochs" not in part:
            minutes = on_cpu if device == "cpu" else on_cuda
            part["epochs"] = max(2, round(60 * minutes / seconds_an_epoch(recipe, groups, batches, filters)))
        train = spot_data(recipe, batches, seed=seed)
        test = spot_data(recipe, max(1, batches // 10), shuffle=False, seed=1_000 + seed)
        net = started_network(recipe, filters, groups, seed)
        kept = recorded.read_filters()
        if not kept:                                           # of one network, to show; the others start alike
            kept[f"{network} before"] = net.conv1.weight.detach().numpy().copy()
        if not part["looks"]:
            part["looks"].append({"epoch": 0, **scorecard(fit_gabor(net.conv1.weight))})
            save_filters(kept)
            records.save_record("filters", record)
        epochs = part["epochs"]
        begin = epochs // 2 * batches
        if averaged:
            sum_weights(net.conv1, begin)
        cosine = functools.partial(CosineAnnealingLR, T_max=epochs)
        checkpoint = recorded.FOLDER / f"filters, {network}.checkpoint"
        for epoch in sorted({max(1, round(epochs * 0.5 ** i)) for i in range(looks)}):
            if epoch <= part["looks"][-1]["epoch"]:
                continue
            history = fit(net, train, test, epochs=epoch, show=False, checkpoint=checkpoint,
                          schedule=None if averaged else cosine, **optimizer_options(recipe)).whole()
            part["looks"].append({"epoch": epoch, "seconds": sum(history.seconds),
                                  "test accuracy": history.test_accuracy[-1], **scorecard(fit_gabor(net.conv1.weight))})
            if not averaged:
                kept[network] = net.conv1.weight.detach().cpu().numpy()
            elif epoch == epochs:
                mean = net.conv1.total / (epochs * batches - begin)
                kept[network], part["average"] = mean.cpu().numpy(), scorecard(fit_gabor(mean))
            save_filters(kept)
            records.save_record("filters", record)
            print(f"{network}, epoch {epoch} of {epochs}: {history}", flush=True)
        checkpoint.unlink()
    return record


def record_book(epochs: int = 2, batch_size: int = 32, size: int = 224, train_size: int = 6_000,
                test_size: int = 1_000) -> dict:
    """Train the book's AlexNet on Fashion-MNIST at `size` pixels, unless the record has it; keep its conv1.

    Returns the record. Raises RuntimeError if that of the other networks is not there.
    """
    record = recorded.read_record("filters")
    if record is None:
        raise RuntimeError("The book's filters join those of one photograph: call record_filters first.")
    if "the book" in record:
        return record
    train, test = load_fashion_mnist(batch_size, resize=size, train_size=train_size, test_size=test_size)
    torch.manual_seed(0)
    net = alexnet()
    kept = recorded.read_filters() | {"the book before": net.conv1.weight.detach().numpy().copy()}
    checkpoint = recorded.FOLDER / "filters, the book.checkpoint"
    history = fit(net, train, test, epochs=epochs, show=False, checkpoint=checkpoint, **BOOK).whole()
    kept["the book"] = net.conv1.weight.detach().cpu().numpy()
    record["the book"] = {**BOOK, "seed": 0, "epochs": epochs, "batch_size": batch_size, "size": size,
                          "train_size": train_size, "seconds": sum(history.seconds),
                          "train loss": history.train_loss, "test accuracy": history.test_accuracy}
    save_filters(kept)
    records.save_record("filters", record)
    checkpoint.unlink()
    return record


def seconds_an_epoch(recipe: dict, groups: int, batches: int, filters: int) -> float:
    """From a tenth of an epoch, after some batches to warm up."""
    net, few = started_network(recipe, filters, groups), max(1, batches // 10)
    for size in (3, few):
        data, one = spot_data(recipe, size), spot_data(recipe, 1)
        started = time.perf_counter()
        fit(net, data, one, epochs=1, show=False, **optimizer_options(recipe))
    return (time.perf_counter() - started) * batches / few
