"""What chapter 06 counts and draws: its views by formula, its steps of training, its photographs."""

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
from torch import nn
from torchvision.transforms import v2

import alexnet_helpers as ah

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "06_data_augmentation.ipynb"


def run_cell(beginning: str, until: str | None = None, **names: object) -> dict:
    """What the notebook's one code cell with a line that starts with `beginning` defines, up to the line `until`."""
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
             if cell["cell_type"] == "code"]
    found = [cell for cell in cells if any(line.startswith(beginning) for line in cell.splitlines())]
    assert len(found) == 1, f"{len(found)} cells have a line that starts with {beginning!r}"
    source = found[0][:found[0].index(until)] if until else found[0]
    space = {"torch": torch, "nn": nn, "F": F, "ah": ah, "v2": v2, "np": np, "itertools": itertools,
             "hashlib": hashlib, "skimage": skimage, **names}
    exec(source, space)
    return space


@pytest.mark.parametrize("side, size", [(4, 4), (5, 4), (8, 5)])
def test_views_are_counted_by_places_and_mirrors(side: int, size: int) -> None:
    cell = run_cell("def all_views(", until="counted = {}")
    picture = torch.randint(256, (3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    views = list(cell["all_views"](picture, size))
    assert len(views) == 2 * (side - size + 1) ** 2 == len({cell["fingerprint"](view) for view in views})
    for i in range(0, len(views), 2):
        assert torch.equal(views[i], views[i + 1].flip(-1))
    flat = torch.zeros(3, side, side, dtype=torch.uint8)       # of one colour: every view is the same
    assert len({cell["fingerprint"](view) for view in cell["all_views"](flat, size)}) == 1


def test_the_photograph_is_brought_to_256_by_whole_blocks_of_pixels() -> None:
    square = run_cell("def square(", until="photo = ")["square"]
    ours, theirs = square(skimage.data.astronaut()), skimage.data.astronaut().astype(float)
    assert ours.shape == (1, 3, 256, 256)
    blocks = theirs.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3)).round()
    np.testing.assert_array_equal(ours[0].permute(1, 2, 0).numpy(), blocks)
    assert square(skimage.data.chelsea()).shape == square(skimage.data.coffee()).shape == (1, 3, 256, 256)


def test_a_training_of_the_comparison_makes_its_steps_on_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps, in two stretches at two rates; an epoch has each of the arm's images once, and the next goes on."""
    images = torch.arange(40, dtype=torch.uint8)[:, None, None, None].expand(40, 1, 28, 28)
    seen, rates = [], []

    def fit(net: nn.Module, train: list, test: object, epochs: int, lr: float, **options: object) -> None:
        seen.extend(y for _, y in train)
        rates.append((len(train), epochs, lr))

    monkeypatch.setattr(ah, "fit", fit)
    monkeypatch.setattr(ah, "evaluate", lambda net, data: (0.0, 0.5))
    learn = run_cell("def learn(", until="budget = ", budget=8, drawn=30, images=images, labels=torch.arange(40),
                     device="cpu", moves=None, network=lambda side: nn.Flatten(), tune=[], test=[], moved=[])["learn"]
    assert set(learn(seed=0, lr=0.5, size=20, augmented=False).values()) == {0.5}
    assert rates == [(6, 1, 0.5), (2, 1, 0.05)]
    labels = torch.cat(seen).tolist()                          # 16 + 4 images an epoch, four epochs
    assert all(sorted(labels[i:i + 20]) == sorted(labels[:20]) for i in range(0, 80, 20)) and len(labels) == 80
    assert len(set(labels[:20])) == 20 and max(labels) < 30


def test_lighting_as_the_chapter_shows_it() -> None:
    photo = run_cell("def square(", until="crop, flip")["photo"]
    values, vectors = ah.principal_colours(photo)
    theirs, their_vectors = np.linalg.eigh(np.cov(photo[0].flatten(1).double().numpy()))
    np.testing.assert_allclose(values.numpy(), theirs[::-1], rtol=1e-9)
    assert abs(their_vectors[:, -1] @ np.full(3, 3 ** -0.5)) > 0.999       # brightness
    np.testing.assert_allclose(np.abs(their_vectors[:, ::-1].T @ vectors.numpy()), np.eye(3), atol=1e-6)


def test_two_random_windows_share_nine_tenths() -> None:
    """By drawing pairs, where the chapter enumerates them."""
    a, b = np.random.default_rng(0).integers(33, size=(2, 2, 200_000))
    shared = np.prod(224 - np.abs(a - b), axis=0) / 224 ** 2
    assert shared.mean() == pytest.approx(0.904, abs=0.001)


def test_the_bootstrap_agrees_with_the_normal_interval() -> None:
    bootstrap = run_cell("def bootstrap(", until="changes = {}")["bootstrap"]
    values = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], p=[0.05, 0.87, 0.08], size=3_000)
    half = 1.96 * values.std() / len(values) ** 0.5
    np.testing.assert_allclose(bootstrap(values), [values.mean() - half, values.mean() + half], atol=0.1 * half)
