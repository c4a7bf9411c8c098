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
from alexnet_helpers.ledger import ClaimError, check_claim, cite_claim, page, verdict_of

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
def test_tensors_and_numpy_scalars_count_as_numbers(rows, capsys, value):
    rows(Z1={"claimed": 3, "verdict": "right"})
    check_claim("Z1", value)
    assert "EXACT" in capsys.readouterr().out


@pytest.mark.parametrize("value", [torch.Size([1, 2]), (1, 2), torch.tensor([1, 2]), np.array([1, 2]), [np.int8(1), 2]])
def test_shapes_tuples_and_arrays_count_as_lists(rows, value):
    rows(Z1={"claimed": [1, 2], "verdict": "right"})
    check_claim("Z1", value)


def test_prints_claim_value_verdict_and_truth(rows, capsys):
    rows(Z1={"claimed": 15.315, "unit": "%", "near": [{"from": 15, "to": 17}], "verdict": "roughly"})
    check_claim("Z1", 16.0)
    printed = " ".join(capsys.readouterr().out.split())
    assert printed == "Z1 APPROXIMATE one thing claimed 15.315 %; computed 16 %. It is so."


def test_measured_value_is_not_printed(rows, capsys):
    rows(Z1={"claimed": 1, "verdict": "wrong", "measured": True})
    check_claim("Z1", 777)
    assert "777" not in capsys.readouterr().out


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
    html = ledger.check_claims({"Z1": found}).data
    assert f"{found} It is so. Tried on: six hundred clothes." in html


@pytest.mark.parametrize("value", [True, 0.3, "shown", [LONGER]])
def test_an_effect_takes_a_comparison(rows, value):
    rows(Z1={"kind": "effect", "claimed": "more", "verdict": "shown"})
    with pytest.raises(ClaimError, match="takes what ah.verdict or ah.time_verdict returns, not a"):
        ledger.check_claims({"Z1": value})


def test_a_comparison_that_contradicts_the_verdict(rows):
    rows(Z1={"kind": "effect", "claimed": "more", "verdict": "shown"})
    with pytest.raises(ClaimError, match="Z1: the ledger says shown, .* makes it undecided"):
        ledger.check_claims({"Z1": comparison(-0.1, 0.3, UNDECIDED)})


def test_no_value_confirms_a_fact_by_a_comparison(rows):
    rows(Z1={"claimed": 3, "verdict": "wrong"})
    with pytest.raises(ClaimError, match="claims a number"):
        ledger.check_claims({"Z1": LONGER})


@pytest.mark.parametrize(("written", "value"), [("right", 4), ("wrong", 3), ("roughly", 3), ("roughly", 9)])
def test_value_that_contradicts_the_verdict(rows, written, value):
    rows(Z1={"claimed": 3, "near": [{"from": 2, "to": 5}], "verdict": written})
    with pytest.raises(ClaimError, match=f"Z1: the ledger says {written}"):
        check_claim("Z1", value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), torch.tensor(float("nan")), "three", [3], True, None,
                                   {"a": 3}])
def test_nonsense_does_not_support_that_a_claim_is_wrong(rows, value):
    rows(Z1={"claimed": 3, "verdict": "wrong"})
    with pytest.raises(ClaimError, match="claims a number, 3, but the cell computed"):
        check_claim("Z1", value)


def test_nan_in_a_list_does_not_support_that_a_claim_is_wrong(rows):
    rows(Z1={"claimed": [3, 4], "verdict": "wrong"})
    with pytest.raises(ClaimError, match="no number but nan"):
        check_claim("Z1", [3, float("nan")])


def test_unknown_claim(rows):
    rows(Z1={"claimed": 3, "verdict": "wrong"})
    with pytest.raises(KeyError, match="no claim Z9"):
        check_claim("Z9", 3)


def test_the_row_of_another_text_tells_where_a_claim_is(rows):
    rows(Z1={"claimed": 3, "verdict": "right", "also": {"Y2": {"words": "drei", "where": "page 2"}}})
    with pytest.raises(KeyError, match="Y2 says the same as Z1, and has no row of its own: check Z1"):
        ledger.check_claims({"Y2": 3})
    html = ledger.check_claims({"Z1": 3}).data
    assert "“drei”, also Y2" in html


