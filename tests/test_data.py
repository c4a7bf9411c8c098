"""The data: same pixels as the book's loader, honest batches, and no damaged or missing file that passes unseen."""

import gzip
import io
import os
import urllib.error
import urllib.request

import numpy as np
import pytest
import torch
from torchvision.datasets import FashionMNIST

from alexnet_helpers import data
from alexnet_helpers.__main__ import main
from alexnet_helpers.data import Batches, DamagedFileError, load_fashion_mnist

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch, tmp_path):
    """No environment variable, no full set anywhere, no network, nothing remembered from another test."""
    monkeypatch.delenv("ALEXNET_DATA", raising=False)
    monkeypatch.setenv("ALEXNET_PROFILE", "quick")
    monkeypatch.setattr(data, "DATA_FOLDER", tmp_path / "project" / "data" / "FashionMNIST" / "raw")
    monkeypatch.setattr(data, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    data.read_set.cache_clear()
    data._fetch_once.cache_clear()
    yield
    data.read_set.cache_clear()
    data._fetch_once.cache_clear()


def no_network(*_, **__):
    raise urllib.error.URLError("Temporary failure in name resolution")


SAMPLE_BYTES = {name: gzip.decompress((data.SAMPLE_FOLDER / f"{name}.gz").read_bytes()) for name in data.SAMPLE}


@pytest.fixture
def small_set(monkeypatch):
    """Let the sample stand for the full set, so that the tests below run in no time: the same checks, fewer bytes."""
    monkeypatch.setattr(data, "FULL_SET", data.SAMPLE)


def put(folder, names=tuple(data.SAMPLE), packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        content = SAMPLE_BYTES[name]
        (folder / (name + ".gz" if packed else name)).write_bytes(gzip.compress(content, 1) if packed else content)
    return folder


# ---------------------------------------------------------------------------------------------------------------
# The book's pixels


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("resize", [None, 14, 28, 64, 224])
def test_same_pixels_and_labels_as_the_books_loader(resize, monkeypatch, tmp_path):
    from d2l import torch as d2l

    put(tmp_path / "data" / "FashionMNIST" / "raw")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")                  # d2l reads ../data
    n = 96
    for book, ours in zip(d2l.load_data_fashion_mnist(batch_size=n, resize=resize),
                          load_fashion_mnist(batch_size=n, resize=resize), strict=True):
        # Indexed, not iterated: the book's order is random, and its worker processes take long to start.
        X = torch.stack([book.dataset[i][0] for i in range(n)])
        y = torch.tensor([book.dataset[i][1] for i in range(n)])
        X_ours, y_ours = next(iter(Batches(ours.images, ours.labels, batch_size=n, resize=resize)))
        assert X_ours.shape == X.shape == (n, 1, resize or 28, resize or 28)
        assert (X_ours.dtype, y_ours.dtype) == (torch.float32, torch.int64)
        assert torch.equal(y_ours, y)
        assert (X_ours - X).abs().max() <= 1 / 255 + 1e-6
        assert torch.equal((X_ours * 255).round() / 255, X_ours)        # whole grey levels, as the book's
        if resize in (None, 28):
            assert torch.equal(X_ours, X)


def test_class_names_stand_in_the_order_of_the_labels():
    assert [name.lower().split("/")[0] for name in FashionMNIST.classes] == list(data.CLASSES)


def test_sample_is_the_head_of_the_real_set(monkeypatch):
    monkeypatch.undo()                                         # the machine as it is
    folder = data.find_full_set()
    if folder is None:
        pytest.skip("the full Fashion-MNIST is not on this machine: `python -m alexnet_helpers data` fetches it")
    for part, size in (("train", 6_000), ("t10k", 1_000)):
        full, sample = data.read_set(folder, part), data.read_set(data.SAMPLE_FOLDER, part)
        assert full[0].shape == ({"train": 60_000, "t10k": 10_000}[part], 1, 28, 28)
        assert torch.equal(full[0][:size], sample[0])
        assert torch.equal(full[1][:size], sample[1])
        assert full[1].bincount().tolist() == [len(full[1]) // 10] * 10       # the set's authors: balanced classes


def test_sample_carries_its_licence():
    licence = (data.SAMPLE_FOLDER / "LICENSE").read_text()
    assert "MIT License" in licence
    assert "Zalando" in licence


# ---------------------------------------------------------------------------------------------------------------
# Batches


def numbered(n, **options):
    """Batches of `n` tiny images; image i is filled with the value i and has the label i."""
    values = torch.arange(n, dtype=torch.uint8)
    return Batches(values.reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous(), values.long(), **options)


def order(batches):
    return torch.cat([y for _, y in batches]).tolist()


def test_every_image_exactly_once_an_epoch():
    assert sorted(order(numbered(23, batch_size=5, shuffle=True))) == list(range(23))


def test_each_label_stays_with_its_image():
    for X, y in numbered(23, batch_size=5, shuffle=True):
        assert torch.equal((X[:, 0, 0, 0] * 255).round().long(), y)


def test_same_seed_same_orders():
    first, second = (numbered(23, batch_size=5, shuffle=True, seed=7) for _ in range(2))
    assert [order(first), order(first)] == [order(second), order(second)]


def test_order_does_not_depend_on_torchs_global_generator():
    first, second = (numbered(23, batch_size=5, shuffle=True, seed=7) for _ in range(2))
    torch.manual_seed(1)
    one = order(first)
    torch.manual_seed(2)
    assert order(second) == one


def test_other_seed_and_next_epoch_have_other_orders():
    batches = numbered(23, batch_size=5, shuffle=True, seed=7)
    orders = [order(batches), order(batches), order(numbered(23, batch_size=5, shuffle=True, seed=8)), list(range(23))]
    assert len({tuple(o) for o in orders}) == 4


def test_without_shuffling_the_order_is_that_of_the_files():
    assert order(numbered(23, batch_size=5)) == list(range(23))


@pytest.mark.parametrize(("n", "sizes"), [(23, [5, 5, 5, 5, 3]), (20, [5, 5, 5, 5]), (3, [3])])
def test_last_batch_may_be_short(n, sizes):
    batches = numbered(n, batch_size=5, shuffle=True)
    assert [len(y) for _, y in batches] == sizes
    assert [len(X) for X, _ in batches] == sizes
    assert len(batches) == len(sizes)


def test_training_is_shuffled_and_the_test_set_is_not():
    train, test = load_fashion_mnist(batch_size=500, train_size=2_000, test_size=1_000)
    labels = {part: np.frombuffer(SAMPLE_BYTES[f"{part}-labels-idx1-ubyte"], np.uint8, offset=8).tolist()
              for part in ("train", "t10k")}
    assert order(test) == labels["t10k"]
    assert (shuffled := order(train)) != labels["train"][:2_000]
    assert sorted(shuffled) == sorted(labels["train"][:2_000])


def test_seed_of_the_loader():
    one, same, other = (order(load_fashion_mnist(batch_size=500, train_size=600, seed=s)[0]) for s in (1, 1, 2))
    assert one == same != other


def test_subset_is_the_head():
    train, test = load_fashion_mnist(batch_size=64, train_size=100, test_size=10, device="cpu")
    assert torch.equal(train.images.flatten(), torch.frombuffer(
        bytearray(SAMPLE_BYTES[IMAGES][16:16 + 100 * 784]), dtype=torch.uint8))
    assert (len(train.images), len(train), len(test.images), len(test)) == (100, 2, 10, 1)


def test_quick_profile_takes_the_sample_by_default():
    train, test = load_fashion_mnist(batch_size=64)
    assert (len(train.images), len(test.images)) == (6_000, 1_000)


def test_augment_changes_training_batches_only():
    seen = []

    def augment(X):
        seen.append(tuple(X.shape))
        return X + 1

    train, test = load_fashion_mnist(batch_size=8, resize=32, train_size=8, test_size=8, augment=augment)
    assert next(iter(train))[0].min() >= 1
    assert seen == [(8, 1, 32, 32)]
    assert next(iter(test))[0].max() <= 1


def test_batches_are_made_on_the_device_asked_for():
    batches = numbered(6, batch_size=5, device="meta")          # a device that every machine has
    assert batches.device == batches.images.device == batches.labels.device == torch.device("meta")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_same_batches_on_a_gpu():
    for cpu, gpu in zip(load_fashion_mnist(batch_size=64, resize=224, train_size=128, device="cpu")[0],
                        load_fashion_mnist(batch_size=64, resize=224, train_size=128)[0], strict=True):
        assert gpu[0].device.type == gpu[1].device.type == "cuda"
        assert torch.equal(cpu[1], gpu[1].cpu())
        assert (cpu[0] - gpu[0].cpu()).abs().max() <= 1 / 255 + 1e-6


def test_stored_images_are_not_changed_by_what_is_done_to_a_batch():
    batches = numbered(4, batch_size=4)
    next(iter(batches))[0].zero_()
    assert next(iter(batches))[0].sum() > 0


def test_what_is_done_to_a_loader_s_images_does_not_reach_the_next_loader():
    for _ in range(2):
        train, _ = load_fashion_mnist(batch_size=4, train_size=8, device="cpu")
        assert train.images.any() and train.labels.any()
        train.images.zero_()
        train.labels.zero_()


@pytest.mark.parametrize(("images", "labels", "words"), [
    (torch.zeros(4, 1, 2, 2), torch.zeros(4), "not 4 images of torch.float32"),
    (torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(3), "4 images of torch.uint8 with 3 labels")])
def test_images_that_are_no_grey_levels_and_labels_that_lack_are_refused(images, labels, words):
    with pytest.raises(ValueError, match=words):
        Batches(images, labels, batch_size=2)


@pytest.mark.parametrize(("options", "message"), [
    ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
    ({"batch_size": -3}, "batch_size must be at least 1, not -3"),
    ({"batch_size": 8, "resize": 0}, "resize must be at least 1, not 0"),
    ({"batch_size": 8, "seed": 0.5}, "^seed must be a whole number, not 0.5"),
    ({"batch_size": 8, "train_size": 0}, "train_size must be 1 to 60,000, .*not 0"),
    ({"batch_size": 8, "train_size": 60_001}, "train_size must be 1 to 60,000, .*not 60,001"),
    ({"batch_size": 8, "test_size": 10_001}, "test_size must be 1 to 10,000, .*not 10,001"),
])
def test_sizes_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        load_fashion_mnist(**options)


# ---------------------------------------------------------------------------------------------------------------
# Damaged files are named and never used


def flip_one_byte(content):
    return content[:5_000] + bytes([content[5_000] ^ 1]) + content[5_001:]


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda b: b[:-1], r"damaged: expected 6,008 uncompressed bytes, found 6,007"),
    (lambda b: b + b"\0", r"damaged: expected 6,008 uncompressed bytes, found 6,009"),
    (flip_one_byte, r"damaged: expected SHA-256 d7c464914ae4b919…, found [0-9a-f]{16}…"),
    (lambda b: b"", r"damaged: expected 6,008 bytes, found an empty file"),
    (lambda b: b"<!DOCTYPE html>" + b, r"damaged: expected an IDX file that starts with 00000801, .* 3c21444f"),
    (lambda b: SAMPLE_BYTES[IMAGES], r"damaged: expected an IDX file that starts with 00000801, .*00000803"),
], ids=["truncated", "too long", "one bit", "empty", "a web page", "images for labels"])
@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "gz"])
def test_damaged_file(tmp_path, spoil, message, packed, small_set):
    path = put(tmp_path / "set", packed=packed) / (LABELS + ".gz" * packed)
    content = spoil(SAMPLE_BYTES[LABELS])
    path.write_bytes(gzip.compress(content, 1) if packed and content else content)
    with pytest.raises(DamagedFileError, match=message) as caught:
        data.read_set(tmp_path / "set", "train")
    assert str(path) in str(caught.value)
    assert "python -m alexnet_helpers data" in str(caught.value)


