"""What readers bring to `fit` and its relatives, looked at before it is used: what will not do gets one sentence.

Labels are compared with the network's outputs once a batch, where that costs nothing: on the CPU, before they go to a
GPU. Of labels that lie on a GPU already, a look would make the program wait for it; there it is taken once a pass.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

Span = tuple[int, int]                                         # the lowest and the highest label
LOADER = "batch_size=128, shuffle=True"                      # how data become batches


# ---------------------------------------------------------------------------------------------------------------
# Batches


def batches(data: Iterable) -> Iterator[tuple[torch.Tensor, torch.Tensor, Span]]:
    """The batches (X, y) of `data`, y as int64 (batch,), and the span of labels that the network must know.

    On a CPU that is the batch's own span; on a GPU that of all labels, if the loader holds them as `Batches` does, else
    that of the first batch. Raises ValueError for whatever is no batch of images and class numbers.
    """
    span = None
    for X, y in pairs(data):
        y = class_numbers(X, y)
        if y.device.type == "cpu":
            span = span_of(y)
        elif span is None:
            span = span_of(torch.cat([y, all_labels(data).to(y)]))
        yield X, y, span


def pairs(data: Iterable) -> Iterator[tuple[torch.Tensor, Any]]:
    """The pairs (X, y) of `data`, X a tensor of one image or more. Raises ValueError for whatever else it gives."""
    if isinstance(data, str | Path):
        raise ValueError(f"The data are a name, {str(data)!r}: give what a loader makes of it, as "
                         "load_image_folder does.")
    if isinstance(data, torch.Tensor | np.ndarray) or not (hasattr(data, "__iter__") or hasattr(data, "__getitem__")):
        raise ValueError(f"The data must give batches (X, y), and they are {described(data)}. "
                         f"Put tensors into a loader: DataLoader(TensorDataset(X, y), {LOADER}).")
    for batch in data:
        if not (isinstance(batch, tuple | list) and len(batch) == 2 and isinstance(batch[0], torch.Tensor)) \
                or single(batch[1]):
            raise ValueError(f"A batch must be a pair (X, y) of tensors, images and labels, and the data give "
                             f"{described(batch)}. {advice(batch)}")
        if not batch[0].ndim or not len(batch[0]):
            raise ValueError(f"A batch without images came, X of shape {tuple(batch[0].shape)}: leave it out.")
        yield batch[0], batch[1]


def single(y: object) -> bool:
    """Whether y is the label of one image, as a data set gives it, and not of a batch."""
    return isinstance(y, int | float | str | np.generic) or (isinstance(y, torch.Tensor) and y.ndim == 0)


def described(thing: object) -> str:
    """What `thing` is, in words: "a tensor of shape (40, 10)", "3 things (Tensor, Tensor, Tensor)"."""
    if isinstance(thing, torch.Tensor | np.ndarray):
        return f"{'a tensor' if isinstance(thing, torch.Tensor) else 'a numpy array'} of shape {tuple(thing.shape)}"
    if isinstance(thing, dict):
        return f"a dict with the keys {', '.join(map(str, thing))}"
    if isinstance(thing, tuple | list):
        kinds = [type(part).__name__ for part in thing]
        return f"{len(thing)} things ({', '.join(kinds[:4])}{', …' if len(kinds) > 4 else ''})"
    return "None" if thing is None else f"an object of type {type(thing).__name__}"


def advice(batch: object) -> str:
    """What to do where a loader gives `batch` instead of a pair of tensors."""
    if isinstance(batch, torch.Tensor):
        return f"Put both into a loader: DataLoader(TensorDataset(X, y), {LOADER})."
    if isinstance(batch, dict):
        image, label = [*map(repr, batch), "…", "…"][:2]
        return f"Give two of its parts, as [(batch[{image}], batch[{label}]) for batch in loader] does."
    if isinstance(batch, tuple | list) and len(batch) != 2:
        return "Give images and labels alone, as [(X, y) for X, y, *_ in loader] does."
    if isinstance(batch, tuple | list) and single(batch[1]):
        return f"That is one image of a data set: put it into a loader, DataLoader(dataset, {LOADER})."
    return "Make tensors of them, as torch.from_numpy(X).float() does of an array."


def class_numbers(X: torch.Tensor, y: object) -> torch.Tensor:
    """The labels y of the images X as int64 (batch,). Raises ValueError unless they are one whole number an image."""
    if isinstance(y, np.ndarray):
        raise ValueError("The labels are a numpy array: make a tensor of it, torch.from_numpy(y).")
    if not isinstance(y, torch.Tensor):
        text = isinstance(y, tuple | list) and len(y) and isinstance(y[0], str)
        raise ValueError("The labels are " + (
            f"text, as {y[0]!r}: number the classes from 0, as names.index(name) does." if text else
            f"{described(y)}: make a tensor of them, torch.tensor(y)."))
    if y.ndim > 1:
        remedy = ("y.flatten() is one of that shape." if y.numel() == len(X) else
                  "if a row is one-hot or holds probabilities, y.argmax(dim=1) gives its class." if y.ndim == 2 else
                  "maps of labels are for other networks.")
        raise ValueError(f"The labels have shape {tuple(y.shape)}, and they must be one number an image, ({len(X)},): "
                         f"{remedy}")
    if y.is_floating_point() or y.is_complex():
        raise ValueError(f"The labels are of type {y.dtype}, and classes are whole numbers: if yours are, "
                         "y.long() says so.")
    if len(y) != len(X):
        raise ValueError(f"A batch has {len(X)} images and {len(y)} labels: give one label an image.")
    return y.long()


def all_labels(data: object) -> torch.Tensor:
    """The labels of the whole set, if `data` is a loader of ours that holds them; else none."""
    held = None
    if type(data).__module__.startswith("alexnet_helpers."):
        held = getattr(data, "labels", getattr(getattr(data, "dataset", None), "targets", None))
    return torch.as_tensor([] if held is None else held)


def span_of(y: torch.Tensor) -> Span:
    lowest, highest = y.aminmax()
    return int(lowest), int(highest)


# ---------------------------------------------------------------------------------------------------------------
# Outputs


def outputs(logits: object, images: int) -> torch.Tensor:
    """The network's output, if it is one row of logits an image, (images, classes). Raises ValueError if not."""
    if not isinstance(logits, torch.Tensor):
        raise ValueError(f"The network gives {described(logits)}, and cross-entropy needs one tensor of logits: let "
                         "its forward return that one alone.")
    if logits.ndim != 2 or len(logits) != images or not logits.shape[1] or not logits.is_floating_point():
        raise ValueError(f"The network gives {described(logits)} of {logits.dtype} for a batch of {images}, and "
                         "cross-entropy needs one row an image and one number a class, (batch, classes): an nn.Flatten "
                         "and an nn.Linear at its end give that.")
    return logits


