"""What is kept of a training run: its history, and all that `fit` needs to go on after a kill.

A checkpoint is one file that is always whole, a torch archive: `torch.load(path, weights_only=True)["weights"]` is the
network's state dict.
"""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from torch import nn

from . import distributed

FORMAT = "alexnet_helpers checkpoint 1"
MAY_DIFFER = ("epochs", "device")                              # settings: more epochs, or another machine, go on


class CheckpointError(ValueError):
    """A checkpoint that `fit` cannot go on from, damaged or of another training; the message says what to do."""


def prepare(path: Path) -> None:
    """Make the folder of a file that is to be written after hours. Raises OSError if it cannot be written there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise OSError(f"{path} cannot be written: it is a folder, or stands in one that nothing may be written to")


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file by `write(file)`. Aside, then renamed: a file with the right name is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    with aside.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())                                # on the disk before the name points to it
    aside.replace(path)
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


class Checkpoint:
    """One training run and the file that it is kept in."""

    def __init__(self, path: str | Path, net: nn.Module, train: Iterable, update: torch.optim.Optimizer,
                 schedule: Any, history: History) -> None:
        self.path, self.net, self.train = Path(path), net, train
        self.update, self.schedule, self.history = update, schedule, history

    def save(self) -> None:
        """Write the state after a whole epoch."""
        rng = distributed.gather(self.rng_state())             # every process draws its own dropout masks
        if distributed.rank() > 0:
            return
        state = {"format": FORMAT, "history": json.dumps(asdict(self.history)), "batches": len(self.train),
                 "weights": self.net.state_dict(), "optimizer": self.update.state_dict(),
                 "schedule": self.schedule.state_dict() if self.schedule else None, "rng": rng}
        write_whole(self.path, lambda file: torch.save(state, file))

    def resume(self) -> bool:
        """Bring the run to where the file left it; False if there is no file. Raises CheckpointError."""
        try:
            prepare(self.path)                                 # rather than find out after the first epoch
        except OSError as error:
            raise CheckpointError(f"{error}. Name another file in checkpoint=.") from error
        if not self.path.exists():
            return False
        saved = self.read()
        history = json.loads(saved["history"])
        self.compare(saved, history)
        self.net.load_state_dict(saved["weights"])
        self.update.load_state_dict(saved["optimizer"])
        if self.schedule:
            self.schedule.load_state_dict(saved["schedule"])
        for name, value in history.items():
            if name != "settings":
                setattr(self.history, name, value)
        if len(saved["rng"]) == distributed.world():           # with other processes, other masks
            self.set_rng_state(saved["rng"][distributed.rank()])
        return True

    def read(self) -> dict:
        try:
            with zipfile.ZipFile(self.path) as archive:        # torch.load does not look at the checksums
                broken = archive.testzip()
            if broken:
                raise zipfile.BadZipFile(f"{broken} is not what was written")
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:                         # whole, but of things that fit does not write
            saved = None
        except (RuntimeError, EOFError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile) as error:
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
        for name in [*mine, *theirs]:
            shapes = [tuple(weights[name].shape) if name in weights else "missing" for weights in (theirs, mine)]
            if shapes[0] != shapes[1]:
                refuse(f"the shape of {name}", *shapes)
        settings = json.loads(json.dumps(self.history.settings))
        for name in [*settings, *history["settings"]]:
            if name not in MAY_DIFFER and settings.get(name) != history["settings"].get(name):
                refuse(name, history["settings"].get(name), settings.get(name))
        if saved["batches"] != len(self.train):
            refuse("the number of batches in an epoch", saved["batches"], len(self.train))
        if len(saved["rng"]) == distributed.world():
            states = saved["rng"][distributed.rank()]["train"]
            there, here = ([g.initial_seed() for g in drawing] for drawing in (
                [torch.Generator().set_state(state) for state in states], generators(self.train)))
            if there != here:
                refuse("the seeds that the images are drawn by", there, here)
        if len(history["seconds"]) > settings["epochs"]:
            refuse("the number of epochs done", len(history["seconds"]), f"at most {settings['epochs']}")

    def rng_state(self) -> dict[str, Any]:
        """What the next epoch draws from: torch's generators, and those that shuffle and augment the images."""
        state = {"cpu": torch.get_rng_state(), "train": [g.get_state() for g in generators(self.train)]}
        if torch.cuda.is_available():
            state["cuda"] = torch.cuda.get_rng_state()
        return state

    def set_rng_state(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(state["cpu"])
        for generator, its_state in zip(generators(self.train), state["train"], strict=False):
            generator.set_state(its_state)
        if "cuda" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["cuda"])


def generators(data: object) -> list[torch.Generator]:
    """The loader's own generator and those of its augmentation, which may be a chain of transforms."""
    if data is None:
        return []
    own = getattr(data, "generator", None)
    parts = [getattr(data, "augment", None), *(getattr(data, "transforms", None) or [])]
    return ([] if own is None else [own]) + [generator for part in parts for generator in generators(part)]
