"""What readers bring to `fit`, `evaluate`, `layer_flow` and `dead_units` that will not do: a sentence for each."""

from __future__ import annotations

import itertools
import math
import random
import warnings
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import alexnet_helpers as ah
from alexnet_helpers import checks, training


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


X, Y = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 10
GOOD = [(X[:20], Y[:20]), (X[20:], Y[20:])]


def network(outputs=10):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, outputs))


def fit(net=None, train=GOOD, test=GOOD, **options):
    net = network() if net is None else net
    return ah.fit(net, train, test, **{"epochs": 1, "lr": 0.1, "show": False, **options})


def weights_of(net):
    return [p.detach().clone() for p in net.parameters()]


# ---------------------------------------------------------------------------------------------------------------
# Labels

LABELS = {
    "one-hot, float": (nn.functional.one_hot(Y, 10).float(), r"shape \(40, 10\).* must be .* \(40,\).*y\.argmax"),
    "one-hot, int": (nn.functional.one_hot(Y, 10), r"shape \(40, 10\).*y\.argmax\(dim=1\)"),
    "one-hot of ten images": (torch.eye(10).repeat(4, 1), r"shape \(40, 10\).*y\.argmax\(dim=1\)"),
    "mixed up labels": (torch.full((40, 10), 0.1), r"probabilities, y\.argmax"),
    "a column": (Y[:, None], r"shape \(40, 1\).*y\.flatten\(\)"),
    "maps": (Y[:, None, None].expand(40, 4, 4), r"shape \(40, 4, 4\), and they must be one number an image, \(40,\)"),
    "1 to 10": (Y + 1, r"go from 1 to 10, and the network has outputs 0 to 9: number the classes from 0, y - 1\."),
    "0 to 10": (torch.arange(40) % 11, r"go from 0 to 10, .* outputs 0 to 9: give its last layer 11 outputs"),
    "0, 10, 20 …": (10 * Y, r"go from 0 to 90, .* outputs 0 to 9"),
    "all ignored": (torch.full((40,), -100), r"go from -100 to -100, .* \(-100 marks .* leave those images out"),
    "some ignored": (torch.where(Y > 7, -100, Y), r"go from -100 to 7, .*\(-100 marks"),
    "-1 for unknown": (Y - 1, r"go from -1 to 8, .* a negative number is no class"),
    "floats": (Y.float(), r"type torch\.float32, and classes are whole numbers: .*y\.long\(\)"),
    "complex": (Y.to(torch.complex64), r"type torch\.complex64, and classes are whole numbers"),
    "too few": (Y[:30], r"40 images and 30 labels"),
    "too many": (Y.repeat(2), r"40 images and 80 labels"),
    "text": (["cat", "dog"] * 20, r"are text, as 'cat': number the classes from 0"),
    "a list": (Y.tolist(), r"are 40 things \(int, int, int, int, …\): make a tensor of them, torch\.tensor\(y\)"),
    "numpy": (Y.numpy(), r"are a numpy array: .*torch\.from_numpy\(y\)"),
    "none": (None, r"labels are None"),
}


@pytest.mark.parametrize("use", ["train", "test", "evaluate", "layer_flow"])
@pytest.mark.parametrize("name", LABELS)
def test_labels_that_do_not_fit_are_named_before_anything_is_learned(name, use):
    labels, words = LABELS[name]
    net = network()
    before = weights_of(net)
    with pytest.raises(ValueError, match=words):
        if use == "layer_flow":
            ah.layer_flow(net, X, labels)
        elif use == "evaluate":
            ah.evaluate(net, [(X, labels)])
        else:
            fit(net, **{use: [(X, labels)]})
    assert all(map(torch.equal, before, weights_of(net)))


@pytest.mark.parametrize("kind", [torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.int64])
def test_whole_numbers_of_every_type_are_labels(kind):
    net, other = network(), network()
    history = fit(net, [(X, Y.to(kind))], [(X, Y.to(kind))])
    assert history.test_accuracy == fit(other, [(X, Y)], [(X, Y)]).test_accuracy
    assert torch.equal(net[1].weight, other[1].weight)
    assert ah.layer_flow(net, X, Y.to(kind)).equals(ah.layer_flow(net, X, Y))


