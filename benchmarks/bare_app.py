"""The least that a FastAPI endpoint can do for a page of transactions: the SQL, and the bytes.

It runs the statements that the API's own list runs, recorded once at the start, over an engine of
the same kind, in one transaction for a tenant, and returns the bytes that the API returned. It
checks no token, reads no query, presents no row and logs nothing.
"""

import os
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Response
from sqlalchemy import Engine, event

from payymo.domain.enums import TransactionSort
from payymo.postgres.common.operations.transactions import TransactionFilter, list_transactions
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.tenancy import tenant_transaction

PER_PAGE = 50


def create() -> FastAPI:
    """Return the bare application; what it serves is named by its environment."""
    engine = create_app_engine(os.environ["BENCH_DATABASE_URL"])
    statements = _record_statements(engine, UUID(os.environ["BENCH_TENANT_ID"]))
    body = Path(os.environ["BENCH_BODY"]).read_bytes()
    app = FastAPI()

    @app.get("/bare")
    def bare() -> Response:
        with engine.begin() as connection:
            for statement, parameters in statements:
                connection.exec_driver_sql(statement, parameters).fetchall()
        return Response(body, media_type="application/json")

    return app


def _record_statements(engine: Engine, tenant_id: UUID) -> list[tuple[str, Any]]:
    """Return what the list sends to the database, as it sends it."""
    statements: list[tuple[str, Any]] = []

    def record(
        _connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object
    ) -> None:
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", record)
    with tenant_transaction(create_sessions(engine), tenant_id) as session:
        list_transactions(
            session,
            tenant_id,
            TransactionFilter(),
            sort=TransactionSort.NEWEST_FIRST,
            page=1,
            per_page=PER_PAGE,
        )
    event.remove(engine, "before_cursor_execute", record)
    return statements
