"""Files around the package agree: versions, make's targets, commands that are named; and make finds its Python."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from alexnet_helpers import __main__ as reader
from alexnet_helpers.maintain import __main__ as maintainer
from alexnet_helpers.maintain import tree

PROJECT = Path(__file__).resolve().parents[1]
TABLE = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TEXTS = {name: (PROJECT / name).read_text(encoding="utf-8")
         for name in ("README.md", "INSTALL.md", "CONTRIBUTING.md", "environment.yml", "Makefile",
                      ".github/workflows/ci.yml", ".github/workflows/site.yml", ".devcontainer/devcontainer.json",
                      ".ci/run")}


def workflow() -> dict:
    return yaml.safe_load(TEXTS[".github/workflows/ci.yml"])


def pinned() -> list[Requirement]:
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def version_pinned(name: str) -> set[str]:
    """The versions of `name` in constraints.txt, on whatever Python or system."""
    return {next(iter(line.specifier)).version for line in pinned() if line.name == name}


@pytest.mark.parametrize("line", [*TABLE["dependencies"], *sum(TABLE["optional-dependencies"].values(), [])])
def test_one_tried_version_of_all_that_is_needed(line: str) -> None:
    needed = Requirement(line)
    assert (versions := version_pinned(canonicalize_name(needed.name)))
    assert all(needed.specifier.contains(version) for version in versions), (line, versions)


def test_constraints_leave_the_choice_of_pytorchs_build() -> None:
    """The CPU build has none of the packages that the CUDA build pins itself."""
    assert [line.name for line in pinned() if re.match("nvidia|cuda|triton", line.name)] == []
    assert all(str(line.specifier).startswith("==") for line in pinned())


def test_what_the_books_package_imports_is_ours_to_name() -> None:
    try:
        needs = {Requirement(line).name for line in importlib.metadata.requires("d2l")}
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("d2l is not installed")
    assert "numpy" in needs
    assert needs - {"jupyter"} <= {Requirement(line).name for line in TABLE["dependencies"]}


def test_the_books_package_is_installed_alone_and_in_one_version() -> None:
    commands = re.findall(r"^.*d2l==.*$", "\n".join(TEXTS.values()), re.MULTILINE)
    assert len(commands) >= 6
    assert all("--no-deps" in command and "d2l==1.0.3" in command for command in commands), commands


def test_ruff_is_one_version() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [hook["rev"] for hook in hooks if "ruff" in hook["repo"]] == [f"v{next(iter(version_pinned('ruff')))}"]
    assert f"ruff=={hooks[0]['rev'][1:]}" in TABLE["optional-dependencies"]["test"]
    assert "jupyter" in hooks[0]["hooks"][0]["types_or"]


@pytest.mark.parametrize("name", sorted(TEXTS.keys() - {"environment.yml"}))
def test_make_has_the_targets_that_are_named(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)) | {".venv/installed"}
    named = set(re.findall(r"(?:^|`|# |run: |\"|/cpu )make (?:[A-Z]+=\S* )*([a-z./]+)", TEXTS[name], re.MULTILINE))
    assert named and named <= targets


@pytest.mark.parametrize(("module", "command"), sorted({
    (module, command) for text in TEXTS.values()
    for module, command in re.findall(r"-m (alexnet_helpers(?:\.maintain)?) ([a-z]+)", text)}))
def test_commands_that_are_named_exist(module: str, command: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as left:
        (maintainer if module.endswith("maintain") else reader).main([command, "--help"])
    assert left.value.code == 0, capsys.readouterr().err


def test_workflow_runs_what_the_course_supports() -> None:
    jobs = workflow()["jobs"]
    assert jobs["whole"]["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    versions = re.findall(r"python-version: \"([\d.]+)\"", TEXTS[".github/workflows/ci.yml"])
    assert versions and set(versions) <= {f"3.{minor}" for minor in supported()}
    # YAML 1.1 reads the key `on` as true.
    assert "schedule" in workflow()[True] and "schedule" in jobs["newest"]["if"]


def supported() -> range:
    first, last = map(int, re.search(r"\(3, (\d+)\) <= sys.version_info\[:2\] <= \(3, (\d+)\)", MAKEFILE).groups())
    return range(first, last + 1)


def test_pythons_are_the_same_everywhere() -> None:
    first, last = min(supported()), max(supported())
    assert TABLE["requires-python"] == f">=3.{first}"
    assert MAKEFILE.count(f"Python 3.{first} to 3.{last}") == 2
    assert [f"python3.{minor}" in MAKEFILE for minor in (*supported(), last + 1)] == [True] * len(supported()) + [False]
    assert re.search(rf"Python 3\.{first}, .* or 3\.{last} \(", TEXTS["README.md"])
    assert yaml.safe_load(TEXTS["environment.yml"])["dependencies"][0] in {f"python=3.{minor}" for minor in supported()}


def test_devcontainer_and_citation_are_sound() -> None:
    container = json.loads(TEXTS[".devcontainer/devcontainer.json"])
    assert container["postCreateCommand"] == "make .venv/installed"
    assert int(container["image"].split(":3.")[1]) in supported()
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == TABLE["version"] and citation["license"] == TABLE["license"]


def test_readme_is_short_and_its_minutes_of_reading_are_the_notebooks() -> None:
    readme = TEXTS["README.md"]
    assert len(readme.splitlines()) < 120
    rows = re.findall(r"^\| \d\d \| \[.*\]\((notebooks/.*\.ipynb)\) \|.*\| (\d+) \| [\d.]+ \|", readme, re.MULTILINE)
    assert [name for name, _ in rows] == [path.relative_to(PROJECT).as_posix()
                                          for path in sorted((PROJECT / "notebooks").glob("[0-9]*.ipynb"))]
    for name, minutes in rows:
        cells = json.loads((PROJECT / name).read_text(encoding="utf-8"))["cells"]
        stated = re.search(r"[Rr]eading (?:takes )?(?:about )?(\d+)", "".join(cells[0]["source"]))
        assert stated and stated[1] == minutes, f"{name} states {stated and stated[1]} minutes of reading"


def test_every_exercise_of_the_book_is_answered_where_the_readme_says() -> None:
    """Five in the Chinese edition's section on AlexNet, 2 with two parts and 4 with three; eight in the English one."""
    table = TEXTS["README.md"].split("## Beside the book")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines() if line.startswith("|")][2:]
    assert sorted(row[0] for row in rows if row[0]) == ["1", "2.1", "2.2", "3", "4.1", "4.2", "4.3", "5"]
    assert sorted(row[1] for row in rows) == ["1.1", "1.2", "1.3", "2", "3", "4", "5.1", "5.2", "6", "7", "8"]
    for *_, answer in rows:
        named = re.findall(r"\]\((notebooks/solutions/[^)]*)\), ((?:\*[^*]*\*(?:, )?)+)", answer)
        assert named, answer
        for path, headings in named:
            text = "\n".join("".join(cell["source"]) for cell in
                             json.loads((PROJECT / path).read_text(encoding="utf-8"))["cells"])
            for heading in re.findall(r"\*([^*]*)\*", headings):
                assert re.search(rf"^##+ (?:\d\.\d )?{re.escape(heading)}", text, re.MULTILINE), (path, heading)


