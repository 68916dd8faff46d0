"""Compare the models with the migrations, or draft the next migration, on a database of its own.

``python tools/migrations.py check`` fails when a model says what no migration does;
``python tools/migrations.py draft "Add a thing"`` writes the migration that does it.
"""

import sys
import tempfile
from pathlib import Path

from payymo.postgres.embedded import embedded_server
from payymo.postgres.schema import compare_models, draft_migration, init_database


def main(*arguments: str) -> str | None:
    """Do what the command line asks; return what is wrong, if anything."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_server(Path(folder) / "server", settings={"fsync": "off"}) as server,
    ):
        init_database(server.url())
        match arguments:
            case ["check"]:
                return compare_models(server.url())
            case ["draft", message]:
                draft_migration(server.url(), message)
                return None
            case _:
                return __doc__


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
