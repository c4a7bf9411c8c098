"""Folders of images as people have them: what is passed over, what is refused and how, and how an image is read."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet_helpers import image_folder
from alexnet_helpers.image_folder import FolderError, check_images, find_images, read_image, trouble

RED = np.full((6, 4, 3), (210, 50, 60), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    for part in ("train", "val"):
        for name in ("cat", "dog"):
            (tmp_path / "set" / part / name).mkdir(parents=True)
            Image.fromarray(RED).save(tmp_path / "set" / part / name / "1.png")
    return tmp_path / "set"


def found(folder):
    return [[Path(path).relative_to(folder).as_posix() for path, _ in images.samples]
            for images in find_images(folder, torch.nn.Identity())]


WHOLE = [["train/cat/1.png", "train/dog/1.png"], ["val/cat/1.png", "val/dog/1.png"]]


@pytest.mark.parametrize("name", [
    ".ipynb_checkpoints/1-checkpoint.png", "__MACOSX/._1.png", "@eaDir/1.png", "#recycle/1.png", ".hidden/1.png",
    "cat/.ipynb_checkpoints/1-checkpoint.png", "cat/@eaDir/1.png", "cat/._1.png", "cat/Thumbs.db", "cat/.DS_Store",
    "cat/desktop.ini", "Thumbs.db", ".DS_Store", "$RECYCLE.BIN/1.png", "__pycache__/1.png"])
def test_hidden_and_system_files_and_folders_do_not_count(folder, name, capsys):
    path = folder / "train" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RED).save(path, "PNG")
    assert found(folder) == WHOLE
    assert find_images(folder, torch.nn.Identity())[0].classes == ["cat", "dog"]
    assert capsys.readouterr().out == ""


def test_other_files_are_counted_by_kind_and_said_once(folder, capsys):
    for name in ("train/cat/2.heic", "train/cat/3.HEIC", "train/dog/more/4.heic", "train/cat/notes.txt",
                 "train/dog/README", "train/stray.png", "val/cat/5.avif"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    assert found(folder) == WHOLE
    assert capsys.readouterr().out == (
        f"Passed over in {folder}: train/ 3 .heic, 1 .png outside of the classes' folders, 1 .txt, 1 without an ending;"
        " val/ 1 .avif. Only .jpg, .jpeg, .png, .ppm, .bmp, .pgm, .tif, .tiff, .webp in the classes' folders are read."
        "\n")


def test_class_of_other_files_only_is_refused_with_their_number(folder):
    (folder / "train" / "cat" / "1.png").rename(folder / "train" / "cat" / "1.heic")
    with pytest.raises(FolderError, match=r"train/cat has no image in it \(.*; passed over in train/: 1 .heic\)"):
        found(folder)


def test_order_is_torchvisions(folder):
    from torchvision.datasets import ImageFolder

    for name in ("b/2.png", "a b/10.JPG", "a/9.png", "10.png", "Z.png", "é.png"):
        (folder / "train" / "cat" / name).parent.mkdir(exist_ok=True)
        Image.fromarray(RED).save(folder / "train" / "cat" / name)
    ours = find_images(folder, torch.nn.Identity())[0]
    theirs = ImageFolder(folder / "train")
    assert ours.samples == theirs.samples
    assert ours.classes == theirs.classes


# ---------------------------------------------------------------------------------------------------------------
# Refused


@pytest.mark.parametrize("target", [".", "..", "../..", "../../..", "../../train"])
def test_loop_of_links_is_refused(folder, target):
    (folder / "train" / "cat" / "loop").symlink_to(target, target_is_directory=True)
    with pytest.raises(FolderError, match=r"train/cat/loop is a folder that it is in itself: a link leads back.*"):
        found(folder)


def test_two_links_that_lead_to_each_other_are_refused(folder):
    (folder / "train" / "cat" / "dogs").symlink_to(folder / "train" / "dog")
    (folder / "train" / "dog" / "cats").symlink_to(folder / "train" / "cat")
    with pytest.raises(FolderError, match="a link leads back"):
        found(folder)


@pytest.mark.parametrize("closed", ["", "train", "train/cat", "train/cat/more"])
def test_folder_without_the_right_to_read_is_no_empty_one(folder, closed, monkeypatch):
    (folder / "train" / "cat" / "more").mkdir()
    scandir = os.scandir

    def without_right(path):                                   # as for every user but root
        if Path(path) == folder / closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", without_right)
    with pytest.raises(FolderError) as caught:
        found(folder)
    assert str(caught.value).startswith(f"The folder {folder / closed} cannot be opened (Permission denied): ")


@pytest.mark.parametrize("workers", [0, 1])
def test_image_without_the_right_to_read_is_not_called_damaged(folder, workers, monkeypatch):
    def without_right(path, *_):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(image_folder, "open", without_right, raising=False)
    with pytest.raises(FolderError, match=r"train/cat/1.png \(it may be whole, but this user has no right to r"):
        check_images(find_images(folder, torch.nn.Identity()), workers)


def test_archive_is_not_called_a_missing_folder(tmp_path):
    (tmp_path / "images.tar").write_text("")
    with pytest.raises(FolderError, match="images.tar is a file, not a folder: unpack it"):
        found(tmp_path / "images.tar")


def damage(folder):
    """One file a kind of damage; returns what is said of each."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    cat, said = folder / "val" / "cat", {}
    for name in ("half.jpg", "half.png", "half.webp", "half.bmp", "half.tif", "half.ppm"):
        Image.fromarray(noise).save(cat / name)
        (cat / name).write_bytes((cat / name).read_bytes()[:-200])
        said[cat / name] = ""
    for name, content, reason in (("empty.png", b"", "Pillow knows no such format"),
                                  ("page.jpg", b"<!DOCTYPE html>", "Pillow knows no such format")):
        (cat / name).write_bytes(content)
        said[cat / name] = reason
    (cat / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(cat / "pipe.png")
    Image.fromarray(RED[:1, :1].repeat(60, axis=0)).save(cat / "thin.png")
    Image.fromarray(RED[..., 0].astype(np.int32)).save(cat / "whole.tif")
    Image.fromarray(RED[..., 0].astype(np.float32)).save(cat / "float.tif")
    return said | {cat / "gone.png": "a link to a file that is not there", cat / "pipe.png": "it is no file",
                   cat / "thin.png": "it is 1 × 60 pixels, too narrow to cut a square from",
                   cat / "whole.tif": "its pixels are 32-bit numbers",
                   cat / "float.tif": "its pixels are floating-point numbers"}


@pytest.mark.parametrize("most_decoded", [100, 0])
@pytest.mark.parametrize("workers", [0, 1])
def test_all_images_that_cannot_be_used_are_named_at_once(folder, workers, most_decoded, monkeypatch):
    monkeypatch.setattr(image_folder, "MOST_DECODED", most_decoded)
    said = damage(folder)
    with pytest.raises(FolderError) as caught:
        check_images(find_images(folder, torch.nn.Identity()), workers)
    first, *lines = str(caught.value).split("\n")
    assert first == "13 files cannot be read as images. Put whole copies in their place, or delete them:"
    assert [line.split(" (")[0] for line in lines] == sorted(map(str, said))
    for line, path in zip(lines, sorted(said), strict=True):
        assert said[path] in line


def test_message_of_very_many_ends_with_their_number(folder):
    for i in range(120):
        (folder / "train" / "cat" / f"{i:03}.jpg").write_text("")
    with pytest.raises(FolderError, match=r"(?s)^120 files .*099.jpg \(.*\)\n… and 20 more$"):
        check_images(find_images(folder, torch.nn.Identity()), workers=0)


@pytest.mark.parametrize("words", [
    "unable to allocate shared memory(shm) for file </torch_4181_2365210804_0>: No space left on device (28)",
    "DataLoader worker (pid 77) is killed by signal: Bus error. It is possible that dataloader's workers are out of "
    "shared memory. Please try to raise your shared memory limit.",
    "unable to write to file </torch_77_1_0>: No space left on device (28)"])
def test_small_shared_memory_is_answered_with_the_option_that_helps(folder, words, monkeypatch):
    def loader(*_, **__):
        raise RuntimeError(f"Caught RuntimeError in DataLoader worker process 0.\nTraceback …\nRuntimeError: {words}")

    monkeypatch.setattr(image_folder, "DataLoader", loader)
    with pytest.raises(RuntimeError, match=r"--workers 0 \(workers=0\)") as caught:
        check_images(find_images(folder, torch.nn.Identity()), workers=1)
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)


