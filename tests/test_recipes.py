"""The book's recipes as the book prints them, and what overrides them."""

import pytest
import torch

from alexnet_helpers import models, recipes


@pytest.fixture
def calls(monkeypatch):
    """The arguments of `fit`, which stays away."""
    seen = []
    monkeypatch.setattr(recipes, "fit", lambda net, train, test, **options: seen.append((net, train, options)))
    return seen


@pytest.mark.parametrize(("name", "batch_size", "resize", "lr"),
                         [("lenet", 256, None, 0.9), ("alexnet", 128, 224, 0.01)])
def test_settings_of_the_book(calls, name, batch_size, resize, lr):
    """d2l.ai: lr, num_epochs = 0.9, 10 and batch_size = 256 for LeNet; 0.01, 10, 128 and resize=224 for AlexNet."""
    recipes.train_book(name, train_size=300, test_size=20)
    _, train, options = calls[0]
    assert (train.batch_size, train.resize) == (batch_size, resize)
    assert options == {"epochs": 10, "lr": lr, "checkpoint": None}


def test_what_is_asked_for_counts(calls):
    recipes.train_book("lenet", epochs=3, batch_size=7, lr=0.2, seed=5, train_size=30, test_size=20)
    net, train, options = calls[0]
    assert (train.batch_size, len(train), options["epochs"], options["lr"]) == (7, 5, 3, 0.2)
    torch.manual_seed(5)
    assert torch.equal(net.fc5.weight, models.lenet().fc5.weight)
