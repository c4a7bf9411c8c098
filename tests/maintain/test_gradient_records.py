"""The long runs of chapter 04, at a size that takes seconds: arms, tuning, going on, networks."""

import math

import pytest
import torch
from torch import nn

from alexnet_helpers import recorded
from alexnet_helpers.maintain import gradient_records


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)


def wait(**options):
    return gradient_records.record_patience(**{"rates": (0.3, 1.0), "seeds": (0, 1), "steps": 4, "look": 2,
                                               "train_size": 64, **options})


def test_the_wait_has_a_run_for_every_rate_and_seed_and_goes_on_where_it_stopped(monkeypatch):
    first = wait(rates=(0.3,))
    assert list(first["runs"]) == ["rate 0.3, seed 0", "rate 0.3, seed 1"]
    assert [first[name] for name in ("steps", "seeds", "train_size")] == [4, [0, 1], 64]
    made = wait()
    assert list(made["runs"])[2:] == ["rate 1.0, seed 0", "rate 1.0, seed 1"]
    assert made["runs"]["rate 0.3, seed 1"] == first["runs"]["rate 0.3, seed 1"]
    assert all(run["step"] == [2, 4] and len(run["error"]) == len(run["loss"]) == 2 for run in made["runs"].values())
    losses = [run["loss"][-1] for run in made["runs"].values()]
    assert len(set(losses)) == 4                               # neither rate nor seed is lost on the way
    monkeypatch.setattr(gradient_records, "descend", None)     # nothing is left to do
    assert wait() == made == recorded.load_record("patience")


def linear() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    images = torch.randn(40, 1, 2, 2)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), images, (images[:, 0, 0, 0] > 0).long()


def test_the_loop_ends_at_its_level():
    net, images, labels = linear()
    run = gradient_records.descend(net, images, labels, lr=1.0, steps=1_000, seed=0, look=5, until=0.2)
    assert run["step"] == list(range(5, run["step"][-1] + 1, 5)) and run["step"][-1] < 1_000
    assert run["error"][-1] <= 0.2 and all(error > 0.2 for error in run["error"][:-1])
    wrong = (net(images).argmax(dim=1) != labels).float().mean().item()
    assert run["error"][-1] == pytest.approx(wrong, abs=1e-4)


def test_the_loop_ends_when_it_diverges():
    net, images, labels = linear()
    run = gradient_records.descend(net, 1e30 * images, labels, lr=1e30, steps=100, seed=0, look=5)
    assert run["step"][-1] < 100 and run["loss"][-1] is None


def test_mean_error_holds_a_finished_run_at_its_level_and_a_lost_one_at_chance():
    run = {"step": [10, 20], "error": [0.8, 0.4]}
    assert gradient_records.mean_error(run, 0.5, looks=4) == pytest.approx((0.8 + 0.4 + 0.5 + 0.5) / 4)
    assert gradient_records.mean_error(run, 0.3, looks=4) == pytest.approx((0.8 + 0.4 + 0.9 + 0.9) / 4)
    assert gradient_records.steps_to(run, 0.5) == 20 and gradient_records.steps_to(run, 0.3) == math.inf


def test_gains_are_the_papers_and_the_codes():
    text, code = gradient_records.paper_gains(), gradient_records.paper_gains(0.03)
    assert text["conv2"] == pytest.approx(0.01 * math.sqrt(48 * 25))           # a half of the maps
    assert text["fc6"] == code["fc6"] == pytest.approx(0.96)
    assert code["conv3"] == pytest.approx(1.44) and code["conv5"] == pytest.approx(0.03 * math.sqrt(192 * 9))


def test_weights_are_drawn_with_their_gains():
    net = gradient_records.draw(gradient_records.alexnet_28(), gradient_records.paper_gains(0.03), seed=0, bias=1.0)
    for name, inputs in {"conv4": 144, "fc6": 144, "fc7": 64}.items():
        gain = net.get_submodule(name).weight.std().item() * math.sqrt(inputs)
        assert gain == pytest.approx(gradient_records.paper_gains(0.03)[name], rel=0.06)
    assert [module.bias.unique().tolist() for module in net if hasattr(module, "bias")] == \
        [[0.0], [1.0], [0.0], [1.0], [1.0], [1.0], [1.0], [0.0]]


def test_the_cancelled_network_starts_as_the_centred_one():
    X = torch.rand(3, 1, 28, 28)
    one, other = (gradient_records.eight_layers(form, seed=1) for form in ("4σ, cancelled", "4σ - 2"))
    torch.testing.assert_close(one(X), other(X), atol=1e-4, rtol=1e-4)
    assert gradient_records.eight_layers("4σ", seed=1)(X).sub(other(X)).abs().max() > 0.1


@pytest.fixture
def answers(monkeypatch):
    """Training from a formula: 0.1 is the best rate; what was asked is kept."""
    seen = []

    def descend(net, images, labels, lr, steps, seed, look, until=0.0):
        seen.append((lr, seed, images.abs().max().item() > 2, [p.detach().clone() for p in net.parameters()]))
        step = look * (1 + round(abs(math.log10(lr / 0.1)) * 2))
        return {"step": [step], "error": [until], "loss": [0.1 * step]}

    monkeypatch.setattr(gradient_records, "descend", descend)
    images = torch.rand(40, 1, 28, 28)
    monkeypatch.setattr(gradient_records, "centred_images", lambda: (images, torch.zeros(40).long()))
    return seen


def test_starts_tune_every_arm_and_run_it_with_every_seed(answers):
    record = gradient_records.record_starts(seeds=(0, 1), tuning_seeds=(7, 8))
    assert len(record["chosen"]) == 9 and {seed for _, seed, *_ in answers} == {0, 1, 7, 8}
    assert len(record["runs"]) == 18 and len(record["tuning"]) >= 9 * 4 * 2
    assert {raw for *_, raw, _ in answers} == {True, False}
    again = len(answers)
    assert gradient_records.record_starts(seeds=(0, 1), tuning_seeds=(7, 8)) == record and len(answers) == again


def test_centring_has_a_rate_for_every_form(answers):
    record = gradient_records.record_centring(grid=(0.01, 0.1, 1.0), seeds=(0, 1), tuning_seeds=(7, 8))
    assert list(record["chosen"]) == list(gradient_records.FORMS)
    assert len(record["runs"]) == 10


def test_the_race_looks_beyond_its_grid(answers):
    record = gradient_records.record_relu(gains=(0.5, 1.0), rates=(0.3, 1.0), seeds=(0, 1), tuning_seeds=(7, 8))
    assert {rate for _, rate in record["chosen"].values()} == {0.1}            # the formula's best
    assert len(record["runs"]) == 10 and {seed for _, seed, *_ in answers} == {0, 1, 7, 8}


def test_climb_ends_where_no_neighbour_is_better():
    def score(setting):
        return abs(math.log2(setting[0] / 8.0)) + abs(math.log10(setting[1] / 0.03))

    assert gradient_records.climb(score, (1.0, 1.0)) == (8.0, 0.03)
    assert gradient_records.climb(lambda setting: -setting[0], (1.0, 1.0)) == (16.0, 1.0)      # the grid's end