def test_truth_values_are_two_classes():
    assert fit(network(2), [(X, Y > 4)], [(X, Y > 4)]).test_loss == fit(network(2), [(X, (Y > 4).long())],
                                                                       [(X, (Y > 4).long())]).test_loss


def test_fewer_outputs_than_classes():
    with pytest.raises(ValueError, match="go from 0 to 9, and the network has outputs 0 to 4: .* 10 outputs"):
        fit(network(5))


def test_a_wrong_label_in_a_later_batch_is_seen_before_its_step():
    net, other = network(), network()
    with pytest.raises(ValueError, match="go from 0 to 10"):
        fit(net, train=[GOOD[0], (X[20:], torch.where(Y[20:] == 3, 10, Y[20:]))])
    fit(other, train=GOOD[:1])
    assert torch.equal(net[1].weight, other[1].weight)


class OnGPU(torch.Tensor):
    """Labels that say they lie on a GPU, and count the looks at their values."""

    looks = 0
    device = torch.device("cuda")

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), options=None):
        if function in (torch.Tensor.aminmax, torch.aminmax):
            OnGPU.looks += 1
        return super().__torch_function__(function, types, arguments, options or {})


def test_on_a_gpu_labels_are_looked_at_once_a_pass():
    """Each look would wait for the device."""
    OnGPU.looks = 0
    spans = [span for _, _, span in checks.batches([(X, Y[i].repeat(40).as_subclass(OnGPU)) for i in range(5)])]
    assert OnGPU.looks == 1
    assert spans == [(0, 0)] * 5


def test_of_our_loaders_the_look_is_at_all_labels(monkeypatch):
    data = ah.Batches(torch.zeros(40, 1, 4, 4, dtype=torch.uint8), Y.sort().values.as_subclass(OnGPU), 4)
    monkeypatch.setattr(ah.Batches, "device", torch.device("cpu"))
    assert next(checks.batches(data))[2] == (0, 9)
    data.labels = Y.sort().values
    assert next(checks.batches(data))[2] == (0, 0)             # on the CPU each batch shows its own


# ---------------------------------------------------------------------------------------------------------------
# Data


class Pictures(Dataset):
    """Single images, as a data set has them."""

    def __init__(self, image=None, label=3):
        self.item = X[0] if image is None else image, label

    def __len__(self):
        return 5

    def __getitem__(self, index):
        if index >= len(self):                                 # so that a loop over it ends
            raise IndexError(index)
        return self.item


class Stream(IterableDataset):
    def __iter__(self):
        return iter(GOOD)


class Pair(NamedTuple):
    X: torch.Tensor
    y: torch.Tensor


DATA = {
    "a data set": (Pictures(), r"2 things \(Tensor, int\)\. That is one image .* DataLoader\(dataset, batch_size"),
    "tensors in a data set": (TensorDataset(X, Y), r"2 things \(Tensor, Tensor\)\. That is one image of a data set"),
    "text labels in a data set": (Pictures(label="cat"), r"2 things \(Tensor, str\)\. That is one image"),
    "numbers of numpy in a data set": (Pictures(label=np.int64(3)), r"\(Tensor, int64\)\. That is one image"),
    "arrays in a data set": (Pictures(X[0].numpy()), r"\(ndarray, int\)\. That is one image"),
    "triples": ([(X, Y, Y)], r"3 things \(Tensor, Tensor, Tensor\)\. .*\[\(X, y\) for X, y, \*_ in loader\]"),
    "no labels": (DataLoader(TensorDataset(X), 8), r"1 things \(Tensor\)\. Give images and labels alone"),
    "dicts": ([{"image": X, "label": Y}], r"keys image, label\. .*\[\(batch\['image'\], batch\['label'\]\) for batch"),
    "an empty dict": ([{}], r"a dict with the keys "),
    "numpy": ([(X.numpy(), Y.numpy())], r"2 things \(ndarray, ndarray\)\. .*torch\.from_numpy\(X\)\.float\(\)"),
    "lists": ([(X.tolist(), Y)], r"2 things \(list, Tensor\)\. Make tensors of them"),
    "one tensor": (X, r"they are a tensor of shape \(40, 1, 4, 4\)\. .*DataLoader\(TensorDataset\(X, y\)"),
    "one array": (X.numpy(), r"they are a numpy array of shape \(40, 1, 4, 4\)"),
    "two tensors": ((X, Y), r"give a tensor of shape \(40, 1, 4, 4\)\. Put both into a loader"),
    "a dict of sets": ({"train": GOOD}, r"give an object of type str"),
    "a folder's name": ("data/train", r"are a name, 'data/train': .* load_image_folder"),
    "nothing": (None, r"they are None"),
    "a number": (3, r"they are an object of type int"),
    "empty batches": ([(X[:0], Y[:0])], r"without images came, X of shape \(0, 1, 4, 4\)"),
    "no batch": ([], r"There are no images to (train|evaluate) on"),
}


