"""Reading what was recorded."""

import numpy as np
import pytest

from alexnet_helpers import recorded


class Malicious:
    def __reduce__(self):
        return print, ("code from the file ran",)


def test_code_in_a_file_of_filters_is_not_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    np.savez(tmp_path / "filters.npz", **{"one tower": np.array([Malicious()], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        recorded.load_filters()
    assert capsys.readouterr().out == ""


def test_trials_are_read_as_a_comparison():
    record = {"runs": {"plain SGD; 0.1; 3": {"test accuracy": 0.7}},
              "tuning": {"all three; 0.03; 100": {"held-out accuracy": None}}}
    assert recorded.trials(record).to_dict("records") == [
        {"arm": "plain SGD", "rate": 0.1, "seed": 3, "test accuracy": 0.7}]
    assert recorded.trials(record, "tuning")["held-out accuracy"].isna().all()