@pytest.mark.parametrize("spoil", [
    lambda z: z[:-2_000],                                       # cut off
    lambda z: z[:-8] + bytes(4) + z[-4:],                       # its own checksum is wrong
    lambda z: z[:100] + bytes(50) + z[150:],                    # does not unpack
    lambda z: b"not gzip at all",
], ids=["cut", "crc", "zlib", "not gzip"])
def test_bad_gzip(tmp_path, spoil, small_set):
    path = put(tmp_path / "set", packed=True) / (LABELS + ".gz")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DamagedFileError, match="expected a whole gzip file, found one that does not unpack") as caught:
        data.read_set(tmp_path / "set", "train")
    assert str(path) in str(caught.value)


def test_damaged_sample_is_to_be_restored(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "SAMPLE_FOLDER", put(tmp_path / "sample"))
    (tmp_path / "sample" / LABELS).write_bytes(b"")
    with pytest.raises(DamagedFileError, match=r"\. Restore it: `git checkout alexnet_helpers/sample`\.$"):
        load_fashion_mnist(batch_size=8, train_size=8)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=LABELS):
        data.read_idx(tmp_path / LABELS, data.SAMPLE[LABELS])


def test_damaged_full_set_is_never_used_nor_replaced_by_the_sample(small_set):
    (put(data.DATA_FOLDER) / LABELS).write_bytes(SAMPLE_BYTES[LABELS][:-1])
    with pytest.raises(DamagedFileError, match=LABELS):
        load_fashion_mnist(batch_size=8, train_size=6_001)