@pytest.mark.parametrize("use", ["train", "test", "evaluate"])
@pytest.mark.parametrize("name", DATA)
def test_data_that_are_no_batches_are_named(name, use):
    data, words = DATA[name]
    net = network()
    before = weights_of(net)
    with pytest.raises(ValueError, match=words):
        ah.evaluate(net, data) if use == "evaluate" else fit(net, **{use: data})
    assert all(map(torch.equal, before, weights_of(net)))


@pytest.mark.parametrize("name", [name for name in DATA if name != "no batch"])
def test_dead_units_names_them_too(name):
    data, words = DATA[name]
    with pytest.raises(ValueError, match=words):
        ah.dead_units(nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU()), data)


@pytest.mark.parametrize("data", [GOOD, tuple(GOOD), [[X, Y]], [Pair(X, Y)], DataLoader(TensorDataset(X, Y), 16)])
def test_pairs_of_every_kind_are_batches(data):
    assert len(fit(train=data, test=data).step_loss) == len(data)


@pytest.mark.parametrize("use", ["train", "test"])
@pytest.mark.parametrize("make", [lambda: (pair for pair in GOOD), lambda: iter(GOOD),
                                  lambda: itertools.islice(GOOD, 1), lambda: zip([X], [Y], strict=True)])
def test_what_can_be_gone_through_once_is_refused_before_it_is_used_up(use, make):
    with pytest.raises(ValueError, match=f"`{use}` is .*, which gives its batches only once: .* list\\({use}\\)"):
        fit(**{use: make()})


def test_length_that_is_not_known_is_said_where_it_is_needed(tmp_path):
    stream = DataLoader(Stream(), batch_size=None)
    assert len(fit(train=stream).step_loss) == 2
    for options in ({"show": True}, {"checkpoint": tmp_path / "run.pt"}):
        with pytest.raises(ValueError, match="DataLoader, have no length: give a loader that has"):
            fit(train=stream, **options)


@pytest.mark.parametrize(("images", "words"), [
    (255 * X.byte(), r"layer 1.*weights are torch\.float32, the input is torch\.uint8: give X\.to\(torch\.float32\)"),
    (X.double(), r"weights are torch\.float32, the input is torch\.float64"),
    (X.half(), r"weights are torch\.float32, the input is torch\.float16"),
    (X[:, :, :3], r"layer 1, .* It wants 16 features in the last dimension, not 12"),
    (X[:, 0, 0, 0], r"layer 0, Flatten.*cannot take its input of shape \(40,\)"),
])
def test_images_that_do_not_fit_name_the_layer(images, words):
    with pytest.raises(ValueError, match=words):
        fit(train=[(images, Y)])
    with pytest.raises(ValueError, match=words if images.is_floating_point() else "no gradient passes whole numbers"):
        ah.layer_flow(network(), images, Y)


def test_trying_the_test_data_draws_nothing():
    """With test data that draw from every generator there is, training is the same as without a look at them."""
    class Drawing(list):
        def __iter__(self):
            looked.append((torch.rand(()).item(), random.random(), np.random.rand()))      # noqa: NPY002
            return super().__iter__()

    looked = []
    for seed in (torch.manual_seed, random.seed, np.random.seed):                          # noqa: NPY002
        seed(7)
    fit(test=Drawing(GOOD))
    assert len(looked) == 2
    assert looked[0] == looked[1]                              # the second look drew as if there had been no first


# ---------------------------------------------------------------------------------------------------------------
# Networks


