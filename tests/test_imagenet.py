"""The paper's recipe, end to end on a folder of images that the tests draw; and folders that will not do."""

import json
import shutil
from inspect import signature
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from alexnet_helpers import __main__ as commands
from alexnet_helpers import imagenet
from alexnet_helpers.commands import recipes
from alexnet_helpers.image_folder import FolderError
from alexnet_helpers.imagenet import load_image_folder

COLOURS = {"blue": (40, 60, 200), "green": (50, 180, 70), "red": (210, 50, 60)}


@pytest.fixture(autouse=True)
def one_thread_without_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    # After an error torch waits so many seconds, 5, for a reading process to end by itself.
    monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.2, raising=False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def draw(path, colour, seed, size=(50, 40), mode="RGB"):
    noise = np.random.default_rng(seed).integers(-40, 40, (size[1], size[0], 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)


def draw_folder(folder, train=6, val=3):
    for part, images in (("train", train), ("val", val)):
        for name, colour in COLOURS.items():
            for i in range(images):
                draw(folder / part / name / f"{i}.png", colour, seed=i + 100 * (part == "val"), size=(50 + i, 40))
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return draw_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture
def own(images, tmp_path):
    return shutil.copytree(images, tmp_path / "own")


def small_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, kernel_size=5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                         nn.Dropout(0.1), nn.Linear(16, 3))


def train_small(folder, **options):
    return recipes.train_paper(folder, **{"net": small_net(), "batch_size": 6, "lr": 1e-4, "size": 24, "resize": 32,
                                          "workers": 0, **options})


# ---------------------------------------------------------------------------------------------------------------
# What the network is given


def test_images_are_cut_to_their_centre_square_and_the_mean_image_taken_off(images):
    train, test = load_image_folder(images, batch_size=4, size=32, resize=40, workers=0)
    paths = [path for path, _ in train.dataset.samples]
    squares = []
    for path in paths:                                         # the short side is 40 already: only the cut remains
        image = Image.open(path)
        left = round((image.width - 40) / 2)
        squares.append(np.asarray(image.crop((left, 0, left + 40, 40)), dtype=np.float64))
    mean = np.mean(squares, axis=0).transpose(2, 0, 1)
    X, y = next(iter(test))
    first = np.asarray(Image.open(test.dataset.samples[0][0]).crop((5, 0, 45, 40)), dtype=np.float64)
    expected = (first.transpose(2, 0, 1) - mean)[:, 4:36, 4:36]                # grey levels, the centre of 32 pixels
    assert X.shape == (4, 3, 32, 32)
    assert y.tolist() == [0, 0, 0, 1]
    np.testing.assert_allclose(X[0], expected, atol=0.01)
    assert train.classes == test.classes == ["blue", "green", "red"]


def test_each_image_of_an_epoch_once_in_another_order_and_another_cut(images):
    train, _ = load_image_folder(images, batch_size=5, size=24, resize=32, workers=0)
    (first, first_labels), (again, again_labels) = (
        [torch.cat(parts) for parts in zip(*train, strict=True)] for _ in range(2))
    assert len(train) == 4
    assert first.shape == (18, 3, 24, 24)
    assert first_labels.bincount().tolist() == again_labels.bincount().tolist() == [6, 6, 6]
    assert first_labels.tolist() != again_labels.tolist()
    assert not torch.equal(first, again)


def test_mean_of_a_few_images_is_one_of_images_from_all_classes(images):
    """Three of 18 in the order of the classes: one of each."""
    train, _ = load_image_folder(images, batch_size=5, size=24, resize=32, workers=0)
    mean, *_ = imagenet.pixel_statistics(train, most=3)
    expected = np.mean(list(COLOURS.values()), axis=0)
    np.testing.assert_allclose(mean.mean(dim=(1, 2)), expected, atol=3)


def test_each_process_draws_its_own_crops(images, monkeypatch):
    X = torch.arange(40. * 32 * 32).view(40, 1, 32, 32)
    crops = []
    for rank in (0, 0, 1):
        monkeypatch.setattr(imagenet.distributed, "rank", lambda rank=rank: rank)
        train, _ = load_image_folder(images, batch_size=4, size=24, resize=32, workers=0)
        crops.append(train.augment.transforms[1](X))
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])


