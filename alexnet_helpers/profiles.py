"""How much a notebook computes: `quick`, which two CPU cores do in a minute, or `full`, for a GPU."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypeVar

import torch

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
