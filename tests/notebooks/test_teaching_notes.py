"""Plans and sheets say what the notebooks have, their minutes add up, and no answer stands on a sheet; the glossary."""

from __future__ import annotations

import ast
import json
import math
import re
from pathlib import Path

import pytest
import torch

from alexnet_helpers.exercises import CHECKS

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTES = (FOLDER / "teaching_notes.md").read_text(encoding="utf-8")
LESSONS = {path.name[:2]: path for path in sorted(FOLDER.glob("0[1-8]_*.ipynb"))}
PLANS, SHEETS = ({path.name[:2]: path.read_text(encoding="utf-8")
                  for path in sorted((FOLDER / "teaching").glob(f"*_{kind}.md"))} for kind in ("plan", "sheet"))
LENGTHS = (45, 90)
HAN = r"(?:[A-Za-z]+ )?[\u4e00-\u9fff]+"                       # as in 步幅, or Gabor 函数


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def prose(path: Path) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown")


def code(path: Path) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code")


def plain(text: str) -> str:
    """On one line, without emphasis."""
    return " ".join(re.sub(r"\*", "", text).split())


def outline(path: Path) -> list[tuple[str, str, str]]:
    """(kind, name, section) of each section, prediction and exercise, in the notebook's order."""
    found, section = [], "opening"
    for cell in cells(path):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found += [("exercise", number, section) for number in re.findall(r'check_exercise\("(\d\.\d)"', source)]
            continue
        for match in re.finditer(r"^##+ ([^\n]+)|\*\*Predict\.?\*\*(.+?)(?=\n\n|\Z)", source, flags=re.M | re.S):
            if match[1]:
                section = match[1]
            found.append(("section", section, section) if match[1] else ("prediction", plain(match[2]), section))
    return found


def sections(lesson: str) -> list[str]:
    return ["opening"] + [name for kind, name, _ in outline(LESSONS[lesson]) if kind == "section"]


def predictions(lesson: str) -> dict[str, tuple[str, str]]:
    """P1, P2, ... with their words and sections."""
    found = [(words, section) for kind, words, section in outline(LESSONS[lesson]) if kind == "prediction"]
    return {f"P{place}": each for place, each in enumerate(found, start=1)}


def exercises(path: Path, fill_ins: bool) -> dict[str, str]:
    """Sections of the exercises: those inside the lesson, or those that follow it."""
    return {number: section for kind, number, section in outline(path)
            if kind == "exercise" and section.startswith("Exercise") != fill_ins}


# ---------------------------------------------------------------------------------------------------------------
# Plans


def rows(table: str) -> list[tuple[int, int, list[str], str]]:
    """(minutes, the students' minutes, sections, what to do) of every row of a plan."""
    return [(int(minutes), int(theirs), re.findall(r"\*(.+?)\*", where) or [where], do)
            for minutes, theirs, where, do in re.findall(r"^\| (\d+) \| (\d+) \| (.+?) \| (.+) \|$", table, re.M)]


def work(do: str) -> list[str]:
    """What students do in a row: P1, 1.1, Talk, Change."""
    return re.findall(r"\*\*(.+?)\*\*", do)


def plan(lesson: str, length: int) -> str:
    return PLANS[lesson].split(f"## {length} minutes")[1].split("\n## ")[0]


def adds_up(table: str, length: int) -> bool:
    minutes, theirs = (sum(column) for column in list(zip(*rows(table), strict=True))[:2])
    total = f"| **{length}** | **{theirs}** | | {theirs} of {length} = {100 * theirs / length:.0f} % |"
    return minutes == length and total in table


both_plans = pytest.mark.parametrize(("lesson", "length"),
                                     [(lesson, length) for lesson in LESSONS for length in LENGTHS])


def test_every_lesson_has_a_plan_and_a_sheet_that_the_notes_link() -> None:
    assert list(LESSONS) == list(PLANS) == list(SHEETS)
    for lesson in LESSONS:
        assert f"(teaching/{lesson}_plan.md) | [sheet](teaching/{lesson}_sheet.md)" in NOTES


