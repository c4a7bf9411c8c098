"""The book's recipes as the book prints them, and what overrides them."""

from types import SimpleNamespace

import pytest
import torch

from alexnet_helpers import __main__ as commands
from alexnet_helpers import imagenet, models
from alexnet_helpers.checkpoints import History
from alexnet_helpers.commands import benchmark, recipes


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


def test_nothing_is_not_taken_for_the_default(calls):
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        recipes.train_book("lenet", batch_size=0, train_size=30, test_size=20)
    recipes.train_book("lenet", lr=0.0, train_size=30, test_size=20)
    assert calls[0][2]["lr"] == 0


# ---------------------------------------------------------------------------------------------------------------
# The command


def test_stopped_training_ends_with_130_and_without_ten_crops(monkeypatch, tmp_path):
    stopped = models.nn.Identity(), History(interrupted=True)
    monkeypatch.setattr(recipes, "train_book", lambda name: stopped)
    assert commands.main(["train", "lenet"]) == 130
    loader = SimpleNamespace(classes=["cat", "dog"])
    monkeypatch.setattr(imagenet, "load_image_folder", lambda *_, **__: (loader, loader))
    monkeypatch.setattr(imagenet, "ten_crop_errors", lambda *_: pytest.fail("took ten crops"))
    monkeypatch.setattr(recipes, "fit", lambda *_, **__: stopped[1])
    assert recipes.train_paper(tmp_path, net=stopped[0])[2] == {}


@pytest.mark.parametrize("arguments", [["train", "lenet", "--history"], ["benchmark"]])
def test_place_where_nothing_can_be_written_is_said_before_hours_of_work(arguments, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(recipes, "train_book", lambda *_, **__: pytest.fail("trained"))
    monkeypatch.setattr(benchmark, "benchmark", lambda: pytest.fail("measured"))
    assert commands.main([*arguments, str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"OSError: {tmp_path} cannot be written: it is a folder")


@pytest.mark.parametrize(("variables", "arguments", "words"), [
    ({"ALEXNET_PROFILE": "fast"}, ["train", "lenet"], "ValueError: ALEXNET_PROFILE is 'fast'"),
    ({"ALEXNET_DATA": "/nowhere/at/all"}, ["train", "lenet", "--train-size", "6001"], "ALEXNET_DATA names /nowhere/")])
def test_errors_come_without_a_traceback(variables, arguments, words, monkeypatch, capsys):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert commands.main(arguments) == 1
    assert words in capsys.readouterr().err


def test_home_is_found_where_the_shell_left_it(monkeypatch, tmp_path):
    """`--checkpoint=~/x.pt`: the shell replaces ~ at the beginning of a word only."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    sizes = ["--train-size=256", "--test-size=20", "--batch-size=64", "--epochs=1", "--lr=0.1"]
    assert commands.main(["train", "lenet", "--checkpoint=~/x/run.pt", "--history=~/y/run.json", *sizes]) == 0
    assert sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("run.*")) == \
        ["home/x/run.pt", "home/y/run.json"]
    assert not (tmp_path / "~").exists()


def test_history_and_checkpoint_in_one_file_are_refused(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(recipes, "fit", lambda *_, **__: pytest.fail("trained"))
    assert commands.main(["train", "lenet", f"--checkpoint={tmp_path}/run", f"--history={tmp_path}/run"]) == 2
    assert "name the same file" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "words"), [
    (["--lr", "nan"], "ValueError: lr must be a number, not nan"), (["--lr=-1"], "ValueError: SGD refuses"),
    (["--epochs", "0"], "ValueError: epochs must be at least 1"), (["--batch-size", "0"], "ValueError: batch_size"),
    (["--checkpoint", "."], "CheckpointError: . cannot be written: it is a folder"),
    (["--checkpoint", "~nobody-of-this-name/x"], "CheckpointError: ~nobody-of-this-name/x names no home"),
    (["--history", "~nobody-of-this-name/x"], "OSError: ~nobody-of-this-name/x names no home")])
def test_what_will_not_do_is_said_in_a_line_before_training(arguments, words, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("alexnet_helpers.training.train_epoch", lambda *_: pytest.fail("trained"))
    monkeypatch.chdir(tmp_path)
    assert commands.main(["train", "lenet", "--train-size=64", "--test-size=20", *arguments]) == 1
    printed = capsys.readouterr().err.strip()
    assert printed.startswith(words)
    assert "\n" not in printed


def test_stopped_command_ends_with_130(monkeypatch, capsys):
    def stopped():
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "benchmark", stopped)
    assert commands.main(["benchmark"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"
