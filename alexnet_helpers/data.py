"""Fashion-MNIST: where it comes from, and a loader that keeps it in memory.

The set (Xiao, Rasul and Vollgraf 2017) has 60,000 training and 10,000 test images of clothes, 28 by 28 pixels,
grey, ten classes. The first 6,000 and 1,000 of them travel with the course, so it works without a network; the
rest is looked for in the folder named by ALEXNET_DATA, in the project's data/, in the folder of Debian's package
dataset-fashion-mnist, and last on the network.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import struct
import sys
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from . import checks, distributed, speed
from .profiles import profile

PROJECT = Path(__file__).resolve().parents[1]
# torchvision, and so d2l, look for ../data/FashionMNIST/raw from notebooks/.
DATA_FOLDER = PROJECT / "data" / "FashionMNIST" / "raw"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
SAMPLE_FOLDER = Path(__file__).resolve().parent / "sample"

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

# File name -> number of bytes and SHA-256 of the *uncompressed* file: copies of the set are often compressed anew.
FULL_SET = {
    "train-images-idx3-ubyte": (47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    "train-labels-idx1-ubyte": (60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    "t10k-images-idx3-ubyte": (7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    "t10k-labels-idx1-ubyte": (10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
}
SAMPLE = {
    "train-images-idx3-ubyte": (4_704_016, "6dded81672539b5d148c1a85358069d1808c316dc6f6c0abfd12ba3ced5dd394"),
    "train-labels-idx1-ubyte": (6_008, "d7c464914ae4b919728c5c99c3cdde5a0259febf1e99ddc6927a15768731d7dc"),
    "t10k-images-idx3-ubyte": (784_016, "7a6d8e07ea021ec5bc73135ebd0a5770799557ec6f8242d8749c4f32a3cf4643"),
    "t10k-labels-idx1-ubyte": (1_008, "b40abac7ec8228f434940f579deb7cf7b6e3103b5274cb91d1545771f5ef1c8b"),
}
SAMPLE_SIZES = {"train": 6_000, "t10k": 1_000}
FULL_SIZES = {"train": 60_000, "t10k": 10_000}
MAGIC = {"images": 0x00000803, "labels": 0x00000801}
HOW_TO_GET = "run `python -m alexnet_helpers data` to fetch all 70,000 images"


class DamagedFileError(ValueError):
    """A data file is not what it should be; the message names the file, what was expected and what was found."""


# ---------------------------------------------------------------------------------------------------------------
# Reading and checking files


def read_idx(path: Path, expected: tuple[int, str]) -> bytes:
    """The uncompressed bytes of an IDX file, `path` or `path`.gz, after checking them.

    `expected` is (bytes, SHA-256) of the uncompressed file. Raises DamagedFileError naming the file, what was
    expected and what was found, and FileNotFoundError where there is no such file.
    """
    size, sha256 = expected
    if not path.exists() and path.with_name(path.name + ".gz").exists():
        path = path.with_name(path.name + ".gz")
    content = path.read_bytes()

    def damaged(should: str, found: str) -> DamagedFileError:
        advice = ("Restore it: `git checkout alexnet_helpers/sample`." if path.parent == SAMPLE_FOLDER else
                  "Delete it; `python -m alexnet_helpers data` puts whole files into data/.")
        return DamagedFileError(f"{path} is damaged: expected {should}, found {found}. {advice}")

    if not content:
        raise damaged(f"{size:,} bytes", "an empty file")
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise damaged("a whole gzip file", f"one that does not unpack ({error})") from error
    magic = MAGIC["images" if "images" in path.name else "labels"]
    if content[:4] != struct.pack(">I", magic):
        raise damaged(f"an IDX file that starts with {magic:08x}", f"one that starts with {content[:4].hex()}")
    if len(content) != size:
        raise damaged(f"{size:,} uncompressed bytes", f"{len(content):,}")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise damaged(f"SHA-256 {sha256[:16]}…", f"{found[:16]}…")
    return content


@functools.lru_cache(maxsize=2)
def read_set(folder: Path, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (N, 1, 28, 28) as uint8 and labels (N,) as int64 of `part`, "train" or "t10k", in `folder`."""
    files = SAMPLE if folder == SAMPLE_FOLDER else FULL_SET
    images, labels = (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    pixels = np.frombuffer(read_idx(folder / images, files[images]), dtype=np.uint8, offset=16)
    classes = np.frombuffer(read_idx(folder / labels, files[labels]), dtype=np.uint8, offset=8)
    return (torch.from_numpy(pixels.reshape(-1, 1, 28, 28).copy()),
            torch.from_numpy(classes.astype(np.int64)))


# ---------------------------------------------------------------------------------------------------------------
# Finding and fetching the full set


def missing_files(folder: Path) -> list[str]:
    return [name for name in FULL_SET
            if not (folder / name).exists() and not (folder / (name + ".gz")).exists()]


def find_full_set() -> Path | None:
    """The first folder that holds all four files: ALEXNET_DATA, data/ in the project, Debian's; None if none does.

    Raises FileNotFoundError if ALEXNET_DATA names a folder that is not there or lacks a file: whoever names a
    folder wants that one and no other.
    """
    named = os.environ.get("ALEXNET_DATA")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(f"ALEXNET_DATA names {named}, and there is no such folder. "
                                    "Correct it, or unset it to use the project's own data.")
        inner = folder / "FashionMNIST" / "raw"        # torchvision's layout
        folder = inner if inner.is_dir() else folder
        if missing := missing_files(folder):
            raise FileNotFoundError(f"ALEXNET_DATA names {named}, but {folder} lacks {', '.join(missing)}. "
                                    "Put them there (.gz or unpacked), or unset ALEXNET_DATA.")
        return folder.resolve()
    for folder in (DATA_FOLDER, DEBIAN_FOLDER):
        if not missing_files(folder):
            return folder
    return None


def download(name: str) -> bytes:
    """The uncompressed bytes of one file from torchvision's mirrors. Raises OSError when no mirror serves it whole."""
    from torchvision.datasets import FashionMNIST
    from tqdm import tqdm

    reasons = []
    for mirror in FashionMNIST.mirrors:
        url = mirror + name + ".gz"
        try:
            with urllib.request.urlopen(url, timeout=8) as response, \
                    tqdm(total=int(response.headers["Content-Length"] or 0) or None, unit="B", unit_scale=True,
                         desc=name) as bar:
                chunks = []
                while chunk := response.read(1 << 16):
                    chunks.append(chunk)
                    bar.update(len(chunk))
            content = gzip.decompress(b"".join(chunks))
            if hashlib.sha256(content).hexdigest() == FULL_SET[name][1]:
                return content
            reasons.append(f"{url}: not the file that the set's authors published")
        except (OSError, EOFError, zlib.error, HTTPException) as error:
            reasons.append(f"{url}: {error}")
    raise OSError(f"no download of {name}: " + "; ".join(reasons))


def fetch(say: Callable[[str], None] = print) -> Path:
    """Put the full set into the project's data/, checked and unpacked, and return that folder.

    Each file comes from ALEXNET_DATA or Debian's folder where they hold the set, else from the network. Raises
    OSError when a file cannot be had or data/ cannot be written.
    """
    origins = dict.fromkeys(folder for folder in (DATA_FOLDER, find_full_set(), DEBIAN_FOLDER) if folder)
    for name, expected in FULL_SET.items():
        for origin in origins:
            try:
                content = read_idx(origin / name, expected)
                break
            except FileNotFoundError:
                pass
            except DamagedFileError as error:
                say(str(error))
        else:
            content, origin = download(name), "the network"
        target = DATA_FOLDER / name
        if origin == DATA_FOLDER and target.exists():          # unpacked already, as torchvision wants it
            say(f"{name}: in place, {expected[0]:,} bytes, checked")
            continue
        # Written aside, then renamed: whatever stops the run, a file with the right name is whole. Two runs at once
        # do not meet.
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f"{name}.{os.getpid()}.part")
        try:
            aside.write_bytes(content)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
        say(f"{name}: from {origin}, {expected[0]:,} bytes, checked")
    return DATA_FOLDER