# ---------------------------------------------------------------------------------------------------------------
# Where the set comes from


def test_order_of_origins(monkeypatch, tmp_path):
    assert data.find_full_set() is None
    put(data.DEBIAN_FOLDER, packed=True)
    assert data.find_full_set() == data.DEBIAN_FOLDER
    put(data.DATA_FOLDER)
    assert data.find_full_set() == data.DATA_FOLDER
    monkeypatch.setenv("ALEXNET_DATA", str(put(tmp_path / "mine")))
    assert data.find_full_set() == tmp_path / "mine"


def test_folder_that_lacks_a_file_is_passed_over():
    put(data.DATA_FOLDER, names=list(data.SAMPLE)[:3])
    put(data.DEBIAN_FOLDER, packed=True)
    assert data.find_full_set() == data.DEBIAN_FOLDER


@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "gz"])
@pytest.mark.parametrize("inside", ["", "FashionMNIST/raw"], ids=["plain layout", "torchvision's layout"])
def test_alexnet_data_in_every_layout(monkeypatch, tmp_path, packed, inside, small_set):
    put(tmp_path / "mine" / inside, packed=packed)
    monkeypatch.setenv("ALEXNET_DATA", str(tmp_path / "mine"))
    train, _ = load_fashion_mnist(batch_size=8, train_size=6_001, device="cpu")    # more than the sample has
    assert data.read_set.cache_info().currsize == 2
    assert data.find_full_set() == tmp_path / "mine" / inside
    assert train.images.numpy().tobytes() == SAMPLE_BYTES[IMAGES][16:]


