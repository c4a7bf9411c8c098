"""Training that is stopped, killed or damaged, and goes on; and training that does not fit into memory."""

import json
import math
import os
import random
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import inspection
from alexnet_helpers.checkpoints import CheckpointError
from alexnet_helpers.data import Batches


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(hidden=16, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 16, kernel_size=5, stride=2), nn.ReLU(),
                         nn.Conv2d(16, 4, kernel_size=3), nn.ReLU(),
                         nn.Flatten(), nn.Linear(4 * 10 * 10, hidden), nn.Dropout(0.5), nn.Linear(hidden, 10))


def data(batch_size=20, n=90, seed=4):
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (n, 1, 28, 28), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 10, (n,), generator=generator)
    return Batches(images, labels, batch_size, shuffle=True, seed=seed), Batches(images, labels, 50)


def train(path=None, epochs=4, net=None, batch_size=20, **options):
    net = net or network()
    options = {"lr": 0.05, "momentum": 0.9, "show": False, **options}
    return net, ah.fit(net, *data(batch_size), epochs=epochs, checkpoint=path, **options)


def without_seconds(history):
    return {name: value for name, value in vars(history).items() if name not in ("seconds", "settings")}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.pt"


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "run.pt"
    train(path, epochs=2)
    return path.read_bytes()


@pytest.fixture
def started(path, two_epochs):
    path.write_bytes(two_epochs)
    return path


# ---------------------------------------------------------------------------------------------------------------
# Going on


def test_augmentation_goes_on_too(path):
    from torchvision.transforms import v2

    def augmented():
        batches, test = data()
        batches.augment = v2.Compose([ah.RandomFlip(seed=1), ah.RandomCrop(28, padding=2, seed=2)])
        return batches, test

    again, net = network(seed=7), network()
    ah.fit(net, *augmented(), epochs=2, lr=0.1, show=False)
    ah.fit(network(), *augmented(), epochs=1, lr=0.1, show=False, checkpoint=path)
    ah.fit(again, *augmented(), epochs=2, lr=0.1, show=False, checkpoint=path)
    assert torch.equal(net[0].weight, again[0].weight)


@pytest.mark.parametrize("done", [1, 2, 3])
def test_resumed_run_is_the_uninterrupted_one_bit_by_bit(path, done):
    """With shuffling, dropout, momentum and a schedule; the network and all generators start differently."""
    halving = {"schedule": lambda update: torch.optim.lr_scheduler.StepLR(update, step_size=2, gamma=0.5)}
    net, history = train(epochs=4, **halving)
    train(path, epochs=done, **halving)
    torch.manual_seed(99)
    again, resumed = train(path, epochs=4, net=network(seed=7), **halving)
    for name, value in net.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert without_seconds(resumed) == without_seconds(history)
    assert len(resumed.seconds) == 4


def test_the_course_of_training_does_not_change_when_it_is_saved(path):
    net, _ = train(epochs=2)
    saved, _ = train(path, epochs=2)
    assert all(torch.equal(value, saved.state_dict()[name]) for name, value in net.state_dict().items())


def test_what_is_done_is_not_done_again(started):
    net, history = train(started, epochs=2, net=network(seed=7))
    weights = torch.load(started, weights_only=True)["weights"]
    assert len(history.step_loss) == 10
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())


def test_learning_rate_of_a_plateau_goes_on(path):
    def plateau(update):
        return torch.optim.lr_scheduler.ReduceLROnPlateau(update, factor=0.1, patience=0)

    for epochs in (2, 4):
        train(path, epochs=epochs, schedule=plateau, lr=0.0)   # without a step nothing ever improves
    saved = torch.load(path, weights_only=True)
    assert saved["schedule"]["last_epoch"] == 4
    assert saved["schedule"]["num_bad_epochs"] == 0            # three reductions, each counting anew


def test_resuming_says_so(started, capsys):
    train(started, epochs=3, show=True)
    assert capsys.readouterr().out.startswith("Resumed after epoch 2 of 3.\n")