@functools.lru_cache(maxsize=1)
def _fetch_once() -> str | None:
    """None if the full set was fetched, else why not; asked once a session, so that nobody waits twice."""
    try:
        fetch(say=lambda line: print(line, file=sys.stderr))
    except OSError as error:
        return str(error)
    return None


def folder_for(sizes: dict[str, int]) -> tuple[Path, str | None]:
    """The folder to read so many images of "train" and "t10k" from; where it holds fewer, the sample, also why."""
    if all(size <= SAMPLE_SIZES[part] for part, size in sizes.items()):
        return SAMPLE_FOLDER, None
    if folder := find_full_set():
        return folder, None
    reason = _fetch_once()
    return (SAMPLE_FOLDER, reason) if reason else (DATA_FOLDER, None)


def sizes_here(train_size: int, test_size: int, say: Callable[[str], None] = print) -> tuple[int, int]:
    """So many training and test images, or the sample's where the full set is not here and cannot be fetched."""
    folder, reason = folder_for({"train": train_size, "t10k": test_size})
    if reason is None:
        return train_size, test_size
    say(f"Fashion-MNIST: using the sample of 6,000 + 1,000 images ({reason}); {HOW_TO_GET}.")
    return min(train_size, SAMPLE_SIZES["train"]), min(test_size, SAMPLE_SIZES["t10k"])


# ---------------------------------------------------------------------------------------------------------------
# The loader


