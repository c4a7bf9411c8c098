"""The ledger: how a verdict follows from a value, and that every row of claims.toml is sound and settled."""

import re
import tomllib
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from alexnet_helpers import ledger
from alexnet_helpers.comparing import NO_DIFFERENCE, SHOWN, UNDECIDED, Verdict
from alexnet_helpers.ledger import ClaimError, check_claims, page, verdict_of

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FIELDS = {"kind", "words", "where", "also", "chapter", "claim", "claimed", "unit", "rounding", "near", "measured",
          "verdict", "scale", "quotes", "cause", "truth", "primary"}


@pytest.mark.parametrize(("claimed", "value", "extra", "verdict"), [
    (55, 55, {}, "right"),
    (55, 55.0, {}, "right"),
    (55, 54, {}, "wrong"),
    (0.0, 1e-12, {}, "wrong"),
    (15.3, 15.315, {"rounding": 0.05}, "right"),
    (15.3, 15.36, {"rounding": 0.05}, "wrong"),
    (60, 61, {"near": [{"from": 59, "to": 61}]}, "roughly"),
    (60, 61.01, {"near": [{"from": 59, "to": 61}]}, "wrong"),
    (60, 60, {"near": [{"from": 61, "to": 62}]}, "right"),
    (True, True, {}, "right"),
    (True, False, {}, "wrong"),
    ("memory", "memory", {}, "right"),
    ("speed", "memory", {"near": ["memory"]}, "roughly"),
    ("speed", "looks", {"near": ["memory"]}, "wrong"),
    ([256, 5, 5], [256, 5, 5], {}, "right"),
    ([256, 5, 5], [256, 6, 6], {"near": [[256, 6, 6]]}, "roughly"),
    ([256, 5, 5], [256, 5], {}, "wrong"),
    ([[11, 4], [5, 1]], [[11, 4], [5, 1]], {}, "right"),
    ([[11, 4], [5, 1]], [[11, 4], [5, 2]], {}, "wrong"),
    ([0.25, 1.0], [0.2499, 1.0], {"rounding": 0.001}, "right"),
    ({"from": 1, "to": 14}, 5.5, {}, "right"),
    ({"from": 1, "to": 14}, 14.1, {}, "wrong"),
    ({"from": 1, "to": 14}, 14.1, {"near": [20, {"from": 14, "to": 15}]}, "roughly"),
    ({"from": 10}, 1e9, {}, "right"),
    ({"to": 10}, -1e9, {}, "right"),
    ([{"from": 10}, 3], [11, 3], {}, "right"),
    ([{"from": 10}, 3], [9, 3], {"near": [[{"from": 8}, 3]]}, "roughly"),
    ({"from": 1, "to": 14}, True, {}, "wrong"),
    ([1, 14], 5, {}, "wrong"),                   # two values are no range
    (1, True, {}, "wrong"),                      # a truth value is no number, nor the other way round
    (True, 1, {}, "wrong"),
    ([1, 0], [True, False], {}, "wrong"),
    ("1", 1, {}, "wrong"),
    (1, [1], {}, "wrong"),
])
def test_verdict(claimed, value, extra, verdict):
    assert verdict_of({"kind": "fact", "claimed": claimed, **extra}, value) == verdict


@pytest.fixture
def rows(monkeypatch):
    """A ledger made for the test: call it with rows by id."""
    def put(**new):
        filled = {name: {"kind": "fact", "where": "page 1", "claim": "one thing", "truth": "It is so."} | row
                  for name, row in new.items()}
        monkeypatch.setattr(ledger, "ledger", lambda: filled)
    return put


@pytest.mark.parametrize("value", [
    torch.tensor(3), torch.tensor(3.0), np.int64(3), np.float32(3), torch.ones(3).sum()])
def test_tensors_and_numpy_scalars_count_as_numbers(rows, value):
    rows(Z1={"claimed": 3, "verdict": "right"})
    assert "✓&nbsp;right" in check_claims({"Z1": value}).data


@pytest.mark.parametrize("value", [torch.Size([1, 2]), (1, 2), torch.tensor([1, 2]), np.array([1, 2]), [np.int8(1), 2]])
def test_shapes_tuples_and_arrays_count_as_lists(rows, value):
    rows(Z1={"claimed": [1, 2], "verdict": "right"})
    assert "computed [1, 2]." in check_claims({"Z1": value}).data