class Gives(nn.Module):
    """A network that makes of its logits what `change` says."""

    def __init__(self, change):
        super().__init__()
        self.body, self.change = network(), change

    def forward(self, X):
        return self.change(self.body(X))


NETWORKS = {
    "two outputs": (Gives(lambda z: (z, z)), r"gives 2 things \(Tensor, Tensor\), .* return that one alone"),
    "a dict": (Gives(lambda z: {"logits": z}), r"gives a dict with the keys logits"),
    "nothing": (Gives(lambda z: None), r"gives None, and cross-entropy needs one tensor"),
    "maps": (Gives(lambda z: z[:, :, None, None]), r"\(\d+, 10, 1, 1\) of torch\.float32 for a batch of \d+"),
    "one number an image": (Gives(lambda z: z[:, 0]), r"shape \(\d+,\) of"),
    "a sequence": (Gives(lambda z: z[:, None].expand(-1, 5, 10)), r"shape \(\d+, 5, 10\) of"),
    "batch flattened": (Gives(lambda z: z.reshape(-1, 5)), r"shape \(\d+, 5\) of torch\.float32 for a batch of"),
    "one image's": (Gives(lambda z: z[:1]), r"shape \(1, 10\) of torch\.float32 for a batch of"),
    "class numbers": (Gives(lambda z: (10 * z).long()), r"of torch\.int64 for a batch of"),
    "one output": (network(1), r"go from 0 to 9, and the network has outputs 0 to 0"),
}


@pytest.mark.parametrize("use", ["fit", "evaluate", "layer_flow", "saved_bytes"])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_that_are_no_logits_are_named(name, use):
    net, words = NETWORKS[name]
    if (name, use) == ("one output", "saved_bytes"):
        return                                                 # it has no labels
    with pytest.raises(ValueError, match=words):
        {"fit": lambda: fit(net), "evaluate": lambda: ah.evaluate(net, GOOD),
         "layer_flow": lambda: ah.layer_flow(net, X, Y), "saved_bytes": lambda: ah.saved_bytes(net, X)}[use]()


def test_outputs_in_training_only_are_named():
    class Auxiliary(Gives):                                    # as torchvision's GoogLeNet
        def forward(self, X):
            return (self.body(X), self.body(X)) if self.training else self.body(X)

    with pytest.raises(ValueError, match="gives 2 things"):
        fit(Auxiliary(None))


def test_a_layer_after_a_recurrent_one():
    net = nn.Sequential(nn.Flatten(2), nn.LSTM(16, 8), nn.Flatten(), nn.Linear(8, 10))
    with pytest.raises(ValueError, match=r"layer 2, Flatten.*wants a tensor, and the layer before it gives 2 things"):
        fit(net)
    flow = ah.layer_flow(Recurrent(), X, Y)
    assert flow.loc["lstm"].drop("kind").isna().all()
    assert flow.loc["head", "gradient"] > 0


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 10)

    def forward(self, X):
        return self.head(self.lstm(X[:, 0])[0][:, -1])


def test_last_batch_of_one_under_batch_normalization():
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))
    data = ah.Batches((255 * X[:33]).byte(), Y[:33], 16)
    with pytest.raises(ValueError, match=r"\(1, 1, 4, 4\) .* layer 2, BatchNorm1d.*two images or more.*drop_last"):
        fit(net, data, data)
    assert ah.evaluate(net, data)[1] > 0                       # in eval mode one is enough


@pytest.mark.parametrize("other", [nn.InstanceNorm2d(1), nn.BatchNorm1d(1), nn.GroupNorm(1, 3), nn.Embedding(3, 10)])
def test_other_layers_that_refuse_with_other_errors_are_named(other):
    with pytest.raises(ValueError, match=f"layer 0, {type(other).__name__}.*torch says"):
        fit(nn.Sequential(other, network()), train=[(X[:, :, :1, :1], Y)])


@pytest.mark.parametrize(("net", "words"), [
    (nn.Sequential(nn.Flatten()), "no parameter to train"), (network().requires_grad_(False), "no parameter to train"),
    (Gives(lambda z: z.detach()), "cut off from its parameters"),
    (network, r"it is an object of type function: build it, with \(\)"), (nn.Linear, r"type type: build it"),
    ([network()], r"must be an nn\.Module, and it is 1 things \(Sequential\)\.")])