def test_claim_that_a_primary_source_settles_takes_no_value(rows):
    rows(Z1={"verdict": "right", "primary": "the paper, section 3"})
    with pytest.raises(ValueError, match="the paper, section 3"):
        check_claim("Z1", 3)


def test_cites_what_only_a_source_can_settle(rows, capsys):
    rows(Z1={"verdict": "right", "primary": "the paper, section 3"}, Z2={"verdict": "unsupported", "primary": "none"})
    cite_claim("Z1", "Z2")
    printed = " ".join(capsys.readouterr().out.split())
    assert printed == ("Z1 EXACT one thing It is so. Source: the paper, section 3. "
                       "Z2 UNSETTLED one thing It is so. Source: none.")


def test_does_not_cite_what_a_cell_has_to_settle(rows):
    rows(Z1={"verdict": "right", "claimed": 3, "primary": "the paper"})
    with pytest.raises(ValueError, match="Z1 is settled by a value"):
        cite_claim("Z1")
    with pytest.raises(KeyError, match="no claim Z9"):
        cite_claim("Z9")


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
    assert row["chapter"] in range(1, 10)
    for text in (row["claim"], row["truth"], *(where for _, _, where in ledger.places(claim_id, row))):
        assert isinstance(text, str)
        assert text.strip() == text != ""
    assert not set(row.get("also", {})) & set(ROWS), "what another row tells has none of its own"
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
    assert (row["kind"] == "effect") >= ("scale" in row)
    causes = f"one of {', '.join(DOCUMENT['causes'])}"
    if row["verdict"] in ("wrong", "roughly"):
        assert row.get("cause") in DOCUMENT["causes"], f"what is not right names its cause, {causes}"
    elif row["verdict"] in ("right", "shown"):
        assert "cause" not in row, "nothing went wrong here"
    assert row.get("cause", "wording") in DOCUMENT["causes"]
    assert row.get("quotes", "book") in ("book", "paper")


@pytest.mark.parametrize("claim_id", [name for name, row in ROWS.items() if "primary" in row])
def test_primary_source_can_be_looked_up(claim_id):
    """It has a year, section, line or address, or is a file of a known repository, or says that there is none."""
    primary = ROWS[claim_id]["primary"]
    assert re.search(r"\d|/|section|^(no source|a judgement)|(note|page) itself|^the paper's own figure", primary)
    assert not primary.endswith("."), "the full stop is added"


def test_ids_stand_in_order_within_each_chapter():
    for chapter in range(1, 10):
        ids = [(name[0], int(re.sub(r"\D", "", name)), name) for name, row in ROWS.items() if row["chapter"] == chapter]
        assert ids == sorted(ids)


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
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            stored = flat("".join(map(shown, cell.outputs)))
            for function, claim_id in page.claims_in(cell.source):
                called.add(claim_id)
                if claim_id not in rows:
                    lines.append(f"{claim_id} is called in chapter {chapter}, but the ledger lacks it")
                    continue
                row = rows[claim_id]
                if row["chapter"] != chapter and chapter != 9:     # page 09 settles what no lesson needs
                    lines.append(f"{claim_id} belongs to chapter {row['chapter']}, but chapter {chapter} calls it")
                if (function == "check_claim") != ("claimed" in row):
                    lines.append(f"{claim_id} is called by {function}, which its row does not allow")
                    continue
                value = "<value>" if function == "check_claim" else ""
                as_row = seen(claim_id + ledger.said(claim_id, row) + ledger.verdict_mark(row)) \
                    + ledger.finding(row, value)
                ways = [re.escape(flat(text)).replace("<value>", ".+?") for text in (
                    ledger.entry(claim_id, row, value), as_row)]
                if not any(re.search(way, stored) for way in ways):
                    lines.append(f"{claim_id} is stored in {path.name} otherwise than the ledger has it now: "
                                 f"run python -m alexnet_helpers.maintain notebooks notebooks/{path.name}")
    return lines + [f"{claim_id} is called by no cell of chapter {row['chapter']}"
                    + ("" if row.get("primary") else " and settled by no primary source")
                    for claim_id, row in rows.items() if claim_id not in called]