def labels(span: Span, logits: torch.Tensor) -> None:
    """Raises ValueError, with both ranges, if there are labels that the network has no output for."""
    (lowest, highest), classes = span, logits.shape[1]
    if lowest >= 0 and highest < classes:
        return
    remedy = ("number the classes from 0, y - 1." if lowest == 1 and highest == classes else
              "a negative number is no class (-100 marks what some losses pass over); leave those images out."
              if lowest < 0 else f"give its last layer {highest + 1} outputs, or check the labels.")
    raise ValueError(f"The labels go from {lowest} to {highest}, and the network has outputs 0 to {classes - 1}: "
                     f"{remedy}")


def warn_of_squashed(net: nn.Module, logits: torch.Tensor) -> None:
    """Warn of a softmax, a sigmoid or a tanh at the network's end: they keep the loss from falling."""
    last, classes = [*net.modules()][-1], logits.shape[1]
    if classes > 1 and (logits >= 0).all() and (logits.sum(dim=1) - 1).abs().max() < 1e-3:
        name, reach = "softmax", 1
    elif isinstance(last, nn.Sigmoid | nn.Tanh):
        name, reach = type(last).__name__.lower(), 1 if isinstance(last, nn.Sigmoid) else 2
    else:
        return
    lowest = math.log1p((classes - 1) * math.exp(-reach))
    warnings.warn(f"The network ends in a {name}, and cross-entropy brings its own softmax: the loss cannot fall below "
                  f"{lowest:.3f}, and learning stalls early. Leave the {name} out; net(X).softmax(dim=1) gives "
                  "probabilities after training.", stacklevel=3)


