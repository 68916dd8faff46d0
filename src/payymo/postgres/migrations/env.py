"""What Alembic does with our migrations: run them on the connection that it is handed."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, Enum
from sqlalchemy.schema import SchemaItem

from payymo.postgres.core import Base

#: The queue's tables have no models here: they are Procrastinate's own.
QUEUE_PREFIX = "procrastinate_"


def is_ours(
    _item: SchemaItem, name: str | None, kind: str, _reflected: bool, _compare_to: SchemaItem | None
) -> bool:
    """Return whether Alembic should compare something in the database with the models."""
    return not (kind == "table" and name is not None and name.startswith(QUEUE_PREFIX))


def render_words(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Write a closed set of words as the text column that it is in the database.

    Its members are checked by the program alone: a new one needs no migration.
    """
    if kind == "type" and isinstance(item, Enum):
        return f"sa.String({item.length})"
    return False


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_object=is_ours,
    render_item=render_words,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