def test_measured_value_is_not_shown(rows):
    rows(Z1={"claimed": 1, "verdict": "wrong", "measured": True})
    assert "777" not in check_claims({"Z1": 777}).data


def test_measured_interval_is_not_shown(rows):
    rows(Z1={"kind": "effect", "claimed": "more", "verdict": "shown", "measured": True, "scale": "clothes"})
    html = check_claims({"Z1": LONGER}).data
    assert LONGER.line not in html and "It is so. Tried on: clothes." in html


def comparison(low: float, high: float, word: str, level: float = 0.0) -> Verdict:
    return Verdict(word, (low + high) / 2, low, high, f"a against b: {word}", level)


LONGER = comparison(1.2, 1.4, SHOWN, level=1.0)                # 1.3 times as long
SHORTER = comparison(0.6, 0.8, SHOWN, level=1.0)


@pytest.mark.parametrize(("claimed", "found", "verdict"), [
    ("more", comparison(0.1, 0.3, SHOWN), "shown"),
    ("more", comparison(-0.3, -0.1, SHOWN), "not shown"),
    ("less", comparison(-0.3, -0.1, SHOWN), "shown"),
    ("less", comparison(0.1, 0.3, SHOWN), "not shown"),
    ("more", comparison(-0.01, 0.01, NO_DIFFERENCE), "not shown"),
    ("less", comparison(-0.1, 0.3, UNDECIDED), "undecided"),
    ("more", LONGER, "shown"),
    ("less", LONGER, "not shown"),
    ("less", SHORTER, "shown"),
    ("more", SHORTER, "not shown"),
])
def test_verdict_on_an_effect(rows, claimed, found, verdict):
    row = {"kind": "effect", "claimed": claimed, "verdict": verdict, "scale": "six hundred clothes"}
    assert verdict_of(row, found) == verdict
    rows(Z1=row)
    html = check_claims({"Z1": found}).data
    assert f"{found} It is so. Tried on: six hundred clothes." in html


@pytest.mark.parametrize("value", [True, 0.3, "shown", [LONGER]])
def test_an_effect_takes_a_comparison(rows, value):
    rows(Z1={"kind": "effect", "claimed": "more", "verdict": "shown"})
    with pytest.raises(ClaimError, match="takes what ah.verdict or ah.time_verdict returns, not a"):
        check_claims({"Z1": value})


def test_a_comparison_that_contradicts_the_verdict(rows):
    rows(Z1={"kind": "effect", "claimed": "more", "verdict": "shown"})
    with pytest.raises(ClaimError, match="Z1: the ledger says shown, .* makes it undecided"):
        check_claims({"Z1": comparison(-0.1, 0.3, UNDECIDED)})


def test_no_value_confirms_a_fact_by_a_comparison(rows):
    rows(Z1={"claimed": 3, "verdict": "wrong"})
    with pytest.raises(ClaimError, match="claims a number"):
        check_claims({"Z1": LONGER})


@pytest.mark.parametrize(("written", "value"), [("right", 4), ("wrong", 3), ("roughly", 3), ("roughly", 9)])
def test_value_that_contradicts_the_verdict(rows, written, value):
    rows(Z1={"claimed": 3, "near": [{"from": 2, "to": 5}], "verdict": written})
    with pytest.raises(ClaimError, match=f"Z1: the ledger says {written}"):
        check_claims({"Z1": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), torch.tensor(float("nan")), "three", [3], True, None,
                                   {"a": 3}])
def test_nonsense_does_not_support_that_a_claim_is_wrong(rows, value):
    rows(Z1={"claimed": 3, "verdict": "wrong"})
    with pytest.raises(ClaimError, match="claims a number, 3, but the cell computed"):
        check_claims({"Z1": value})


def test_nan_in_a_list_does_not_support_that_a_claim_is_wrong(rows):
    rows(Z1={"claimed": [3, 4], "verdict": "wrong"})
    with pytest.raises(ClaimError, match="no number but nan"):
        check_claims({"Z1": [3, float("nan")]})


