"""What lesson 06 writes out does what the helpers do, and its counts and presentations are what it says."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torchvision.transforms import v2

import alexnet_helpers as ah

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSON = FOLDER / "06_data_augmentation.ipynb"
IN_DEPTH = FOLDER / "in_depth" / "06_data_augmentation_in_depth.ipynb"


def run_cell(beginning: str, until: str | None = None, path: Path = LESSON, **names: object) -> dict:
    """What the notebook's one code cell with a line that starts with `beginning` defines, up to the line `until`."""
    cells = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
             if cell["cell_type"] == "code"]
    found = [cell for cell in cells if any(line.startswith(beginning) for line in cell.splitlines())]
    assert len(found) == 1, f"{len(found)} cells have a line that starts with {beginning!r}"
    source = found[0][:found[0].index(until)] if until else found[0]
    space = {"torch": torch, "nn": nn, "F": F, "ah": ah, "v2": v2, "np": np, "itertools": itertools,
             "hashlib": hashlib, "skimage": skimage, "load_digits": load_digits, **names}
    exec(source, space)
    return space


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------------------------------------------------------
# The transforms that the lesson writes out are the helpers'


@pytest.mark.parametrize("size", [4, 7])
def test_the_crop_is_the_helper_s(size: int) -> None:
    X = torch.rand(50, 3, 7, 9)
    ours = run_cell("def random_crop(")["random_crop"](X, size, seeded())
    assert torch.equal(ours, ah.RandomCrop(size, seed=3)(X))


def test_the_flip_is_the_helper_s() -> None:
    X = torch.rand(50, 3, 7, 9)
    assert torch.equal(run_cell("def random_crop(")["random_flip"](X, seeded()), ah.RandomFlip(seed=3)(X))


def test_the_lighting_is_the_helper_s() -> None:
    X = torch.rand(20, 3, 6, 6)
    cell = run_cell("def principal_colours(")
    values, vectors = ah.principal_colours(X)
    ours, our_vectors = cell["principal_colours"](X)
    torch.testing.assert_close(ours.double(), values, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close((our_vectors.double().T @ vectors).abs(), torch.eye(3).double(), rtol=0, atol=1e-3)
    torch.testing.assert_close(cell["random_light"](X, values.float(), vectors.float(), seeded()),
                               ah.PCALighting(values, vectors, seed=3)(X), rtol=0, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------
# What it counts


@pytest.mark.parametrize("side, size", [(4, 4), (5, 4), (8, 5)])
def test_views_are_counted_by_places_and_mirrors(side: int, size: int) -> None:
    cell = run_cell("def all_views(", until="counted = {}")
    picture = torch.randint(256, (3, side, side), dtype=torch.uint8, generator=seeded(0))
    views = list(cell["all_views"](picture, size))
    assert len(views) == 2 * (side - size + 1) ** 2 == len({cell["fingerprint"](view) for view in views})
    for i in range(0, len(views), 2):
        assert torch.equal(views[i], views[i + 1].flip(-1))
    flat = torch.zeros(3, side, side, dtype=torch.uint8)       # of one colour: every view is the same
    assert len({cell["fingerprint"](view) for view in cell["all_views"](flat, size)}) == 1


def test_the_photograph_is_brought_to_256_by_whole_blocks_of_pixels() -> None:
    square = run_cell("def square(", until="photo = ")["square"]
    theirs = skimage.data.astronaut().astype(float).reshape(256, 2, 256, 2, 3).mean(axis=(1, 3)).round()
    np.testing.assert_array_equal((255 * square(skimage.data.astronaut())[0]).round().permute(1, 2, 0).numpy(), theirs)
    assert square(skimage.data.chelsea()).shape == square(skimage.data.coffee()).shape == (1, 3, 256, 256)


def test_two_random_windows_share_nine_tenths() -> None:
    """By drawing pairs, where the lesson enumerates them."""
    counted = run_cell("starts = torch.arange(33)", until="def correlation(")["area_shared"]
    a, b = np.random.default_rng(0).integers(33, size=(2, 2, 200_000))
    assert counted == pytest.approx((np.prod(224 - np.abs(a - b), axis=0) / 224 ** 2).mean(), abs=0.001)


def test_both_arms_of_the_digits_see_the_same_upright_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(ah, "fit", lambda net, train, test, **options: seen.append(train))
    learn = run_cell("def learn_digits(")["learn_digits"]
    for turned in (False, True):
        torch.manual_seed(0)
        learn(seed=0, lr=0.1, turned=turned)
    upright, both = seen
    assert len(both) == 2 * len(upright)
    assert all(torch.equal(X, Z) and torch.equal(y, z)
               for (X, y), (Z, z) in zip(upright, both[::2], strict=True))
    assert all(torch.equal(X.rot90(2, (2, 3)), Z) and torch.equal(y, z)
               for (X, y), (Z, z) in zip(both[::2], both[1::2], strict=True))


def test_the_bootstrap_agrees_with_the_normal_interval() -> None:
    bootstrap = run_cell("def bootstrap(", path=IN_DEPTH)["bootstrap"]
    values = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], p=[0.05, 0.87, 0.08], size=3_000)
    half, mean = 1.96 * values.std() / len(values) ** 0.5, values.mean()
    np.testing.assert_allclose(bootstrap(values), [mean - half, mean, mean + half], atol=0.1 * half)
