"""A folder of images, one folder a class: which files are in it, whether they can be read, and how one is read.

What is not an image is passed over, and said; what is one and cannot be used is named before anything is trained.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import torch
from torch.utils.data import DataLoader, Dataset

from . import distributed

if TYPE_CHECKING:
    from PIL.Image import Image

LAYOUT = "It needs train/ and val/, and in both one folder of images a class, as train/dog/1.jpg and val/dog/7.jpg."

# What systems and programs leave in folders; hidden names, which begin with a dot, need no list.
SYSTEM_NAMES = {"__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "@recycle",
                "#recycle", "$recycle.bin", "system volume information", "lost+found"}

MOST_DECODED = 100_000               # images; in a larger folder the check decodes only those that look damaged
MOST_NAMED = 100                     # images in one message
NARROWEST = 50                       # long side over short side: scaled up, a thinner image would fill the memory


class FolderError(ValueError):
    """A folder of images, or an image in it, that cannot be used; the message names it and says what to do."""


# ---------------------------------------------------------------------------------------------------------------
# Which files


class ImageFolder(Dataset):
    """The images of `folder`/class/… as pairs (transform(image), label); classes in the order of their names."""

    def __init__(self, folder: Path, passed_over: Counter[str], transform: Callable[[Image], torch.Tensor]) -> None:
        self.transform = transform
        self.classes = sorted(class_folders(folder))
        self.samples = [(path, label) for label, name in enumerate(self.classes)
                        for path in image_paths(folder / name, passed_over)]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        path, label = self.samples[i]
        return self.transform(read_image(path)), label


def text(path: str | Path) -> str:
    """The path as it can be printed, even if its bytes are no text, and with slashes everywhere."""
    return Path(path).as_posix().encode(errors="backslashreplace").decode()


def entries(folder: str | Path) -> list[os.DirEntry]:
    """What is in `folder`, without hidden and system files. Raises FolderError if it cannot be looked into."""
    try:
        with os.scandir(folder) as found:
            return [entry for entry in found
                    if not entry.name.startswith(".") and entry.name.lower() not in SYSTEM_NAMES]
    except FileNotFoundError:
        raise FolderError(f"There is no folder {text(folder)}. {LAYOUT}") from None
    except NotADirectoryError:
        raise FolderError(f"{text(folder)} is a file, not a folder: unpack it if it is an archive. {LAYOUT}") from None
    except OSError as error:
        raise FolderError(f"The folder {text(folder)} cannot be opened ({error.strerror}): it may be full of images, "
                          "but this user has no right or no way to read it. Change that (chmod, the owner, the disk)."
                          ) from None


def is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:                                            # a link to itself, or one into a closed folder
        return False


def is_image(name: str) -> bool:
    from torchvision.datasets.folder import IMG_EXTENSIONS

    return name.lower().endswith(IMG_EXTENSIONS)


def class_folders(folder: Path) -> set[str]:
    return {entry.name for entry in entries(folder) if is_folder(entry)}


def image_paths(folder: Path, passed_over: Counter[str]) -> list[str]:
    """All images in and under `folder`, sorted by folder and name; counts in `passed_over` the kinds of other files.

    Links to folders are followed. Raises FolderError if one leads back to a folder that it is in.
    """
    def walk(here: str | Path, above: tuple[os.stat_result, ...]) -> None:
        inside, me = entries(here), os.stat(here)
        if any(os.path.samestat(me, other) for other in above):
            raise FolderError(f"{text(here)} is a folder that it is in itself: a link leads back, and its images have "
                              "no end. Delete the link.")
        images = []
        for entry in inside:
            if is_folder(entry):
                walk(entry.path, (*above, me))
            elif is_image(entry.name):
                images.append(entry.path)
            else:
                passed_over[kind(entry.name)] += 1
        found.append((str(here), sorted(images)))

    found: list[tuple[str, list[str]]] = []
    walk(folder, tuple(os.stat(above) for above in folder.absolute().parents))
    return [path for _, paths in sorted(found) for path in paths]


def kind(name: str) -> str:
    return text(os.path.splitext(name)[1].lower()) if "." in name else "without an ending"


def check_classes(folder: Path) -> None:
    """Raises FolderError unless `folder` has train/ and val/ with the same classes, two or more."""
    here, classes = text(folder), {}
    inside = class_folders(folder)
    for part in ("train", "val"):
        if part not in inside:
            raise FolderError(f"{here} has no folder {part}/. {LAYOUT}")
        classes[part] = class_folders(folder / part)
        if len(classes[part]) < 2:
            raise FolderError(f"{here}/{part} has {'one' if classes[part] else 'no'} folder in it: there must be two "
                              f"classes or more to tell apart. {LAYOUT}")
    for one, other in (("train", "val"), ("val", "train")):
        if only := sorted(classes[one] - classes[other]):
            raise FolderError(f"{here}: {len(only)} of the classes in {one}/ are not in {other}/ "
                              f"({', '.join(map(text, only[:5]))}{', …' if len(only) > 5 else ''}). "
                              "Both need the same folders.")


def find_images(folder: Path, transform: Callable[[Image], torch.Tensor]) -> tuple[ImageFolder, ImageFolder]:
    """The images of `folder`/train and `folder`/val; prints one line about files that are passed over, if any.

    Raises FolderError unless both have the same classes, two or more, with an image in each.
    """
    from torchvision.datasets.folder import IMG_EXTENSIONS

    check_classes(folder)
    parts, notes = [], []
    for part in ("train", "val"):
        passed_over = Counter(f"{kind(entry.name)} outside of the classes' folders"
                              for entry in entries(folder / part) if not is_folder(entry))
        images = ImageFolder(folder / part, passed_over, transform)
        counts = ", ".join(f"{n} {name}" for name, n in sorted(passed_over.items()))
        with_images = {label for _, label in images.samples}
        for label, name in enumerate(images.classes):
            if label not in with_images:
                raise FolderError(f"{text(folder / part / name)} has no image in it ({', '.join(IMG_EXTENSIONS)}"
                                  f"{'; passed over in ' + part + '/: ' + counts if counts else ''}). "
                                  "Fill it, or delete it in train/ and val/.")
        notes += [f"{part}/ {counts}"] if counts else []
        parts.append(images)
    if notes and distributed.rank() == 0:
        print(f"Passed over in {text(folder)}: {'; '.join(notes)}. Only {', '.join(IMG_EXTENSIONS)} in the classes' "
              "folders are read.")
    return tuple(parts)


# ---------------------------------------------------------------------------------------------------------------
# One image


def read_image(path: str) -> Image:
    """The image in Pillow's mode RGB, 8 bits, as a viewer shows it. Raises FolderError if it cannot be.

    Turned upright as its EXIF data say; what is transparent is laid on white; 16-bit grey is scaled from its whole
    range; of an animation the first frame. Refused: 32-bit and floating-point pixels, which say nowhere what is white.
    Colour profiles are not applied.
    """
    try:
        with opened(path) as (_, image):
            return upright_rgb(image)
    except Exception as error:  # whatever Pillow's decoders raise for a damaged file: a dozen kinds are known
        raise FolderError(unusable({path: reason(error)})) from error


@contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO, Image]]:
    """The file and its image, of which only the header has been read; Pillow's warnings about it are not shown."""
    from PIL import Image

    if not stat.S_ISREG(os.stat(path).st_mode):                # to open a pipe would take for ever
        raise ValueError("it is no file")
    with warnings.catch_warnings(), open(path, "rb") as file:
        warnings.simplefilter("ignore")
        with Image.open(file) as image:
            if max(image.size) > NARROWEST * min(image.size):
                raise ValueError(f"it is {image.width} × {image.height} pixels, too narrow to cut a square from")
            yield file, image


