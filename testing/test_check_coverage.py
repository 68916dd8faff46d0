"""One file with too few tests fails the gate, whatever the average."""

import json
from pathlib import Path

import pytest
from testing.check_coverage import main


def a_report(folder: Path, **percents: float) -> Path:
    files = {f"{name}.py": {"summary": {"percent_covered": percents[name]}} for name in percents}
    report = folder / "coverage.json"
    report.write_text(json.dumps({"files": files}))
    return report


def test_enough_of_every_file_passes(tmp_path: Path) -> None:
    assert main(a_report(tmp_path, one=80.0, other=100.0)) is None


def test_one_file_below_fails_and_is_named(tmp_path: Path) -> None:
    outcome = main(a_report(tmp_path, one=79.9, other=100.0))

    assert outcome is not None
    assert "one.py" in outcome
    assert "other.py" not in outcome


def test_a_report_of_nothing_fails(tmp_path: Path) -> None:
    outcome = main(a_report(tmp_path))

    assert outcome is not None
    assert "knows of no file" in outcome


def test_a_missing_report_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        main(tmp_path / "none.json")
