"""The ledger: how a verdict follows from a value, and that every row of claims.toml is sound and settled."""

import re
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from alexnet_helpers import claims
from alexnet_helpers.claims import ClaimError, check_claim, cite_claim, verdict_of

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FIELDS = {"where", "chapter", "claim", "claimed", "unit", "rounding", "near", "measured", "verdict", "truth", "primary"}


@pytest.mark.parametrize(("claimed", "value", "extra", "verdict"), [
    (55, 55, {}, "exact"),
    (55, 55.0, {}, "exact"),
    (55, 54, {}, "wrong"),
    (0.0, 1e-12, {}, "wrong"),
    (15.3, 15.315, {"rounding": 0.05}, "exact"),
    (15.3, 15.36, {"rounding": 0.05}, "wrong"),
    (60, 61, {"near": [59, 61]}, "approximate"),
    (60, 61.01, {"near": [59, 61]}, "wrong"),
    (60, 60, {"near": [61, 62]}, "exact"),
    (True, True, {}, "exact"),
    (True, False, {}, "wrong"),
    ("memory", "memory", {}, "exact"),
    ("speed", "memory", {"near": ["memory"]}, "approximate"),
    ("speed", "looks", {"near": ["memory"]}, "wrong"),
    ([256, 5, 5], [256, 5, 5], {}, "exact"),
    ([256, 5, 5], [256, 6, 6], {"near": [[256, 6, 6]]}, "approximate"),
    ([256, 5, 5], [256, 5], {}, "wrong"),
    ([[11, 4], [5, 1]], [[11, 4], [5, 1]], {}, "exact"),
    ([[11, 4], [5, 1]], [[11, 4], [5, 2]], {}, "wrong"),
    ([0.25, 1.0], [0.2499, 1.0], {"rounding": 0.001}, "exact"),
    (1, True, {}, "wrong"),                      # a truth value is no number, nor the other way round
    (True, 1, {}, "wrong"),
    ([1, 0], [True, False], {}, "wrong"),
    ("1", 1, {}, "wrong"),
    (1, [1], {}, "wrong"),
])
def test_verdict(claimed, value, extra, verdict):
    assert verdict_of({"claimed": claimed, **extra}, value) == verdict


@pytest.fixture
def rows(monkeypatch):
    """A ledger made for the test: call it with rows by id."""
    def put(**new):
        filled = {name: {"claim": "one thing", "truth": "It is so.", **row} for name, row in new.items()}
        monkeypatch.setattr(claims, "ledger", lambda: filled)
    return put


@pytest.mark.parametrize("value", [
    torch.tensor(3), torch.tensor(3.0), np.int64(3), np.float32(3), torch.ones(3).sum()])
def test_tensors_and_numpy_scalars_count_as_numbers(rows, capsys, value):
    rows(Z1={"claimed": 3, "verdict": "exact"})
    check_claim("Z1", value)
    assert "EXACT" in capsys.readouterr().out


@pytest.mark.parametrize("value", [torch.Size([1, 2]), (1, 2), torch.tensor([1, 2]), np.array([1, 2]), [np.int8(1), 2]])
def test_shapes_tuples_and_arrays_count_as_lists(rows, value):
    rows(Z1={"claimed": [1, 2], "verdict": "exact"})
    check_claim("Z1", value)


def test_prints_claim_value_verdict_and_truth(rows, capsys):
    rows(Z1={"claimed": 15.315, "unit": "%", "near": [15, 17], "verdict": "approximate"})
    check_claim("Z1", 16.0)
    printed = " ".join(capsys.readouterr().out.split())
    assert printed == "Z1 APPROXIMATE one thing claimed 15.315 %; computed 16 %. It is so."


def test_measured_value_is_not_printed(rows, capsys):
    rows(Z1={"claimed": 1, "verdict": "wrong", "measured": True})
    check_claim("Z1", 777)
    assert "777" not in capsys.readouterr().out


@pytest.mark.parametrize(("written", "value"), [("exact", 4), ("wrong", 3), ("approximate", 3), ("approximate", 9)])
def test_value_that_contradicts_the_verdict(rows, written, value):
    rows(Z1={"claimed": 3, "near": [2, 5], "verdict": written})
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


def test_unsettled_claim_takes_no_value(rows):
    rows(Z1={"verdict": "unsettled", "primary": "a letter"})
    with pytest.raises(ValueError, match="Z1 is unsettled"):
        check_claim("Z1", 3)


def test_claim_that_a_primary_source_settles_takes_no_value(rows):
    rows(Z1={"verdict": "exact", "primary": "the paper, section 3"})
    with pytest.raises(ValueError, match="the paper, section 3"):
        check_claim("Z1", 3)