SCRIPT = """
import os, random, signal, sys, time
sys.path.insert(0, sys.argv[2])
import torch._dynamo                         # which the first optimizer would import, in every life
from test_checkpoints import train
torch.set_num_threads(1)
path, chance = sys.argv[1], random.Random(5)

def written():
    return os.stat(path).st_mtime_ns if os.path.exists(path) else 0

for life in range(5):                        # the last one lives on to the end
    child, before = os.fork(), written()
    if child == 0:
        net, _ = train(path, epochs=30)
        torch.save(net.state_dict(), path + ".done")
        os._exit(0)
    if life < 4:
        while written() == before and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.001)                # until it has come further than the one before it, or failed
        time.sleep(chance.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), end=" ")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_killed_at_any_moment_it_ends_with_the_same_weights(path, request):
    run = subprocess.run([sys.executable, "-c", SCRIPT, str(path), str(request.path.parent)], capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr
    first, *others, last = run.stdout.split()
    assert (first, last) == ("-9", "0")
    assert set(others) <= {"-9", "0"}        # on a busy machine one may come to its end before it is killed
    net, _ = train(epochs=30)
    for name, value in torch.load(f"{path}.done", weights_only=True).items():
        assert torch.equal(value, net.state_dict()[name]), name


def test_stopped_while_it_writes_the_checkpoint_before_is_still_there(started, monkeypatch):
    whole = started.read_bytes()

    def half(state, file):
        file.write(whole[:len(whole) // 2])
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="no space left"):
        train(started, epochs=3)
    assert started.read_bytes() == whole


# ---------------------------------------------------------------------------------------------------------------
# Files that cannot be used


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.999, -1])
def test_cut_checkpoint_is_named(started, keep):
    content = started.read_bytes()
    started.write_bytes(content[:int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(CheckpointError, match=r"run\.pt is damaged \(.+\)\. Put a copy in its place, or delete it"):
        train(started)


def test_one_wrong_bit_in_the_weights_is_found(started):
    content = bytearray(started.read_bytes())
    weights = torch.load(started, weights_only=True)["weights"]["5.weight"].numpy().tobytes()
    content[content.find(weights) + len(weights) // 2] ^= 1
    started.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        train(started)


def test_of_a_long_reason_the_first_line_is_told(started, monkeypatch):
    real = torch.load

    def refuse(file, **options):
        if file == started:
            raise RuntimeError("\nmissing key in the archive\nException raised from many frames\n")
        return real(file, **options)

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(CheckpointError, match=r"run\.pt is damaged \(missing key in the archive\)\."):
        train(started)


def test_what_a_checkpoint_lacks_is_named(started):
    saved = torch.load(started, weights_only=True)
    del saved["history"]
    torch.save(saved, started)
    with pytest.raises(CheckpointError, match=r"run\.pt lacks something, .* \(KeyError: 'history'\)"):
        train(started)


def test_something_else_is_not_a_checkpoint(path):
    torch.save({"weights": network().state_dict()}, path)
    with pytest.raises(CheckpointError, match=r"run\.pt is not a checkpoint that fit wrote"):
        train(path)


class Malicious:
    def __reduce__(self):
        return print, ("code from the file ran",)


def test_code_in_a_file_is_not_run(path, capsys):
    torch.save({"format": Malicious()}, path)
    with pytest.raises(CheckpointError, match="is not a checkpoint that fit wrote. Name another file"):
        train(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("other", "words"), [
    ({"net": network(hidden=8)}, "the shape of 5.weight is (16, 400) there and (8, 400) here"),
    ({"net": nn.Sequential(*network(), nn.Linear(10, 10))}, "the shape of 8.weight is missing there and (10, 10) here"),
    ({"lr": 0.1}, "lr is 0.05 there and 0.1 here"),
    ({"momentum": 0.5}, "momentum is 0.9 there and 0.5 here"),
    ({"weight_decay": 0.1}, "weight_decay is None there and 0.1 here"),
    ({"optimizer": torch.optim.RMSprop}, "optimizer is SGD there and RMSprop here"),
    ({"batch_size": 30}, "batch_size is 20 there and 30 here"),
    ({"epochs": 1}, "the number of epochs done is 2 there and at most 1 here"),
])
def test_checkpoint_of_another_training_is_refused_and_left_alone(started, two_epochs, other, words):
    with pytest.raises(CheckpointError, match="checkpoint of another training") as caught:
        train(started, **other)
    assert words in str(caught.value)
    assert "or delete this one to start anew" in str(caught.value)
    assert started.read_bytes() == two_epochs


def test_checkpoint_of_other_images_is_refused(started):
    with pytest.raises(CheckpointError, match="number of batches in an epoch is 5 there and 3 here"):
        ah.fit(network(), *data(n=60), epochs=3, lr=0.05, momentum=0.9, show=False, checkpoint=started)


def test_checkpoint_of_another_seed_is_refused(started):
    with pytest.raises(CheckpointError, match=r"images are drawn by is \[4\] there and \[5\] here"):
        ah.fit(network(), *data(seed=5), epochs=3, lr=0.05, momentum=0.9, show=False, checkpoint=started)


@pytest.mark.parametrize("name", ["", "file/run.pt"])
def test_place_where_no_checkpoint_can_be_written_is_refused_before_training(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="Name another file in checkpoint="):
        ah.fit(network(), [], [], epochs=3, lr=0.05, show=False, checkpoint=tmp_path / name)


# ---------------------------------------------------------------------------------------------------------------
# Nothing that was learned is lost


class Fails(list):
    """Test data that can be read until a given pass: an image is damaged, say."""

    def __init__(self, data, at):
        super().__init__(data)
        self.at, self.passes = at, 0

    def __iter__(self):
        self.passes += 1
        if self.passes == self.at:
            raise ValueError("images/7.jpg cannot be read")
        return super().__iter__()


def test_bad_test_data_are_met_before_training(path):
    images, test = data()
    net = network()
    before = net[0].weight.clone()
    with pytest.raises(ValueError, match="7.jpg cannot be read"):
        ah.fit(net, images, Fails(test, at=1), epochs=2, lr=0.1, show=False, checkpoint=path)
    assert torch.equal(net[0].weight, before)


def test_an_epoch_is_kept_before_it_is_evaluated_and_evaluated_when_it_goes_on(path):
    def plateau(update):
        return torch.optim.lr_scheduler.ReduceLROnPlateau(update, factor=0.5, patience=0)

    options = {"lr": 0.05, "show": False, "schedule": plateau}
    again, net = network(seed=7), network()                    # the last one leaves the seed for dropout's masks
    images, test = data()
    whole = ah.fit(net, images, test, epochs=3, **options)
    images, test = data()
    with pytest.raises(ValueError, match="cannot be read"):
        ah.fit(network(), images, Fails(test, at=3), epochs=3, checkpoint=path, **options)       # after epoch 2
    kept = json.loads(torch.load(path, weights_only=True)["history"])
    assert [len(kept[name]) for name in ("train_loss", "step_loss", "test_loss")] == [2, 10, 1]
    images, test = data()
    resumed = ah.fit(again, images, test, epochs=3, checkpoint=path, **options)
    assert without_seconds(resumed) == without_seconds(whole)
    assert len(resumed.seconds) == 3
    assert resumed.seconds[1] > kept["seconds"][1]             # its evaluation has come on top
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(("at", "line"), [(2, "no whole epoch yet, 5 steps"), (3, "1 epochs in ")])
def test_an_error_in_the_evaluation_is_the_one_that_is_seen(at, line, capsys):
    images, test = data()
    with pytest.raises(ValueError, match="7.jpg cannot be read"):
        ah.fit(network(), images, Fails(test, at), epochs=3, lr=0.05)
    assert capsys.readouterr().out.startswith(line)


def test_a_file_of_the_last_epoch_has_its_evaluation(started):
    assert len(json.loads(torch.load(started, weights_only=True)["history"])["test_loss"]) == 2


def test_spoilt_weights_do_not_replace_good_ones(path):
    """As the last step of an epoch spoils them: the loss before it was still finite."""
    class Spoils(list):
        def __iter__(self):
            yield from super().__iter__()
            with torch.no_grad():
                net.weight[0, 0] = math.nan

    images = [(torch.rand(8, 4), torch.arange(8))]
    ah.fit(nn.Linear(4, 10), images, images, epochs=1, lr=0.1, show=False, checkpoint=path)
    good, net = path.read_bytes(), nn.Linear(4, 10)
    with pytest.raises(ah.LossNotFiniteError, match="Weights are NaN or infinite after epoch 2. Likely causes"):
        ah.fit(net, Spoils(images), images, epochs=2, lr=0.1, show=False, checkpoint=path)
    assert path.read_bytes() == good


def test_home_is_where_the_checkpoint_and_the_history_go(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    _, history = train("~/runs/run.pt", epochs=1)
    history.save("~/runs/run.json")
    assert ah.History.load("~/runs/run.json") == history
    assert sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.*")) == \
        ["home/runs/run.json", "home/runs/run.pt"]


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "~nobody-of-this-name/run.pt"])
def test_names_that_no_file_can_have_are_refused_before_training(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="Name another file in checkpoint="):
        train(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [object(), lambda: None, {1, 2}.__iter__()])
def test_what_a_schedule_keeps_is_tried_before_training(path, keep):
    class Schedule(torch.optim.lr_scheduler.StepLR):
        def state_dict(self):
            return {**super().state_dict(), "mine": keep}

    net = network()
    before = net[0].weight.clone()
    with pytest.raises(CheckpointError, match=r"cannot be read again from a file \(\S+ [^\n]+\)\. Give them plain"):
        train(path, net=net, schedule=lambda update: Schedule(update, 1))
    assert torch.equal(net[0].weight, before)


def test_a_schedule_with_numbers_of_numpy_is_kept_and_read(path):
    for epochs in (1, 2):
        train(path, epochs=epochs, schedule=lambda update: torch.optim.lr_scheduler.StepLR(
            update, step_size=np.int64(1), gamma=np.float64(0.5)))
    assert torch.load(path, weights_only=True)["schedule"]["last_epoch"] == 2


@pytest.mark.parametrize("draw", [lambda: np.random.rand(), random.random, lambda: torch.rand(()).item()])   # noqa: NPY002
def test_augmentation_from_shared_generators_goes_on_bit_by_bit(path, draw):
    def augmented():
        batches, test = data()
        batches.augment = lambda X: X * draw()
        for seed in (np.random.seed, random.seed, torch.manual_seed):                      # noqa: NPY002
            seed(3)
        return batches, test

    net, again = network(), network(seed=7)
    ah.fit(net, *augmented(), epochs=3, lr=0.1, show=False)
    ah.fit(network(), *augmented(), epochs=1, lr=0.1, show=False, checkpoint=path)
    ah.fit(again, *augmented(), epochs=3, lr=0.1, show=False, checkpoint=path)
    assert torch.equal(net[0].weight, again[0].weight)


# ---------------------------------------------------------------------------------------------------------------
# Files of other versions


def changed(path, change):
    saved = torch.load(path, weights_only=True)
    text, history = saved["history"], json.loads(saved["history"])
    change(saved, history)
    if saved.get("history") == text:
        saved["history"] = json.dumps(history)
    torch.save(saved, path)


KEYS = ("history", "batches", "weights", "optimizer", "schedule", "rng")
CHANGES = {
    **{f"no {key}": lambda saved, _, key=key: saved.pop(key) for key in KEYS if key != "schedule"},
    **{f"{key} is None": lambda saved, _, key=key: saved.update({key: None}) for key in KEYS if key != "schedule"},
    **{f"no {name}": lambda _, history, name=name: history.pop(name)
       for name in ("settings", "train_loss", "test_loss", "seconds", "step_loss")},
    "history cut": lambda saved, _: saved.update(history=""),
    "history a list": lambda saved, _: saved.update(history="[1]"),
    "curves of other lengths": lambda _, history: history["test_loss"].extend([1.0] * 3),
    "no curve": lambda _, history: history.update(train_loss=None),
    "losses are words": lambda _, history: history.update(train_loss=["a", "b"]),
    "state of another size": lambda saved, _: saved["rng"][0].update(cpu=torch.zeros(10, dtype=torch.uint8)),
    "state of another type": lambda saved, _: saved["rng"][0].update(cpu=torch.zeros(10)),
    "no state of torch": lambda saved, _: saved["rng"][0].pop("cpu"),
    "no state of the images": lambda saved, _: saved["rng"][0].pop("train"),
    "numpy's state cut": lambda saved, _: saved["rng"][0].update(numpy=["MT19937"]),
    "Python's state cut": lambda saved, _: saved["rng"][0].update(python=3),
    "momentum of another size": lambda saved, _: saved["optimizer"]["state"][0].update(momentum_buffer=torch.zeros(3)),
    "momentum of another layer": lambda saved, _: saved["optimizer"]["state"].update(
        {0: saved["optimizer"]["state"][2]}),
    "no groups": lambda saved, _: saved["optimizer"].pop("param_groups"),
    "fewer weights in a group": lambda saved, _: saved["optimizer"]["param_groups"][0]["params"].pop(),
    "a weight less": lambda saved, _: saved["weights"].popitem(),
    "weights are numbers": lambda saved, _: saved["weights"].update({"0.weight": 3}),
    "weights in double": lambda saved, _: saved["weights"].update({"0.weight": saved["weights"]["0.weight"].double()}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_checkpoint_with_anything_else_in_it_is_refused_and_changes_nothing(started, name):
    changed(started, CHANGES[name])
    content, net = started.read_bytes(), network(seed=7)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"run\.pt .*to start anew|run\.pt .*Name another"):
        train(started, net=net)
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items())
    assert started.read_bytes() == content


def test_checkpoint_of_the_version_before_goes_on(started):
    """It kept neither the schedule's numbers nor numpy's and Python's states, and was written after the evaluation."""
    def older(saved, _):
        del saved["plan"]
        for name in ("python", "numpy"):
            del saved["rng"][0][name]

    changed(started, older)
    net, _ = train(epochs=4)
    again, history = train(started, net=network(seed=7))
    assert torch.equal(net[0].weight, again[0].weight)
    assert len(history.test_loss) == 4