class Batches:
    """Iterate over (X, y): X float32 (batch, 1, height, width) in [0, 1], y int64 (batch,), on `device`.

    The uint8 images stay in one tensor on the device; each batch is converted, resized and augmented there, as a
    whole. There are no worker processes. The last batch may be short. With `shuffle` every epoch has another
    order, and the same `seed` gives the same orders again. Where several processes train together, each gets its
    share of every batch.
    """

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, batch_size: int, *, resize: int | None = None,
                 device: str | torch.device = "cpu", shuffle: bool = False,
                 augment: Callable[[torch.Tensor], torch.Tensor] | None = None, seed: int = 0) -> None:
        batch_size = checks.whole_number("batch_size", batch_size)
        if resize is not None:
            resize = checks.whole_number("resize", resize)
        if images.dtype != torch.uint8 or len(images) != len(labels):
            raise ValueError(f"Images are uint8, and each has a label: not {len(images):,} images of {images.dtype} "
                             f"with {len(labels):,} labels.")
        self.images, self.labels = images.to(device), labels.to(device)
        self.batch_size, self.resize, self.shuffle, self.augment = batch_size, resize, shuffle, augment
        self.generator = torch.Generator().manual_seed(checks.whole_number("seed", seed, least=-2**63))
        self.kept: tuple[int, torch.Tensor, torch.Tensor] | None = None        # see `enlarged`

    @property
    def device(self) -> torch.device:
        return self.images.device

    def __len__(self) -> int:
        return distributed.number_of_shares(len(self.images), self.batch_size, even=self.shuffle)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        n = len(self.images)
        order = torch.randperm(n, generator=self.generator) if self.shuffle else torch.arange(n)
        enlarged = self.enlarged()
        images = self.images if enlarged is None else enlarged
        for rows in distributed.shares(order.to(self.device), self.batch_size, even=self.shuffle):
            X = images[rows].float().div_(255)
            if self.resize and enlarged is None:
                X = resize_images(X, self.resize)
            if self.augment:
                X = self.augment(X)
            yield X, self.labels[rows]


    def enlarged(self) -> torch.Tensor | None:
        """All images at `resize` pixels, uint8, kept on a GPU that has room for them; None where there is none.

        Made anew when the images are others, or have been changed, since it was made.
        """
        if not self.resize or "enlarged_once" in speed.left_out:
            return None
        if self.kept and self.kept[0] == self.images._version and self.kept[1] is self.images:
            return self.kept[2]
        if not speed.enlarged_once(self.images, self.resize):
            return None
        self.kept = self.images._version, self.images, enlarge(self.images, self.resize)
        return self.kept[2]


def resize_images(X: torch.Tensor, side: int) -> torch.Tensor:
    """Scale square images (N, C, H, H) in [0, 1] to (N, C, side, side), as torchvision's Resize does for the book.

    Pillow works on whole grey levels, so the result is rounded to them too; the two differ by one level at most.
    """
    X = F.interpolate(X, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    return X.mul_(255).round_().div_(255)


def enlarge(images: torch.Tensor, side: int) -> torch.Tensor:
    """uint8 images (N, C, H, H) at `side` pixels, uint8 (N, C, side, side): the grey levels of `resize_images`."""
    return torch.cat([resize_images(some.float().div_(255), side).mul_(255).round_().byte()
                      for some in images.split(1_000)])


def load_fashion_mnist(batch_size: int, resize: int | None = None, device: str | torch.device | None = None,
                       train_size: int | None = None, test_size: int | None = None,
                       augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
                       seed: int = 0) -> tuple[Batches, Batches]:
    """Training and test batches of Fashion-MNIST, like the book's `d2l.load_data_fashion_mnist`, kept in memory.

    `resize` is the new side length in pixels; `train_size` and `test_size` take the first so many images (the
    profile's sizes by default); `device` is the profile's by default; `augment` maps a batch (B, 1, H, W) to one
    of the same kind and is applied to training batches only. Training batches are shuffled, test batches are not.

    Requests of at most 6,000 and 1,000 images are served from the sample that travels with the course: it is the
    head of the real set. Raises ValueError for sizes that are not there, DamagedFileError for a damaged file.
    """
    current = profile()
    asked = {"train": train_size, "t10k": test_size}
    sizes = {"train": current.train_size if train_size is None else train_size,
             "t10k": current.test_size if test_size is None else test_size}
    for part, size in sizes.items():
        if not 1 <= size <= FULL_SIZES[part]:
            raise ValueError(f"{part.replace('t10k', 'test')}_size must be 1 to {FULL_SIZES[part]:,}, the images that "
                             f"Fashion-MNIST has, not {size:,}.")
    folder, reason = folder_for(sizes)
    if reason and any((asked[part] or 0) > SAMPLE_SIZES[part] for part in asked):
        raise ValueError(f"{sizes['train']:,} training and {sizes['t10k']:,} test images were asked for, but only "
                         f"the sample of 6,000 and 1,000 is here ({reason}): {HOW_TO_GET}.")
    if reason:                                                 # the profile's sizes: the course goes on with less
        sizes["train"], sizes["t10k"] = sizes_here(sizes["train"], sizes["t10k"])
    loaders = []
    for part in ("train", "t10k"):
        images, labels = read_set(folder, part)
        training = part == "train"
        images, labels = images[:sizes[part]].clone(), labels[:sizes[part]].clone()      # what is read stays as it is
        loaders.append(Batches(images, labels, batch_size, resize=resize,
                               device=current.device if device is None else device, shuffle=training,
                               augment=augment if training else None, seed=seed))
    return loaders[0], loaders[1]
