"""One training loop for every chapter, and the evaluation that it ends each epoch with."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from . import checks, distributed, inspection, speed
from .checkpoints import PER_EPOCH, Checkpoint, History, random_state, set_random_state
from .progress import TrainingProgress


class LossNotFiniteError(FloatingPointError):
    """The training loss became NaN or infinite; the message says at which step, and what usually causes it."""


Display: type[TrainingProgress] = TrainingProgress            # what `fit` shows; use_course_style puts curves here
interrupted = False                                            # whether the reader stopped a `fit`: `compare` asks
GPU_LOST = ("The GPU met a value that it cannot use, most likely a label that the network has no output for, and this "
            "process cannot use it any more: restart the kernel, and look at the labels on the CPU.")
NO_IMAGES = "There are no images to {}: the data give no batch (used up, if a generator)."


def fit(net: nn.Module, train: Iterable, test: Iterable, epochs: int, lr: float,
        optimizer: type[torch.optim.Optimizer] = torch.optim.SGD, show: bool = True,
        checkpoint: str | Path | None = None, schedule: Callable[[torch.optim.Optimizer], Any] | None = None,
        **options: float) -> History:
    """Train `net` on batches (X, y) with cross-entropy, as the book's `train_ch6` does, and return the history.

    Plain SGD by default, the book's choice; `options` go to the optimizer: momentum=0.9, weight_decay=5e-4. The
    network trains from the weights that it has, on the device of `train`. `show` draws a progress bar, and in a
    notebook the curves. `train` must have a length.

    `checkpoint` names a file that is written after every epoch. If it is there already, training goes on from it, as
    if it had never stopped: on a CPU bit by bit, if what is drawn at random comes from the generators of `train` and
    of its `augment`, or from those that torch, numpy and Python share; others begin anew. `schedule` makes a
    learning-rate scheduler of torch's from the optimizer; it steps after every epoch, ReduceLROnPlateau by the test
    error.

    Interrupting (the notebook's stop button, Ctrl-C) ends the training, keeps what the network has learned and
    returns the history so far. Raises LossNotFiniteError when the loss becomes NaN or infinite, ValueError when data,
    labels and network do not fit together, naming the layer, the shapes or the labels, CheckpointError for a checkpoint
    that is damaged or of another training, and torch.OutOfMemoryError with what takes the memory and a batch size that
    would fit. Two images of `test` are tried before training.
    """
    epochs, lr, options = checks.whole_number("epochs", epochs), checks.number("lr", lr), checks.plain(options)
    checks.trainable(net)
    checks.repeatable("train", train)
    checks.repeatable("test", test)
    if distributed.world() > 1 and not getattr(train, "shuffle", False):
        raise ValueError("Several processes train together, and these data do not share their batches among them: "
                         "take the training data of load_fashion_mnist or load_image_folder.")
    steps = checks.length(train) if show or checkpoint else None
    device = torch.device(getattr(train, "device", None) or next(net.parameters()).device)
    net.to(device)
    update = checks.optimizer(optimizer, net, lr=lr, **{**speed.fused(optimizer, device, options), **options})
    plan = checks.scheduler(schedule, update) if schedule else None
    history = History(settings={"epochs": epochs, "lr": lr, "optimizer": optimizer.__name__, **options,
                                **({"schedule": type(plan).__name__} if plan else {}),
                                "batch_size": checks.plain(getattr(train, "batch_size", None)), "device": str(device)})
    checks.writable(history.settings)
    show = show and distributed.rank() == 0
    saved = Checkpoint(checkpoint, net, train, update, plan, history) if checkpoint else None
    if saved and saved.resume() and show:
        print(f"Resumed after epoch {len(history.train_loss)} of {epochs}.")
    display = out_of_memory = None
    try:
        with speed.memory_kept(), speed.channels_last(net), speed.tried_kernels():
            try_test_data(net, test)
            if show:
                display = Display(history, total=epochs * steps)
            trained = distributed.shared(net)
            while (epoch := len(history.test_loss)) < epochs:
                if len(history.train_loss) == epoch:           # else it was stopped between training and evaluation
                    started = time.perf_counter()
                    train_loss, train_accuracy = train_epoch(trained, train, update, epoch, history, display)
                    note(history, train_loss=train_loss, train_accuracy=train_accuracy,
                         seconds=time.perf_counter() - started)
                    if saved:                                  # whatever befalls the evaluation, the epoch is kept
                        check_weights(net, epoch, update)
                        saved.save()
                judge_epoch(net, test, epoch, update, plan, history)
                if saved and epoch + 1 == epochs:
                    saved.save()
                if display:
                    display.epoch_done()
    except KeyboardInterrupt:
        global interrupted
        history.interrupted = interrupted = True
        whole = min(len(getattr(history, name)) for name in PER_EPOCH)
        for name in PER_EPOCH:                                 # whole epochs only, wherever the interrupt fell
            del getattr(history, name)[whole:]
        print(f"Interrupted after {len(history.step_loss)} steps ({len(history.seconds)} whole epochs); "
              "the network keeps what it has learned.")
    except RuntimeError as error:
        if "device-side assert" in str(error):
            raise RuntimeError(GPU_LOST) from error
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


def note(history: History, **values: float) -> None:
    for name, value in values.items():
        getattr(history, name).append(value)


def try_test_data(net: nn.Module, test: Iterable) -> None:
    """Meet before training what would be met after an epoch of it, on two images; draws nothing that training draws."""
    drawn = random_state(test)
    try:
        X, y, span = next(checks.batches(test), (None, None, None))
        if X is None:
            raise ValueError(NO_IMAGES.format("evaluate on"))
        if any(map(nn.parameter.is_lazy, net.parameters())):   # its first batch shall be one of training
            return
        with torch.enable_grad(), inspection.eval_mode(net), speed.precision(net):
            logits = inspection.logits_of(net, speed.to_device(net, X[:2], next(net.parameters()).device))
        checks.labels(span, logits)
        checks.warn_of_squashed(net, logits)
        if not logits.requires_grad:
            raise ValueError("The network's output is cut off from its parameters (a detach, a no_grad or an argmax in "
                             "its forward): there is no gradient to train it by.")
    finally:
        set_random_state(drawn, test)


def train_epoch(net: nn.Module, train: Iterable, update: torch.optim.Optimizer, epoch: int, history: History,
                display: TrainingProgress | None) -> tuple[float, float]:
    """One pass over `train`: mean loss and accuracy of its images; adds the loss of each step to `history`."""
    device = next(net.parameters()).device
    losses, batch_sizes, correct = [], [], torch.zeros((), device=device)
    last_look, shape = time.perf_counter(), None
    net.train()
    try:
        for X, y, span in checks.batches(train):
            shape = tuple(X.shape)
            X, y = speed.to_device(net, X, device), y.to(device)
            update.zero_grad()
            with torch.enable_grad(), speed.precision(net):
                logits = inspection.logits_of(net, X)
                checks.labels(span, logits)
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
            raise ValueError(NO_IMAGES.format("train on"))
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
        raise not_finite(f"The loss is {values[step].item()} in epoch {epoch + 1}, step {step + 1}", update)


def check_weights(net: nn.Module, epoch: int, update: torch.optim.Optimizer) -> None:
    """Raises LossNotFiniteError if the last step spoilt the weights: they may not replace a good checkpoint."""
    if not all(parameter.isfinite().all() for parameter in net.parameters()):
        raise not_finite(f"Weights are NaN or infinite after epoch {epoch + 1}", update)


def not_finite(found: str, update: torch.optim.Optimizer) -> LossNotFiniteError:
    lr = update.param_groups[0]["lr"]
    return LossNotFiniteError(
        f"{found}. Likely causes: a learning rate that is too high (it is {lr:g}; try {lr / 10:g}), "
        "inputs that are not numbers or not scaled to about [0, 1], or initial weights that are too large. "
        "The network's weights are spoilt: build it anew.")


def judge_epoch(net: nn.Module, test: Iterable, epoch: int, update: torch.optim.Optimizer, plan: Any,
                history: History) -> None:
    """End an epoch with the test data: their loss and accuracy go to `history`, and the learning rate by its plan."""
    started = time.perf_counter()
    test_loss, test_accuracy = evaluate(net, test)
    if not math.isfinite(test_loss):
        raise not_finite(f"The loss is {test_loss} on the test data after epoch {epoch + 1}", update)
    if plan:
        plan.step(*([1 - test_accuracy] if isinstance(plan, ReduceLROnPlateau) else []))
    history.seconds[-1] += time.perf_counter() - started
    note(history, test_loss=test_loss, test_accuracy=test_accuracy)


def evaluate(net: nn.Module, data: Iterable) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over every image of `data`, once, in eval mode; restores the mode after."""
    device = next(net.parameters()).device
    loss, correct, images = torch.zeros((), device=device), torch.zeros((), device=device), 0
    with torch.no_grad(), inspection.eval_mode(net), speed.channels_last(net), speed.precision(net):
        for X, y, span in checks.batches(data):
            X, y = speed.to_device(net, X, device), y.to(device)
            logits = inspection.logits_of(net, X)
            checks.labels(span, logits)
            loss += F.cross_entropy(logits, y, reduction="sum")
            correct += (logits.argmax(dim=1) == y).sum()
            images += len(y)
    if not images:
        raise ValueError(NO_IMAGES.format("evaluate on"))
    return means(loss.item(), correct, images)


def means(loss: float, correct: torch.Tensor, images: int) -> tuple[float, float]:
    """Loss and accuracy an image, from their sums over the images of all processes."""
    sums = torch.tensor([loss, correct.item(), images], dtype=torch.float64)
    loss, right, images = distributed.total(sums).tolist()
    return loss / images, right / images