def upright_rgb(image: Image) -> Image:
    from PIL import Image

    image.load()                                               # some formats know their mode only then
    turn = TURNS.get(orientation(image))
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        image = from_16_bits(image)                            # PNG and PGM have no wider pixels, whatever Pillow says
    elif image.mode in ("I", "F"):
        raise ValueError(f"its pixels are {'32-bit' if image.mode == 'I' else 'floating-point'} numbers, of which "
                         "nobody knows which is white; save it with 8 or 16 bits a colour")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    return image.transpose(Image.Transpose[turn]) if turn else image


# What brings an image upright, by the orientation in its EXIF data (a turn of 90 goes to the left).
TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270",
         7: "TRANSVERSE", 8: "ROTATE_90"}


def orientation(image: Image) -> int:
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF data, as a dozen kinds of error; a viewer shows such an image as it lies
        return 1


def from_16_bits(image: Image) -> Image:
    """Grey of up to 16 bits as 8 bits: the largest number is white (TIFF may say that it is black)."""
    import numpy as np
    from PIL import Image

    tags = getattr(image, "tag_v2", {})                        # of TIFF
    white = 2 ** min(tags.get(258, (16,))[0], 16) - 1          # BitsPerSample: cameras also write 12
    values = np.asarray(image).astype(np.int64)
    grey = (np.clip(values, 0, white) * 255 + white // 2) // white
    if tags.get(262) == 0:                                     # PhotometricInterpretation: WhiteIsZero
        grey = 255 - grey
    if "transparency" in image.info:                           # one grey level that PNG shows nothing of
        grey[values == image.info["transparency"]] = 255
    return Image.fromarray(grey.astype(np.uint8))


# ---------------------------------------------------------------------------------------------------------------
# All images


def trouble(path: str, decode: bool) -> str | None:
    """Why the image cannot be used, or None. Without `decode` it is decoded only if it does not end as it should."""
    try:
        with opened(path) as (file, image):
            if decode or not ends_well(file, image):
                upright_rgb(image)
    except Exception as error:  # as in `read_image`
        return reason(error)
    return None


def ends_well(file: BinaryIO, image: Image) -> bool:
    """Whether these are JPEG's or PNG's last bytes: False for a file that was cut off, and for other formats."""
    here = file.tell()
    end = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}.get(image.format)
    file.seek(max(0, os.fstat(file.fileno()).st_size - 12))
    last = file.read()
    file.seek(here)
    return end is not None and last.endswith(end)