def test_any_mode_of_image_becomes_three_channels(own):
    draw(own / "val" / "blue" / "9.png", COLOURS["blue"], seed=1, mode="L")
    draw(own / "val" / "blue" / "8.jpg", COLOURS["blue"], seed=1, mode="CMYK")
    _, test = load_image_folder(own, batch_size=20, size=24, resize=32, workers=0)
    assert next(iter(test))[0].shape == (11, 3, 24, 24)


# ---------------------------------------------------------------------------------------------------------------
# The recipe


def test_recipe_learns_colours_and_lowers_its_rate_three_times_at_most(images, monkeypatch):
    updates = []
    fit = recipes.fit

    def watched(net, train, test, schedule, **options):
        return fit(net, train, test, schedule=lambda update: updates.append(update) or schedule(update), show=False,
                   **options)

    monkeypatch.setattr(recipes, "fit", watched)
    _, history, errors = train_small(images, epochs=12, lr=1e-3, patience=0)
    assert history.test_accuracy[-1] > 0.9                     # after that nothing can improve, and the rate falls
    assert errors["top 1"] == pytest.approx(1 - history.test_accuracy[-1], abs=0.34)
    assert updates[0].param_groups[0]["lr"] == pytest.approx(1e-6)
    assert {name: history.settings[name] for name in ("momentum", "weight_decay", "schedule", "batch_size")} == {
        "momentum": 0.9, "weight_decay": 5e-4, "schedule": "ReduceLROnPlateau", "batch_size": 6}


def test_recipe_goes_on_from_its_checkpoint_bit_by_bit(images, tmp_path):
    whole, history, _ = train_small(images, epochs=3)
    train_small(images, epochs=1, checkpoint=tmp_path / "run.pt")
    resumed, again, _ = train_small(images, epochs=3, checkpoint=tmp_path / "run.pt")
    assert again.step_loss == history.step_loss
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


class Left(nn.Module):
    """Calls the left half of an image by its mean: an error that only the ten crops of it can average out."""

    def forward(self, X):
        return X[..., :4].mean(dim=(2, 3)) * 10


def test_ten_crop_errors_average_the_views_of_each_image(images):
    _, test = load_image_folder(images, batch_size=4, size=24, resize=32, workers=0)
    wrong = images_seen = 0
    for X, y in test.raw(torch.arange(9)):
        X = test.augment.transforms[0](X)
        for image, label in zip(X, y, strict=True):
            views = [image[:, top:top + 24, left:left + 24] for top, left in ((0, 0), (0, 8), (8, 0), (8, 8), (4, 4))]
            views += [view.flip(2) for view in views]
            scores = sum(torch.softmax(Left()(view[None])[0], dim=0) for view in views)
            wrong += int(scores.argmax() != label)
            images_seen += 1
    net = nn.Sequential(Left(), nn.Linear(3, 3))
    net[1].weight.data, net[1].bias.data = torch.eye(3), torch.zeros(3)
    assert imagenet.ten_crop_errors(net, test, size=24) == {"top 1": wrong / images_seen, "top 5": 0.0}


def test_the_right_class_counts_among_the_first_five_guesses():
    """Seven images, one of each class, and a network that ranks the classes 0, 1, ... 6 for all of them."""
    X = torch.arange(7., 0, -1).view(1, 7, 1, 1).expand(7, 7, 32, 32)
    test = SimpleNamespace(augment=v2.Compose([imagenet.Subtract(torch.zeros(7, 32, 32))]), classes=list("abcdefg"),
                           dataset=range(7), raw=lambda order: [(X[order], torch.arange(7)[order])])
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 7))
    net[2].weight.data, net[2].bias.data = torch.eye(7), torch.zeros(7)
    assert imagenet.ten_crop_errors(net, test, size=24) == {"top 1": 6 / 7, "top 5": 2 / 7}


