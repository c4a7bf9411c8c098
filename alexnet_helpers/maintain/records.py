"""Long runs, kept as JSON under notebooks/recorded/ with where, when and how they were made.

`python -m alexnet_helpers.maintain record NAME` writes one. Interrupted and repeated, it continues with the runs
that are missing. A notebook reads it with `load_record` and shows a record that does not exist as missing.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from itertools import count

import torch
import torch.nn.functional as F
from torch import nn

from .. import recorded
from ..checkpoints import write_whole
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


def small_sigmoid_alexnet(seed: int) -> nn.Sequential:
    """Chapter 04's small AlexNet for (n, 1, 28, 28), with sigmoids, Xavier's weights and biases of 0."""
    net = nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(1, 8, kernel_size=5, stride=2, padding=2), act1=nn.Sigmoid(), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(8, 16, kernel_size=3, padding=1), act2=nn.Sigmoid(), pool2=nn.MaxPool2d(3, stride=2),
        conv3=nn.Conv2d(16, 16, kernel_size=3, padding=1), act3=nn.Sigmoid(),
        conv4=nn.Conv2d(16, 16, kernel_size=3, padding=1), act4=nn.Sigmoid(),
        conv5=nn.Conv2d(16, 16, kernel_size=3, padding=1), act5=nn.Sigmoid(), flatten=nn.Flatten(),
        fc6=nn.Linear(144, 64), act6=nn.Sigmoid(), fc7=nn.Linear(64, 64), act7=nn.Sigmoid(), fc8=nn.Linear(64, 10)))
    torch.manual_seed(seed)
    for module in net:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return net


def descend(net: nn.Module, images: torch.Tensor, labels: torch.Tensor, lr: float, steps: int, seed: int,
            look: int = 100, until: float = 0.6) -> dict[str, list[float]]:
    """Chapter 04's loop: plain gradient descent in batches of 32, looked at every `look` steps.

    A look takes the share of wrong answers and the loss on the first 500 images. At an error of `until` it ends.
    """
    update, order = torch.optim.SGD(net.parameters(), lr=lr), torch.Generator().manual_seed(seed)
    picks = (pick for _ in count() for pick in torch.randperm(len(images), generator=order).split(32))
    seen = {"step": [], "error": [], "loss": []}
    for step, pick in zip(range(1, steps + 1), picks):  # noqa: B905 - the picks never end
        update.zero_grad()
        F.cross_entropy(net(images[pick]), labels[pick]).backward()
        update.step()
        if step % look == 0:
            with torch.no_grad():
                logits = net(images[:500])
            seen["step"].append(step)
            seen["error"].append(round((logits.argmax(dim=1) != labels[:500]).float().mean().item(), 4))
            seen["loss"].append(round(F.cross_entropy(logits, labels[:500]).item(), 5))
            if seen["error"][-1] <= until:
                break
    return seen


def record_patience(rates: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0), seeds: tuple[int, ...] = (0, 1, 2),
                    steps: int = 6_000, look: int = 100, train_size: int = 6_000) -> dict:
    """Does chapter 04's sigmoid network ever leave its plateau by gradient descent? Ten times the chapter's patience.

    Images, weights and batches are those of the chapter's own three runs; so is the end, a training error of 60 %.
    """
    record = recorded.read_record("patience") or {**provenance("patience"), "batch_size": 32, "train_size": train_size,
                                         "steps": steps, "until": 0.6, "seeds": list(seeds), "runs": {}}
    train, _ = load_fashion_mnist(256, train_size=train_size, test_size=1_000, seed=0)
    images, labels = train.images.float() / 255 - 0.286, train.labels.long()   # 0.286 is the mean pixel
    for lr in rates:
        for seed in seeds:
            if f"rate {lr}, seed {seed}" not in record["runs"]:
                net = small_sigmoid_alexnet(seed).to(images.device)
                record["runs"][f"rate {lr}, seed {seed}"] = descend(net, images, labels, lr, steps, seed, look)
                save_record("patience", record)
    return record
