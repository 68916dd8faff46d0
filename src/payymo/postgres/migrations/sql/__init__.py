"""SQL that is better read as SQL."""

from pathlib import Path


def read_sql(name: str) -> str:
    """Return the text of one of the files beside this one.

    :param name: Name of the file.
    """
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
