"""A published warehouse with rows of two tenants."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from testing.marts import publish

from payymo.analytics.warehouse import Warehouse
from payymo.api.services import ApiServices

ACCOUNT = UUID("00000000-0000-0000-0000-00000000000a")
SAVINGS = UUID("00000000-0000-0000-0000-00000000000b")
THEIR_ACCOUNT = UUID("00000000-0000-0000-0000-00000000000c")


def a_month(
    tenant_id: UUID, start: date, money_in: str, money_out: str, **values: object
) -> Mapping[str, object]:
    came, went = Decimal(money_in), Decimal(money_out)
    return {
        "tenant_id": tenant_id,
        "account_id": ACCOUNT,
        "currency": "EUR",
        "month_start_date": start,
        "money_in": came,
        "money_out": went,
        "net_cash_flow": came - went,
        "incoming_count": 2,
        "outgoing_count": 3,
    } | values


def a_transaction(
    tenant_id: UUID, number: int, amount: str, **values: object
) -> Mapping[str, object]:
    return {
        "tenant_id": tenant_id,
        "transaction_id": UUID(int=number),
        "account_id": ACCOUNT,
        "account_name": "Main",
        "institution_id": UUID(int=1),
        "institution_name": "Example Bank",
        "transaction_date": date(2026, 2, number),
        "transaction_status": "booked",
        "direction": "credit" if Decimal(amount) > 0 else "debit",
        "amount": Decimal(amount),
        "currency": "EUR",
        "match_status": "unmatched",
        "invoiced_amount": 0,
        "credited_amount": 0,
        "refunded_amount": 0,
        "unallocated_amount": Decimal(amount),
        "is_missing_at_bank": False,
        "created_at": datetime(2026, 2, number, 9, 30, tzinfo=UTC),
        "updated_at": datetime(2026, 2, number, 9, 30, tzinfo=UTC),
    } | values


def the_rows(mine: UUID, theirs: UUID) -> Mapping[str, Sequence[Mapping[str, object]]]:
    """Return rows of one tenant, and of another who has the same accounts and more money."""
    january, february = date(2026, 1, 1), date(2026, 2, 1)
    return {
        "fct_monthly_cash_flow": [
            a_month(mine, january, "100.00", "40.50"),
            a_month(mine, january, "10.00", "0.00", account_id=SAVINGS),
            a_month(mine, february, "0.1", "0.2"),
            a_month(mine, february, "5000", "3000", currency="JPY"),
            a_month(theirs, january, "999999.99", "0.00"),
            a_month(theirs, february, "888.88", "0.00", account_id=THEIR_ACCOUNT),
        ],
        "fct_transactions": [
            a_transaction(mine, 1, "250.00", payee="Müller & Söhne"),
            a_transaction(mine, 2, "-40.50", payee="=HYPERLINK(1)", category_name="rent"),
            a_transaction(mine, 3, "1200", currency="JPY", payee="Tokyo"),
            a_transaction(theirs, 4, "7777.77", payee="Their secret customer"),
        ],
        "dim_dates": [
            {"calendar_date": date(2026, 2, day), "iso_weekday": 1} for day in range(1, 29)
        ],
    }


@pytest.fixture
def warehouse(services: ApiServices, tenant_id: UUID, other_tenant_id: UUID) -> Warehouse:
    return publish(services.warehouse.folder, the_rows(tenant_id, other_tenant_id))
