"""The records of recipes and batches: many networks side by side train as one network alone does under torch.optim."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import MultiStepLR

from alexnet_helpers import recorded
from alexnet_helpers.maintain import recipe_record
from alexnet_helpers.maintain.recipe_record import (
    Recipe,
    accuracies,
    logits_of,
    miniature,
    miniatures,
    train,
    windows_of,
)


def pictures(number: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.Generator().manual_seed(0)
    return torch.rand(number, 1, 28, 28, generator=drawn), torch.randint(10, (number,), generator=drawn)


def test_side_by_side_they_answer_as_each_alone() -> None:
    images, _ = pictures(6)
    found = logits_of(miniatures([5, 6]), windows_of(images).reshape(2, 3, 64, 25))
    for i, seed in enumerate((5, 6)):
        torch.manual_seed(seed)
        torch.testing.assert_close(found[i], miniature()(images[3 * i:3 * i + 3]))


def test_they_train_as_sgd_trains_one() -> None:
    images, labels = pictures(100)
    recipes = [Recipe(32, 2, momentum=0.9, decay=5e-2, drops=(1,)), Recipe(32, 2)]
    weights = train(images, labels, recipes, rates=[0.05, 0.1], seeds=[3, 4])
    for i, (recipe, lr, seed) in enumerate(zip(recipes, (0.05, 0.1), (3, 4), strict=True)):
        torch.manual_seed(seed)
        net, order = miniature(), torch.Generator().manual_seed(seed)
        sgd = torch.optim.SGD(net.parameters(), lr=lr, momentum=recipe.momentum, weight_decay=recipe.decay)
        plan = MultiStepLR(sgd, list(recipe.drops), 0.1)
        for _ in range(2):
            for rows in torch.randperm(100, generator=order).split(32):
                sgd.zero_grad()
                F.cross_entropy(net(images[rows]), labels[rows]).backward()
                sgd.step()
            plan.step()
        for alone, together in zip(net.parameters(), weights, strict=True):
            torch.testing.assert_close(together[i], alone.detach(), rtol=0, atol=1e-6)


def test_a_network_that_diverged_spoils_no_other() -> None:
    images, labels = pictures(64)
    weights = train(images, labels, [Recipe(16, 3)] * 2, rates=[0.01, 1e30], seeds=[0, 1])
    sound, lost = accuracies(weights, images, labels)
    assert lost is None and 0 <= sound <= 1
    alone = train(images, labels, [Recipe(16, 3)], [0.01], [0])
    torch.testing.assert_close(weights[0][0], alone[0][0], rtol=0, atol=1e-6)


def test_interrupted_a_record_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    monkeypatch.setattr(recipe_record, "GRID", (0.01, 0.1))
    sizes = {"seeds": (0, 1), "train_size": 64, "held_out": 20, "images": 100, "test_size": 20}
    trained: list[str] = []

    def stopped(*arguments: object) -> list[torch.Tensor]:
        trained.append("a set")
        if len(trained) == 4:
            raise KeyboardInterrupt
        return train(*arguments)

    monkeypatch.setattr(recipe_record, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        recipe_record.record_recipe(**sizes)
    record = recipe_record.record_recipe(**sizes)
    assert len(trained) == 4 + 2 * 5 - 3                       # for each arm its rates, then its runs; three were there
    assert len(recorded.trials(record)) == 2 * 5 and len(recorded.trials(record, "tuning")) == 5 * 2 * 3
    assert recorded.read_record("recipe") == record