def test_alexnet_data_that_is_not_there(monkeypatch, tmp_path):
    put(data.DATA_FOLDER)
    monkeypatch.setenv("ALEXNET_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="ALEXNET_DATA names .*nowhere, and there is no such folder"):
        load_fashion_mnist(batch_size=8, train_size=6_001)


def test_alexnet_data_that_lacks_files(monkeypatch, tmp_path):
    put(data.DATA_FOLDER)
    monkeypatch.setenv("ALEXNET_DATA", str(put(tmp_path / "mine", names=[IMAGES])))
    with pytest.raises(FileNotFoundError, match=(f"mine lacks {LABELS}, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte"
                                                 r"\. Put them there \(\.gz or unpacked\), or unset ALEXNET_DATA\.$")):
        load_fashion_mnist(batch_size=8, train_size=6_001)


def test_small_requests_never_look_further_than_the_sample(monkeypatch):
    monkeypatch.setattr(data, "find_full_set", lambda: pytest.fail("looked for the full set"))
    load_fashion_mnist(batch_size=8, train_size=6_000, test_size=1_000)


# ---------------------------------------------------------------------------------------------------------------
# Without a network


def test_no_network_says_so_once_and_goes_on_with_the_sample(monkeypatch, capsys):
    asked = []

    def urlopen(url, **_):
        asked.append(url)
        no_network()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setenv("ALEXNET_PROFILE", "full")
    train, test = load_fashion_mnist(batch_size=8)
    assert (len(train.images), len(test.images)) == (6_000, 1_000)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "using the sample of 6,000 + 1,000 images" in printed
    assert "Temporary failure in name resolution" in printed
    assert "python -m alexnet_helpers data" in printed
    load_fashion_mnist(batch_size=8)
    assert len(asked) == len(FashionMNIST.mirrors), "nobody waits twice for a network that is not there"
    assert not data.DATA_FOLDER.exists()


def test_sample_serves_a_small_part_in_the_full_profile(monkeypatch):
    monkeypatch.setenv("ALEXNET_PROFILE", "full")
    train, test = load_fashion_mnist(batch_size=8, train_size=100)      # the test size is the profile's
    assert (len(train.images), len(test.images)) == (100, 1_000)


@pytest.mark.parametrize("sizes", [{"train_size": 6_001}, {"test_size": 1_001}])
def test_no_network_and_more_asked_for_than_is_here(sizes):
    with pytest.raises(ValueError, match="only the sample of 6,000 and 1,000 is here .*name resolution.*run `python"):
        load_fashion_mnist(batch_size=8, **sizes)


class Answer(io.BytesIO):
    """What urlopen returns, as far as the course uses it."""

    def __init__(self, content, length=None):
        super().__init__(content)
        self.headers = {"Content-Length": str(len(content) if length is None else length)}


@pytest.fixture
def mirror(monkeypatch, small_set):
    """A mirror that serves the small set; the test may spoil files in the dict that it gets."""
    files = {name + ".gz": gzip.compress(content, 1) for name, content in SAMPLE_BYTES.items()}
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, **_: Answer(files[url.rsplit("/", 1)[1]]))
    return files


