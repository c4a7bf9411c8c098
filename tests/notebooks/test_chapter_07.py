"""What the cells of chapter 07 define: the paper's update rule, the miniature, and how a record of a GPU is shown."""

from __future__ import annotations

import json
import pathlib

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from matplotlib import pyplot as plt
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

import alexnet_helpers as ah
from alexnet_helpers import recorded, timing
from alexnet_helpers.commands import recipes
from alexnet_helpers.data import Batches
from alexnet_helpers.figures import ch07, common
from alexnet_helpers.maintain import gpu_record

NOTEBOOKS = pathlib.Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOK = NOTEBOOKS / "07_training_on_a_cuda_gpu.ipynb"


def run_cell(beginning: str, **names: object) -> dict:
    """Execute the notebook's one code cell that has `beginning` at the start of a line; what it defines."""
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
             if cell["cell_type"] == "code"]
    found = [cell for cell in cells if any(line.startswith(beginning) for line in cell.splitlines())]
    assert len(found) == 1, f"{len(found)} cells have a line that starts with {beginning!r}"
    space = {"torch": torch, "nn": nn, "F": F, "ah": ah, "pd": pd, "plt": plt, "pathlib": pathlib,
             "Batches": Batches, "ReduceLROnPlateau": ReduceLROnPlateau, "timing": timing, "ch07": ch07,
             "recorded": recorded, "profile": ah.Profile("quick", "cpu", 6_000, 1_000, (0, 1, 2)), **names}
    exec(found[0], space)
    return space


def test_the_papers_rule_written_out_by_hand() -> None:
    rule = run_cell("def by_the_paper(")["by_the_paper"]
    w, v = 2.0, 0.0
    expected = []
    for g, rate in ((1.0, 0.1), (-3.0, 0.1), (0.5, 0.01)):
        v = 0.9 * v - 0.0005 * rate * w - rate * g
        w += v
        expected.append([w])
    path = rule(torch.tensor([2.0]).double(), torch.tensor([[1.0], [-3.0], [0.5]]).double(), [0.1, 0.1, 0.01])
    torch.testing.assert_close(path, torch.tensor(expected).double())


def test_the_miniature_has_the_weights_that_the_prose_names() -> None:
    space = run_cell("def miniature(")
    text = NOTEBOOK.read_text(encoding="utf-8")
    count = sum(p.numel() for p in space["miniature"]().parameters())
    assert f"a miniature of {count:,} weights" in text
    assert set(space["parts"]["all three"]) == {"momentum", "weight_decay", "drops"}


def test_a_run_that_is_stopped_writes_its_checkpoint(tmp_path: pathlib.Path) -> None:
    space = run_cell("def train_with(")
    space["train_with"](tmp_path / "run.pt", stop_at=20)
    saved = torch.load(tmp_path / "run.pt", weights_only=True)
    assert len(json.loads(saved["history"])["seconds"]) == 1       # 16 batches an epoch


def test_curves_say_on_which_images_they_were_judged() -> None:
    run = ah.History(train_loss=[2.0], train_accuracy=[0.3], test_loss=[1.0], test_accuracy=[0.5], seconds=[1.0])
    figure = common.training_curves({"LeNet": [run]}, judged="held out")
    assert [text.get_text() for text in figure.legends[0].texts] == ["LeNet training", "LeNet held out"]
    assert "held out loss 1, accuracy 0.5" in figure.alt and "test" not in figure.alt
    plt.close(figure)


@pytest.mark.filterwarnings("ignore")
def test_a_record_of_a_gpu_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path,
                                    capsys: pytest.CaptureFixture) -> None:
    """The cell that shows it, on a record made on a CPU, with LeNets, ten images a batch."""
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    for name in ("lenet", "alexnet"):
        monkeypatch.setitem(recipes.RECIPES, name, recipes.Recipe(ah.lenet, batch_size=10, resize=None, lr=0.9))
    monkeypatch.setattr(timing, "matrix_rates", lambda *_: {"float32": 1e9, "tf32": 2e9, "bfloat16": 3e9})
    gpu_record.record_gpu("gpu", "cpu", seeds=(0, 1), epochs=2, train_size=60, test_size=20, batch_sizes=(16, 64))
    capsys.readouterr()
    shown: list[pd.DataFrame] = []
    space = run_cell('record = ah.load_record("gpu")', display=shown.append)
    printed = capsys.readouterr().out
    assert "python -m alexnet_helpers.maintain record gpu, 0 parts missing" in printed
    assert "in bfloat16: 0.0 TFLOP/s" in printed
    assert [len(table) for table in shown] == [4, 5, 5]            # both ways of both, two ladders
    assert shown[0]["share of the matrix rate"].notna().sum() == 2
    shown.clear()
    run_cell('if record and not record["missing"]:', display=shown.append, record=space["record"])
    assert "ours minus the book's loop" in capsys.readouterr().out
    assert [len(table) for table in shown] == [3, 6]               # three ways, two batches in three families
    assert "the paper's recipe" in plt.gcf().alt
    plt.close("all")
    run_cell('if record and not record["missing"]:', record={**space["record"], "missing": 1})
    assert "belongs to the whole record" in capsys.readouterr().out
