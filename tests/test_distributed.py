"""Several processes on a CPU must learn what one learns from the same batches."""

import os
import socket
import subprocess
import sys

import pytest
import torch

import alexnet_helpers as ah
from alexnet_helpers import distributed
from alexnet_helpers.commands import recipes
from alexnet_helpers.data import Batches

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


def run(*arguments):
    """Run Python with `arguments`, on one thread and without a GPU; what it printed is shown if it fails."""
    done = subprocess.run([sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("world", "even", "expected"), [
    (1, True, [[[0, 1, 2, 3], [4, 5, 6, 7], [8]]]),
    (2, True, [[[0, 2], [4, 6]], [[1, 3], [5, 7]]]),           # the last image would go to one process only
    (2, False, [[[0, 2], [4, 6], [8]], [[1, 3], [5, 7]]]),
    (3, True, [[[0], [4]], [[1], [5]], [[2], [6]]]),
])
def test_shares_of_nine_images(monkeypatch, world, even, expected):
    monkeypatch.setattr(distributed, "world", lambda: world)
    for rank, rows in enumerate(expected):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        assert [share.tolist() for share in distributed.shares(torch.arange(9), 4, even)] == rows
        assert distributed.number_of_shares(9, 4, even) == max(map(len, expected))


@pytest.mark.parametrize(("images", "batch_size"), [(9, 2), (2, 9)])
@pytest.mark.parametrize("even", [True, False])
def test_fewer_images_than_processes_are_refused(monkeypatch, images, batch_size, even):
    monkeypatch.setattr(distributed, "world", lambda: 3)
    with pytest.raises(ValueError, match=f"3 processes cannot share {images} images in batches of {batch_size}"):
        next(distributed.shares(torch.arange(images), batch_size, even))


@pytest.mark.parametrize("shuffle", [True, False])
def test_loader_gives_each_process_its_share(monkeypatch, shuffle):
    images, labels = torch.zeros(20, 1, 28, 28, dtype=torch.uint8), torch.arange(20)
    monkeypatch.setattr(distributed, "world", lambda: 2)
    seen = []
    for rank in (0, 1):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        batches = Batches(images, labels, 8, shuffle=shuffle, seed=3)
        seen.append([y.tolist() for _, y in batches])
        assert len(batches) == 3
    assert [len(share) for share in seen[0]] == [len(share) for share in seen[1]] == [4, 4, 2]
    assert sorted(label for shares in seen for share in shares for label in share) == list(range(20))


def test_data_that_every_process_would_read_whole_are_refused(monkeypatch):
    monkeypatch.setattr(distributed, "world", lambda: 2)
    batch = (torch.rand(4, 4), torch.tensor([0, 1, 2, 3]))
    with pytest.raises(ValueError, match="do not share their batches .* take the training data of load_fashion_mnist"):
        ah.fit(torch.nn.Linear(4, 10), [batch], [batch], epochs=1, lr=0.1, show=False)


# One script, imported once: the single process first writes what two are to find, then two are forked. Autograd may
# not run before a fork, so that the single one is forked as well.
SCRIPT = """
import os, signal, sys, torch
import torch._dynamo                                          # which the first optimizer would import, thrice
import torch.distributed as dist
import torch.nn.functional as F
import alexnet_helpers as ah
from alexnet_helpers import distributed
from alexnet_helpers.data import Batches
torch.set_num_threads(1)
folder = sys.argv[1]

def work(rank, world):
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (102, 1, 28, 28), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 10, (102,), generator=generator)
    train, test = Batches(images, labels, 34, shuffle=True, seed=2), Batches(images[:33], labels[:33], 10)
    torch.manual_seed(rank)                                    # DDP starts all from rank 0's weights
    net = ah.lenet(torch.nn.ReLU)
    shared = distributed.shared(net)
    X, y = next(iter(Batches(images, labels, 34)))
    F.cross_entropy(shared(X), y).backward()
    gradients = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    history = ah.fit(net, train, test, epochs=2, lr=0.1, momentum=0.9, show=False, checkpoint=f"{folder}/{world}.pt")
    torch.save({"gradients": gradients, "weights": list(net.parameters()), "step_loss": history.step_loss,
                "curves": [history.train_loss, history.train_accuracy, history.test_loss, history.test_accuracy]},
               f"{folder}/{rank} of {world}.pt")
    distributed.leave()

alive = set()
for rank, world in ((0, 1), (0, 2), (1, 2)):
    child = os.fork()
    if child == 0:
        work(rank, world)
        os._exit(0)
    alive.add(child)
while alive:
    child, status = os.wait()
    alive.remove(child)
    if status:                                                # the others would wait for it half an hour
        for other in alive:
            os.kill(other, signal.SIGKILL)
        sys.exit(f"a process ended with {os.waitstatus_to_exitcode(status)}")
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    run("-c", SCRIPT, folder)
    return [torch.load(folder / name, weights_only=False) for name in ("0 of 1.pt", "0 of 2.pt", "1 of 2.pt")]


@needs_fork
def test_gradients_of_two_processes_are_those_of_one(results):
    one, *two = results
    for parts in two:
        for gradient, expected in zip(parts["gradients"], one["gradients"], strict=True):
            assert expected.abs().max() > 1e-3
            torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-5)


@needs_fork
def test_training_in_two_processes_is_training_in_one(results):
    one, *two = results
    for parts in two:
        for weight, expected in zip(parts["weights"], one["weights"], strict=True):
            torch.testing.assert_close(weight, expected, rtol=0, atol=1e-5)
        assert parts["step_loss"] == pytest.approx(one["step_loss"], abs=1e-5)
        for curve, expected in zip(parts["curves"], one["curves"], strict=True):
            assert curve == pytest.approx(expected, abs=1e-5)


@needs_fork
def test_one_file_keeps_the_generators_of_both_processes(results, tmp_path_factory):
    folder = next(path for path in tmp_path_factory.getbasetemp().iterdir() if path.name.startswith("processes"))
    saved = torch.load(folder / "2.pt", weights_only=True)
    assert len(saved["rng"]) == 2
    assert not torch.equal(saved["rng"][0]["cpu"], saved["rng"][1]["cpu"])
    assert not (folder / "2.pt.part").exists()


def test_torchrun_trains_by_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    net, history = recipes.train_book("lenet", epochs=1, lr=0.1, train_size=512, test_size=100)
    path = tmp_path / "run.pt"
    run(*distributed.TORCHRUN, "--nproc_per_node=2", "-m", "alexnet_helpers", "train", "lenet", "--epochs", "1",
        "--train-size", "512", "--test-size", "100", "--lr", "0.1", "--checkpoint", path, "--history", f"{path}.json")
    together = torch.load(path, weights_only=True)["weights"]
    for name, weight in net.state_dict().items():
        torch.testing.assert_close(together[name], weight, rtol=0, atol=1e-5)
    assert ah.History.load(f"{path}.json").test_accuracy == history.test_accuracy


def test_join_makes_the_group_that_torchrun_meant_and_leave_ends_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with socket.socket() as free:                              # a port that nobody has
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1",
                        "MASTER_PORT": port}.items():
        monkeypatch.setenv(name, str(value))
    distributed.join()
    try:
        assert torch.distributed.is_initialized() and torch.distributed.get_backend() == "gloo"
        distributed.join()                                     # a second time is no error
    finally:
        distributed.leave()
    assert not torch.distributed.is_initialized()


def test_without_torchrun_there_is_no_group(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    distributed.join()
    assert not torch.distributed.is_initialized()
    assert (distributed.rank(), distributed.world()) == (0, 1)
    distributed.leave()                                        # nothing to leave
