"""Laws of identity, as SQL over what is stored: each query finds the rows that break its law.

The ledger keeps them by construction; a check that reads the tables alone would see a fault of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

IDENTITY_LAWS: Final[Mapping[str, str]] = {
    # Two rows with one payload are the same purchase, counted twice.
    "no_two_rows_have_one_payload": """
        SELECT transactions.id FROM transactions
        JOIN transactions AS twin ON twin.tenant_id = transactions.tenant_id
            AND twin.raw_id = transactions.raw_id AND twin.id <> transactions.id
            AND twin.status IN ('pending', 'booked')
        WHERE transactions.tenant_id = :tenant_id AND transactions.status IN ('pending', 'booked')
    """,
    "no_two_rows_have_one_identity": """
        SELECT transactions.id FROM transactions
        JOIN transactions AS twin ON twin.tenant_id = transactions.tenant_id
            AND twin.account_id = transactions.account_id
            AND twin.fingerprint = transactions.fingerprint
            AND twin.occurrence = transactions.occurrence
            AND twin.status = transactions.status AND twin.id <> transactions.id
        WHERE transactions.tenant_id = :tenant_id AND transactions.status IN ('pending', 'booked')
    """,
    "every_row_has_a_payload_that_speaks_of_it": """
        SELECT transactions.id FROM transactions
        LEFT JOIN gc_transactions AS raw ON raw.tenant_id = transactions.tenant_id
            AND raw.id = transactions.raw_id AND raw.account_id = transactions.account_id
            AND raw.transaction_id = transactions.id
        WHERE transactions.tenant_id = :tenant_id AND transactions.status IN ('pending', 'booked')
            AND raw.id IS NULL
    """,
    "a_row_gives_way_only_to_one_of_its_account": """
        SELECT transactions.id FROM transactions
        JOIN transactions AS successor ON successor.tenant_id = transactions.tenant_id
            AND successor.id = transactions.superseded_by
        WHERE transactions.tenant_id = :tenant_id AND (
            successor.account_id <> transactions.account_id
            OR successor.id = transactions.id
            OR transactions.status <> 'superseded'
        )
    """,
}

_COUNT: Final = """
    SELECT count(DISTINCT id) AS row_count,
        (array_agg(DISTINCT id))[1:CAST(:examples_max AS integer)] AS examples
    FROM broken
"""


@dataclass(frozen=True, slots=True)
class Breach:
    """How often a law is broken.

    :ivar count: Transactions that break it.
    :ivar examples: Ids of some of them.
    """

    count: int
    examples: tuple[UUID, ...]


def find_breaches(session: Session, tenant_id: UUID, *, examples_max: int) -> Mapping[str, Breach]:
    """Return how often each law of identity is broken by the tenant's transactions.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose rows are looked at.
    :param examples_max: How many rows are named of each law.
    """
    found: dict[str, Breach] = {}
    for law, query in IDENTITY_LAWS.items():
        statement = f"WITH broken AS ({query}) {_COUNT}"
        parameters = {"tenant_id": tenant_id, "examples_max": examples_max}
        row = session.execute(text(statement), parameters).one()
        found[law] = Breach(row.row_count, tuple(row.examples or ()))
    return found