# ---------------------------------------------------------------------------------------------------------------
# How an image is read


RAMP = np.array([[0, 128, 255]], dtype=np.uint8)
RGBA = np.array([[(10, 20, 30, 255), (10, 20, 30, 0), (0, 0, 0, 51)]], dtype=np.uint8)


def saved(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def tiff_of_12_bits(path, *_, **__):
    """0, 2056 and 4095 of 4095, packed; the fourth number fills the last byte."""
    tags = ((256, 3), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 6))
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags)
    pixels = b"\x00\x08\x08\xff\xf0\x00"
    path.write_bytes(b"II*\0" + struct.pack("<I", 14) + pixels + struct.pack("<H", len(tags)) + entries + b"\0" * 4)
    return path


def pgm(path, most):
    values = (RAMP.astype(np.float64) / 255 * most).round().astype(">u2")
    path.write_bytes(f"P5 3 1 {most}\n".encode() + values.tobytes())
    return path


GREY = [(0,) * 3, (128,) * 3, (255,) * 3]
ON_WHITE = [(10, 20, 30), (255,) * 3, (204,) * 3]              # the last a fifth of black


@pytest.mark.parametrize(("name", "make", "expected"), [
    ("8 bits.png", lambda path: saved(path, RAMP), GREY),
    ("16 bits.png", lambda path: saved(path, RAMP.astype(np.uint16) * 257), GREY),
    ("16 bits.tif", lambda path: saved(path, RAMP.astype(np.uint16) * 257), GREY),
    ("16 bits, white is 0.tif",
     lambda path: saved(path, 65535 - RAMP.astype(np.uint16) * 257, tiffinfo={262: 0}), GREY),
    ("12 bits.tif", tiff_of_12_bits, GREY),
    ("16 bits.pgm", lambda path: pgm(path, 65535), GREY),
    ("12 bits.pgm", lambda path: pgm(path, 4095), GREY),
    ("16 bits with a colour left out.png",
     lambda path: saved(path, RAMP.astype(np.uint16) * 257, transparency=0), [(255,) * 3, *GREY[1:]]),
    ("grey with a colour left out.png", lambda path: saved(path, RAMP, transparency=0), [(255,) * 3, *GREY[1:]]),
    ("bits.png", lambda path: saved(path, RAMP > 127), [(0,) * 3, (255,) * 3, (255,) * 3]),
    ("alpha.png", lambda path: saved(path, RGBA), ON_WHITE),
    ("alpha.tif", lambda path: saved(path, RGBA), ON_WHITE),
    ("alpha.webp", lambda path: saved(path, RGBA, lossless=True, exact=True), ON_WHITE),
    ("grey with alpha.png", lambda path: saved(path, RGBA[..., [0, 3]]), [(10,) * 3, (255,) * 3, (204,) * 3]),
    ("palette.png", lambda path: saved(path, RAMP, mode="P"), GREY),
    ("palette with a colour left out.png", lambda path: saved(path, RAMP, mode="P", transparency=0),
     [(255,) * 3, *GREY[1:]]),
])
def test_pixels_as_a_viewer_shows_them(tmp_path, name, make, expected):
    image = read_image(make(tmp_path / name))
    assert image.mode == "RGB"
    np.testing.assert_allclose(np.asarray(image)[0], expected, atol=1)


