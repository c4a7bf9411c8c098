"""The list of deliberate faults fits the package as it is, so that `make faults` can put each of them in."""

from pathlib import Path

import inject_faults
import pytest

PACKAGE = Path(inject_faults.PROJECT) / "alexnet_helpers"
FAULTS = inject_faults.faults()


@pytest.mark.parametrize("fault", FAULTS, ids=[fault["name"] for fault in FAULTS])
def test_fault_can_be_put_in(fault):
    source = (PACKAGE / fault["file"]).read_text(encoding="utf-8")
    changed = inject_faults.faulty(fault, source)              # raises unless the old text stands there once
    assert changed != source
    compile(changed, fault["file"], "exec")
    assert fault["tests"] and all((Path(__file__).parent / test).is_file() for test in fault["tests"])
    assert set(fault) <= {"name", "file", "old", "new", "tests", "survives"}


def test_faults_are_many_and_in_all_corners():
    assert len(FAULTS) == len({fault["name"] for fault in FAULTS}) >= 50
    assert len({fault["file"] for fault in FAULTS}) >= 20


def test_text_that_stands_twice_is_refused():
    fault = {"name": "twice", "file": "x.py", "old": "a", "new": "b"}
    for source, times in (("a a", 2), ("c", 0)):
        with pytest.raises(ValueError, match=f"twice: the old text stands {times} times in x.py"):
            inject_faults.faulty(fault, source)
