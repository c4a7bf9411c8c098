"""One training loop for every chapter, what it records, and the profile that sets its budget."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from . import distributed, inspection, speed
from .checkpoints import Checkpoint, write_whole

if TYPE_CHECKING:
    from .plots import TrainingDisplay

T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """How much a notebook computes: printed by its first cell, chosen by `profile()`."""

    name: str                        # "quick" or "full"
    device: str                      # "cpu" or "cuda"
    train_size: int                  # images of Fashion-MNIST
    test_size: int
    seeds: tuple[int, ...]           # every comparison is run once with each

    def pick(self, quick: T, full: T) -> T:
        """The value for this profile: `epochs = profile.pick(quick=3, full=10)`."""
        return quick if self.name == "quick" else full

    def __str__(self) -> str:
        where = (torch.cuda.get_device_name() if self.device == "cuda"
                 else f"CPU with {torch.get_num_threads()} threads")
        other = self.pick(quick="full", full="quick")
        return (f"Profile {self.name}: {self.train_size:,} training and {self.test_size:,} test images, "
                f"seeds {', '.join(map(str, self.seeds))}, on {where}, torch {torch.__version__}. "
                f"Set ALEXNET_PROFILE={other} before starting for the {other} one.")


def profile() -> Profile:
    """The profile in force: ALEXNET_PROFILE, "quick" or "full"; without it full where there is CUDA, else quick.

    Raises ValueError if ALEXNET_PROFILE is anything else.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = os.environ.get("ALEXNET_PROFILE") or ("full" if device == "cuda" else "quick")
    if name == "quick":
        return Profile("quick", device, train_size=6_000, test_size=1_000, seeds=(0, 1, 2))
    if name == "full":
        return Profile("full", device, train_size=60_000, test_size=10_000, seeds=(0, 1, 2, 3, 4))
    raise ValueError(f"ALEXNET_PROFILE is {name!r}, but the profiles are quick and full. Set one of them, or unset it.")


class LossNotFiniteError(FloatingPointError):
    """The training loss became NaN or infinite; the message says at which step, and what usually causes it."""


interrupted = False                      # whether the reader stopped a `fit`; `compare` then stops too

PER_EPOCH = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds")   # what History notes of each


