"""Training against the book's own loop and against sums worked out by hand; and what happens when it goes wrong."""

import itertools
import json
import math
import signal
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import alexnet_helpers as ah
from alexnet_helpers import training
from alexnet_helpers.training import LossNotFiniteError


@pytest.fixture(autouse=True)
def one_thread():
    """These tensors are tiny: two threads would wait for each other more than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def batches(n, size, seed=0, shape=(1, 28, 28)):
    """`n` batches of `size` random images and labels, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return [(torch.rand(size, *shape, generator=generator), torch.randint(0, 10, (size,), generator=generator))
            for _ in range(n)]


def flat(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


# ---------------------------------------------------------------------------------------------------------------
# The same steps as the book


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_same_as_the_books_train_ch6(monkeypatch, dropout):
    from d2l import torch as d2l

    class Record:
        """In place of the book's drawing: the points that it would draw."""

        def __init__(self, **_):
            self.points = []
            animators.append(self)

        def add(self, x, y):
            self.points.append(y)

    animators = []
    monkeypatch.setattr(d2l, "Animator", Record)
    train, test = batches(6, 16) + batches(1, 7, seed=1), batches(2, 10, seed=2)     # 7 batches, the last one short
    torch.manual_seed(1)
    theirs, ours = ah.lenet(nn.ReLU), ah.lenet(nn.ReLU)
    for net in (theirs, ours):
        net.fc4 = nn.Sequential(net.fc4, nn.Dropout(dropout))
    ours.load_state_dict(theirs.state_dict())
    torch.manual_seed(5)
    d2l.train_ch6(theirs, train, test, num_epochs=2, lr=0.1, device=torch.device("cpu"))
    torch.manual_seed(5)
    ah.xavier_init(ours)                                       # as train_ch6 does, from the same random numbers
    start = flat(ours)
    history = ah.fit(ours, train, test, epochs=2, lr=0.1, show=False)

    assert not torch.allclose(flat(ours), start, atol=1e-3), "nothing was learned: the comparison would be empty"
    torch.testing.assert_close(flat(ours), flat(theirs), rtol=0, atol=1e-6)
    points = animators[0].points
    ends = [i for i, point in enumerate(points) if point[2] is not None]             # where an epoch ends
    assert history.train_loss == pytest.approx([float(points[i - 1][0]) for i in ends], abs=1e-5)
    assert history.train_accuracy == pytest.approx([float(points[i - 1][1]) for i in ends], abs=1e-6)
    assert history.test_accuracy == pytest.approx([float(points[i][2]) for i in ends], abs=1e-6)


def loss_by_hand(logits, y):
    return sum(row.exp().sum().log() - row[label] for row, label in zip(logits, y, strict=True)) / len(y)


def steps_by_hand(net, data, lr, momentum=0.0, weight_decay=0.0):
    """Weights of a linear layer after SGD as the book and the paper define it, without torch.optim."""
    W, b = (p.detach().clone().requires_grad_() for p in (net.weight, net.bias))
    velocity = [torch.zeros_like(W), torch.zeros_like(b)]
    for X, y in data:
        gradients = torch.autograd.grad(loss_by_hand(X @ W.T + b, y), (W, b))
        with torch.no_grad():
            for i, (p, g) in enumerate(zip((W, b), gradients, strict=True)):
                velocity[i] = momentum * velocity[i] + g + weight_decay * p
                p -= lr * velocity[i]
    return W, b


@pytest.mark.parametrize(("steps", "options"), [
    (1, {}), (3, {}), (3, {"momentum": 0.9}), (3, {"weight_decay": 0.1}), (3, {"momentum": 0.9, "weight_decay": 0.1})])
def test_steps_by_hand(steps, options):
    net, data = nn.Linear(4, 10), batches(steps, 8, shape=(4,))
    W, b = steps_by_hand(net, data, lr=0.5, **options)
    ah.fit(net, data, data, epochs=1, lr=0.5, show=False, **options)
    torch.testing.assert_close(net.weight, W)
    torch.testing.assert_close(net.bias, b)


def test_a_schedule_lowers_the_rate_after_every_epoch():
    net, updates = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10)), []

    def halved(update):
        updates.append(update)
        return torch.optim.lr_scheduler.StepLR(update, step_size=1, gamma=0.5)

    data = batches(2, 4)
    ah.fit(net, data, data, epochs=3, lr=0.8, show=False, schedule=halved)
    assert updates[0].param_groups[0]["lr"] == pytest.approx(0.8 * 0.5 ** 3)