def test_networks_that_cannot_be_trained(net, words):
    with pytest.raises(ValueError, match=words):
        fit(net)


def test_trains_where_gradients_are_switched_off():
    net, other = network(), network()
    with torch.no_grad():
        fit(net)
    fit(other)
    assert torch.equal(net[1].weight, other[1].weight)


def test_lazy_layers_take_their_size_from_the_first_training_batch():
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    assert len(fit(net).step_loss) == 2
    assert net[1].weight.shape == (10, 16)


@pytest.mark.parametrize(("end", "name", "lowest"), [
    (nn.Softmax(dim=1), "softmax", math.log(math.e + 9) - 1), (nn.Sigmoid(), "sigmoid", math.log(math.e + 9) - 1),
    (nn.Tanh(), "tanh", math.log(math.e + 9 / math.e) - 1)])
def test_what_keeps_the_loss_up_is_said_at_the_start(end, name, lowest):
    with pytest.warns(UserWarning, match=f"ends in a {name}.* cannot fall below {lowest:.3f}, .*Leave the {name} out"):
        fit(nn.Sequential(network(), end))


def test_a_softmax_without_a_module_is_seen_too():
    with pytest.warns(UserWarning, match="ends in a softmax"):
        fit(Gives(lambda z: z.softmax(dim=1)))


@pytest.mark.parametrize("net", [network(), Gives(lambda z: z.log_softmax(dim=1)), nn.Sequential(network(), nn.ReLU()),
                                 nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Sigmoid(), nn.Linear(8, 10))])
def test_no_word_where_nothing_keeps_the_loss_up(net):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(net)


def test_a_gpu_that_is_lost_is_explained(monkeypatch):
    def lost(*_):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(training, "train_epoch", lost)
    with pytest.raises(RuntimeError, match="most likely a label .* restart the kernel"):
        fit()


# ---------------------------------------------------------------------------------------------------------------
# Numbers


@pytest.mark.parametrize(("options", "words"), [
    ({"epochs": 0}, "epochs must be at least 1, not 0"), ({"epochs": 2.5}, "epochs must be a whole number, not 2.5"),
    ({"epochs": "3"}, "epochs must be a whole number, not '3'"), ({"epochs": None}, "whole number, not None"),
    ({"epochs": math.nan}, "whole number, not nan"), ({"epochs": math.inf}, "whole number, not inf"),
    ({"lr": math.nan}, "lr must be a number, not nan"), ({"lr": "0.1"}, "lr must be a number, not '0.1'"),
    ({"lr": None}, "lr must be a number, not None"), ({"lr": [0.1]}, "lr must be a number"),
    ({"lr": -0.1}, "SGD refuses .*Invalid learning rate"), ({"momentum": -1.0}, "SGD refuses .*Invalid momentum"),
    ({"momentum": "0.9"}, "SGD refuses"), ({"momentun": 0.9}, "SGD refuses .*unexpected keyword argument 'momentun'"),
    ({"optimizer": "sgd"}, "optimizer must be a class, as torch.optim.SGD, and it is an object of type str"),
    ({"optimizer": torch.optim.SGD(network().parameters(), lr=0.1)}, "must be a class, .* object of type SGD"),
    ({"schedule": StepLR}, "schedule must be a function of the optimizer alone"),
    ({"schedule": lambda update: None}, "schedule must return a .*scheduler .* returned None"),
])
def test_arguments_that_do_not_fit(options, words):
    net = network()
    before = weights_of(net)
    with pytest.raises(ValueError, match=words):
        fit(net, **options)
    assert all(map(torch.equal, before, weights_of(net)))


@pytest.mark.parametrize("of", [np.float32, np.float64, np.float16, np.array, torch.tensor])
def test_numbers_of_numpy_and_torch_are_numbers(of, tmp_path):
    """They train as Python's do, the checkpoint is written and read, and the history is saved."""
    net, other = network(), network()
    options = {"lr": of(0.25), "momentum": of(0.5), "checkpoint": tmp_path / "run.pt"}
    fit(net, epochs=np.int64(2), **options)
    history = fit(network(), epochs=np.float64(3), **options)
    fit(other, lr=0.25, momentum=0.5, epochs=3)
    history.save(tmp_path / "run.json")
    assert ah.History.load(tmp_path / "run.json").settings["momentum"] == 0.5
    fit(net, epochs=3, **options)
    assert torch.equal(net[1].weight, other[1].weight)


