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
