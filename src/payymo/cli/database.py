"""``payymo db``: the database's set-up and its upgrades."""

import typer

from payymo.access import open_database, read_revision
from payymo.cli.terminal import JsonOption, out, print_json
from payymo.postgres.core import create_owner_engine, create_sessions
from payymo.postgres.schema import init_database, latest_revision, upgrade_database
from payymo.settings import load_settings

app = typer.Typer(
    help="Set up and upgrade the database.", no_args_is_help=True, add_completion=False
)


@app.command()
def init() -> None:
    """Make the roles and the tables; safe to repeat."""
    with open_database(load_settings()) as url:
        init_database(url)
    out.print(f"The database is set up, at revision {latest_revision()}.")


@app.command()
def upgrade() -> None:
    """Bring the tables to this version; safe to repeat, and beside a running server."""
    settings = load_settings()
    with open_database(settings) as url:
        if settings.database_url is None:
            init_database(url)
        else:
            upgrade_database(url)
    out.print(f"The database is at revision {latest_revision()}.")


@app.command()
def status(*, json: JsonOption = False) -> None:
    """Say which revision the database is at, and which this version needs."""
    with open_database(load_settings()) as url:
        engine = create_owner_engine(url)
        try:
            revision = read_revision(create_sessions(engine))
        finally:
            engine.dispose()
    if json:
        print_json({"revision": revision, "latest": latest_revision()})
    else:
        out.print(f"At revision {revision or 'none'}; this version needs {latest_revision()}.")
