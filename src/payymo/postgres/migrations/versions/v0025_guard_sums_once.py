"""Guard the sums of settlement with one piece of SQL, which says each rule once."""

from alembic import op

from payymo.postgres.migrations.sql import read_sql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the functions; the rules and the triggers are the same as before."""
    connection = op.get_bind().execution_options(no_parameters=True)
    connection.exec_driver_sql(read_sql("settlement_guard.sql"))
