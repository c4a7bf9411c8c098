"""Chapter 04: what its cells define, and its figures, against expectations of their own."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from itertools import count, pairwise
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers.figures import ch04
from alexnet_helpers.maintain import gradient_records

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSON = FOLDER / "04_relu_vs_sigmoid_gradients.ipynb"
DEPTH = FOLDER / "in_depth" / "04_relu_vs_sigmoid_gradients_in_depth.ipynb"


def source_of(notebook: Path) -> dict[str, str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: "".join(cell["source"]) for cell in cells}


def run_cells(notebook: Path, *ids: str, **names: object) -> dict:
    """What the notebook's cells with these ids define."""
    cells = source_of(notebook)
    space = {"torch": torch, "nn": nn, "F": F, "ah": ah, "math": math, "OrderedDict": OrderedDict, "count": count,
             "pd": pd, "plt": type("plt", (), {"show": lambda: None}), "ch04": ch04, **names}
    for name in ids:
        exec(cells[name], space)
    return space


def data(n: int = 96) -> dict:
    images, labels = gradient_records.centred_images(600)
    return {"images": images.cpu()[:n], "labels": labels.cpu()[:n]}


def draws() -> dict:
    cell = source_of(LESSON)["draws"]
    space = {"nn": nn, "math": math}
    exec("DRAWS = {" + cell.split("DRAWS = {")[1].split("\n\n\n")[0], space)
    return {"DRAWS": space["DRAWS"]}


@pytest.mark.parametrize("name, closed_form", [
    ("sigmoid", lambda x: 1 / (4 * math.cosh(x / 2) ** 2)), ("tanh", lambda x: 1 / math.cosh(x) ** 2),
    ("ReLU", lambda x: float(x > 0)), ("leaky ReLU", lambda x: 1.0 if x > 0 else 0.01)])
def test_slopes_of_the_listing_have_their_closed_forms(name: str, closed_form) -> None:
    x = torch.tensor([-5.0, -1.3, -0.1, 0.4, 2.0, 7.0], dtype=torch.double)
    expected = torch.tensor([closed_form(v) for v in x.tolist()], dtype=torch.double)
    _, slope = run_cells(LESSON, "slopes")["ACTIVATIONS"][name]
    torch.testing.assert_close(slope(x), expected)


def test_the_chapters_alexnet_has_the_layers_of_alexnet() -> None:
    lesson = run_cells(LESSON, "alexnet-28")
    net = lesson["alexnet_28"](nn.ReLU)
    assert [name for name, module in ah.alexnet().named_children() if hasattr(module, "weight")] == lesson["LAYERS"]
    assert net(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    assert str(net) == str(gradient_records.alexnet_28()), "the records have another network"


def test_biases_of_1_go_to_the_layers_of_the_paper() -> None:
    lesson = run_cells(LESSON, "alexnet-28", "build", **data(), **draws())
    built, paper = lesson["build"](nn.ReLU, "Kaiming", 0, 1.0), ah.alexnet_paper(num_classes=10)
    for name in lesson["LAYERS"]:
        biases = [net.get_submodule(name).bias.unique().tolist() for net in (built, paper)]
        assert biases[0] == biases[1]


def test_the_lessons_loop_is_that_of_the_records() -> None:
    lesson = run_cells(LESSON, "alexnet-28", "build", "descend", **data(), **draws())
    ours, theirs = lesson["build"](nn.Sigmoid, "Xavier", 2), gradient_records.small_sigmoid_alexnet(2)
    assert all(torch.equal(p, q) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True))
    seen = lesson["descend"](ours, lesson["images"], 1.0, 40, seed=2)
    run = gradient_records.descend(theirs, lesson["images"], lesson["labels"], lr=1.0, steps=40, seed=2)
    assert run["step"] == [step for step, _ in seen[1:]] == [20, 40]
    assert run["error"] == pytest.approx([error for _, error in seen[1:]], abs=1e-4)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_a_step_of_equal_ratio_has_the_gradients_direction_and_the_weights_length() -> None:
    lesson = run_cells(LESSON, "alexnet-28", "build", "descend", **data(), **draws())
    net = lesson["build"](nn.ReLU, "Kaiming", 0)
    F.cross_entropy(net(lesson["images"][:8]), lesson["labels"][:8]).backward()
    before = [p.detach().clone() for p in net.conv3.parameters()]
    lesson["move"](net, 0.01, equal=True)
    moved = torch.cat([(q - p).flatten() for p, q in zip(before, net.conv3.parameters(), strict=True)]).detach()
    gradient = torch.cat([p.grad.flatten() for p in net.conv3.parameters()])
    assert moved.norm().item() == pytest.approx(0.01 * before[0].norm().item(), rel=1e-3)
    assert F.cosine_similarity(moved, -gradient, dim=0).item() == pytest.approx(1, abs=1e-3)


