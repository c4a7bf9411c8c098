"""What is kept of a training run: its history, and all that `fit` needs to go on after a kill.

A checkpoint is one file that is always whole, a torch archive: `torch.load(path, weights_only=True)["weights"]` is the
network's state dict.
"""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import random
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import nn

from . import checks, distributed

FORMAT = "alexnet_helpers checkpoint 1"
MAY_DIFFER = ("epochs", "device")                              # settings: more epochs, or another machine, go on


class CheckpointError(ValueError):
    """A checkpoint that `fit` cannot go on from, damaged or of another training; the message says what to do."""


def expanded(path: str | Path) -> Path:
    """The path with ~ as the home folder, where the shell left it. Raises OSError if there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise OSError(f"{path} names no home folder that is known here ({error})") from error


def aside(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def prepare(path: Path) -> None:
    """Make the folder of a file that is to be written after hours. Raises OSError if it cannot be written there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        aside(path).open("ab").close()
        aside(path).unlink(missing_ok=True)                    # another process may have tried it too
    except (OSError, ValueError) as error:                     # ValueError: a character that no name may have
        raise OSError(f"{path} cannot be written: {error}") from error


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file by `write(file)`. Aside, then renamed: a file with the right name is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path).open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())                                # on the disk before the name points to it
    aside(path).replace(path)
    if os.name == "posix":                                     # the new name on the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


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
        epochs = len(self.test_accuracy)                       # an error in the evaluation leaves one without
        if not epochs:
            return f"no whole epoch yet, {len(self.step_loss)} steps"
        loss, train, test = (curve[epochs - 1] for curve in (self.train_loss, self.train_accuracy, self.test_accuracy))
        return (f"{epochs} epochs in {sum(self.seconds[:epochs]):.1f} s: train loss {loss:.3f}, "
                f"train accuracy {train:.3f}, test accuracy {test:.3f}"
                + (" (interrupted)" if self.interrupted else ""))

    def whole(self) -> History:
        """This history; raises KeyboardInterrupt if the reader stopped the run: half of one is not to be recorded."""
        if self.interrupted:
            raise KeyboardInterrupt
        return self

    def save(self, path: str | Path) -> None:
        """Write the history as JSON."""
        checks.writable(self.settings)
        text = json.dumps(checks.plain(asdict(self)), indent=1) + "\n"
        write_whole(expanded(path), lambda file: file.write(text.encode()))

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read a history that `save` wrote. Raises ValueError if the file is not one."""
        try:
            history = cls(**json.loads(expanded(path).read_text()))
            if len({len(getattr(history, name)) for name in PER_EPOCH}) > 1:
                raise ValueError("its curves differ in length")
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a history that History.save wrote ({error}).") from error
        return history


class Checkpoint:
    """One training run and the file that it is kept in. Raises CheckpointError if it cannot be kept there."""

    def __init__(self, path: str | Path, net: nn.Module, train: Iterable, update: torch.optim.Optimizer,
                 schedule: Any, history: History) -> None:
        self.net, self.train = net, train
        self.update, self.schedule, self.history = update, schedule, history
        self.plan = plan_of(schedule)                          # before it has stepped
        try:
            self.path = expanded(path)
            prepare(self.path)                                 # rather than find out after the first epoch
        except OSError as error:
            raise CheckpointError(f"{error}. Name another file in checkpoint=.") from error
        self.try_state()

    def state(self) -> dict[str, Any]:
        """All but the weights, which `net` holds."""
        return {"format": FORMAT, "history": json.dumps(asdict(self.history)), "batches": len(self.train),
                "plan": self.plan, "optimizer": checks.plain(self.update.state_dict()),
                "schedule": checks.plain(self.schedule.state_dict()) if self.schedule else None}

    def try_state(self) -> None:
        """Raises CheckpointError if the state could not be read again: better now than after hours."""
        written = io.BytesIO()
        try:
            torch.save({**self.state(), "rng": random_state(self.train)}, written)
            written.seek(0)
            torch.load(written, weights_only=True)
        except (pickle.PicklingError, pickle.UnpicklingError, AttributeError, TypeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise CheckpointError("What the optimizer or the schedule keeps cannot be read again from a file "
                                  f"({reason}). Give them plain numbers, or train without checkpoint=.") from error

    def save(self) -> None:
        """Write the state after a whole epoch."""
        rng = distributed.gather(random_state(self.train))     # every process draws its own dropout masks
        if distributed.rank() == 0:
            state = {**self.state(), "weights": self.net.state_dict(), "rng": rng}
            write_whole(self.path, lambda file: torch.save(state, file))

    def resume(self) -> bool:
        """Bring the run to where the file left it; False if there is no file. Raises CheckpointError."""
        if not self.path.exists():
            return False
        saved = self.read()
        try:
            history = json.loads(saved["history"])
            self.compare(saved, history)
            self.restore(saved, history)
        except CheckpointError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CheckpointError(f"{self.path} lacks something, or another version of the helpers or of torch wrote "
                                  f"it ({type(error).__name__}: {error}). Name another file in checkpoint=, or delete "
                                  "this one to start anew.") from error
        return True

    def restore(self, saved: dict, history: dict) -> None:
        """Take over what `compare` has found to be of this training; the network last, when nothing can fail."""
        self.update.load_state_dict(saved["optimizer"])
        for weight, state in self.update.state.items():
            for name, value in state.items():
                if torch.is_tensor(value) and value.ndim and value.shape != weight.shape:
                    raise ValueError(f"the optimizer's {name} has shape {tuple(value.shape)}, for weights of "
                                     f"{tuple(weight.shape)}")
        if self.schedule:
            self.schedule.load_state_dict(saved["schedule"])
        for name in (*PER_EPOCH, "step_loss"):
            setattr(self.history, name, [float(value) for value in history[name]])
        if len(saved["rng"]) == distributed.world():           # with other processes, other masks
            set_random_state(saved["rng"][distributed.rank()], self.train)
        self.net.load_state_dict(saved["weights"])

    def read(self) -> dict:
        try:
            with zipfile.ZipFile(self.path) as archive:        # torch.load does not look at the checksums
                broken = archive.testzip()
            if broken:
                raise zipfile.BadZipFile(f"{broken} is not what was written")
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:                         # whole, but of things that fit does not write
            saved = None
        except OSError as error:
            raise CheckpointError(f"{self.path} cannot be read ({error}). Name another file in checkpoint=.") from error
        except (RuntimeError, EOFError, ValueError, LookupError, TypeError, NotImplementedError,
                zipfile.BadZipFile) as error:
            reason = str(error).strip().split("\n")[0]
            raise CheckpointError(f"{self.path} is damaged ({reason}). Put a copy in its place, or delete it: "
                                  "training then starts anew.") from error
        if not isinstance(saved, dict) or saved.get("format") != FORMAT:
            raise CheckpointError(f"{self.path} is not a checkpoint that fit wrote. Name another file in checkpoint=.")
        return saved

    def compare(self, saved: dict, history: dict) -> None:
        """Raises CheckpointError, saying what differs, unless the file is of this very training."""
        def refuse(what: str, there: object, here: object) -> None:
            raise CheckpointError(f"{self.path} is the checkpoint of another training: {what} is {there} there and "
                                  f"{here} here. Name another file in checkpoint=, or delete this one to start anew.")

        mine, theirs = self.net.state_dict(), saved["weights"]
        for what in ("shape", "dtype"):
            for name in [*mine, *theirs]:
                there, here = (getattr(weights[name], what, None) if name in weights else "missing"
                               for weights in (theirs, mine))
                if there != here:
                    refuse(f"the {what} of {name}", *(tuple(found) if isinstance(found, torch.Size) else found
                                                      for found in (there, here)))
        settings = json.loads(json.dumps(self.history.settings))
        for name in [*settings, *history["settings"]]:
            if name not in MAY_DIFFER and settings.get(name) != history["settings"].get(name):
                refuse(name, history["settings"].get(name), settings.get(name))
        if saved["batches"] != len(self.train):
            refuse("the number of batches in an epoch", saved["batches"], len(self.train))
        for name, there in saved.get("plan", {}).items():      # files of earlier versions do not say
            if name in self.plan and there != self.plan[name]:
                refuse(f"the schedule's {name}", there, self.plan[name])
        if len(saved["rng"]) == distributed.world():
            states = saved["rng"][distributed.rank()]["train"]
            there, here = ([g.initial_seed() for g in drawing] for drawing in (
                [torch.Generator().set_state(state) for state in states], generators(self.train)))
            if there != here:
                refuse("the seeds that the images are drawn by", there, here)
        epochs, lengths = len(history["train_loss"]), [len(history[name]) for name in PER_EPOCH]
        if lengths not in ([epochs] * 5, [epochs, epochs, epochs - 1, epochs - 1, epochs]):
            raise ValueError(f"its curves have {lengths} values")
        if epochs > settings["epochs"]:
            refuse("the number of epochs done", epochs, f"at most {settings['epochs']}")


def plan_of(schedule: Any) -> dict[str, Any]:
    """The numbers that a scheduler starts with, its step size and factor among them."""
    state = checks.plain(schedule.state_dict()) if schedule else {}
    return {name: value for name, value in state.items()
            if isinstance(value, int | float | str) and not (isinstance(value, float) and math.isnan(value))}


def random_state(data: object) -> dict[str, Any]:
    """What the next pass over `data` draws from: the generators that torch, numpy and Python share, and its own."""
    kind, keys, *rest = np.random.get_state()                  # noqa: NPY002 (a reader's own transform may use it)
    state = {"cpu": torch.get_rng_state(), "train": [g.get_state() for g in generators(data)],
             "python": random.getstate(), "numpy": [kind, torch.from_numpy(keys.astype(np.int64)), *rest]}
    if torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Any], data: object) -> None:
    torch.set_rng_state(state["cpu"])
    for generator, its_state in zip(generators(data), state["train"], strict=False):
        generator.set_state(its_state)
    if "numpy" in state:                                       # not in files of earlier versions
        version, numbers, gauss = state["python"]
        random.setstate((version, tuple(numbers), gauss))
        kind, keys, *rest = state["numpy"]
        np.random.set_state((kind, keys.numpy(), *rest))       # noqa: NPY002
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def generators(data: object) -> list[torch.Generator]:
    """The loader's own generator and those of its augmentation, which may be a chain of transforms."""
    if data is None:
        return []
    own = getattr(data, "generator", None)
    parts = [getattr(data, "augment", None), *(getattr(data, "transforms", None) or [])]
    return ([] if own is None else [own]) + [generator for part in parts for generator in generators(part)]
