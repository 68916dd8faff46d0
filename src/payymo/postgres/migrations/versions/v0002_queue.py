"""The queue's tables and functions, as Procrastinate 3.10 ships them.

The copy stands beside this file's folder: a step must not change with the installed package.
"""

from alembic import op

from payymo.postgres.migrations.sql import read_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the queue."""
    # Without parameters the driver takes many statements at once, and "%" means itself.
    connection = op.get_bind().execution_options(no_parameters=True)
    connection.exec_driver_sql(read_sql("procrastinate_3_10.sql"))