@dataclass
class History:
    """What a training run recorded: one value an epoch, and the loss of every step.

    As in the book, `train_loss` and `train_accuracy` are averages over the epoch while the weights moved and
    dropout was on; `test_loss` and `test_accuracy` are taken after it, in eval mode. `seconds` is the whole epoch,
    evaluation included.
    """

    settings: dict = field(default_factory=dict)
    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    step_loss: list[float] = field(default_factory=list)
    interrupted: bool = False

    def __str__(self) -> str:
        if not self.seconds:
            return f"no whole epoch yet, {len(self.step_loss)} steps"
        return (f"{len(self.seconds)} epochs in {sum(self.seconds):.1f} s: train loss {self.train_loss[-1]:.3f}, "
                f"train accuracy {self.train_accuracy[-1]:.3f}, test accuracy {self.test_accuracy[-1]:.3f}"
                + (" (interrupted)" if self.interrupted else ""))

    def whole(self) -> History:
        """This history; raises KeyboardInterrupt if the reader stopped the run: half of one is not to be recorded."""
        if self.interrupted:
            raise KeyboardInterrupt
        return self

    def save(self, path: str | Path) -> None:
        """Write the history as JSON."""
        write_whole(Path(path), lambda file: file.write((json.dumps(asdict(self), indent=1) + "\n").encode()))

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read a history that `save` wrote. Raises ValueError if the file is not one."""
        try:
            history = cls(**json.loads(Path(path).read_text()))
            if len({len(getattr(history, name)) for name in PER_EPOCH}) > 1:
                raise ValueError("its curves differ in length")
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a history that History.save wrote ({error}).") from error
        return history


def fit(net: nn.Module, train: Iterable, test: Iterable, epochs: int, lr: float,
        optimizer: type[torch.optim.Optimizer] = torch.optim.SGD, show: bool = True,
        checkpoint: str | Path | None = None, schedule: Callable[[torch.optim.Optimizer], Any] | None = None,
        **options: float) -> History:
    """Train `net` on batches (X, y) with cross-entropy, as the book's `train_ch6` does, and return the history.

    Plain SGD by default, the book's choice; `options` go to the optimizer: momentum=0.9, weight_decay=5e-4. The
    network trains from the weights that it has, on the device of `train`. `show` draws a progress bar, and in a
    notebook the curves. `train` must have a length.

    `checkpoint` names a file that is written after every epoch. If it is there already, training goes on from it, as
    if it had never stopped: on a CPU bit by bit. `schedule` makes a learning-rate scheduler of torch's from the
    optimizer; it steps after every epoch, ReduceLROnPlateau by the test error.

    Interrupting (the notebook's stop button, Ctrl-C) ends the training, keeps what the network has learned and
    returns the history so far. Raises LossNotFiniteError when the loss becomes NaN or infinite, ValueError, naming
    the layer, when a batch does not fit the network, CheckpointError for a checkpoint that is damaged or of another
    training, and torch.OutOfMemoryError with what takes the memory and a batch size that would fit.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, not {epochs}.")
    if distributed.world() > 1 and not getattr(train, "shuffle", False):
        raise ValueError("Several processes train together, and these data do not share their batches among them: "
                         "take the training data of load_fashion_mnist or load_image_folder.")
    device = torch.device(getattr(train, "device", None) or next(net.parameters()).device)
    net.to(device)
    update = optimizer(net.parameters(), lr=float(lr), **{**speed.fused(optimizer, device), **options})
    plan = schedule(update) if schedule else None
    history = History(settings={"epochs": epochs, "lr": float(lr), "optimizer": optimizer.__name__, **options,
                                **({"schedule": type(plan).__name__} if plan else {}),
                                "batch_size": getattr(train, "batch_size", None), "device": str(device)})
    show = show and distributed.rank() == 0
    saved = Checkpoint(checkpoint, net, train, update, plan, history) if checkpoint else None
    if saved and saved.resume() and show:
        print(f"Resumed after epoch {len(history.seconds)} of {epochs}.")
    display = out_of_memory = None
    if show:
        from .plots import TrainingDisplay
        display = TrainingDisplay(history, total=epochs * len(train))
    try:
        with speed.memory_kept(), speed.channels_last(net), speed.tried_kernels():
            trained = distributed.shared(net)
            for epoch in range(len(history.seconds), epochs):
                started = time.perf_counter()
                train_loss, train_accuracy = train_epoch(trained, train, update, epoch, history, display)
                test_loss, test_accuracy = evaluate(net, test)
                if not math.isfinite(test_loss):
                    raise not_finite(test_loss, f"on the test data after epoch {epoch + 1}", update)
                if plan:
                    plan.step(*([1 - test_accuracy] if isinstance(plan, ReduceLROnPlateau) else []))
                seconds = time.perf_counter() - started
                for name, value in zip(PER_EPOCH, (train_loss, train_accuracy, test_loss, test_accuracy, seconds),
                                       strict=True):
                    getattr(history, name).append(value)
                if saved:
                    saved.save()
                if display:
                    display.epoch_done()
    except KeyboardInterrupt:
        global interrupted
        history.interrupted = interrupted = True
        for name in PER_EPOCH:                                 # whole epochs only, wherever the interrupt fell
            del getattr(history, name)[len(history.seconds):]
        print(f"Interrupted after {len(history.step_loss)} steps ({len(history.seconds)} whole epochs); "
              "the network keeps what it has learned.")
    except RuntimeError as error:
        if not inspection.lacks_memory(error):
            raise
        # Not the error itself: it holds on to the batch.
        out_of_memory = getattr(error, "batch_shape", None), str(error)
    finally:
        if display:
            display.close()
    if out_of_memory:
        update.zero_grad()
        raise inspection.out_of_memory(net, update, *out_of_memory)
    return history


def train_epoch(net: nn.Module, train: Iterable, update: torch.optim.Optimizer, epoch: int, history: History,
                display: TrainingDisplay | None) -> tuple[float, float]:
    """One pass over `train`: mean loss and accuracy of its images; adds the loss of each step to `history`."""
    device = next(net.parameters()).device
    losses, batch_sizes, correct = [], [], torch.zeros((), device=device)
    last_look, shape = time.perf_counter(), None
    net.train()
    try:
        for X, y in train:
            shape = tuple(X.shape)
            X, y = speed.to_device(net, X, device), y.to(device)
            update.zero_grad()
            with speed.precision(net):
                logits = inspection.forward(net, X)
                loss = F.cross_entropy(logits, y)
            loss.backward()
            update.step()
            # Sums stay on the device: reading a value there makes the program wait for it. We look twice a second.
            losses.append(loss.detach())
            batch_sizes.append(len(y))
            correct += (logits.argmax(dim=1) == y).sum()
            if time.perf_counter() - last_look > 0.5:
                check_finite(losses, epoch, update)
                if display:
                    display.steps_done(len(history.step_loss) + len(losses), losses[-1].item(),
                                       correct.item() / sum(batch_sizes))
                last_look = time.perf_counter()
        if not losses:
            raise ValueError("There are no images to train on: the data give no batch (used up, if a generator).")
        check_finite(losses, epoch, update)
        if distributed.world() > 1:                            # a step's loss is that of its whole batch
            losses = list(distributed.total(torch.stack(losses)) / distributed.world())
    except RuntimeError as error:                              # the memory was full, perhaps
        error.batch_shape = shape
        raise
    finally:
        step_loss = torch.stack(losses).tolist() if losses else []
        history.step_loss += step_loss
    loss = sum(loss * n for loss, n in zip(step_loss, batch_sizes, strict=True))
    return means(loss, correct, sum(batch_sizes))


def check_finite(losses: list[torch.Tensor], epoch: int, update: torch.optim.Optimizer) -> None:
    values = torch.stack(losses)
    finite = values.isfinite()
    if not finite.all():
        step = finite.tolist().index(False)
        raise not_finite(values[step].item(), f"in epoch {epoch + 1}, step {step + 1}", update)


def not_finite(loss: float, where: str, update: torch.optim.Optimizer) -> LossNotFiniteError:
    lr = update.param_groups[0]["lr"]
    return LossNotFiniteError(
        f"The loss is {loss} {where}. Likely causes: a learning rate that is too high (it is {lr:g}; try {lr / 10:g}), "
        "inputs that are not numbers or not scaled to about [0, 1], or initial weights that are too large. "
        "The network's weights are spoilt: build it anew.")


@torch.no_grad()
def evaluate(net: nn.Module, data: Iterable) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over every image of `data`, once, in eval mode; restores the mode after."""
    device = next(net.parameters()).device
    loss, correct, images = torch.zeros((), device=device), torch.zeros((), device=device), 0
    with inspection.eval_mode(net), speed.channels_last(net), speed.precision(net):
        for X, y in data:
            X, y = speed.to_device(net, X, device), y.to(device)
            logits = inspection.forward(net, X)
            loss += F.cross_entropy(logits, y, reduction="sum")
            correct += (logits.argmax(dim=1) == y).sum()
            images += len(y)
    if not images:
        raise ValueError("There are no images to evaluate on: the data give no batch (used up, if a generator).")
    return means(loss.item(), correct, images)


def means(loss: float, correct: torch.Tensor, images: int) -> tuple[float, float]:
    """Loss and accuracy an image, from their sums over the images of all processes."""
    sums = torch.tensor([loss, correct.item(), images], dtype=torch.float64)
    loss, right, images = distributed.total(sums).tolist()
    return loss / images, right / images