def test_batch_sizes_of_numpy(tmp_path):
    data = ah.Batches((255 * X).byte(), Y, np.int64(16), resize=np.int32(4), shuffle=True, seed=np.int64(3))
    history = fit(train=data, test=data, checkpoint=tmp_path / "run.pt")
    assert history.settings["batch_size"] == 16
    assert len(history.step_loss) == 3
    for wrong in (2.5, "16", None, 0):
        with pytest.raises(ValueError, match="batch_size must be"):
            ah.Batches(data.images, data.labels, wrong)


def test_settings_that_cannot_be_written_are_refused_before_training():
    class Loader(list):
        batch_size = object()

    net = network()
    before = weights_of(net)
    with pytest.raises(ValueError, match="The setting batch_size is an object of type object, which cannot be written"):
        fit(net, Loader(GOOD))
    assert all(map(torch.equal, before, weights_of(net)))


# ---------------------------------------------------------------------------------------------------------------
# Anything


IMAGES = [X.double(), X.byte(), X[:, 0], X[:0], X[:1], X.numpy(), X.tolist(), X[0], math.inf * X, None]
LABELLED = [*(labels for labels, _ in LABELS.values()), Y[:1], Y.to(torch.uint8), torch.tensor(3), 3, "cat"]
DATA_OF = [lambda X, y: [(X, y), (X, y)], lambda X, y: [[X, y]], lambda X, y: (X, y), lambda X, y: [(X, y, y)],
           lambda X, y: [{"X": X, "y": y}], lambda X, y: X, lambda X, y: [], lambda X, y: None, Pictures,
           lambda X, y: iter([(X, y)]), lambda X, y: [(X, y)] + GOOD]
BUILD = [*(lambda net=net: net for net, _ in NETWORKS.values()), nn.Flatten, Recurrent, lambda: None, lambda: network,
         lambda: network(5), lambda: network().double(), lambda: network().requires_grad_(False),
         lambda: nn.Linear(4, 10),
         lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 10)),
         lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.LazyLinear(10)),
         lambda: nn.Sequential(network(), nn.Softmax(dim=1))]
OPTIONS = {"epochs": [np.int32(2), 0, 1.0, "1"], "lr": [np.float32(0.1), 0, 1e9, math.nan],
           "momentum": [np.float32(0.9), None], "optimizer": [torch.optim.Adam, torch.optim.Rprop, "sgd"],
           "nesterov": [True], "schedule": [lambda update: StepLR(update, np.int64(1)), lambda update: 3, StepLR]}


def any_inputs(chance):
    """Network, training data, test data and options of `fit`; each part of them is something else by chance."""
    def one(good, others, share=0.15):
        return chance.choice(others) if chance.random() < share else good

    def data():
        return one(lambda X, y: [(X, y)], DATA_OF)(one(X, IMAGES), one(Y, LABELLED))

    return one(network, BUILD)(), data(), data(), {"epochs": 1, "lr": 0.1, **{
        name: chance.choice(values) for name, values in OPTIONS.items() if chance.random() < 0.1}}


@pytest.mark.filterwarnings("ignore")
def test_whatever_comes_nothing_is_raw_and_nothing_silent():
    """Either a sentence of ours, or a history that can be true."""
    chance, worked, said = random.Random(0), 0, set()
    for _ in range(400):
        net, train, test, options = any_inputs(chance)
        try:
            history = ah.fit(net, train, test, show=False, **options)
        except (ValueError, training.LossNotFiniteError) as error:
            assert str(error).endswith(".") or "(torch says: " in str(error), error
            said.add(str(error)[:40])
            continue
        worked += 1
        assert all(map(math.isfinite, history.train_loss + history.test_loss + history.step_loss))
        assert all(0 <= share <= 1 for share in history.train_accuracy + history.test_accuracy)
        assert len(history.test_loss) == len(history.train_loss) == len(history.seconds) == int(options["epochs"])
    assert worked > 50, "the draws should be good ones too"
    assert len(said) > 30, "and wrong in many ways"
