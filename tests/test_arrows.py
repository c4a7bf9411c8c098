"""Imports point one way: notebooks -> figures, exercises, ledger, commands -> library -> torch, with maintain on top.

Read from the code's own imports, those within functions and for type checkers included.
"""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "alexnet_helpers"
FILES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
         for path in PACKAGE.rglob("*.py")}
LIBRARY = {name for name in FILES if "." not in name and name not in ("__init__", "__main__")
           and FILES[name].parent == PACKAGE}


def imports(path: Path, root: Path = PACKAGE, files: dict[str, Path] = FILES) -> set[str]:
    """What a file imports: files of the package by their dotted names in it, other packages by their first name."""
    inside = path.relative_to(root).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [(*alias.name.split("."),) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = (root.name, *inside[:len(inside) - node.level + 1]) if node.level else ()
            module = (*start, *(node.module.split(".") if node.module else ()))
            names = [(*module, alias.name) for alias in node.names]
        else:
            continue
        for name in names:
            if name[0] != root.name:
                found.add(name[0])
                continue
            whole, parent = ".".join(name[1:]), ".".join(name[1:-1])
            found.add(whole if whole in files else parent or "__init__")
    return found


GRAPH = {name: imports(path) for name, path in FILES.items()}


def folder(name: str) -> str:
    """The folder of a file, or "library" for a flat one; "top" for what joins all: the package itself, its commands."""
    if name in LIBRARY:
        return "library"
    return "top" if name in ("__init__", "__main__") else name.split(".")[0]


@pytest.mark.parametrize("name", FILES)
def test_arrows_point_one_way(name: str) -> None:
    mine = folder(name)
    allowed = {"library", mine} if mine not in ("top", "maintain") else {*map(folder, FILES)} - {"top"}
    if mine == "top":
        allowed -= {"maintain"}
    wrong = {other for other in GRAPH[name] & set(FILES) if folder(other) not in allowed}
    assert not wrong, f"{name} imports {', '.join(sorted(wrong))}"


def test_no_file_is_in_a_circle_with_another() -> None:
    TopologicalSorter({name: GRAPH[name] & set(FILES) for name in FILES}).prepare()       # raises CycleError


def test_training_knows_no_network_and_models_no_data() -> None:
    assert "models" not in GRAPH["training"]
    assert "data" not in GRAPH["models"]


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_the_library_is_small_and_does_without_the_book(name: str) -> None:
    assert "d2l" not in GRAPH[name]
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 400


def test_planted_imports_are_seen(tmp_path: Path) -> None:
    """Relative and absolute ones, within functions and for type checkers."""
    root = tmp_path / "alexnet_helpers"
    (root / "figures").mkdir(parents=True)
    path = root / "figures" / "ch01.py"
    path.write_text("from ..maintain import records\nimport alexnet_helpers.data\nfrom alexnet_helpers import models\n"
                    "from alexnet_helpers.training import fit\nfrom . import style\nfrom .. import lenet\n"
                    "if TYPE_CHECKING:\n    import pandas as pd\ndef f():\n    from d2l import torch\n")
    files = dict.fromkeys(["maintain.records", "data", "models", "training", "figures.style", "figures.ch01"])
    assert imports(path, root, files) == {"maintain.records", "data", "models", "training", "figures.style",
                                          "__init__", "pandas", "d2l"}


def test_a_planted_circle_is_seen() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()