def whole_files(folder):
    return {path.name for path in folder.iterdir()} == set(data.SAMPLE) and \
        all((folder / name).read_bytes() == content for name, content in SAMPLE_BYTES.items())


def test_fetches_from_a_mirror_with_a_progress_bar(mirror, capsys):
    assert data.fetch() == data.DATA_FOLDER
    assert whole_files(data.DATA_FOLDER)
    printed = capsys.readouterr()
    assert printed.out.count("from the network") == 4
    assert f"{IMAGES}: 100%" in printed.err


def test_loader_fetches_what_it_needs(mirror, monkeypatch, capsys):
    train, _ = load_fashion_mnist(batch_size=8, train_size=6_001, device="cpu")
    assert train.images.numpy().tobytes() == SAMPLE_BYTES[IMAGES][16:]
    assert whole_files(data.DATA_FOLDER)
    assert capsys.readouterr().out == "", "a notebook's stored output stays the same"


def test_length_that_the_mirror_does_not_tell(mirror, monkeypatch):
    answer = Answer(mirror[LABELS + ".gz"])
    answer.headers = {"Content-Length": None}
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, **_: answer)
    assert data.download(LABELS) == SAMPLE_BYTES[LABELS]


@pytest.mark.parametrize(("spoil", "reason"), [
    (lambda z: z[:-100], "end-of-stream"),
    (lambda z: b"<html>Please log in to the network</html>", "[Nn]ot a gzipped file"),
    (lambda z: gzip.compress(flip_one_byte(gzip.decompress(z))), "not the file that the set's authors published"),
], ids=["cut", "a web page", "one bit"])
def test_download_that_is_damaged_leaves_nothing(mirror, spoil, reason):
    mirror[LABELS + ".gz"] = spoil(mirror[LABELS + ".gz"])
    with pytest.raises(OSError, match=f"no download of {LABELS}: http.*{reason}"):
        data.fetch()
    assert [path.name for path in data.DATA_FOLDER.iterdir()] == [IMAGES]       # fetched before, and whole
    assert data.find_full_set() is None


def test_next_mirror_where_the_first_fails(mirror, monkeypatch):
    serve = urllib.request.urlopen
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://one/", "http://two/", "http://three/"])
    answers = {"http://one/": no_network, "http://two/": lambda *_, **__: Answer(gzip.compress(b"something else"))}
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, **k: answers.get(url[:11], serve)(url, **k))
    assert data.download(LABELS) == SAMPLE_BYTES[LABELS]


def test_fetch_prefers_files_that_are_here(small_set):
    put(data.DEBIAN_FOLDER, packed=True)
    data.fetch()                                               # without a network
    assert whole_files(data.DATA_FOLDER)


def test_fetch_unpacks_what_lies_packed_in_the_project(small_set):
    put(data.DATA_FOLDER, packed=True)
    data.fetch()
    assert all((data.DATA_FOLDER / name).read_bytes() == content for name, content in SAMPLE_BYTES.items())


def test_fetch_replaces_damaged_files_only(small_set, capsys):
    put(data.DEBIAN_FOLDER, packed=True)
    (put(data.DATA_FOLDER) / LABELS).write_bytes(SAMPLE_BYTES[LABELS][:-1])
    before = (data.DATA_FOLDER / IMAGES).stat().st_mtime_ns
    data.fetch()
    assert whole_files(data.DATA_FOLDER)
    assert (data.DATA_FOLDER / IMAGES).stat().st_mtime_ns == before
    printed = capsys.readouterr().out
    assert printed.count("is damaged") == 1
    assert printed.count("in place") == 3