def test_every_claim_is_settled_and_stored_as_the_ledger_has_it():
    assert unsound(ROWS, NOTEBOOKS) == []


@pytest.fixture
def course(tmp_path, monkeypatch, capsys):
    """A ledger of two rows and two executed chapters that call them, in a folder of their own."""
    rows = {"A1": {"kind": "fact", "where": "p. 1", "chapter": 1, "claim": "there are three", "claimed": 3,
                   "unit": "maps", "verdict": "wrong",
                   "truth": "There are four, and a well-known reason for that."},
            "B2": {"kind": "fact", "where": "p. 2", "chapter": 2, "claim": "it began in 2012", "verdict": "right",
                   "truth": "So it did.", "primary": "the paper, section 1"}}
    monkeypatch.setattr(ledger, "ledger", lambda: rows)
    for number, source in ((1, 'ah.check_claim("A1", 2 * 2)'), (2, 'ah.cite_claim("B2")')):
        exec(source, {"ah": ledger})
        cell = nbformat.v4.new_code_cell(source, id=f"cell-{number}", execution_count=1, outputs=[
            nbformat.v4.new_output("stream", name="stdout", text=capsys.readouterr().out)])
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# Chapter {number}"), cell]),
                       tmp_path / f"0{number}_chapter.ipynb")
    assert unsound(rows, tmp_path) == []
    return rows, tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(("name", "old", "new", "complaint"), [
    ("01", "WRONG", "EXACT", "A1 is stored in 01_chapter.ipynb otherwise"),        # a verdict its cell does not print
    ("01", "four", "five", "A1 is stored in 01_chapter.ipynb otherwise"),
    ("02", "So it did.", "Or so.", "B2 is stored in 02_chapter.ipynb otherwise"),
    ("01", '\\"A1\\"', '\\"A9\\"', "A9 is called in chapter 1, but the ledger lacks it"),
    ("01", "ah.check_claim", "print", "A1 is called by no cell of chapter 1 and settled by no primary source"),
    ("02", "ah.cite_claim", "print", "B2 is called by no cell of chapter 2"),
    ("02", '\\"B2\\"', '\\"B2\\", \\"A1\\"', "A1 belongs to chapter 1, but chapter 2 calls it"),
    ("01", "check_claim", "cite_claim", "A1 is called by cite_claim, which its row does not allow"),
    ("02", 'cite_claim(\\"B2\\"', 'check_claim(\\"B2\\", 3', "B2 is called by check_claim, which its row"),
])
def test_a_planted_fault_is_found_in_a_notebook(course, name, old, new, complaint):
    rows, folder = course
    change(folder / f"{name}_chapter.ipynb", old, new)
    assert any(line.startswith(complaint) for line in unsound(rows, folder))


@pytest.mark.parametrize(("claim_id", "field", "value"), [
    ("A1", "verdict", "roughly"), ("A1", "claim", "there are 3"),
    ("A1", "claimed", 4), ("A1", "unit", "layers"), ("A1", "truth", "No."), ("A1", "chapter", 2),
    ("B2", "verdict", "wrong"), ("B2", "primary", "the paper, section 2"), ("B2", "claimed", True)])
def test_a_planted_fault_is_found_in_the_ledger(course, claim_id, field, value):
    rows, folder = course
    rows[claim_id][field] = value
    assert [line.split()[0] for line in unsound(rows, folder)] == [claim_id]


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
    assert list(table.index) == sorted(ROWS, key=lambda name: (name[0], int(re.sub(r"\D", "", name)), name))
    stale = [letter for letter in DOCUMENT["sources"]
             if page.as_html(table[table["source"] == letter]).data not in stored]
    assert stale == [], "run python -m alexnet_helpers.maintain notebooks notebooks/09_claims_ledger.ipynb"


