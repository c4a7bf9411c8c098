"""What the cells of lesson 07 and its in-depth notebooks define: loops, update rule, miniature, a record's display."""

from __future__ import annotations

import json
import pathlib
import time

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from matplotlib import pyplot as plt
from torch import nn
from torchvision.transforms import Compose, Resize, ToTensor

import alexnet_helpers as ah
from alexnet_helpers import recorded, timing
from alexnet_helpers.commands import benchmark, recipes
from alexnet_helpers.figures import ch07, common
from alexnet_helpers.maintain import gpu_record, recipe_record

NOTEBOOKS = pathlib.Path(__file__).resolve().parents[2] / "notebooks"
LESSON = NOTEBOOKS / "07_training_on_a_cuda_gpu.ipynb"
RECIPE = NOTEBOOKS / "in_depth" / "07_recipe_in_depth.ipynb"
MACHINES = NOTEBOOKS / "in_depth" / "07_machines_in_depth.ipynb"


def run_cell(beginning: str, notebook: pathlib.Path = LESSON, **names: object) -> dict:
    """Execute the notebook's one code cell that has `beginning` at the start of a line; what it defines."""
    cells = ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
             if cell["cell_type"] == "code"]
    found = [cell for cell in cells if any(line.startswith(beginning) for line in cell.splitlines())]
    assert len(found) == 1, f"{len(found)} cells have a line that starts with {beginning!r}"
    space = {"torch": torch, "nn": nn, "F": F, "ah": ah, "pd": pd, "plt": plt, "time": time, "ch07": ch07,
             "common": common, "device": "cpu", **names}
    exec(found[0], space)
    return space


@pytest.mark.filterwarnings("ignore")
def test_both_loops_of_the_ladder_train_as_the_books_does() -> None:
    """From one start and one order they end with the same weights, which d2l's loop and `fit` reach too (lesson 02)."""
    space = run_cell("def book_loader(", warnings=__import__("warnings"), Pictures=benchmark.Pictures,
                     Compose=Compose, Resize=Resize, ToTensor=ToTensor)
    space |= run_cell("def our_loop(", train=space["train"])
    ends = []
    for loop in ("book_loop", "our_loop", "fit"):
        torch.manual_seed(0)
        net = ah.lenet(nn.ReLU)
        if loop == "fit":
            torch.manual_seed(1)
            batches = list(space["whole_batches"](256, 64, 28, torch.contiguous_format))
            ah.fit(net, batches, batches, epochs=1, lr=0.1, show=False)
        else:
            torch.manual_seed(1)
            space[loop](net, space["whole_batches"](256, 64, 28, torch.contiguous_format),
                        torch.optim.SGD(net.parameters(), lr=0.1))
        ends.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    torch.testing.assert_close(ends[0], ends[1])
    torch.testing.assert_close(ends[0], ends[2], rtol=0, atol=1e-5)


@pytest.mark.parametrize("side", [28, 65])
def test_whole_batches_have_the_books_pixels(side: int) -> None:
    train, _ = ah.load_fashion_mnist(256, train_size=64, test_size=10)
    space = run_cell("def our_loop(", train=train)
    X, y = next(space["whole_batches"](64, 64, side, torch.channels_last))
    pictures = benchmark.Pictures(train, Compose([Resize(side), ToTensor()]))
    assert X.shape == (64, 1, side, side) and sorted(y.tolist()) == sorted(train.labels.tolist())
    theirs = torch.stack([pictures[i][0] for i in range(64)])
    for image in X[:5]:                                        # each is one of theirs, within a grey level
        assert (theirs - image).abs().amax(dim=(1, 2, 3)).min() <= 1.001 / 255


def test_the_papers_rule_written_out_by_hand() -> None:
    rule = run_cell("def by_the_paper(", RECIPE)["by_the_paper"]
    w, v = 2.0, 0.0
    expected = []
    for g, rate in ((1.0, 0.1), (-3.0, 0.1), (0.5, 0.01)):
        v = 0.9 * v - 0.0005 * rate * w - rate * g
        w += v
        expected.append([w])
    path = rule(torch.tensor([2.0]).double(), torch.tensor([[1.0], [-3.0], [0.5]]).double(), [0.1, 0.1, 0.01])
    torch.testing.assert_close(path, torch.tensor(expected).double())


def test_the_recipe_in_depth_shows_what_was_recorded() -> None:
    space = run_cell("def miniature(", RECIPE)
    torch.manual_seed(0)
    shown = space["miniature"]()
    torch.manual_seed(0)
    kept = recipe_record.miniature()
    for a, b in zip(shown.parameters(), kept.parameters(), strict=True):
        assert torch.equal(a, b)
    sgd, plan = space["all_three"](shown, 0.1)
    recipe = recipe_record.PARTS["all three"]
    assert (sgd.defaults["momentum"], sgd.defaults["weight_decay"]) == (recipe.momentum, recipe.decay)
    assert tuple(plan.milestones) == recipe.drops


def test_curves_say_on_which_images_they_were_judged() -> None:
    run = ah.History(train_loss=[2.0], train_accuracy=[0.3], test_loss=[1.0], test_accuracy=[0.5], seconds=[1.0])
    figure = common.training_curves({"LeNet": [run]}, judged="held out")
    assert [text.get_text() for text in figure.legends[0].texts] == ["LeNet training", "LeNet held out"]
    assert "held out loss 1, accuracy 0.5" in figure.alt and "test" not in figure.alt
    plt.close(figure)


@pytest.mark.filterwarnings("ignore")
def test_a_record_of_a_gpu_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path,
                                    capsys: pytest.CaptureFixture) -> None:
    """The cells that show it, on a record made on a CPU, with LeNets, ten images a batch."""
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    for name in ("lenet", "alexnet"):
        monkeypatch.setitem(recipes.RECIPES, name, recipes.Recipe(ah.lenet, batch_size=10, resize=None, lr=0.9))
    monkeypatch.setattr(timing, "matrix_rates", lambda *_: {"float32": 1e9, "tf32": 2e9, "bfloat16": 3e9})
    gpu_record.record_gpu("gpu", "cpu", seeds=(0, 1), epochs=2, train_size=60, test_size=20, batch_sizes=(16, 64))
    capsys.readouterr()
    shown: list[pd.DataFrame] = []
    run_cell("if record:", record=recorded.read_record("gpu"), display=shown.append)
    assert len(shown) == 3 and len(shown[0]) == 4 and min(map(len, shown[1:])) >= 5    # both ways of both, two ladders
    assert shown[0]["share of the matrix rate"].notna().sum() == 2
    shown.clear()
    run_cell("record = ah.recorded.read_record(", MACHINES, display=shown.append)
    assert "ours against the book's loop, test accuracy" in capsys.readouterr().out
    assert [len(table) for table in shown] == [3, 6]               # three ways, two batches in three families
    assert "the paper's recipe" in plt.gcf().alt
    plt.close("all")