@pytest.mark.parametrize("path", [FOLDER / "teaching_notes.md", *sorted((FOLDER / "teaching").glob("*.md"))],
                         ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


@both_plans
def test_minutes_add_up_and_a_third_are_the_students(lesson: str, length: int) -> None:
    assert adds_up(plan(lesson, length), length)
    assert sum(theirs for _, theirs, *_ in rows(plan(lesson, length))) >= length / 3


@both_plans
def test_students_minutes_hold_work(lesson: str, length: int) -> None:
    """A prediction takes four minutes, three of them the students'; where a plan says `one count`, less."""
    for minutes, theirs, where, do in rows(plan(lesson, length)):
        rounds = len(re.findall(r"(?<!one count for )\*\*P\d", do, re.I))
        assert theirs <= minutes and (theirs > 0) == bool(work(do)), where
        assert minutes >= 4 * rounds and theirs >= 3 * rounds, where
        assert theirs == 3 * rounds or len(work(do)) > rounds, f"{where}: what else do they do?"


@both_plans
def test_sections_are_the_notebooks_in_its_order(lesson: str, length: int) -> None:
    named = [name for _, _, where, _ in rows(plan(lesson, length)) for name in where]
    there = sections(lesson)
    assert [name for name in named if name not in there] == []
    assert named == sorted(named, key=there.index)
    assert len(named) > 5


@both_plans
def test_predictions_and_fill_ins_stand_in_these_sections(lesson: str, length: int) -> None:
    known = {name: section for name, (_, section) in predictions(lesson).items()}
    known |= exercises(LESSONS[lesson], fill_ins=True)
    done = [(what, where) for *_, where, do in rows(plan(lesson, length)) for what in work(do)]
    assert [(what, where) for what, where in done
            if what not in {"Talk", "Change"} and known.get(what) not in where] == []
    whole = {what for what, _ in done}
    assert whole == {"Talk", "Change", *known} if length == 90 else whole & set(known)


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_is_cut_and_kept_is_there(lesson: str) -> None:
    cut = PLANS[lesson].split("**Cut, in this order:**")[1].split("\n\n")[0]
    named = [plain(name) for name in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", cut)]
    assert len(named) >= 2
    assert [name for name in named if name not in sections(lesson)] == []


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_question_has_its_answer_in_the_plan(lesson: str) -> None:
    answers = re.findall(r"^\| ((?:P\d|\d\.\d|change)(?:, \d\.\d)*) \| (.+) \| (.+) \|$", PLANS[lesson], re.M)
    keys = [key for keys, *_ in answers for key in keys.split(", ")]
    expected = {*predictions(lesson), *exercises(LESSONS[lesson], fill_ins=True), "change"}
    assert sorted(keys) == sorted(expected)
    for keys, _, say in answers:                               # a letter that is said is one of those asked
        asked = predictions(lesson)[keys][0] if keys.startswith("P") else ""
        assert set(re.findall(r"\([a-d]\)", say)) <= set(re.findall(r"\([a-d]\)", asked)), keys


@pytest.mark.parametrize("lesson", LESSONS)
def test_exercises_after_class_are_the_notebooks(lesson: str) -> None:
    named = set(re.findall(rf"\b({int(lesson)}\.\d)\s+\(\d+\s+min", PLANS[lesson].split("**After class:**")[1]))
    follow = set(exercises(LESSONS[lesson], fill_ins=False))
    deeper = {number for path in FOLDER.glob(f"in_depth/{lesson}_*.ipynb") for number in exercises(path, False)}
    assert follow <= named <= follow | deeper


# ---------------------------------------------------------------------------------------------------------------
# Courses, and page 09


def course(name: str) -> list[dict[str, int]]:
    """The lessons of each meeting, with their minutes."""
    table = NOTES.split(f"**{name} lessons.**")[1].split("**")[0]
    return [{lesson: int(minutes) for lesson, minutes in re.findall(r"(0\d) \((\d+)\)", meeting)}
            for meeting in re.findall(r"^\| \d \| (.+?) \|", table, re.M)]


@pytest.mark.parametrize(("name", "meetings"), [("Four", 4), ("Eight", 8)])
def test_courses_fill_their_lessons_and_keep_the_order(name: str, meetings: int) -> None:
    taught = course(name)
    assert len(taught) == meetings
    assert all(sum(meeting.values()) == 90 and set(meeting.values()) <= set(LENGTHS) for meeting in taught)
    lessons = [lesson for meeting in taught for lesson in meeting]
    assert "08" in lessons and len(set(lessons)) == len(lessons)
    assert name == "Four" or lessons == list(LESSONS)
    for place, lesson in enumerate(lessons):
        needs = re.findall(r"\((0\d)_", prose(LESSONS[lesson]).split("**Before.**")[1].split("\n\n")[0].split("\n#")[0])
        assert set(needs) <= set(lessons[:place]), f"{lesson} needs {needs}"


def test_exercises_at_home_are_the_notebooks() -> None:
    numbers = [f"{chapter}.{number}" for text in re.findall(r"exercises? ([\d. and to]+)", NOTES)
               for chapter, number in re.findall(r"(\d)\.(\d)", text)]
    assert len(numbers) > 8
    assert [number for number in numbers if number not in exercises(LESSONS[f"0{number[0]}"], fill_ins=False)] == []


def test_page_09_has_its_half_hour() -> None:
    table = NOTES.split("## Page 09")[1].split("\n## ")[0]
    assert adds_up(table, 30)
    headings = re.findall(r"^#+ (.*)", prose(FOLDER / "09_claims_ledger.ipynb"), flags=re.M)
    assert [name for *_, where, _ in rows(table) for name in where if name not in headings] == []


# ---------------------------------------------------------------------------------------------------------------
# Sheets


def fences(sheet: str) -> list[str]:
    return re.findall(r"^```\n(.*?)^```$", sheet, flags=re.M | re.S)


def asked_to_fill_in(sheet: str) -> dict[str, str]:
    return {number: plain(words).rstrip(":") for number, words in
            re.findall(r"^\*\*(\d\.\d)\*\* (.+?)\n\n", sheet, flags=re.M | re.S)}


def changes(sheet: str) -> list[tuple[str, str]]:
    """(what is written, for what) in the sheet's one change."""
    return re.findall(r"`([^`]+)` for\s+`([^`]+)`", sheet.split("**Change one thing.**")[1].split("```")[0])


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_sheet_has_the_notebooks_title_and_predictions(lesson: str) -> None:
    assert SHEETS[lesson].splitlines()[0] == prose(LESSONS[lesson]).splitlines()[0]
    asked = dict(re.findall(r"^\| (P\d) \| (.+?) \| \| \| \|$", SHEETS[lesson], re.M))
    there = predictions(lesson)
    assert set(asked) == set(there)
    assert {name: words for name, words in asked.items() if plain(words) not in there[name][0]} == {}
    for name, words in asked.items():                          # all of its options, too
        assert re.findall(r"\([a-d]\)", words) == re.findall(r"\([a-d]\)", there[name][0])


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_sheet_has_the_notebooks_fill_ins(lesson: str) -> None:
    asked, text = asked_to_fill_in(SHEETS[lesson]), plain(prose(LESSONS[lesson]) + "\n" + code(LESSONS[lesson]))
    assert set(asked) == set(exercises(LESSONS[lesson], fill_ins=True))
    assert {number: words for number, words in asked.items() if words not in text} == {}


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_a_sheet_changes_is_in_the_notebook(lesson: str) -> None:
    assert (found := changes(SHEETS[lesson]))
    sources = ["".join(cell["source"]) for cell in cells(LESSONS[lesson]) if cell["cell_type"] == "code"]
    touched = [source for source in sources if all(old in source for _, old in found)]
    assert touched, "no cell has all that is to be replaced"
    for source in touched:
        for new, old in found:
            source = source.replace(old, new)
        ast.parse(re.sub(r"^%.*$", "", source, flags=re.M))


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_sheet_has_room_and_words(lesson: str) -> None:
    boxes = fences(SHEETS[lesson])
    assert len(boxes) == len(exercises(LESSONS[lesson], fill_ins=True)) + 2 + (lesson == "04")
    assert all(re.search(r"^$|[:=/(\[]$", box, re.M) for box in boxes), "a box is full"
    words = SHEETS[lesson].split("\nWords: ")[1].strip().split(" · ")
    assert len(words) >= 5
    assert set(words) <= {f"{name} {chinese}" for names, *both, _ in ROWS for name in names for chinese in both}


def answers_on(sheet: str, lesson: str) -> list[str]:
    """What on a sheet gives an answer away: a filled box, a number or function that passes a check, a solution."""
    found = [row for row in re.findall(r"^\| .+ \|$", sheet, re.M)[1:] if not row.endswith(" | | | |")]
    letters = {name: re.findall(r"\([a-d]\)", words) for name, (words, _) in predictions(lesson).items()}
    if sum(map(len, letters.values())) != len(re.findall(r"\([a-d]\)", sheet)):
        found.append("a letter that no question has")
    numbers = [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", sheet)]
    candidates = [int(number) if number == int(number) else number for number in numbers]
    for box in [*fences(sheet), *re.findall(r"`([^`\n]+)`", sheet)]:
        try:
            candidates.append(eval(box.strip(), {"torch": torch, "math": math}))
        except Exception:                                      # a box with room to write is no expression
            continue
    asked = exercises(LESSONS[lesson], fill_ins=True)
    for number in asked:
        for candidate in candidates:
            try:
                if CHECKS[number](candidate) is None:
                    found.append(f"{number}: {candidate}")
            except Exception:                                  # of a form that this check cannot use
                continue
    solution = code(next(FOLDER.glob(f"solutions/{lesson}_*.ipynb")))
    for node in ast.walk(ast.parse(re.sub(r"^%.*$", "", solution, flags=re.M))):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "answer":
            written = "".join(ast.unparse(node.value).split())
            if len(written) > 12 and written in "".join(sheet.split()):
                found.append(written)
    return found


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_answer_stands_on_a_sheet(lesson: str) -> None:
    assert answers_on(SHEETS[lesson], lesson) == []


@pytest.mark.parametrize(("lesson", "blank", "filled"), [
    ("01", "avoid?\n\n```\n", "avoid?\n\n```\n37.25\n"),
    ("01", "| | | |\n| P2", "| (a) | | |\n| P2"),
    ("02", "lambda inputs, outputs, k:\n", "lambda inputs, outputs, k: outputs * (1 + k * k * inputs)\n"),
    ("03", "In one sentence:", "It is 307,200. In one sentence:"),
    ("03", "lambda n, k, s, p:\n", "lambda n, k, s, p: (n + 2 * p - k) // s + 1\n"),
])
def test_the_test_of_sheets_sees_planted_answers(lesson: str, blank: str, filled: str) -> None:
    assert blank in SHEETS[lesson]
    assert answers_on(SHEETS[lesson].replace(blank, filled), lesson) != []


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
    return [(" ".join(re.sub(r"[*_`]", "", text[max(0, bracket.start() - 70):bracket.start()]).split()) + " | "
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
    everything += "".join(json.dumps(cells(path), ensure_ascii=False) for path in LESSONS.values())
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
