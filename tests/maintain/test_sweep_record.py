"""The recorded sweeps: what a run trains on and is judged by, how rates are chosen, going on after an interruption."""

import numpy as np
import pytest
import torch

from alexnet_helpers import recorded
from alexnet_helpers.maintain import sweep_record
from alexnet_helpers.maintain.sweep_record import Job, Network, Size

LOOKS = {"epoch": [1, 2], "training": [0.5, 0.6]}


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A sweep whose runs answer from a formula: dropout is best at a rate of 4, its rival at 16; what was asked."""
    seen = []

    def all_of(jobs, train_size, test_size):
        for job in jobs:
            seen.append(job)
            best = 4 if job.arm == "dropout" else 16
            accuracy = 0.9 - 0.1 * abs(np.log2(job.rate / best)) + 0.01 * (job.seed % 2)
            yield job, {**LOOKS, "held out": [accuracy - 0.1, accuracy], **({"test": [0.3, 0.4]} if job.test else {})}

    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(sweep_record, "all_of", all_of)
    monkeypatch.setattr(sweep_record, "NETWORKS", {"small AlexNet": Network(torch.nn.Identity, 28, (2.0, 4.0, 8.0))})
    monkeypatch.setattr(sweep_record, "profile", lambda: type("", (), {"device": "cpu"}))
    return seen


def record(**sizes):
    return sweep_record.record_sweep("dropout", sizes or {10: Size(2, 1, 2), 30: Size(2, 1, 1)}, 60, 12)


def test_the_best_rate_of_each_arm_and_size_is_used_beyond_the_grid_where_it_lies_there(asked):
    best = {"without dropout": 16.0, "dropout": 4.0}
    assert record()["rates"] == {f"small AlexNet, {size}": best for size in (10, 30)}


def test_tuning_has_seeds_of_its_own_and_never_sees_a_test_image(asked):
    record()
    tuning = [job for job in asked if not job.test]
    assert {job.seed for job in tuning} == {100, 101} and {job.seed for job in asked if job.test} == {0, 1}
    assert {job.epochs for job in tuning} == {1}


def test_what_is_there_is_not_run_again(asked):
    first = record()
    made = len(asked)
    assert record() == first and len(asked) == made


def test_a_run_goes_on_where_it_was_interrupted(asked, monkeypatch):
    whole = record()
    stored = {**whole, "runs": dict(list(whole["runs"].items())[:2])}
    monkeypatch.setattr(recorded, "read_record", lambda name: stored)
    asked.clear()
    assert record()["runs"] == whole["runs"]
    assert len(asked) == len(whole["runs"]) - 2


def test_a_run_trains_on_its_own_part_and_looks_on_the_way(monkeypatch):
    seen = {}

    def train_epoch(net, train, update, epoch, history, display):
        seen["images"], seen["rate"] = train.images, update.param_groups[0]["lr"]

    def evaluate(net, data):
        seen.setdefault("judged", []).append(len(data.images))
        return 0.0, 0.25

    monkeypatch.setattr(sweep_record, "train_epoch", train_epoch)
    monkeypatch.setattr(sweep_record, "evaluate", evaluate)
    found = sweep_record.run(Job("dropout", "small AlexNet", "dropout", 20, 0.5, 3, 6, test=True), 120, 50)
    train, _ = sweep_record.images(120, 50)
    rows = np.random.default_rng(3).permutation(110)[:20]      # the last twelfth is held out
    assert torch.equal(seen["images"], train.images[rows])
    assert seen["rate"] == 0.5 and seen["judged"][:3] == [10, 20, 50]
    assert found["epoch"] == [1, 2, 3, 4, 5, 6] and found["test"] == [0.25] * 6


@pytest.mark.parametrize(("arm", "share"), [("without dropout", 0.0), ("dropout", 0.5)])
def test_arms_differ_in_the_share_that_drops_out(monkeypatch, arm, share):
    nets = []
    monkeypatch.setattr(sweep_record, "train_epoch", lambda net, *rest: nets.append(net))
    monkeypatch.setattr(sweep_record, "evaluate", lambda *rest: (0.0, 0.1))
    sweep_record.run(Job("dropout", "small AlexNet", arm, 10, 0.1, 0, 1, test=False), 120, 50)
    assert [layer.p for layer in nets[0] if isinstance(layer, torch.nn.Dropout)] == [share, share]


@pytest.mark.parametrize(("arm", "flipped", "moved"), [
    ("none", False, False), ("flips", True, False), ("shifts", False, True), ("both", True, True)])
def test_arms_of_augmentation(arm, flipped, moved):
    make = sweep_record.ARMS["augmentation"][arm][1]
    X = torch.zeros(64, 1, 65, 65)
    X[:, :, 32, 20] = 1.0                                      # one bright pixel, left of the middle
    place = (make(65, 0)(X) if make else X).flatten(1).argmax(dim=1)
    rows, columns = place // 65, place % 65
    assert bool((columns > 32).any()) == flipped
    assert bool((rows != 32).any()) == moved
    assert (rows - 32).abs().max() <= 5                        # two pixels of 28 are 4.6 of 65


SWEEP = {"rates": {"small AlexNet, 300": {"dropout": 0.1, "none": 0.2}}, "runs": {
    "small AlexNet, 300, dropout, rate 0.1, seed 0": {"epoch": [1, 2], "held out": [0.5, 0.7], "training": [0.6, 0.9],
                                                      "test": [0.4, 0.6]},
    "small AlexNet, 300, dropout, rate 0.1, seed 1": {"epoch": [1, 2], "held out": [0.8, 0.7], "training": [0.6, 0.9],
                                                      "test": [0.3, 0.5]},
    "small AlexNet, 300, none, rate 0.3, seed 0": {"epoch": [1], "held out": [1.0], "training": [1.0], "test": [1.0]},
    "small AlexNet, 300, none, rate 0.2, seed 0": {"epoch": []},
    "AlexNet, 300, dropout, rate 0.1, seed 0": {"epoch": [1], "held out": [1.0], "training": [1.0], "test": [1.0]}}}


@pytest.mark.parametrize("sweep", ["dropout", "augmentation"])
def test_the_record_that_is_kept_is_what_the_command_would_make(sweep):
    curves = recorded.sweep_curves(recorded.read_record(sweep))
    for size, plan in sweep_record.SIZES[sweep].items():
        for arm in sweep_record.ARMS[sweep]:
            runs = curves[(curves["size"] == size) & (curves["arm"] == arm)]
            assert set(runs["seed"]) == set(range(plan.seeds)), f"{size}, {arm}: other seeds"
            assert set(runs.groupby("seed")["epoch"].max()) == {plan.epochs}, f"{size}, {arm}: other epochs"


def test_a_sweep_is_read_at_the_look_that_held_out_images_choose():
    runs = recorded.sweep_runs(SWEEP)
    dropout = runs[runs["arm"] == "dropout"]
    assert dropout["epoch"].tolist() == [2, 2]                 # means 0.65 and 0.70
    assert dropout["test accuracy"].tolist() == [0.6, 0.5]


def test_a_sweep_is_read_without_rates_that_were_not_chosen_and_with_what_diverged():
    runs = recorded.sweep_runs(SWEEP)
    none = runs[runs["arm"] == "none"]
    assert none["rate"].tolist() == [0.2] and none["test accuracy"].isna().all()


def test_looks_of_a_sweep():
    curves = recorded.sweep_curves(SWEEP)
    assert len(curves) == 5
    assert curves.query("arm == 'dropout' and seed == 1")["held-out accuracy"].tolist() == [0.8, 0.7]
