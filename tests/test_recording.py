"""The long run of LeNet, with a stand-in for the training: which images, which rates, which seeds."""

import pytest
import torch
from torch import nn

from alexnet_helpers import recording
from alexnet_helpers.training import History

ACCURACY = {0.03: 0.5, 0.1: 0.7, 0.3: 0.6, 0.9: 0.1}


@pytest.fixture
def calls(monkeypatch, tmp_path):
    seen = []

    def fit(net, train, test, epochs, lr):
        seen.append((net, train, test, lr))
        return History(test_accuracy=[ACCURACY[lr]] * epochs)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(recording, "FOLDER", tmp_path)
    monkeypatch.setattr(recording, "fit", fit)
    return seen


def record():
    return recording.record_lenet(epochs=2, seeds=(0, 1), train_size=240, test_size=30)


def test_the_rate_is_chosen_on_images_that_its_runs_do_not_train_on(calls):
    record()
    for net, train, held_out, _ in calls[:4]:
        images = [{image.numpy().tobytes() for image in data.images} for data in (train, held_out)]
        assert (len(train.images), len(held_out.images)) == (220, 20)              # the last twelfth
        assert not images[0] & images[1]
        assert any(isinstance(module, nn.ReLU) for module in net.modules())
    assert [lr for *_, lr in calls[:4]] == [0.03, 0.1, 0.3, 0.9]


def test_runs_take_the_books_rate_and_the_best_one_and_every_seed(calls):
    made = record()
    assert [lr for *_, lr in calls[4:]] == [0.9, 0.9, 0.1, 0.1]
    assert list(made["runs"]) == ["sigmoid 0", "sigmoid 1", "relu 0", "relu 1"]
    assert [len(train.images) for _, train, _, _ in calls[4:]] == [240] * 4
    weights = [net.conv1.weight for net, *_ in calls[4:]]
    assert torch.equal(weights[0], weights[2])                 # one seed, one start
    assert not torch.equal(weights[0], weights[1])


def test_damaged_record_is_named(calls):
    (recording.FOLDER / "lenet.json").write_text('{"epochs": ')
    with pytest.raises(ValueError, match=r"lenet\.json is damaged \(.+\): delete it and record anew"):
        recording.load_record("lenet")


def test_what_is_there_is_not_made_again(calls):
    made = record()
    assert len(calls) == 8
    assert record() == made
    assert len(calls) == 8
