"""Long runs, kept as JSON under notebooks/recorded/ with where, when and how they were made.

`python -m alexnet_helpers.maintain record NAME` writes one. Interrupted and repeated, it continues with the runs
that are missing. A notebook reads it with `load_record` and shows a record that does not exist as missing.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date

import torch
from torch import nn

from .. import recorded
from ..checkpoints import write_whole
from ..commands.benchmark import device_name
from ..comparing import tune
from ..data import Batches, load_fashion_mnist
from ..models import lenet
from ..profiles import profile
from ..training import fit


def save_record(name: str, record: dict) -> None:
    text = json.dumps(record, indent=1) + "\n"
    write_whole(recorded.FOLDER / f"{name}.json", lambda file: file.write(text.encode()))


def provenance(name: str) -> dict:
    device = profile().device
    return {"command": f"python -m alexnet_helpers.maintain record {name}", "date": date.today().isoformat(),
            "device": device_name(device),
            "versions": {"python": platform.python_version(), "torch": torch.__version__,
                         **({"cuda": torch.version.cuda, "driver": driver()} if device == "cuda" else {})}}


def driver() -> str | None:
    """The version of NVIDIA's driver, if its own tool says it."""
    try:
        answer = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
                                capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.split("\n")[0].strip()


# What each arm of the record of LeNet tries for a rate; the book's recipe, with sigmoids, has one.
LENET_ARMS = {"relu": (nn.ReLU, (0.03, 0.1, 0.3, 0.9)), "sigmoid": (nn.Sigmoid, (0.9,))}


def record_lenet(epochs: int = 10, seeds: Iterable[int] = range(10), tuning_seeds: tuple[int, ...] = (0, 1),
                 train_size: int = 60_000, test_size: int = 10_000) -> dict:
    """The book's LeNet on all of Fashion-MNIST, by the book's recipe and with ReLU.

    The book's recipe: sigmoid, SGD at 0.9, batches of 256, 10 epochs. With ReLU all that stays but the learning rate,
    chosen by the mean accuracy over `tuning_seeds` on the last twelfth of the training images, which those runs do not
    train on; where the best rate is the grid's first or last, `tune` tries one beyond it.
    """
    record = recorded.read_record("lenet") or {"made": [], "epochs": epochs, "batch_size": 256,
                                               "train_size": train_size, "test_size": test_size, "tuning": {},
                                               "runs": {}}
    everything, _ = load_fashion_mnist(256, train_size=train_size, test_size=test_size)
    kept = train_size - train_size // 12

    def keep(kind: str, name: str, value: object) -> None:
        record[kind][name] = value
        if provenance("lenet") not in record["made"]:          # a record may be made on several days and machines
            record["made"].append(provenance("lenet"))
        save_record("lenet", record)

    def held_out_accuracy(arm: str, lr: float, seed: int) -> float:
        name = f"{arm}, rate {lr:g}, seed {seed}"
        if name not in record["tuning"]:
            seen = Batches(everything.images[:kept], everything.labels[:kept], 256, device=everything.device,
                           shuffle=True, seed=seed)
            held_out = Batches(everything.images[kept:], everything.labels[kept:], 256, device=everything.device)
            torch.manual_seed(seed)
            net = lenet(LENET_ARMS[arm][0])
            keep("tuning", name, fit(net, seen, held_out, epochs=epochs, lr=lr).whole().test_accuracy[-1])
        return record["tuning"][name]

    for arm, (activation, grid) in LENET_ARMS.items():
        lr = grid[0] if len(grid) == 1 else tune(
            lambda lr, seed, arm=arm: {"held-out accuracy": held_out_accuracy(arm, lr, seed)}, grid, tuning_seeds).value
        for seed in seeds:
            made = record["runs"].get(f"{arm} {seed}")
            if not made or made["settings"]["lr"] != lr:       # none, or one at a rate that was best before
                train, test = load_fashion_mnist(256, train_size=train_size, test_size=test_size, seed=seed)
                torch.manual_seed(seed)
                history = asdict(fit(lenet(activation), train, test, epochs=epochs, lr=lr).whole())
                del history["step_loss"]                       # 2,350 numbers a run that nobody draws
                keep("runs", f"{arm} {seed}", history)
    return record
