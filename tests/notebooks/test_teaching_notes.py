"""The teaching notes say what the notebooks have: headings, figures, exercises, terms; and their minutes add up."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTES = (FOLDER / "teaching_notes.md").read_text(encoding="utf-8")
CHAPTERS = {path.name[:2]: path for path in sorted(FOLDER.glob("0[1-8]_*.ipynb"))}
PLANS = {section[:2]: section for section in re.split(r"^## (?=0\d )", NOTES, flags=re.M)[1:]}
HAN = r"(?:[A-Za-z]+ )?[\u4e00-\u9fff]+"                       # as in 步幅, or Gabor 函数


def cells(path: Path) -> list[tuple[str, str]]:
    """(kind, source and outputs as text) of every cell."""
    return [(cell["cell_type"], "".join(cell["source"]) + json.dumps(cell.get("outputs", []), ensure_ascii=False))
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def prose(path: Path) -> str:
    return "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
                     if cell["cell_type"] == "markdown")


def templates(source: str) -> list[str]:
    """First lines of the strings in Python code as regular expressions, what they fill in standing for anything."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(part.value) if isinstance(part, ast.Constant) else ".{0,60}" for part in node.values]
            found.append("".join(parts).split("\\\n")[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(re.escape(node.value))
    return [pattern for pattern in found if len(re.sub(r"\W|60", "", pattern)) > 8]


def one_line(text: str) -> str:
    return " ".join(text.split())


# ---------------------------------------------------------------------------------------------------------------
# Plans


def test_every_chapter_has_a_plan() -> None:
    assert set(CHAPTERS) <= set(PLANS)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_minutes_add_up(chapter: str) -> None:
    minutes = re.findall(r"^\| (\d+) \| (\d+) \|", PLANS[chapter], flags=re.M)
    assert [sum(map(int, column)) for column in zip(*minutes, strict=True)] == [90, 45]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_sections_and_figures_are_in_the_notebook(chapter: str) -> None:
    text = one_line(" ".join(content for _, content in cells(CHAPTERS[chapter])))
    headings = re.findall(r"^#+ (?:\d+\. )?(.*)", prose(CHAPTERS[chapter]), flags=re.M)
    plan = PLANS[chapter].split("## Glossary")[0]
    table = re.findall(r"^\| \d+ \| \d+ \| (.*?) \|", plan, flags=re.M)
    named = [name for cell in table for name in re.findall(r"\*(.+?)\*", cell)]
    assert named, "no section of the notebook is named"
    assert [name for name in named if name not in headings] == []
    titles = re.findall(r'"(.+?)"', one_line(plan.split("**Short of time:**")[1].split("**On the day.**")[0]))
    assert len(titles) == 3
    sources = sorted((FOLDER.parent / "alexnet_helpers" / "figures").glob("*.py"))
    drawn = templates("\n".join(path.read_text(encoding="utf-8") for path in sources))
    for cell in json.loads(CHAPTERS[chapter].read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            drawn += templates("".join(line for line in cell["source"] if not line.startswith("%")))
    for title in titles:                                       # … stands for what a run computes
        assert re.search(re.escape(title).replace("…", ".{1,40}"), text) or any(
            re.fullmatch(pattern, title) for pattern in drawn), title


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_exercise_is_handed_out(chapter: str) -> None:
    number = int(chapter)
    asked = set(re.findall(rf'check_exercise\(\\?"({number}\.\d)', CHAPTERS[chapter].read_text(encoding="utf-8")))
    handed_out = PLANS[chapter].split("**Hand out:**")[1]
    assert set(re.findall(rf"\b({number}\.\d)\s+\(\d+\s+min", handed_out)) == asked != set()


# ---------------------------------------------------------------------------------------------------------------
# Glossary


def glossary(notes: str) -> list[tuple[list[str], str, str, str]]:
    """(English names, Chinese name, its short form or nothing, meaning) of every row."""
    rows = []
    for line in notes.split("## Glossary")[1].splitlines():
        if re.match(r"\| (?!English|-)", line):
            english, chinese, meaning = (part.strip() for part in line.strip("|").split("|"))
            full, short = re.fullmatch(rf"({HAN})(?: \(({HAN})\))?", chinese).groups()
            rows.append((english.split(", "), full, short or "", meaning))
    return rows


def introductions(text: str) -> list[tuple[str, str]]:
    """(the words before and in the brackets, Chinese) wherever prose has `term (中文)`."""
    return [(one_line(re.sub(r"[*_`]", "", text[max(0, bracket.start() - 70):bracket.start()])) + " | "
             + bracket[0].strip("()"), re.search(HAN, bracket[0])[0])
            for bracket in re.finditer(rf"\([^()]*{HAN}[^()]*\)", text)]


def unexplained(text: str, rows: list[tuple[list[str], str, str, str]]) -> list[str]:
    """Introductions in `text` whose Chinese is in no row, or in one with other English names."""
    names = {chinese: english for english, *several, _ in rows for chinese in several if chinese}
    wrong = []
    for context, chinese in introductions(text):
        before, inside = context.split(" | ")
        said = [re.escape(name) for name in names.get(chinese, [])]
        if not any(re.search(rf"\b{name}(s|es)?,?( or [\w-]+)?$", before, re.I)
                   or re.search(rf"\b{name}s?\b", inside, re.I) for name in said):
            wrong.append(f"{before[-40:]} ({inside})")
    return wrong


ROWS = glossary(NOTES)


def test_glossary_is_well_formed() -> None:
    english = [name for names, *_ in ROWS for name in names]
    chinese = [name for _, *both, _ in ROWS for name in both if name]
    assert len(set(english)) == len(english), "an English term with two Chinese names"
    assert len(set(chinese)) == len(chinese), "a Chinese term with two rows"
    assert all(short in full for _, full, short, _ in ROWS)
    assert all(len(meaning) > 10 for *_, meaning in ROWS)
    assert [names[0].lower() for names, *_ in ROWS] == sorted(names[0].lower() for names, *_ in ROWS)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_terms_of_the_notebooks_stand_in_the_glossary(path: Path) -> None:
    missing = unexplained(prose(path), ROWS)
    assert missing == [], "put them into the glossary of notebooks/teaching_notes.md, or use its English and Chinese"


BASIC = {"loss", "unit", "weight"}                             # words that no chapter stops to translate


def test_every_row_of_the_glossary_is_used() -> None:
    everything = " ".join(prose(path) for path in FOLDER.rglob("[0-9]*.ipynb"))
    assert [name for name in BASIC if not re.search(rf"\b{name}s?\b", everything)] == []
    everything += "".join(content for path in CHAPTERS.values() for _, content in cells(path))
    used = set(re.findall(HAN, everything))
    assert [full for names, full, short, _ in ROWS if names[0] not in BASIC and not {full, short} & used] == []


@pytest.mark.parametrize("text, complaint", [
    ("a seed (随机种子) and seeds (随机种子)", []),
    ("a **weight decay** (权重衰减)", []),
    ("distorted digits (数据增广, data augmentation)", []),
    ("a seed (权重衰减)", ["a seed (权重衰减)"]),
    ("a norm (范数)", ["a norm (范数)"]),
])
def test_the_glossary_test_sees_wrong_terms(text: str, complaint: list[str]) -> None:
    assert unexplained(text, ROWS) == complaint