def test_the_in_depth_networks_are_those_of_the_records() -> None:
    depth = run_cells(DEPTH, "forms", "eight-layers", pairwise=pairwise)
    for form in gradient_records.FORMS:
        ours, theirs = depth["eight_layers"](form, 1), gradient_records.eight_layers(form, 1)
        X = torch.rand(3, 1, 28, 28)
        torch.testing.assert_close(ours(X), theirs(X))


def test_the_normed_network_is_the_lessons_with_one_norm_before_each_activation() -> None:
    make = run_cells(DEPTH, "norm-net")["alexnet_28"]
    assert str(make(False)) == str(gradient_records.alexnet_28(nn.Sigmoid))
    kinds = [type(layer).__name__ for layer in make(True)]
    before = [kinds[i - 1] for i, kind in enumerate(kinds) if kind == "Sigmoid"]
    assert before == ["BatchNorm2d"] * 5 + ["BatchNorm1d"] * 2


# ---------------------------------------------------------------------------------------------------------------
# Figures


def test_depth_grid_puts_every_run_and_the_prediction() -> None:
    figure = ch04.depth_grid({(a, b): ([[1.0, 2.0, 4.0]] * 2, [1.0, 2.0, 4.0]) for a in "xy" for b in "pqr"}, "g", "T")
    assert len(figure.axes) == 6
    assert all(len(ax.get_lines()) == 3 and ax.get_yscale() == "log" for ax in figure.axes)
    assert "x, p: predicted 1" in figure.alt and figure.alt.startswith("T.")


def test_step_curves_draws_a_line_a_run_and_names_each_arm_once() -> None:
    curves = {"a": [[(0, 0.9), (20, 0.5)]] * 3, "b": [[(0, 0.9), (20, 0.8)]]}
    figure = ch04.step_curves(curves, "error", "T", level=0.5)
    ax, = figure.axes
    assert len(ax.get_lines()) == 5
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert "b: 0.8 after 20" in figure.alt


def test_steps_needed_tells_runs_that_did_not_get_there() -> None:
    figure = ch04.steps_needed({"a": [40.0, 60.0], "b": [80.0, math.inf], "c": [math.inf] * 2}, 240, "T")
    assert [text.get_text() for text in figure.axes[0].texts] == ["1 of 2 not", "2 of 2 not"]
    assert "a: 40 to 60 steps; b: 80 to 80 steps, 1 of 2 not in 240; c: no run, 2 of 2 not in 240" in figure.alt


def test_remaining_gradient_is_a_power() -> None:
    figure = ch04.remaining_gradient({"half": 0.5, "one": 1.0}, "T", layers=10)
    assert figure.axes[0].get_lines()[0].get_ydata()[10] == pytest.approx(1 / 1024)
    assert "half: 0.001; one: 1" in figure.alt


def test_by_layer_leaves_out_what_has_no_logarithm() -> None:
    figure = ch04.by_layer({"p": {"a": {"conv1": 0.0, "fc8": 1e-3}}, "q": {"a": {"conv1": 1.0, "fc8": 2.0}}}, "r", "T")
    assert math.isnan(figure.axes[0].get_lines()[0].get_ydata()[0])
    assert "q a: 1 at conv1, 2 at fc8" in figure.alt


def test_dead_by_layer_has_a_panel_an_arm_and_says_both_shares() -> None:
    table = pd.DataFrame({"before": [0.5, 0.0], "after": [0.25, 1.0]}, index=["act1", "act2"])
    figure = ch04.dead_by_layer({"x": table, "y": table}, "T")
    assert len(figure.axes) == 2
    assert "x: act1 0.50 to 0.25, act2 0.00 to 1.00" in figure.alt


def test_flow_histograms_leave_zeros_out_and_say_the_sizes() -> None:
    tensors = [torch.tensor([0.0, 10.0 ** -layer]) for layer in range(1, 10)]
    figure = ch04.flow_histograms({"a": (tensors, tensors)}, "T")
    assert len(figure.axes) == 2 and "a, gradients: root mean square 0.07 in layer 1" in figure.alt