def test_what_the_prose_says_of_the_counts():
    """README, teaching notes and page 09 say a few counts in words."""
    readme = " ".join((NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8").split())
    assert f"{len(ROWS)} claims of five texts, the book and the paper" in readme
    computed = [row for row in ROWS.values() if "claimed" in row]
    assert 0.65 < len(computed) / len(ROWS) < 0.75, "seven in ten"
    verdicts = {letter: [row["verdict"] for name, row in ROWS.items() if name[0] == letter]
                for letter in DOCUMENT["sources"]}
    shares = {letter: found.count("wrong") / len(found) for letter, found in verdicts.items()}
    assert set(sorted(shares, key=shares.get)[-2:]) == {"B", "C"}, "the tutorial and the notes have the largest shares"
    assert 0.28 < shares["B"] < 0.32 < shares["C"] < 0.37, "about three in ten and about a third"
    assert min(shares.values()) > 0, "no source is free of wrong claims"
    assert 0.375 < sum(row["verdict"] == "right" for row in ROWS.values()) / len(ROWS) < 0.5, "(b) comes nearest"


def test_table_says_where_each_claim_is_settled(course):
    _, folder = course
    table = page.table(folder)
    columns = ["source", "chapter", "verdict", "computed", "notebook", "heading", "cell"]
    assert table[columns].to_numpy().tolist() == [
        ["A", 1, "wrong", True, "01_chapter.ipynb", "Chapter 1", "cell-1"],
        ["B", 2, "right", False, "02_chapter.ipynb", "Chapter 2", "cell-2"]]


def test_html_is_escaped_and_leads_to_the_cell(course):
    rows, folder = course
    rows["A1"]["claim"] = "a < b"
    shown = page.as_html(page.table(folder)).data
    assert "a &lt; b" in shown
    assert "a < b" not in shown
    assert '<a href="01_chapter.ipynb#cell-id=cell-1">01, Chapter 1</a>' in shown
    assert shown.count("<tr>") == 3
    assert "✗&nbsp;wrong" in shown
    assert "the paper, section 1" in shown


def test_claims_settled_in_several_places_and_lines(tmp_path):
    source = 'ah.cite_claim("A1",\n              "B2")\nah.check_claim(\n    "C3", 4)'
    cells = [nbformat.v4.new_markdown_cell("# One\n\ntext\n\n## Two"), nbformat.v4.new_code_cell(source, id="a"),
             nbformat.v4.new_markdown_cell("no heading"), nbformat.v4.new_code_cell('ah.cite_claim("A1")', id="b")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "05_five.ipynb")
    first, second = (("05_five.ipynb", "Two", name) for name in "ab")
    assert page.settled_in(tmp_path) == {"A1": [first, second], "B2": [first], "C3": [first]}


def test_the_closing_table_shows_each_claim_with_its_finding(rows):
    rows(Z1={"claimed": 3, "unit": "maps", "verdict": "right"},
         Z2={"verdict": "right", "primary": "the paper, section 3"})
    html = ledger.check_claims({"Z1": 3}, cited=("Z2",)).data
    assert html.count("<tr>") == 3
    assert "<b>Z1</b>" in html and "computed 3 maps. It is so." in html
    assert "It is so. Source: the paper, section 3." in html


def test_the_closing_table_refuses_what_check_claim_refuses(rows):
    rows(Z1={"claimed": 3, "verdict": "right"}, Z2={"verdict": "right", "primary": "the paper, section 3"})
    with pytest.raises(ledger.ClaimError, match="Z1"):
        ledger.check_claims({"Z1": 4})
    with pytest.raises(ValueError, match="Z2 is settled by its primary source"):
        ledger.check_claims({"Z2": 4})
    with pytest.raises(ValueError, match="Z1 is settled by a value"):
        ledger.check_claims({}, cited=("Z1",))


def test_claims_are_found_in_code():
    source = '%matplotlib inline\nah.check_claims({"A1": 2 * x, "B2": f(3)}, cited=("C3",))\nah.cite_claim("D4", "E5")'
    assert page.claims_in(source) == [("check_claim", "A1"), ("check_claim", "B2"), ("cite_claim", "C3"),
                                      ("cite_claim", "D4"), ("cite_claim", "E5")]