def test_a_plateau_is_one_of_the_test_error(monkeypatch):
    """Better three times, then twice not: two reductions. Of the accuracy it would be four."""
    net, updates, accuracies = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10)), [], [0.1, 0.2, 0.3, 0.2, 0.2]

    def plateau(update):
        updates.append(update)
        return torch.optim.lr_scheduler.ReduceLROnPlateau(update, factor=0.1, patience=0)

    found = iter(accuracies)
    monkeypatch.setattr(training, "evaluate", lambda *_: (1.0, next(found)))
    data = batches(1, 4)
    ah.fit(net, data, data, epochs=5, lr=0.8, show=False, schedule=plateau)
    assert updates[0].param_groups[0]["lr"] == pytest.approx(0.8 * 0.1 ** 2)


def test_another_optimizer_gets_the_options():
    class Spy(torch.optim.Adam):
        def __init__(self, parameters, **options):
            seen.update(options)
            super().__init__(parameters, **options)

    seen = {}
    history = ah.fit(nn.Linear(4, 10), batches(2, 8, shape=(4,)), batches(1, 8, shape=(4,)), epochs=1, lr=1e-4,
                     optimizer=Spy, show=False, weight_decay=5e-4)
    assert seen == {"lr": 1e-4, "weight_decay": 5e-4}
    assert history.settings == {"epochs": 1, "lr": 1e-4, "optimizer": "Spy", "weight_decay": 5e-4, "batch_size": None,
                                "device": "cpu"}


def test_what_a_history_holds():
    history = ah.fit(nn.Linear(4, 10), batches(3, 8, shape=(4,)), batches(1, 8, shape=(4,)), epochs=2, lr=0.1,
                     show=False)
    for curve in (history.train_loss, history.train_accuracy, history.test_loss, history.test_accuracy,
                  history.seconds):
        assert len(curve) == 2
    assert len(history.step_loss) == 6
    assert history.train_loss[0] == pytest.approx(sum(history.step_loss[:3]) / 3)
    assert all(s > 0 for s in history.seconds)
    assert not history.interrupted


def test_training_loss_weighs_a_short_batch_by_its_images():
    net = nn.Linear(4, 10)
    X = torch.rand(5, 4)
    y = torch.arange(5)
    with torch.no_grad():
        expected = loss_by_hand(net(X), y).item()
    history = ah.fit(net, [(X[:4], y[:4]), (X[4:], y[4:])], [(X, y)], epochs=1, lr=0.0, show=False)
    assert history.train_loss == pytest.approx([expected])


def test_trains_the_weights_that_it_gets():
    net = nn.Linear(4, 10)
    before = flat(net).clone()
    data = batches(1, 8, shape=(4,))
    ah.fit(net, data, data, epochs=1, lr=0.0, show=False)
    assert torch.equal(flat(net), before)


def test_trains_in_training_mode_whatever_mode_the_network_comes_in():
    net = nn.Sequential(nn.Linear(4, 10), nn.Dropout(1.0))     # with everything dropped, nothing can be learned
    before = flat(net).clone()
    data = batches(2, 8, shape=(4,))
    ah.fit(net.eval(), data, data, epochs=2, lr=0.1, show=False)
    assert torch.equal(flat(net), before)


def test_learns_real_images():
    torch.manual_seed(0)
    train, test = ah.load_fashion_mnist(batch_size=16, train_size=2_000, test_size=500, device="cpu")
    history = ah.fit(ah.lenet(nn.ReLU), train, test, epochs=2, lr=0.1, show=False)
    assert history.test_accuracy[-1] > 0.5                     # guessing gives 0.1


