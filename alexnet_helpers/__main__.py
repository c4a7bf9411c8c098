"""Commands of the course: `python -m alexnet_helpers data`, `record NAME`, `notebooks` and `picture`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from . import data, recording


def data_command() -> int:
    try:
        named = data.find_full_set()
    except FileNotFoundError as error:                         # ALEXNET_DATA leads nowhere
        print(error, file=sys.stderr)
        return 1
    try:
        folder = data.fetch()
    except OSError as error:
        print(f"The full set could not be put into {data.DATA_FOLDER}: {error}", file=sys.stderr)
        if named is None:
            print("The course goes on with its sample of 6,000 + 1,000 images. To get the rest, connect to a network "
                  "and repeat this command, install Debian's or Ubuntu's package dataset-fashion-mnist, or name a "
                  "folder with the four files in ALEXNET_DATA.", file=sys.stderr)
        elif named != data.DATA_FOLDER:
            print(f"The course itself reads it from {named}; only the book's own loader needs data/.", file=sys.stderr)
        return 1
    print(f"All 70,000 images of Fashion-MNIST are in {folder}; the course and d2l.load_data_fashion_mnist find "
          "them there.")
    if os.environ.get("ALEXNET_DATA"):
        print(f"As long as ALEXNET_DATA is set, the course itself reads them from {named}.")
    return 0


def notebooks_command(paths: list[Path]) -> int:
    """Execute notebooks and store their outputs, with nothing in them that changes from run to run by itself."""
    import nbformat
    from nbclient import NotebookClient

    os.environ.setdefault("ALEXNET_PROFILE", "quick")          # the profile that pytest --nbval compares with
    for path in paths or sorted((data.PROJECT / "notebooks").rglob("[0-9]*.ipynb")):
        started = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=1800, record_timing=False, store_widget_state=False, coalesce_streams=True,
                       resources={"metadata": {"path": str(path.parent)}}).execute()
        for cell in notebook.cells:
            for output in cell.get("outputs", []):             # a stored view of a widget that is gone shows an error
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        nbformat.write(notebook, path)
        print(f"{path.name}: {(time.perf_counter() - started) / 60:.1f} minutes", flush=True)
    return 0


def picture_command() -> int:
    """Draw the README's picture again."""
    from .inspection import layer_table
    from .models import alexnet, lenet
    from .plots import networks_to_scale, use_course_style

    use_course_style()
    path = data.PROJECT / "notebooks" / "networks_to_scale.png"
    networks_to_scale({"LeNet": layer_table(lenet(), (1, 28, 28)),
                       "AlexNet": layer_table(alexnet(), (1, 224, 224))}).savefig(path)
    print(f"Drawn: {path}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m alexnet_helpers", description="Commands of the AlexNet course.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("data", help="say where Fashion-MNIST is, check it, and fetch what is missing into data/")
    record = commands.add_parser("record", help="make the long runs that notebooks show; repeated, it continues")
    record.add_argument("name", choices=recording.RECORDS)
    notebooks = commands.add_parser("notebooks", help="execute notebooks (all by default) and store their outputs")
    notebooks.add_argument("paths", nargs="*", type=Path)
    commands.add_parser("picture", help="draw the README's picture")
    chosen = parser.parse_args(arguments)
    if chosen.command == "data":
        return data_command()
    if chosen.command == "notebooks":
        return notebooks_command(chosen.paths)
    if chosen.command == "picture":
        return picture_command()
    recording.RECORDS[chosen.name]()
    print(f"Recorded in {recording.FOLDER / chosen.name}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
