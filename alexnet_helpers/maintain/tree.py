"""The package's tree with a line a file, for CONTRIBUTING.md: the first sentence of each file's docstring."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from ..data import PROJECT

START, END = "<!-- tree: written by `python -m alexnet_helpers.maintain tree` -->", "<!-- end of tree -->"


def tree(package: Path) -> str:
    """The Python files of a package, those at its top before its folders, each with what its docstring says first."""
    lines = []
    for folder in [package, *sorted(path.parent for path in package.glob("*/__init__.py"))]:
        files = [*sorted(folder.glob("[!_]*.py")), *folder.glob("__main__.py")]
        lines += [line_of(path, package) for path in [folder, *files]]
    return "\n".join(lines)


def line_of(path: Path, package: Path) -> str:
    file = path / "__init__.py" if path.is_dir() else path
    text = " ".join((ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split())
    depth = len(path.relative_to(package.parent).parts) - 1
    name = "    " * depth + path.name + "/" * path.is_dir()
    return f"{name:<32} {re.split(r'(?<=[.?!]) ', text)[0]}".rstrip()


def write(file: Path = PROJECT / "CONTRIBUTING.md", package: Path = PROJECT / "alexnet_helpers") -> None:
    """Put the tree between the two marks in `file`."""
    before, rest = file.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    file.write_text(f"{before}{START}\n```\n{tree(package)}\n```\n{END}{after}", encoding="utf-8")