def test_command_trains_the_network_of_2012(own, tmp_path, capsys):
    for part in ("train", "val"):                              # two classes, two images each: a step takes a second
        shutil.rmtree(own / part / "red")
        for path in (own / part).glob("*/[2-9].png"):
            path.unlink()
    arguments = ["train", "paper", "--folder", str(own), "--epochs", "1", "--batch-size", "4", "--lr", "1e-4",
                 "--workers", "1", "--history", str(tmp_path / "run.json")]
    assert commands.main(arguments) == 0
    assert "ten-crop top 1 error" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "run.json").read_text())["step_loss"]) == 1


@pytest.mark.parametrize(("arguments", "words"), [
    (["paper"], "name it with --folder"), (["lenet", "--folder", "x"], "train lenet has no --folder"),
    (["alexnet", "--patience", "3"], "train alexnet has no --patience")])
def test_command_says_what_it_lacks(arguments, words, capsys):
    assert commands.main(["train", *arguments]) == 2
    assert words in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------------------
# Folders that will not do


def empty(folder):
    shutil.rmtree(folder / "train" / "red")
    (folder / "train" / "red").mkdir()
    (folder / "train" / "red" / "notes.txt").write_text("no image")


def more_in(folder, part):
    draw(folder / part / "yellow" / "1.png", (200, 200, 0), seed=1)


@pytest.mark.parametrize(("spoil", "words"), [
    (shutil.rmtree, ["There is no folder", "It needs train/ and val/"]),
    (lambda folder: shutil.rmtree(folder / "train"), ["has no folder train/", "train/dog/1.jpg"]),
    (lambda folder: (folder / "val").rename(folder / "validation"), ["has no folder val/", "train/dog/1.jpg"]),
    (lambda folder: [shutil.rmtree(path) for path in (folder / "train").iterdir()], ["train has no folder in it"]),
    (lambda folder: [shutil.rmtree(folder / part / name) for part in ("train", "val") for name in ("blue", "red")],
     ["train has one folder in it", "two classes or more"]),
    (empty, ["red has no image in it", "Fill it, or delete it in train/ and val/"]),
    (lambda folder: more_in(folder, "val"), ["1 of the classes in val/ are not in train/ (yellow)"]),
    (lambda folder: more_in(folder, "train"), ["1 of the classes in train/ are not in val/ (yellow)"]),
])
def test_folder_that_will_not_do_is_named(own, spoil, words):
    spoil(own)
    with pytest.raises(FolderError) as caught:
        load_image_folder(own, workers=0)
    for word in [str(own), *words]:
        assert word in str(caught.value)


def test_images_behind_a_link_count(own):
    (own / "train" / "red").rename(own / "elsewhere")
    (own / "train" / "red").mkdir()
    (own / "train" / "red" / "more").symlink_to(own / "elsewhere", target_is_directory=True)
    train, _ = load_image_folder(own, batch_size=4, size=24, resize=32, workers=0)
    assert len(train.dataset) == 18


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(("part", "content"), [("train", b""), ("train", b"not an image"), ("train", "half"),
                                               ("val", "half")])
def test_unreadable_image_is_named_before_training(own, workers, part, content):
    path = own / part / "green" / "2.png"
    path.write_bytes(path.read_bytes()[:600] if content == "half" else content)
    with pytest.raises(FolderError) as caught:
        load_image_folder(own, batch_size=4, size=24, resize=32, workers=workers)
    assert str(caught.value).startswith(f"{path} cannot be read as an image (")
    assert str(caught.value).endswith("Put a whole copy in its place, or delete it.")


def test_command_gives_the_error_without_a_traceback(tmp_path, capsys):
    assert commands.main(["train", "paper", "--folder", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith(f"FolderError: There is no folder {tmp_path / 'nowhere'}.")


@pytest.mark.parametrize(("options", "words"), [
    ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
    ({"size": 257}, "A crop of 257 pixels does not fit into images of 256")])
def test_sizes_that_make_no_sense(images, options, words):
    with pytest.raises(ValueError, match=words):
        load_image_folder(images, **options)


def test_recipe_has_the_papers_settings():
    settings = {name: parameter.default for name, parameter in signature(recipes.train_paper).parameters.items()}
    assert (settings["batch_size"], settings["lr"], settings["size"], settings["resize"]) == (128, 0.01, 224, 256)
