"""Long runs, kept as JSON under notebooks/recorded/ with where, when and how they were made.

`python -m alexnet_helpers record NAME` writes one. Interrupted and repeated, it continues with the runs that are
missing. A notebook reads it with `load_record` and shows a record that does not exist as missing.
"""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict
from datetime import date

import torch
from torch import nn

from .checkpoints import write_whole
from .data import PROJECT, Batches, load_fashion_mnist
from .models import lenet
from .training import fit, profile

FOLDER = PROJECT / "notebooks" / "recorded"


def load_record(name: str) -> dict | None:
    """The record `name`, or None and a line that says how to make it. Raises ValueError for a damaged one."""
    return read_record(name) or missing(name)


def read_record(name: str) -> dict | None:
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and record anew.") from error


def missing(name: str) -> None:
    print(f"Not recorded yet: `python -m alexnet_helpers record {name}` writes it.")


def save_record(name: str, record: dict) -> None:
    write_whole(FOLDER / f"{name}.json", lambda file: file.write((json.dumps(record, indent=1) + "\n").encode()))


def provenance(name: str) -> dict:
    device = profile().device
    return {"command": f"python -m alexnet_helpers record {name}", "date": date.today().isoformat(),
            "device": torch.cuda.get_device_name() if device == "cuda"
            else f"{platform.processor() or platform.machine()} CPU, {torch.get_num_threads()} threads",
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


def record_lenet(epochs: int = 10, seeds: tuple[int, ...] = (0, 1, 2, 3, 4), train_size: int = 60_000,
                 test_size: int = 10_000) -> dict:
    """The book's LeNet on all of Fashion-MNIST, by the book's recipe and with ReLU, five seeds each.

    The book's recipe: sigmoid, SGD at 0.9, batches of 256, 10 epochs. With ReLU all that stays but the learning rate,
    chosen among four by the accuracy on the last twelfth of the training images, which those runs do not train on.
    """
    record = read_record("lenet") or {**provenance("lenet"), "epochs": epochs, "batch_size": 256,
                                      "train_size": train_size, "test_size": test_size, "tuning": {}, "runs": {}}
    train, test = load_fashion_mnist(256, train_size=train_size, test_size=test_size)
    kept = train_size - train_size // 12
    for lr in (0.03, 0.1, 0.3, 0.9):
        if str(lr) not in record["tuning"]:
            torch.manual_seed(0)
            net = lenet(nn.ReLU)
            seen = Batches(train.images[:kept], train.labels[:kept], 256, device=train.device, shuffle=True)
            held_out = Batches(train.images[kept:], train.labels[kept:], 256, device=train.device)
            record["tuning"][str(lr)] = fit(net, seen, held_out, epochs=epochs, lr=lr).whole().test_accuracy[-1]
            save_record("lenet", record)
    best = float(max(record["tuning"], key=record["tuning"].get))
    for name, activation, lr in (("sigmoid", nn.Sigmoid, 0.9), ("relu", nn.ReLU, best)):
        for seed in seeds:
            if f"{name} {seed}" not in record["runs"]:
                train, test = load_fashion_mnist(256, train_size=train_size, test_size=test_size, seed=seed)
                torch.manual_seed(seed)
                history = asdict(fit(lenet(activation), train, test, epochs=epochs, lr=lr).whole())
                del history["step_loss"]                       # 2,350 numbers a run that nobody draws
                record["runs"][f"{name} {seed}"] = history
                save_record("lenet", record)
    return record


def record_gpu() -> dict:
    """Both networks on a GPU: see `gpu_record`."""
    from . import gpu_record  # which imports this module

    return gpu_record.record_gpu()


def record_filters() -> dict:
    """Filters learned from one photograph, and the book's: see `filter_record`."""
    from . import filter_record  # which imports this module

    filter_record.record_filters()
    return filter_record.record_book()


RECORDS = {"lenet": record_lenet, "gpu": record_gpu, "filters": record_filters}