def test_cites_what_only_a_source_can_settle(rows, capsys):
    rows(Z1={"verdict": "exact", "primary": "the paper, section 3"}, Z2={"verdict": "unsettled", "primary": "none"})
    cite_claim("Z1", "Z2")
    printed = " ".join(capsys.readouterr().out.split())
    assert printed == ("Z1 EXACT one thing It is so. Source: the paper, section 3. "
                       "Z2 UNSETTLED one thing It is so. Source: none.")


def test_does_not_cite_what_a_cell_has_to_settle(rows):
    rows(Z1={"verdict": "exact", "claimed": 3, "primary": "the paper"})
    with pytest.raises(ValueError, match="Z1 is settled by a value"):
        cite_claim("Z1")
    with pytest.raises(KeyError, match="no claim Z9"):
        cite_claim("Z9")


# ---------------------------------------------------------------------------------------------------------------
# claims.toml as it stands

DOCUMENT = tomllib.loads(claims.LEDGER.read_text(encoding="utf-8"))
ROWS = DOCUMENT["claims"]


@pytest.mark.parametrize("claim_id", ROWS)
def test_row_is_well_formed(claim_id):
    row = ROWS[claim_id]
    assert not set(row) - FIELDS, "unknown fields"
    assert re.fullmatch(r"[A-Z]\d+[a-z]?", claim_id)
    assert claim_id[0] in DOCUMENT["sources"]
    assert row["verdict"] in claims.VERDICTS
    assert row["chapter"] in range(1, 9)
    for text in ("where", "claim", "truth"):
        assert isinstance(row[text], str)
        assert row[text].strip() == row[text] != ""
    if row["verdict"] == "unsettled" or "claimed" not in row:
        assert row.get("primary"), "what no cell settles needs its primary source"
    if "claimed" not in row:
        assert not {"near", "rounding", "unit", "measured"} & set(row), "these describe `claimed`"
    else:
        assert claims.kind(row["claimed"]) in claims.KINDS
        assert row.get("rounding", 0) >= 0
        assert isinstance(row.get("measured", False), bool)
        near = row.get("near", [])
        if near and claims.kind(row["claimed"]) == "a number":
            low, high = near
            assert low <= high
        else:
            assert all(claims.kind(value) == claims.kind(row["claimed"]) for value in near)
        # A verdict that no value could give is a mistake in the row.
        assert row["verdict"] != "approximate" or near


def test_ids_stand_in_order_within_each_chapter():
    for chapter in range(1, 9):
        ids = [(name[0], int(re.sub(r"\D", "", name)), name) for name, row in ROWS.items() if row["chapter"] == chapter]
        assert ids == sorted(ids)


def checked_in_notebooks() -> dict[str, set[int]]:
    """Claim id -> chapters whose code cells hand a value to check_claim for it."""
    found: dict[str, set[int]] = {}
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                for claim_id in re.findall(r"check_claim\(\s*[\"'](\w+)[\"']", cell.source):
                    found.setdefault(claim_id, set()).add(int(path.name[:2]))
    return found


def unsound(rows: dict[str, dict], checked: dict[str, set[int]], chapters: set[int]) -> list[str]:
    """What is wrong between the ledger and the notebooks, a line each; nothing if all is well."""
    lines = []
    for claim_id, row in rows.items():
        if row["chapter"] not in chapters:
            lines.append(f"{claim_id} belongs to chapter {row['chapter']}, which has no notebook")
        elif claim_id not in checked and not row.get("primary"):
            lines.append(f"{claim_id} is checked by no notebook and settled by no primary source")
    lines += [f"{claim_id} is checked in chapter {min(where)}, but the ledger lacks it"
              for claim_id, where in checked.items() if claim_id not in rows]
    return lines


def test_every_claim_is_settled():
    chapters = {int(path.name[:2]) for path in NOTEBOOKS.glob("[0-9]*.ipynb")}
    assert unsound(ROWS, checked_in_notebooks(), chapters) == []


def test_claims_that_nothing_settles_are_listed():
    row = {"chapter": 2, "verdict": "exact"}
    rows = {"A1": row | {"claimed": 1}, "A2": row | {"primary": "p"}, "A3": row | {"chapter": 5},
            "A4": row | {"claimed": 1, "primary": "p"}, "A5": row | {"claimed": 1}, "A6": {"chapter": 2}}
    lines = unsound(rows, checked={"A5": {2}, "A9": {2}}, chapters={2})
    assert [line[:2] for line in lines] == ["A1", "A3", "A6", "A9"]