class Troubles(Dataset):
    """`trouble` of each path, for the workers of a DataLoader."""

    def __init__(self, paths: list[str], decode: bool) -> None:
        self.paths, self.decode = paths, decode

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> tuple[str, str | None]:
        return self.paths[i], trouble(self.paths[i], self.decode)


def reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):              # its own words repeat the path
        return "Pillow knows no such format"
    if isinstance(error, PermissionError):
        return "it may be whole, but this user has no right to read it"
    if isinstance(error, FileNotFoundError):
        return "a link to a file that is not there"
    return text(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def unusable(troubles: dict[str, str]) -> str:
    """The message about images that cannot be used: {path: reason}."""
    if len(troubles) == 1:
        path, why = next(iter(troubles.items()))
        return f"{text(path)} cannot be read as an image ({why}). Put a whole copy in its place, or delete it."
    lines = [f"{text(path)} ({why})" for path, why in sorted(troubles.items())]
    more = [f"… and {len(lines) - MOST_NAMED:,} more"] if len(lines) > MOST_NAMED else []
    return "\n".join([f"{len(lines):,} files cannot be read as images. Put whole copies in their place, or delete "
                      "them:", *lines[:MOST_NAMED], *more])


def batches(dataset: Dataset, workers: int, **options: object) -> Iterator:
    """What a DataLoader gives. A FolderError of a worker comes without its traceback; too little shared memory, as a
    RuntimeError that says what to do.
    """
    try:
        yield from DataLoader(dataset, num_workers=workers, **options)
    except FolderError as error:                               # a worker's comes with its traceback as text
        raise FolderError(str(error).strip().split("FolderError: ")[-1]) from None
    except (RuntimeError, OSError) as error:
        words = str(error).strip().split("\n")[-1]
        if workers and any(sign in words for sign in ("shared memory", "(shm)", "</torch_", "No space left on device")):
            raise RuntimeError("The processes that read images hand them over in shared memory, on Linux /dev/shm, and "
                               "there is too little of it. Do without them, by --workers 0 (workers=0), or give it "
                               f"more, in Docker by --shm-size=8g. (torch says: {words})") from None
        raise


def check_images(folders: Iterable[ImageFolder], workers: int) -> None:
    """Looks at every image of `folders`; raises one FolderError that names all that cannot be used.

    Up to MOST_DECODED images in all are decoded whole. Of more, each is opened, its header is read and the bytes by
    which JPEG and PNG end; what looks cut off, and every other format, is decoded. So in a large folder damage in the
    middle of a JPEG or PNG is found only when the image is read. Of a JPEG of 500 x 375 pixels a core decodes about
    1,000 a second, and looks at 25,000. Several processes share the work.
    """
    paths = [path for folder in folders for path, _ in folder.samples]
    mine = Troubles(paths[distributed.rank()::distributed.world()], decode=len(paths) <= MOST_DECODED)
    troubles: dict[str, str] = {}
    for pairs in batches(mine, workers, batch_size=64, collate_fn=list):
        troubles.update((path, why) for path, why in pairs if why)
    if found := {path: why for each in distributed.gather(troubles) for path, why in each.items()}:
        raise FolderError(unusable(found))