def test_unknown_claim(rows):
    rows(Z1={"claimed": 3, "verdict": "wrong"})
    with pytest.raises(KeyError, match="no claim Z9"):
        check_claims({"Z9": 3})


def test_the_row_of_another_text_tells_where_a_claim_is(rows):
    rows(Z1={"claimed": 3, "verdict": "right", "also": {"Y2": {"words": "drei", "where": "page 2"}}})
    with pytest.raises(KeyError, match="Y2 says the same as Z1, and has no row of its own: check Z1"):
        check_claims({"Y2": 3})
    html = check_claims({"Z1": 3}).data
    assert "“drei”; also Y2" in html


def test_claim_that_a_primary_source_settles_takes_no_value(rows):
    rows(Z1={"verdict": "right", "primary": "the paper, section 3"})
    with pytest.raises(ValueError, match="the paper, section 3"):
        check_claims({"Z1": 3})


def test_does_not_cite_what_a_cell_has_to_settle(rows):
    rows(Z1={"verdict": "right", "claimed": 3, "primary": "the paper"})
    with pytest.raises(ValueError, match="Z1 is settled by a value"):
        check_claims({}, cited=["Z1"])
    with pytest.raises(KeyError, match="no claim Z9"):
        check_claims({}, cited=["Z9"])


# ---------------------------------------------------------------------------------------------------------------
# claims.toml as it stands

DOCUMENT = tomllib.loads(ledger.LEDGER.read_text(encoding="utf-8"))
ROWS = DOCUMENT["claims"]


@pytest.mark.parametrize("claim_id", ROWS)
def test_row_is_well_formed(claim_id):
    row = ROWS[claim_id]
    assert not set(row) - FIELDS, "unknown fields"
    assert re.fullmatch(r"[A-Z]\d+[a-z]?", claim_id)
    assert claim_id[0] in DOCUMENT["sources"]
    assert row["verdict"] in ledger.VERDICTS[row["kind"]]
    assert row["chapter"] in range(1, 9)
    also = row.get("also", {})
    for text in (row["claim"], row["truth"], row["where"], *(place["where"] for place in also.values())):
        assert isinstance(text, str)
        assert text.strip() == text != ""
    assert not set(also) & set(ROWS), "what another row tells has none of its own"
    if row["verdict"] == "unsupported":
        assert "claimed" not in row, "a value that decides it makes it right or wrong"
    if "claimed" not in row:
        assert row.get("primary"), "what no cell settles needs its primary source"
        assert not {"near", "rounding", "unit", "measured"} & set(row), "these describe `claimed`"
    elif row["kind"] == "effect":
        assert row["claimed"] in ("more", "less")
    else:
        assert ledger.kind(row["claimed"]) in ledger.KINDS
        assert row.get("rounding", 0) >= 0
        assert isinstance(row.get("measured", False), bool)
        assert all(ledger.kind(value) == ledger.kind(row["claimed"]) for value in row.get("near", []))
        # A verdict that no value could give is a mistake in the row.
        assert row["verdict"] != "roughly" or row["near"]
    assert (row["kind"] == "effect") == ("scale" in row)
    causes = f"one of {', '.join(DOCUMENT['causes'])}"
    if row["verdict"] in ("wrong", "roughly"):
        assert row.get("cause") in DOCUMENT["causes"], f"what is not right names its cause, {causes}"
    elif row["verdict"] in ("right", "shown"):
        assert "cause" not in row, "nothing went wrong here"
    assert row.get("cause", "wording") in DOCUMENT["causes"]
    for name, place in {claim_id: row, **also}.items():
        assert set(place) >= {"words", "where"} and place.get("quotes", "book") in ("book", "paper")
        # Few words only, as they stand there: a dozen characters of Chinese, five words of English.
        assert len(place["words"].split()) <= 5 if name[0] in "FP" else len(place["words"]) <= 12


@pytest.mark.parametrize("claim_id", [name for name, row in ROWS.items() if "primary" in row])
def test_primary_source_can_be_looked_up(claim_id):
    """It has a year, section, line or address, or is a file of a known repository, or says that there is none."""
    primary = ROWS[claim_id]["primary"]
    assert re.search(r"\d|/|section|^(no source|none found)|(note|page) itself|^the paper's own figure", primary)
    assert not primary.endswith("."), "the full stop is added"