# ---------------------------------------------------------------------------------------------------------------
# Arguments


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """`value` as an int. Raises ValueError unless it is a whole number, of Python's or of numpy's, from `least` on."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = None
    if number is None or isinstance(value, str) or number != value:
        raise ValueError(f"{name} must be a whole number, not {value!r}.")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}.")
    return number


def plain(value: Any) -> Any:
    """`value` with Python's own numbers in place of numpy's and of tensors with one number, in lists and dicts too."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(plain, value)) if type(value) in (tuple, list) else value
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray | torch.Tensor) and value.ndim == 0):
        return value.item()
    return value


def writable(settings: dict) -> None:
    """Raises ValueError, naming the setting, if JSON cannot hold one of them: a history could not be saved."""
    for name, value in settings.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"The setting {name} is {described(value)}, which cannot be written down with the history "
                             f"({error}): give a plain number.") from error


def number(name: str, value: Any) -> float:
    """`value` as a float. Raises ValueError unless it is a finite number, of Python's or of numpy's."""
    value = plain(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, not {value!r}.")
    return float(value)


def trainable(net: object) -> None:
    """Raises ValueError unless `net` is a network with something to train."""
    if not isinstance(net, nn.Module):
        raise ValueError(f"The network must be an nn.Module, and it is {described(net)}"
                         + (": build it, with () behind its name." if callable(net) else "."))
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError("The network has no parameter to train: none at all, or all have requires_grad = False.")


def optimizer(kind: type[torch.optim.Optimizer], net: nn.Module, **options: Any) -> torch.optim.Optimizer:
    """The optimizer of the network's parameters. Raises ValueError if `kind` is no class or refuses its options."""
    if not isinstance(kind, type):
        raise ValueError(f"optimizer must be a class, as torch.optim.SGD, and it is {described(kind)}: fit builds it, "
                         "with the network's parameters, lr and options.")
    try:
        return kind(net.parameters(), **options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{kind.__name__} refuses {options}: {error}.") from error


def repeatable(name: str, data: object) -> None:
    """Raises ValueError for an iterator: an epoch would use it up."""
    if isinstance(data, Iterator):
        raise ValueError(f"`{name}` is {described(data)}, which gives its batches only once: give a loader, or a list, "
                         f"list({name}).")


def length(train: object) -> int:
    """The number of batches of `train`. Raises ValueError if it does not know."""
    try:
        return len(train)
    except TypeError as error:
        raise ValueError(f"The training data, {described(train)}, have no length: give a loader that has, or a list of "
                         "batches, list(batches).") from error


def scheduler(schedule: Callable[[torch.optim.Optimizer], Any], update: torch.optim.Optimizer) -> Any:
    """schedule(update). Raises ValueError if that is no scheduler."""
    try:
        plan = schedule(update)
    except TypeError as error:
        raise ValueError("schedule must be a function of the optimizer alone, as lambda update: StepLR(update, 30), "
                         f"and it raised: {error}.") from error
    if not (hasattr(plan, "step") and hasattr(plan, "state_dict")):
        raise ValueError(f"schedule must return a learning-rate scheduler of the optimizer that it gets, and it "
                         f"returned {described(plan)}.")
    return plan
