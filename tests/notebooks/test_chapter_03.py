"""What chapter 03 writes out in its cells is what the helpers do afterwards: networks, the layer counter, the hook."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch import nn

import alexnet_helpers as ah

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSON, WHICH, TOWERS = (FOLDER / name for name in (
    "03_architecture.ipynb", "in_depth/03_which_alexnet_in_depth.ipynb", "in_depth/03_two_towers_in_depth.ipynb"))


def run_cell(notebook: Path, beginning: str, **names: object) -> dict:
    """Execute the notebook's one code cell that has `beginning` at the start of a line; what it defines."""
    cells = ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
             if cell["cell_type"] == "code"]
    found = [cell for cell in cells if any(line.startswith(beginning) for line in cell.splitlines())]
    assert len(found) == 1, f"{len(found)} cells have a line that starts with {beginning!r}"
    space = {"torch": torch, "nn": nn, "ah": ah, "OrderedDict": OrderedDict, "math": math, **names}
    exec(found[0], space)
    return space


def shapes(net: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def settings(net: nn.Module) -> list[tuple[str, str]]:
    """Every layer with all its settings, as torch prints them."""
    return [(name, str(module)) for name, module in net.named_modules() if not any(module.children())]


def test_the_books_network() -> None:
    written = run_cell(LESSON, "book = nn.Sequential(")["book"].eval()
    assert settings(written) == settings(ah.alexnet())
    torch.manual_seed(0)                                       # the cell's own seed: the same weights
    ours = ah.alexnet().eval()
    X = torch.rand(1, 1, 224, 224)
    with torch.no_grad():
        assert torch.equal(written(X), ours(X))


@pytest.fixture(scope="module")
def paper_cell() -> dict:
    return run_cell(WHICH, "def alexnet_2012(")


@pytest.mark.parametrize("groups", [1, 2])
def test_the_papers_network(paper_cell: dict, groups: int) -> None:
    written = paper_cell["alexnet_2012"](groups=groups).eval()
    ours = ah.alexnet_paper(groups=groups).eval()
    assert shapes(written) == shapes(ours)
    if groups == 2:                                            # the cell's LRN sees all maps, as its prose explains
        ours.lrn1.groups = ours.lrn2.groups = 1
    ours.load_state_dict(written.state_dict())
    X = 50 * torch.randn(1, 3, 227, 227)
    with torch.no_grad():
        ours, theirs = ours(X), written(X)
    assert (ours - theirs).abs().max() <= 1e-6 * theirs.abs().max()


def test_caffes_alexnet() -> None:
    """Against the settings of Caffe's models/bvlc_alexnet/train_val.prototxt."""
    torch.manual_seed(0)
    net = run_cell(WHICH, "def caffes_alexnet(")["caffes_alexnet"]()
    assert shapes(net) == shapes(ah.alexnet_paper())
    assert [name for name, _ in net.named_children()] == [name for name, _ in ah.alexnet_paper().named_children()]
    assert [(norm.k, norm.alpha, norm.beta, norm.size, norm.groups) for norm in (net.lrn1, net.lrn2)] == 2 * [
        (1.0, 1e-4, 0.75, 5, 1)]
    layers = [layer for layer in net if hasattr(layer, "bias")]
    assert [round(bias.item(), 6) for layer in layers for bias in layer.bias.unique()] == [0, .1, 0, .1, .1, .1, .1, 0]
    assert [round(layer.weight.std().item(), 3) for layer in layers] == [.01, .01, .01, .01, .01, .005, .005, .01]


def test_two_towers() -> None:
    tower = run_cell(TOWERS, "def tower():")["tower"]
    written = run_cell(TOWERS, "class TwoTowers(", tower=tower)["towers"].eval()
    ours = ah.alexnet_two_towers().eval()
    assert shapes(written) == shapes(ours)
    ours.load_state_dict(written.state_dict())
    X = 50 * torch.randn(1, 3, 227, 227)
    with torch.no_grad():
        assert torch.equal(written(X), ours(X))


@pytest.mark.parametrize("build, shape", [(ah.alexnet, (1, 224, 224)), (ah.alexnet_paper, (3, 227, 227)),
                                          (ah.alexnet_2012_code, (3, 224, 224)), (ah.lenet, (1, 28, 28))])
def test_the_layer_counter(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    count = run_cell(LESSON, "def count(", pd=pd)["count"]
    with torch.device("meta"):
        net = build().eval()
    pd.testing.assert_frame_equal(count(net, shape), ah.layer_table(net, shape))


def test_the_hook_that_measures_memory() -> None:
    on_cpu = SimpleNamespace(device="cpu")
    written = run_cell(LESSON, "def bytes_kept(", book=ah.alexnet(), predicted=3_998_760, MiB=2**20, profile=on_cpu)
    net, images = ah.lenet(nn.ReLU), torch.rand(3, 1, 28, 28)
    assert written["bytes_kept"](net, images) == ah.saved_bytes(net, images)


@pytest.mark.parametrize("notebook", [LESSON, WHICH], ids=["lesson", "in depth"])
def test_sizes_by_the_formula(notebook: Path) -> None:
    """`rows` of the notebook against counting the windows one by one."""
    rows = run_cell(notebook, "def rows(", pd=pd)["rows"]
    for n in range(11, 40):
        for kernel, stride, padding in ((11, 4, 0), (11, 4, 2), (3, 2, 0), (5, 1, 2), (2, 2, 0)):
            starts = range(-padding, n + padding, stride)
            assert rows(n, kernel, stride, padding) == sum(s + kernel <= n + padding for s in starts)
            up = rows(n, kernel, stride, padding, up=True)     # the first window that reaches the edge is the last
            assert (up - 1) * stride + kernel >= n + 2 * padding > (up - 2) * stride + kernel or up == 1