@pytest.mark.parametrize("name", ["README.md", "INSTALL.md", "CONTRIBUTING.md"])
def test_links_lead_to_files(name: str) -> None:
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]*)\)", TEXTS[name]) if "://" not in link]
    assert [link for link in links if link and not (PROJECT / link).exists()] == []


def test_contributing_has_a_line_for_each_file_of_the_package() -> None:
    shown = TEXTS["CONTRIBUTING.md"].split(tree.START)[1].split(tree.END)[0]
    assert shown == f"\n```\n{tree.tree(PROJECT / 'alexnet_helpers')}\n```\n", \
        "run python -m alexnet_helpers.maintain tree"
    files = [path for path in (PROJECT / "alexnet_helpers").rglob("*.py") if path.name != "__init__.py"]
    assert shown.count(".py  ") == len(files)


# ---------------------------------------------------------------------------------------------------------------
# Which Python make takes, tried with commands that only claim to be one

SUITS = "exit 0"
OLD = '[ "$1" = --version ] && echo Python 3.10.9; [ -z "$2" ]'
SHIM = 'echo "no such version" >&2; exit 127'


@pytest.fixture
def make(tmp_path: Path):
    if sys.platform != "linux":
        pytest.skip("make is another one here")

    def run(pythons: dict[str, str], *arguments: str) -> str:
        (tmp_path / "Makefile").write_text(MAKEFILE + "\nshow-python:\n\t@echo takes $(PYTHON)\n", encoding="utf-8")
        shutil.copy(PROJECT / "pyproject.toml", tmp_path)
        shutil.copy(PROJECT / "constraints.txt", tmp_path)
        commands = tmp_path / "commands"
        commands.mkdir()
        for name in ("sh", "make", "id", "uname", "rm", "echo"):
            (commands / name).symlink_to(shutil.which(name))
        for name, does in pythons.items():
            (commands / name).write_text(f"#!/bin/sh\n{does}\n")
            (commands / name).chmod(0o755)
        done = subprocess.run(["make", *arguments], cwd=tmp_path, capture_output=True, text=True,
                              env={"PATH": str(commands)})
        return done.stdout + done.stderr
    return run


@pytest.mark.parametrize(("pythons", "taken"), [
    ({"python3.12": SUITS, "python3.13": SUITS}, "python3.13"),
    ({"python3.11": SUITS, "python3.13": SHIM}, "python3.11"),
    ({"python3.11": SHIM, "python3": OLD, "python": SUITS}, "python"),
    ({"python3": SUITS, "python": SUITS}, "python3"),
])
def test_make_takes_the_newest_python_that_runs(pythons: dict[str, str], taken: str, make) -> None:
    assert make(pythons, "show-python") == f"takes {taken}\n"


def test_a_python_that_is_named_goes_first(make) -> None:
    assert make({"python3.13": SUITS}, "show-python", "PYTHON=/opt/python") == "takes /opt/python\n"


@pytest.mark.parametrize(("pythons", "words"), [
    ({"python3": OLD}, "The course is tried with Python 3.11 to 3.14, but python3 is Python 3.10.9."),
    ({"python3.11": SHIM, "python3": OLD}, "but python3 is Python 3.10.9."),
    ({"python3.13": SHIM}, "Found no Python that runs: install Python 3.13, or run 'make PYTHON="),
    ({}, "Found no Python that runs: install Python 3.13, or run 'make PYTHON="),
])
def test_make_names_what_is_too_old_and_the_way_out(pythons: dict[str, str], words: str, make) -> None:
    printed = make(pythons, ".venv/installed")
    assert words in printed and "make PYTHON=/path/to/python" in printed


def test_make_leaves_the_environment_of_the_newest_versions_apart() -> None:
    if not shutil.which("make"):
        pytest.skip("needs make")
    dry = subprocess.run(["make", "--dry-run", ".venv-newest/installed", "CONSTRAINTS="], cwd=PROJECT, text=True,
                         capture_output=True, env={**os.environ, "PYTHON": sys.executable}).stdout
    assert ".venv-newest/bin/python -m pip install" in dry and "--constraint" not in dry
    assert not re.search(r"(^|\s)\.venv/", dry)