def test_ids_stand_in_order_within_each_chapter():
    for chapter in range(1, 9):
        ids = [name for name, row in ROWS.items() if row["chapter"] == chapter]
        assert ids == sorted(ids, key=page.in_order)


def flat(text: str) -> str:
    """Without white space, which depends on where lines are broken."""
    return "".join(text.split())


def seen(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def shown(output: dict) -> str:
    """What a reader sees of an output: printed text, or the text of an HTML table."""
    return output.get("text", "") + seen(output.get("data", {}).get("text/html", ""))


def unsound(rows: dict[str, dict], folder: Path) -> list[str]:
    """What is wrong between the ledger and the stored notebooks in `folder`, a line each; nothing if all is well."""
    lines, called = [], set()
    for path in page.notebooks_of_claims(folder):
        chapter = int(path.name[:2])
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        if len([cell for cell in cells if page.claims_in(cell.source)]) > 1:
            lines.append(f"{path.name} has more than one cell of claims")
        for cell in cells:
            stored = flat("".join(map(shown, cell.outputs)))
            for claim_id, computed in page.claims_in(cell.source):
                called.add(claim_id)
                if claim_id not in rows:
                    lines.append(f"{claim_id} is called in chapter {chapter}, but the ledger lacks it")
                    continue
                row = rows[claim_id]
                if row["chapter"] != chapter and chapter != 9:     # page 09 settles what no lesson needs
                    lines.append(f"{claim_id} belongs to chapter {row['chapter']}, but chapter {chapter} calls it")
                if computed != ("claimed" in row):
                    lines.append(f"{claim_id} is {'computed' if computed else 'cited'}, which its row does not allow")
                    continue
                text = seen(claim_id + ledger.said(claim_id, row) + ledger.verdict_mark(row)) \
                    + ledger.finding(row, "<value>" if computed else "")
                if not re.search(re.escape(flat(text)).replace("<value>", ".+?"), stored):
                    lines.append(f"{claim_id} is stored in {path.name} otherwise than the ledger has it now: "
                                 f"run python -m alexnet_helpers.maintain notebooks notebooks/{path.name}")
    return lines + [f"{claim_id} is called by no cell of chapter {row['chapter']}"
                    + ("" if row.get("primary") else " and settled by no primary source")
                    for claim_id, row in rows.items() if claim_id not in called]


def test_every_claim_is_settled_in_one_cell_a_notebook_and_stored_as_the_ledger_has_it():
    assert unsound(ROWS, NOTEBOOKS) == []


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A ledger of two rows and two executed chapters that call them, in a folder of their own."""
    rows = {"A1": {"kind": "fact", "where": "p. 1", "chapter": 1, "claim": "there are three", "claimed": 3,
                   "unit": "maps", "verdict": "wrong", "truth": "There are four, and a well-known reason for that."},
            "B2": {"kind": "fact", "where": "p. 2", "chapter": 2, "claim": "it began in 2012", "verdict": "right",
                   "truth": "So it did.", "primary": "the paper, section 1"}}
    monkeypatch.setattr(ledger, "ledger", lambda: rows)
    for number, source in ((1, 'ah.check_claims({"A1": 2 * 2})'), (2, 'ah.check_claims({}, cited=["B2"])')):
        html = eval(source, {"ah": ledger}).data
        cell = nbformat.v4.new_code_cell(source, id=f"cell-{number}", execution_count=1, outputs=[
            nbformat.v4.new_output("execute_result", {"text/html": html}, execution_count=1)])
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# Chapter {number}"), cell]),
                       tmp_path / f"0{number}_chapter.ipynb")
    assert unsound(rows, tmp_path) == []
    return rows, tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(("name", "old", "new", "complaint"), [
    ("01", "wrong", "right", "A1 is stored in 01_chapter.ipynb otherwise"),        # a verdict its cell does not show
    ("01", "four", "five", "A1 is stored in 01_chapter.ipynb otherwise"),
    ("02", "So it did.", "Or so.", "B2 is stored in 02_chapter.ipynb otherwise"),
    ("01", '\\"A1\\"', '\\"A9\\"', "A9 is called in chapter 1, but the ledger lacks it"),
    ("01", "ah.check_claims", "print", "A1 is called by no cell of chapter 1 and settled by no primary source"),
    ("02", "ah.check_claims", "print", "B2 is called by no cell of chapter 2"),
    ("02", '\\"B2\\"', '\\"B2\\", \\"A1\\"', "A1 belongs to chapter 1, but chapter 2 calls it"),
    ("01", '{\\"A1\\": 2 * 2}', '{}, [\\"A1\\"]', "A1 is cited, which its row does not allow"),
    ("02", '{}, cited=[\\"B2\\"]', '{\\"B2\\": 3}', "B2 is computed, which its row does not allow"),
])
def test_a_planted_fault_is_found_in_a_notebook(course, name, old, new, complaint):
    rows, folder = course
    change(folder / f"{name}_chapter.ipynb", old, new)
    assert any(line.startswith(complaint) for line in unsound(rows, folder))


@pytest.mark.parametrize(("claim_id", "field", "value"), [
    ("A1", "verdict", "roughly"), ("A1", "claim", "there are 3"),
    ("A1", "unit", "layers"), ("A1", "truth", "No."), ("A1", "chapter", 2),
    ("B2", "verdict", "wrong"), ("B2", "primary", "the paper, section 2"), ("B2", "claimed", True)])
def test_a_planted_fault_is_found_in_the_ledger(course, claim_id, field, value):
    rows, folder = course
    rows[claim_id][field] = value
    assert [line.split()[0] for line in unsound(rows, folder)] == [claim_id]


def test_a_second_cell_of_claims_is_found(course):
    rows, folder = course
    path = folder / "01_chapter.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.from_dict(notebook.cells[1] | {"id": "again"}))
    nbformat.write(notebook, path)
    assert unsound(rows, folder) == ["01_chapter.ipynb has more than one cell of claims"]


def test_a_row_that_no_chapter_calls_is_found(course):
    rows, folder = course
    rows["C3"] = {"kind": "fact", "where": "p. 3", "chapter": 3, "claim": "c", "claimed": 1, "verdict": "right",
                  "truth": "t"}
    assert unsound(rows, folder) == ["C3 is called by no cell of chapter 3 and settled by no primary source"]


# ---------------------------------------------------------------------------------------------------------------
# The page that shows all rows


def test_the_page_shows_the_ledger_as_it_is():
    cells = nbformat.read(NOTEBOOKS / "09_claims_ledger.ipynb", as_version=4).cells
    stored = "".join(output.get("data", {}).get("text/html", "") for cell in cells if cell.cell_type == "code"
                     for output in cell.outputs)
    table = page.table(NOTEBOOKS)
    assert list(table.index) == sorted(ROWS, key=page.in_order)
    stale = [name for name in table.index if page.in_rows(table.loc[[name]]).split("<tbody>")[1].split("</tbody>")[0]
             not in stored]
    assert stale == [], "run python -m alexnet_helpers.maintain notebooks notebooks/09_claims_ledger.ipynb"


def interval(wrong: int, rows: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a share, as the roots of (share - p)^2 = z^2 p (1 - p) / rows."""
    share, width = wrong / rows, z * z / rows
    a, b, c = 1 + width, -(2 * share + width), share * share
    root = (b * b - 4 * a * c) ** 0.5
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def test_what_the_prose_says_of_the_counts():
    """README, teaching notes and page 09 say a few counts in words."""
    readme = " ".join((NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8").split())
    assert f"{len(ROWS)} claims of five texts, the book and the paper" in readme
    table = page.table(NOTEBOOKS)
    assert 0.38 < table["computed"].mean() < 0.45, "two in five"
    holds = table["verdict"].isin(["right", "shown"])
    assert 0.45 < holds.mean() < 0.56, "half of the rows hold"
    assert 0.2 < (table["verdict"] == "roughly").mean() < 0.25, "nearly a quarter hold roughly"
    assert holds.groupby(table["theme"]).mean().idxmin() == "The history"
    wrong, ends = table["verdict"].isin(["wrong", "not shown"]), []
    for letter in DOCUMENT["sources"]:
        of = table["texts"].str.contains(letter)
        assert wrong[of].any(), "no text is free of errors"
        ends.append(interval(wrong[of].sum(), of.sum()))
    assert max(low for low, _ in ends) < min(high for _, high in ends), "all seven intervals overlap"
    causes = table.loc[wrong, "cause"].value_counts()
    assert set(causes.index[causes == causes.max()]) == {"arithmetic", "wording"}


def test_table_says_where_each_claim_is_settled(course):
    _, folder = course
    table = page.table(folder)
    columns = ["texts", "theme", "verdict", "computed", "notebook", "cell"]
    assert table[columns].to_numpy().tolist() == [
        ["A", "The history", "wrong", True, "01_chapter.ipynb", "cell-1"],
        ["B", "LeNet and AlexNet", "right", False, "02_chapter.ipynb", "cell-2"]]


def test_html_is_escaped_and_leads_to_the_cell(course):
    rows, folder = course
    rows["A1"]["claim"] = "a < b"
    shown = page.as_html(page.table(folder)).data
    assert "a &lt; b" in shown
    assert "a < b" not in shown
    assert 'computed in <a href="01_chapter.ipynb#cell-id=cell-1">01</a>' in shown
    assert shown.count("<tr>") == 3
    assert "✗&nbsp;wrong" in shown
    assert "the paper, section 1" in shown


def test_a_row_of_several_texts_shows_all_places(course):
    rows, folder = course
    rows["A1"] |= {"words": "三层", "also": {"D7": {"words": "3层", "where": "page 9"}}}
    table = page.table(folder)
    assert table.loc["A1", "texts"] == "AD"
    assert "A, p. 1: “三层”; D, page 9: “3层”" in page.as_html(table).data
    assert [list(page.find(table, word).index) for word in ("3层", "d7", "WELL-KNOWN", "began", "five")] == [
        ["A1"], ["A1"], ["A1"], ["B2"], []]


def test_rows_are_counted_in_the_order_of_the_chapters(course):
    rows, folder = course
    rows["A3"] = rows["B2"] | {"kind": "effect", "verdict": "not shown", "chapter": 1}
    table = page.table(folder)
    counts = page.counts(table, by="theme")
    assert list(counts.index) == ["The history", "LeNet and AlexNet"]
    assert counts.to_numpy().tolist() == [[0, 0, 2, 0], [1, 0, 0, 0]]
    html = page.by_theme(table).data
    assert "<b>The history</b>: 2 wrong or not shown</summary>" in html
    assert html.count("<details>") == 2 and html.count("<tr>") == 5


def test_claims_settled_in_several_places_and_lines(tmp_path):
    html = '<tr><td><b>A1</b></td><td>claim</td><td>right</td><td>a &lt; b</td></tr>'
    for name, source, outputs in (
            ("05_five", 'ah.check_claims(\n    {"C3": 4},\n    cited=["A1"])', [html]),
            ("06_six", '%matplotlib inline\nah.check_claims({}, ("A1", "B2"))', [])):
        cell = nbformat.v4.new_code_cell(source, id=name[:2], outputs=[
            nbformat.v4.new_output("display_data", {"text/html": text}) for text in outputs])
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    assert page.settled_in(tmp_path) == {
        "A1": [("05_five.ipynb", "05", "a < b"), ("06_six.ipynb", "06", "")],
        "B2": [("06_six.ipynb", "06", "")], "C3": [("05_five.ipynb", "05", "")]}


def test_the_closing_table_shows_each_claim_with_its_finding(rows):
    rows(Z1={"claimed": 3, "unit": "maps", "verdict": "right"},
         Z2={"verdict": "right", "primary": "the paper, section 3"})
    html = check_claims({"Z1": 3}, cited=("Z2",)).data
    assert html.count("<tr>") == 3
    assert "<b>Z1</b>" in html and "computed 3 maps. It is so." in html
    assert "It is so. Source: the paper, section 3." in html


def test_claims_are_found_in_code():
    source = '%matplotlib inline\nah.check_claims({"A1": 2 * x, "B2": f(3)}, cited=("C3",))\nprint("D4")'
    assert page.claims_in(source) == [("A1", True), ("B2", True), ("C3", False)]