@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
@pytest.mark.parametrize(("orientation", "turned"), [
    (1, lambda a: a), (2, lambda a: a[:, ::-1]), (3, lambda a: a[::-1, ::-1]), (4, lambda a: a[::-1]),
    (5, lambda a: a.transpose(1, 0, 2)), (6, lambda a: np.rot90(a, -1)),
    (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)), (8, lambda a: np.rot90(a)), (0, lambda a: a), (77, lambda a: a)])
def test_images_are_turned_upright(tmp_path, ending, orientation, turned):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if ending == "webp" else {}
    saved(tmp_path / f"1.{ending}", pixels, exif=exif, **options)
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / f"1.{ending}")), turned(pixels))


def test_damaged_exif_data_leave_the_image_as_it_lies(tmp_path):
    saved(tmp_path / "1.jpg", RED, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    assert read_image(tmp_path / "1.jpg").size == (4, 6)


MODES = {"jpg": ("L", "RGB", "CMYK"), "png": ("1", "L", "P", "LA", "RGB", "RGBA"), "ppm": ("1", "L", "RGB"),
         "bmp": ("1", "L", "P", "RGB", "RGBA"), "tif": ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK"),
         "webp": ("RGB", "RGBA")}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_in_a_file_it_is_read_or_refused(tmp_path, seed):
    """Images of a drawn mode, format and size, of which some bytes are cut off, zeroed, overwritten or added."""
    draw = np.random.default_rng(seed)
    for i in range(8):
        ending = draw.choice(list(MODES))
        mode = draw.choice(MODES[ending])
        height, width = draw.integers(1, 30, 2)
        path = saved(tmp_path / f"{i} ä.{ending}", draw.integers(0, 256, (height, width, 4), dtype=np.uint8), mode=mode)
        content, at = bytearray(path.read_bytes()), int(draw.integers(0, 60))
        change = draw.choice(["none", "cut", "zero", "overwrite", "add"])
        if change == "cut":
            del content[at:]
        elif change == "zero":
            content[at:] = bytes(max(0, len(content) - at))
        elif change == "overwrite":
            content[at % len(content)] = int(draw.integers(0, 256))
        elif change == "add":
            content += draw.bytes(20)
        path.write_bytes(content)
        try:
            image = read_image(str(path))
            assert image.mode == "RGB"
            refused = None
        except FolderError as error:
            assert str(error).startswith(f"{path} cannot be read as an image (")
            refused = str(error)
        assert (trouble(str(path), decode=True) is None) == (refused is None)
        assert change != "none" or refused is None