def test_checkpoint_of_another_schedule_is_refused(path):
    def halving(step_size):
        return {"schedule": lambda update: torch.optim.lr_scheduler.StepLR(update, step_size)}

    train(path, epochs=1, **halving(2))
    with pytest.raises(CheckpointError, match="the schedule's step_size is 2 there and 3 here"):
        train(path, **halving(3))
    with pytest.raises(CheckpointError, match="schedule is StepLR there and None here"):
        train(path)


def test_a_file_that_may_not_be_read_is_named(started, monkeypatch):
    def locked(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("zipfile.ZipFile", locked)
    with pytest.raises(CheckpointError, match=r"run\.pt cannot be read .*Permission denied"):
        train(started)


# ---------------------------------------------------------------------------------------------------------------
# Memory


def test_memory_table_of_a_network_worked_out_by_hand():
    net = nn.Sequential(nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
    table = ah.memory_table(net, (100,), batch_size=8, update=torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9))
    weights = 4 * (100 * 50 + 50 + 50 * 10 + 10)
    an_image = 4 * (100 + 50 + 10)                             # both inputs and the softmax; its label is the rest
    assert table["once"].to_dict() == {"weights": weights, "gradients": weights, "optimizer state": weights,
                                       "activations": 0, "total": 3 * weights}
    assert an_image <= table.loc["activations", "an image"] <= an_image + 16
    assert table.loc["total", "batch of 8"] == 3 * weights + 8 * table.loc["activations", "an image"]


@pytest.mark.parametrize("training", [True, False])
def test_memory_table_is_one_of_training_and_leaves_no_trace(training):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(100, 50), nn.BatchNorm1d(50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 10))
    net.train(training)
    before, random = {name: value.clone() for name, value in net.state_dict().items()}, torch.get_rng_state()
    table = ah.memory_table(net, (100,), batch_size=8)
    assert table.loc["activations", "an image"] >= 4 * (100 + 4 * 50 + 10)     # dropout keeps its mask and its output
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in net.modules()] == [training] * 6