def test_progress_bar_shows_loss_and_accuracy(capsys, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr("alexnet_helpers.training.time.perf_counter", lambda: next(clock))   # time to look at each step
    data = batches(3, 8, shape=(4,))
    history = ah.fit(nn.Linear(4, 10), data, data, epochs=1, lr=0.1)
    printed = capsys.readouterr()
    assert "loss " in printed.err
    assert ", accuracy 0." in printed.err
    assert "3/3" in printed.err
    assert printed.out == f"{history}\n"


# ---------------------------------------------------------------------------------------------------------------
# Evaluation


class Logits(nn.Module):
    """Gives the input back as logits; has a parameter, since a network has a device, and dropout that must be off."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.drop = nn.Dropout(0.9)

    def forward(self, X):
        return self.drop(X) * self.scale


def test_evaluate_every_image_once_in_eval_mode():
    X = torch.tensor([[3.0, 0.0], [0.0, 3.0], [3.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    y = torch.tensor([0, 1, 0, 1, 0])
    loss, accuracy = ah.evaluate(Logits(), [(X[:2], y[:2]), (X[2:4], y[2:4]), (X[4:], y[4:])])
    right, wrong = math.log(1 + math.exp(-3)), math.log(1 + math.exp(3))
    assert accuracy == pytest.approx(3 / 5)
    assert loss == pytest.approx((3 * right + 2 * wrong) / 5)


def test_evaluate_on_the_loaders_last_short_batch():
    _, test = ah.load_fashion_mnist(batch_size=300, test_size=1_000, device="cpu")   # 300, 300, 300, 100

    class Constant(nn.Linear):
        def forward(self, X):
            seen.append(len(X))
            return torch.tensor([[0.0] * 9 + [1.0]]).expand(len(X), 10)

    seen = []
    _, accuracy = ah.evaluate(Constant(1, 1), test)
    assert sum(seen) == 1_000
    assert accuracy == pytest.approx((test.labels == 9).sum().item() / 1_000)


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_restores_the_mode_of_every_part(training):
    net = nn.Sequential(nn.Linear(4, 10), nn.Dropout())
    net.train(training)
    net[1].train(not training)
    ah.evaluate(net, batches(1, 8, shape=(4,)))
    assert (net.training, net[0].training, net[1].training) == (training, training, not training)


def test_evaluate_changes_no_weights_and_no_running_averages():
    net = nn.Sequential(nn.Linear(4, 10), nn.BatchNorm1d(10))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    ah.evaluate(net, batches(2, 8, shape=(4,)))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_mode_is_restored_after_an_error():
    net = nn.Linear(4, 10)
    with pytest.raises(ValueError, match="layer Linear"):
        ah.evaluate(net, batches(1, 8, shape=(5,)))
    assert net.training


def test_no_data():
    with pytest.raises(ValueError, match="no images to evaluate on"):
        ah.evaluate(nn.Linear(4, 10), [])
    with pytest.raises(ValueError, match="no images to train on"):
        ah.fit(nn.Linear(4, 10), [], batches(1, 8, shape=(4,)), epochs=1, lr=0.1, show=False)


def test_no_epochs():
    with pytest.raises(ValueError, match="epochs must be at least 1, not 0"):
        ah.fit(nn.Linear(4, 10), batches(1, 8), batches(1, 8), epochs=0, lr=0.1)


# ---------------------------------------------------------------------------------------------------------------
# Histories on disk


def test_history_round_trip(tmp_path):
    data = batches(2, 8, shape=(4,))
    history = ah.fit(nn.Linear(4, 10), data, data, epochs=2, lr=0.1, momentum=0.9, show=False)
    history.save(tmp_path / "runs" / "run.json")               # makes the folder
    assert ah.History.load(tmp_path / "runs" / "run.json") == history
    assert ah.History.load(str(tmp_path / "runs" / "run.json")).settings["momentum"] == 0.9


@pytest.mark.parametrize("content", [
    "", "{", "[1, 2]", "3", '{"loss": [1]}', '{"train_loss": [1.0], "seconds": []}', '{"seconds": 3}', "\x00\xff"])
def test_damaged_history_is_named(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match="run.json is not a history that History.save wrote"):
        ah.History.load(path)


def test_history_with_a_curve_that_is_too_short_is_named(tmp_path):
    (tmp_path / "run.json").write_text('{"train_loss": [1.0], "seconds": []}')
    with pytest.raises(ValueError, match=r"wrote \(its curves differ in length\)\.$"):
        ah.History.load(tmp_path / "run.json")


def test_history_is_written_line_by_line(tmp_path):
    ah.History(step_loss=[1.0, 2.0]).save(tmp_path / "run.json")
    assert ' "step_loss": [\n  1.0,\n  2.0\n ],\n' in (tmp_path / "run.json").read_text()   # for whoever reads it


def test_cut_history_is_named(tmp_path):
    path = tmp_path / "run.json"
    ah.History(step_loss=[1.0] * 9).save(path)
    assert json.loads(path.read_text())["step_loss"] == [1.0] * 9       # plain JSON, for whoever reads it
    path.write_text(path.read_text()[:60])
    with pytest.raises(ValueError, match="run.json is not a history"):
        ah.History.load(path)


def test_history_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.json"):
        ah.History.load(tmp_path / "nowhere.json")


# ---------------------------------------------------------------------------------------------------------------
# What goes wrong


def fit_small(train, epochs=3, lr=0.1, net=None):
    return ah.fit(net or nn.Linear(4, 10), train, batches(1, 8, seed=9, shape=(4,)), epochs=epochs, lr=lr, show=False)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("step", [1, 3, 5])
def test_bad_batch_stops_with_its_step_and_likely_causes(value, step):
    train = batches(5, 8, shape=(4,))
    train[step - 1][0][2, 1] = value
    with pytest.raises(LossNotFiniteError, match=rf"is (nan|inf) in epoch 1, step {step}\. Likely causes") as caught:
        fit_small(train)
    for cause in ("learning rate that is too high (it is 0.1; try 0.01)", "not scaled", "initial weights"):
        assert cause in str(caught.value)


@pytest.fixture
def slow_clock(monkeypatch):
    """A second passes between two looks at the clock, so that `fit` looks at the loss after every step."""
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=itertools.count().__next__))


def test_in_a_long_epoch_a_bad_batch_stops_at_once(slow_clock):
    class Train(list):
        given = 0

        def __iter__(self):
            for batch in super().__iter__():
                self.given += 1
                yield batch

    train = Train(batches(5, 8, shape=(4,)))
    train[1][0][2, 1] = math.nan
    with pytest.raises(LossNotFiniteError, match=r"is nan in epoch 1, step 2\. .*\(it is 0\.1; try 0\.01\)"):
        fit_small(train)
    assert train.given == 2


def test_progress_goes_on_from_epoch_to_epoch(slow_clock, monkeypatch):
    seen = []

    class Display(training.TrainingProgress):
        def steps_done(self, steps, loss, accuracy):
            seen.append(steps)

    monkeypatch.setattr(training, "Display", Display)
    ah.fit(nn.Linear(4, 10), batches(3, 8, shape=(4,)), batches(1, 8, shape=(4,)), epochs=2, lr=0.1)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_bad_batch_in_a_later_epoch():
    class Train(list):
        epoch = 0

        def __iter__(self):
            self.epoch += 1
            for step, (X, y) in enumerate(super().__iter__(), start=1):
                yield (X * math.nan if (self.epoch, step) == (2, 4) else X), y

    with pytest.raises(LossNotFiniteError, match="in epoch 2, step 4"):
        fit_small(Train(batches(5, 8, shape=(4,))))


def test_infinite_loss_that_passes_is_seen_too():
    """A loss may be infinite in one step only, where its gradient is finite: one look at the last would miss it."""
    train = batches(3, 2, shape=(4,))
    train[1] = (torch.tensor([[3e38, 0, 0, 0], [0, 0, 0, 0]]), torch.tensor([1, 0]))
    net = nn.Linear(4, 10)
    net.weight.data.zero_()
    net.weight.data[0, 0], net.weight.data[1, 0] = 1.0, -1.0   # logits 3e38 and -3e38: their difference overflows
    with pytest.raises(LossNotFiniteError, match="is inf in epoch 1, step 2"):
        fit_small(train, epochs=1, lr=0.0, net=net)


def test_huge_learning_rate():
    net = nn.Sequential(nn.Linear(4, 50), nn.ReLU(), nn.Linear(50, 10))
    with pytest.raises(LossNotFiniteError, match="in epoch 1, step .*it is 1e\\+30; try 1e\\+29"):
        fit_small(batches(9, 8, shape=(4,)), net=net, lr=1e30)


def test_weights_spoilt_by_the_very_last_step():
    net = nn.Sequential(nn.Linear(4, 50), nn.ReLU(), nn.Linear(50, 10))
    with pytest.raises(LossNotFiniteError, match="on the test data after epoch 1"):
        fit_small(batches(1, 8, shape=(4,)), net=net, epochs=1, lr=1e30)


@pytest.fixture(scope="module")
def alexnet():
    return ah.alexnet()


@pytest.mark.parametrize(("shape", "words"), [
    ((1, 28, 28), ["layer pool2", "at least as high and wide as the window"]),
    ((1, 64, 64), ["layer pool5", "at least as high and wide as the window"]),
    ((1, 8, 8), ["layer conv1", "at least as high and wide as the window"]),
    ((3, 224, 224), ["layer conv1", "It wants 1 channels, not 3"]),
    ((1, 227, 227), ["layer fc6", "It wants 6400 features in the last dimension, not 9216"]),
])
def test_batch_that_does_not_fit_names_the_layer(alexnet, shape, words):
    batch = [(torch.rand(2, *shape), torch.tensor([1, 2]))]
    with pytest.raises(ValueError, match="does not pass through the network") as caught:
        ah.fit(alexnet, batch, batch, epochs=1, lr=0.01, show=False)
    for word in [*words, f"shape {(2, *shape)}", "torch says"]:
        assert word in str(caught.value)


class Interrupting(list):
    """Batches during which the reader presses the stop button: a true SIGINT, before a given batch."""

    def __init__(self, data, at):
        super().__init__(data)
        self.at, self.given = at, 0

    def __iter__(self):
        for batch in super().__iter__():
            self.given += 1
            if self.given == self.at:
                signal.raise_signal(signal.SIGINT)
            yield batch


def test_interrupted_while_training(capsys):
    train = batches(4, 8, shape=(4,))
    net = nn.Linear(4, 10)
    W, _ = steps_by_hand(net, train + train[:2], lr=0.1)       # a whole epoch and two steps
    history = fit_small(Interrupting(train, at=7), net=net)
    assert history.interrupted
    assert [len(history.seconds), len(history.train_loss), len(history.test_accuracy)] == [1, 1, 1]
    assert len(history.step_loss) == 6
    torch.testing.assert_close(net.weight, W)
    assert capsys.readouterr().out == \
        "Interrupted after 6 steps (1 whole epochs); the network keeps what it has learned.\n"
    assert str(history).endswith("(interrupted)")


def test_interrupted_before_the_first_step():
    history = fit_small(Interrupting(batches(4, 8, shape=(4,)), at=1))
    assert (history.interrupted, history.seconds, history.step_loss) == (True, [], [])
    assert str(history) == "no whole epoch yet, 0 steps"


def test_interrupted_while_evaluating():
    net = nn.Linear(4, 10)
    train = batches(4, 8, shape=(4,))
    history = ah.fit(net, train, Interrupting(train, at=6), epochs=3, lr=0.1, show=False)
    assert history.interrupted
    assert len(history.test_loss) == len(history.train_loss) == len(history.seconds) == 1
    assert len(history.step_loss) == 8
    assert net.training


def test_interrupted_history_is_saved_and_loaded(tmp_path):
    history = fit_small(Interrupting(batches(4, 8, shape=(4,)), at=7))
    history.save(tmp_path / "run.json")
    assert ah.History.load(tmp_path / "run.json") == history


def test_interrupt_between_two_curves_leaves_whole_epochs(monkeypatch):
    class Rude(list):
        def append(self, value):
            super().append(value)
            if len(self) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr("alexnet_helpers.training.History", lambda **k: ah.History(test_loss=Rude(), **k))
    history = fit_small(batches(2, 8, shape=(4,)))
    assert [len(history.train_loss), len(history.test_loss), len(history.seconds)] == [1, 1, 1]


# ---------------------------------------------------------------------------------------------------------------
# The profile


@pytest.mark.parametrize(("variable", "cuda", "name", "device"), [
    (None, False, "quick", "cpu"), (None, True, "full", "cuda"), ("", False, "quick", "cpu"),
    ("quick", False, "quick", "cpu"), ("quick", True, "quick", "cuda"),
    ("full", False, "full", "cpu"), ("full", True, "full", "cuda")])
def test_profile(monkeypatch, variable, cuda, name, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.delenv("ALEXNET_PROFILE", raising=False)
    if variable is not None:
        monkeypatch.setenv("ALEXNET_PROFILE", variable)
    profile = ah.profile()
    assert (profile.name, profile.device) == (name, device)
    assert (profile.train_size, profile.test_size) == {"quick": (6_000, 1_000), "full": (60_000, 10_000)}[name]
    assert len(profile.seeds) >= 3
    assert profile.pick(quick=1, full=2) == {"quick": 1, "full": 2}[name]


def test_profile_of_another_name(monkeypatch):
    monkeypatch.setenv("ALEXNET_PROFILE", "fast")
    with pytest.raises(ValueError, match="ALEXNET_PROFILE is 'fast', but the profiles are quick and full"):
        ah.profile()


def test_profile_is_printed_in_a_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("ALEXNET_PROFILE", "quick")
    printed = str(ah.profile())
    for words in ("Profile quick", "6,000 training and 1,000 test images", "CPU with", torch.__version__,
                  "ALEXNET_PROFILE=full"):
        assert words in printed
