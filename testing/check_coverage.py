"""See that the tests reach enough of every single file: an average would hide the worst.

``python testing/check_coverage.py .coverage.json`` reads the JSON report of coverage.py.
"""

import json
import sys
from pathlib import Path

PERCENT_MIN = 80


def main(report: Path) -> str | None:
    """Return which files are reached too little, if any.

    :param report: Report of coverage.py, in JSON.
    """
    files = json.loads(report.read_text())["files"]
    percents = {name: file["summary"]["percent_covered"] for name, file in files.items()}
    if not percents:
        return f"{report} knows of no file: run the tests with --cov first."
    wanting = {name: percent for name, percent in percents.items() if percent < PERCENT_MIN}
    if wanting:
        lines = [f"  {percent:5.1f} %  {name}" for name, percent in sorted(wanting.items())]
        return "\n".join([f"Tests reach less than {PERCENT_MIN} % of:", *lines])
    return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