@pytest.mark.parametrize(("optimizer", "options", "states"), [
    (torch.optim.SGD, {}, 0), (torch.optim.SGD, {"momentum": 0.9}, 1), (torch.optim.Adam, {}, 2),
    (torch.optim.AdamW, {}, 2), (torch.optim.RMSprop, {}, 1)])
def test_optimizer_state_is_what_the_optimizer_really_keeps(optimizer, options, states):
    net = nn.Linear(30, 20)
    update = optimizer(net.parameters(), lr=0.1, **options)
    predicted = ah.memory_table(net, (30,), 1, update).loc["optimizer state", "once"]
    net(torch.rand(2, 30)).sum().backward()
    update.step()
    kept = sum(value.nbytes for state in update.state.values() for value in state.values()
               if torch.is_tensor(value) and value.ndim)
    assert predicted == kept == states * 4 * (30 * 20 + 20)


class Full(nn.Linear):
    """Pretends that the memory ends at a number of images."""

    most = 3

    def forward(self, X):
        if len(X) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(X)


class FullCPU(Full):
    """With torch's own words. To provoke them in earnest would leave other tests another arena of the C library's."""

    def forward(self, X):
        if len(X) > self.most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
                               "memory: you tried to allocate 4503599627370496 bytes. Error code 12 (Cannot allocate "
                               "memory)")
        return nn.Linear.forward(self, X)