def test_interrupted_while_writing(small_set, monkeypatch):
    put(data.DEBIAN_FOLDER, packed=True)
    write = data.Path.write_bytes                              # the true one

    def interrupted(path, content):
        write(path, content[:len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(data.Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.fetch()
    assert list(data.DATA_FOLDER.iterdir()) == []


def test_part_left_by_a_killed_run_never_counts(small_set):
    data.DATA_FOLDER.mkdir(parents=True)
    for name, content in SAMPLE_BYTES.items():
        (data.DATA_FOLDER / f"{name}.1.part").write_bytes(content[:100])
    assert data.find_full_set() is None


# ---------------------------------------------------------------------------------------------------------------
# A project that cannot be written


@pytest.fixture
def unwritable():
    """A file where the project's folder should be: not even root can make data/ below it."""
    project = data.DATA_FOLDER.parents[2]
    project.write_text("in the way")


def test_read_only_project_reads_debians_folder(unwritable, small_set):
    put(data.DEBIAN_FOLDER, packed=True)
    train, _ = load_fashion_mnist(batch_size=8, train_size=6_001)
    assert len(train.images) == 6_000                          # all of the small set


def test_read_only_project_goes_on_with_the_sample(unwritable, mirror, monkeypatch, capsys):
    monkeypatch.setenv("ALEXNET_PROFILE", "full")
    train, _ = load_fashion_mnist(batch_size=8)
    assert len(train.images) == 6_000
    assert "using the sample" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_write_permission(small_set):
    put(data.DEBIAN_FOLDER, packed=True)
    project = data.DATA_FOLDER.parents[2]
    project.mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="data"):
        data.fetch()


# ---------------------------------------------------------------------------------------------------------------
# python -m alexnet_helpers data


def test_command_puts_the_set_where_torchvision_and_the_book_find_it(small_set, capsys):
    put(data.DEBIAN_FOLDER, packed=True)
    assert main(["data"]) == 0
    printed = capsys.readouterr().out
    assert f"from {data.DEBIAN_FOLDER}" in printed
    assert f"All 70,000 images of Fashion-MNIST are in {data.DATA_FOLDER}" in printed
    book = FashionMNIST(root=data.DATA_FOLDER.parents[1], train=True, download=False)
    assert len(book) == 6_000
    assert book.targets.tolist() == list(SAMPLE_BYTES[LABELS][8:])


def test_command_says_what_is_in_place(small_set, capsys):
    put(data.DATA_FOLDER)
    assert main(["data"]) == 0
    assert capsys.readouterr().out.count("in place, ") == 4


def test_command_says_where_the_course_reads(small_set, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ALEXNET_DATA", str(put(tmp_path / "mine")))
    assert main(["data"]) == 0
    assert f"the course itself reads them from {tmp_path / 'mine'}" in capsys.readouterr().out


def test_command_without_network(capsys):
    assert main(["data"]) == 1
    printed = capsys.readouterr().err
    for words in ("could not be put into", "name resolution", "goes on with its sample", "dataset-fashion-mnist",
                  "ALEXNET_DATA"):
        assert words in printed


def test_command_with_a_wrong_alexnet_data(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ALEXNET_DATA", str(tmp_path / "nowhere"))
    assert main(["data"]) == 1
    printed = capsys.readouterr().err
    assert "ALEXNET_DATA names" in printed
    assert "goes on" not in printed


def test_command_in_a_read_only_project(unwritable, small_set, capsys):
    put(data.DEBIAN_FOLDER, packed=True)
    assert main(["data"]) == 1
    assert f"The course itself reads it from {data.DEBIAN_FOLDER}" in capsys.readouterr().err


def test_command_names_damage_that_it_cannot_mend(small_set, capsys):
    (put(data.DATA_FOLDER) / LABELS).write_bytes(SAMPLE_BYTES[LABELS][:-1])
    assert main(["data"]) == 1
    printed = capsys.readouterr()
    assert f"{data.DATA_FOLDER / LABELS} is damaged" in printed.out
    assert "goes on with its sample" not in printed.err        # it does not: a damaged file is no reason to use another
