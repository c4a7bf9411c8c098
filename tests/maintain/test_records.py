"""The long run of LeNet, with a stand-in for the training: which images, which rates, which seeds."""

import pytest
import torch
from torch import nn

from alexnet_helpers import recorded
from alexnet_helpers.checkpoints import History
from alexnet_helpers.maintain import records

ACCURACY = {0.03: 0.5, 0.1: 0.7, 0.3: 0.6, 0.9: 0.1}            # the best rate lies inside the grid


@pytest.fixture
def calls(monkeypatch, tmp_path):
    seen = []

    def fit(net, train, test, epochs, lr):
        seen.append((net, train, test, lr))
        return History(test_accuracy=[ACCURACY[lr]] * epochs, settings={"lr": lr})

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(records, "fit", fit)
    return seen


def record():
    return records.record_lenet(epochs=2, seeds=(0, 1), train_size=240, test_size=30)


def test_the_rate_is_chosen_on_images_that_its_runs_do_not_train_on(calls):
    record()
    for net, train, held_out, _ in calls[:8]:
        images = [{image.numpy().tobytes() for image in data.images} for data in (train, held_out)]
        assert (len(train.images), len(held_out.images)) == (220, 20)              # the last twelfth
        assert not images[0] & images[1]
        assert any(isinstance(module, nn.ReLU) for module in net.modules())
    assert [lr for *_, lr in calls[:8]] == [0.03, 0.1, 0.3, 0.9] * 2               # two seeds
    starts = [net.conv1.weight for net, *_ in calls[:8]]
    assert torch.equal(starts[0], starts[1]) and not torch.equal(starts[0], starts[4])


def test_runs_take_the_books_rate_and_the_best_one_and_every_seed(calls):
    made = record()
    assert [lr for *_, lr in calls[8:]] == [0.1, 0.1, 0.9, 0.9]
    assert list(made["runs"]) == ["relu 0", "relu 1", "sigmoid 0", "sigmoid 1"]
    assert [len(train.images) for _, train, _, _ in calls[8:]] == [240] * 4
    weights = [net.conv1.weight for net, *_ in calls[8:]]
    assert torch.equal(weights[0], weights[2])                 # one seed, one start
    assert not torch.equal(weights[0], weights[1])


def test_runs_at_a_rate_that_is_no_longer_best_are_made_anew(calls, monkeypatch):
    record()
    monkeypatch.setitem(ACCURACY, 0.3, 0.9)
    record_so_far = recorded.read_record("lenet")
    records.save_record("lenet", {**record_so_far, "tuning": {}})
    made = record()
    assert [made["runs"][f"relu {seed}"]["settings"]["lr"] for seed in (0, 1)] == [0.3, 0.3]


def test_a_record_made_on_two_days_says_so(calls, monkeypatch):
    monkeypatch.setattr(records, "provenance", lambda name: {"date": "a Monday"})
    records.record_lenet(epochs=2, seeds=(0,), train_size=240, test_size=30)
    monkeypatch.setattr(records, "provenance", lambda name: {"date": "a Tuesday"})
    assert record()["made"] == [{"date": "a Monday"}, {"date": "a Tuesday"}]


def test_damaged_record_is_named(calls):
    (recorded.FOLDER / "lenet.json").write_text('{"epochs": ')
    with pytest.raises(ValueError, match=r"lenet\.json is damaged \(.+\): delete it and record anew"):
        recorded.load_record("lenet")


def test_what_is_there_is_not_made_again(calls):
    made = record()
    assert len(calls) == 12
    assert record() == made
    assert len(calls) == 12
