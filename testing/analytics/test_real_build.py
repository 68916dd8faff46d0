"""What dbt builds and describes can be asked: each tenant gets the own rows of every dataset."""

import random
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.orm import sessionmaker
from testing.factories import add_tenant
from testing.marts import described_marts
from testing.workflows.test_warehouse import Builder, change_at_random

from payymo.analytics.datasets import MART
from payymo.analytics.parameters import read_question
from payymo.analytics.queries import quoted
from payymo.analytics.reading import open_reader
from payymo.analytics.warehouse import Warehouse
from payymo.postgres.core import create_app_engine
from payymo.postgres.tenancy import tenant_transaction


@pytest.mark.timeout(900)
def test_each_tenant_gets_the_own_rows_of_every_dataset(database: str, tmp_path: Path) -> None:
    engine = create_app_engine(database)
    books = sessionmaker(engine, expire_on_commit=False)
    with books.begin() as session:
        tenants = [add_tenant(session, name) for name in ("First", "Second")]
    for tenant_id in tenants:
        with tenant_transaction(books, tenant_id) as session:
            change_at_random(random.Random(3), session, tenant_id)
    engine.dispose()
    builder = Builder(database, tmp_path)
    builder.build()
    warehouse, now = Warehouse(tmp_path), datetime.now(UTC)

    counts: dict[str, list[int]] = {}
    for tenant_id in (*tenants, UUID(int=9)):
        with open_reader(warehouse, tenant_id, now=now) as reader:
            for name, dataset in reader.catalogue.datasets.items():
                rows = reader.rows(read_question(dataset, {}))
                counts.setdefault(name, []).append(len(rows))
                assert all(row.keys() == dataset.columns.keys() for row in rows)

    assert counts.keys() == described_marts().keys()
    for name, (first, second, nobody) in counts.items():
        ((total,),) = builder.rows(f"select count(*) from {MART}.{quoted(name)}")
        if name == "dim_dates":
            assert first == second == nobody == total
        else:
            assert (first + second, nobody) == (total, 0)
    assert counts["fct_transactions"][0] > 0 < counts["fct_transactions"][1]