def fit_full(batch_size=64, layer=Full):
    net = nn.Sequential(nn.Flatten(), layer(784, 10))
    ah.fit(net, *data(batch_size), epochs=1, lr=0.1, momentum=0.9, show=False)


def test_out_of_memory_is_answered_with_the_table_and_a_batch_size(monkeypatch):
    weights, an_image = 4 * 7_850, 4 * 794
    monkeypatch.setattr(inspection, "device_memory", lambda device: (3 * weights + 20 * an_image) / 0.9)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        fit_full()
    message = str(caught.value)
    for words in ("A batch of 64 does not fit", "activations", "optimizer state", "Tried to allocate 2.00 GiB"):
        assert words in message
    assert "A batch of 20 would fit" in message or "A batch of 19 would fit" in message     # the sum is that close


def test_out_of_memory_tells_mebibytes():
    net = nn.Linear(512, 512, bias=False)                      # 2^18 weights of four bytes
    error = inspection.out_of_memory(net, torch.optim.SGD(net.parameters(), lr=0.1), (64, 512), "full")
    assert re.search(r"\nweights +1\.0 +0\.0 +1\.0\n", str(error))


def test_the_cpu_s_own_error_is_answered_too():
    with pytest.raises(torch.OutOfMemoryError, match=r"(?s)A batch of 64 does not fit .*can't allocate memory"):
        fit_full(layer=FullCPU)


def test_out_of_memory_never_advises_what_has_just_failed(monkeypatch):
    monkeypatch.setattr(inspection, "device_memory", lambda device: 2 ** 40)   # the sum says it should have fitted
    with pytest.raises(torch.OutOfMemoryError, match="A batch of 32 would fit"):
        fit_full()


def test_network_that_is_too_large_by_itself(monkeypatch):
    monkeypatch.setattr(inspection, "device_memory", lambda device: 50_000)
    with pytest.raises(torch.OutOfMemoryError, match=r" has for it\. Not even one image would fit: "
                       r"take a smaller network, or another device\. What"):
        fit_full()


def test_images_alone_that_are_too_large():
    class Train(list):
        def __iter__(self):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError, match="A batch of images does not fit into memory. Take a smaller"):
        ah.fit(nn.Linear(4, 10), Train([0]), [(torch.rand(2, 4), torch.tensor([0, 1]))], epochs=1, lr=0.1, show=False)
