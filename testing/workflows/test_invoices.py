"""Files of invoices on their way into the database."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from testing.factories import add_customer, add_invoice

from payymo.domain.enums import InvoiceFileFormat
from payymo.domain.errors import DuplicateError, InvalidInputError, NotFoundError
from payymo.postgres.reconciliation.models import Customer, Invoice, InvoiceImport
from payymo.postgres.reconciliation.operations.credits import list_credits
from payymo.postgres.reconciliation.operations.imports import get_import, list_imports
from payymo.postgres.reconciliation.operations.invoices import list_invoices
from payymo.postgres.tenancy import enter_tenant
from payymo.workflows.invoices import ImportReport, import_invoices

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACTOR = uuid4()
FILE = b"""number,customer_number,customer_name,customer_iban,currency,total,issue_date
INV-1,C-1,Example Ltd,DE89370400440532013000,EUR,119.00,2026-02-01
INV-2,C-1,Example plc,GB82WEST12345698765432,EUR,20.00,2026-02-02
INV-3,C-2,Second Ltd,,GBP,30.00,2026-02-03
"""


def take_in(session: Session, tenant_id: Any, content: bytes, **options: Any) -> ImportReport:
    given: dict[str, Any] = {
        "filename": "invoices.csv",
        "dry_run": False,
        "actor_id": ACTOR,
        "now": NOW,
    }
    return import_invoices(session, tenant_id, content=content, **given | options)


def counts(session: Session) -> tuple[int, ...]:
    return tuple(
        session.scalar(select(func.count()).select_from(model)) or 0
        for model in (Invoice, Customer, InvoiceImport)
    )


def test_a_file_brings_invoices_and_customers(session: Session, tenant_id: Any) -> None:
    known = add_customer(session, tenant_id, number="C-2", name="Second")

    report = take_in(session, tenant_id, FILE)

    assert (report.invoice_count, report.customer_count, report.dry_run) == (3, 1, False)
    assert report.import_id is not None
    record = get_import(session, tenant_id, report.import_id)
    assert (record.filename, record.invoice_count, record.created_by) == ("invoices.csv", 3, ACTOR)
    session.expire_all()
    invoices = {each.number: each for each in list_invoices(session, tenant_id).rows}
    assert {each.import_id for each in invoices.values()} == {report.import_id}
    assert invoices["INV-3"].customer_id == known.id
    customer = invoices["INV-1"].customer
    assert (customer.name, customer.ibans) == (
        "Example plc",
        ["DE89370400440532013000", "GB82WEST12345698765432"],
    )
    assert list_imports(session, tenant_id).total == 1


def test_a_dry_run_keeps_nothing(session: Session, tenant_id: Any) -> None:
    report = take_in(session, tenant_id, FILE, dry_run=True)

    assert (report.import_id, report.invoice_count, report.customer_count) == (None, 3, 2)
    assert counts(session) == (0, 0, 0)


def test_one_fault_keeps_the_whole_file_out(session: Session, tenant_id: Any) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        take_in(session, tenant_id, FILE.replace(b"30.00", b"none"))

    assert [problem.field for problem in refusal.value.problems] == ["line 4"]
    assert counts(session) == (0, 0, 0)


@pytest.mark.parametrize("dry_run", [True, False])
def test_known_numbers_are_named_line_by_line(
    session: Session, tenant_id: Any, dry_run: bool
) -> None:
    add_invoice(session, tenant_id, number="INV-2")
    before = counts(session)

    with pytest.raises(DuplicateError) as refusal:
        take_in(session, tenant_id, FILE, dry_run=dry_run)

    (problem,) = refusal.value.problems
    assert problem.field == "line 3"
    assert "INV-2" in problem.message
    assert counts(session) == before


def test_json_lines_are_taken_in_too(session: Session, tenant_id: Any) -> None:
    content = (
        b'{"number": "INV-1", "customer_name": "Example Ltd", "currency": "EUR",'
        b' "total": 12.5, "issue_date": "2026-02-01"}'
    )

    report = take_in(
        session, tenant_id, content, filename=None, file_format=InvoiceFileFormat.JSON_LINES
    )

    assert (report.invoice_count, report.customer_count) == (1, 1)


def test_another_tenant_finds_nothing_and_may_use_the_same_numbers(
    session: Session, tenant_id: Any, other_tenant_id: Any
) -> None:
    report = take_in(session, tenant_id, FILE)
    enter_tenant(session, other_tenant_id)
    session.expunge_all()

    assert list_imports(session, other_tenant_id).total == 0
    assert report.import_id is not None
    with pytest.raises(NotFoundError):
        get_import(session, other_tenant_id, report.import_id)
    assert take_in(session, other_tenant_id, FILE).invoice_count == 3


NOTES = b"""kind,number,corrects,customer_number,customer_name,currency,total,issue_date
invoice,INV-1,,C-1,Example Ltd,EUR,119.00,2026-02-01
Credit note,CN-1,INV-1,C-1,Example Ltd,EUR,19.00,2026-02-03
credit_note,CN-2,,C-1,Example Ltd,EUR,5.00,2026-02-04
"""


class TestCreditNotes:
    def test_they_settle_what_they_correct_and_are_credit_else(
        self, session: Session, tenant_id: Any
    ) -> None:
        tried = take_in(session, tenant_id, NOTES, dry_run=True)
        assert (tried.import_id, counts(session)) == (None, (0, 0, 0))

        report = take_in(session, tenant_id, NOTES)

        assert (report.invoice_count, report.credit_note_count) == (1, 2)
        assert (tried.invoice_count, tried.credit_note_count) == (1, 2)
        (invoice,) = list_invoices(session, tenant_id).rows
        assert (invoice.credited, invoice.balance) == (Decimal("19.00"), Decimal("100.00"))
        notes = {each.number: each for each in list_credits(session, tenant_id).rows}
        assert {number: note.balance for number, note in notes.items()} == {
            "CN-1": Decimal(0),
            "CN-2": Decimal("5.00"),
        }
        assert {note.import_id for note in notes.values()} == {report.import_id}

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_each_fault_is_named_by_its_line_and_nothing_is_kept(
        self, session: Session, tenant_id: Any, dry_run: bool
    ) -> None:
        faulty = NOTES + (
            b"credit_note,CN-3,INV-9,C-1,Example Ltd,EUR,1.00,2026-02-04\n"
            b"credit_note,CN-4,INV-1,C-2,Second Ltd,EUR,1.00,2026-02-04\n"
        )

        with session.begin_nested() as attempt:
            with pytest.raises(InvalidInputError) as refusal:
                take_in(session, tenant_id, faulty, dry_run=dry_run)
            attempt.rollback()

        assert [(each.field, each.message) for each in refusal.value.problems] == [
            ("line 5", "There is no invoice INV-9."),
            ("line 6", "A credit note corrects an invoice of its own customer."),
        ]
        assert counts(session) == (0, 0, 0)

    def test_what_cannot_be_read_is_named_by_its_line(
        self, session: Session, tenant_id: Any
    ) -> None:
        faulty = NOTES.replace(b"Credit note", b"Reminder")

        with pytest.raises(InvalidInputError) as refusal:
            take_in(session, tenant_id, faulty)

        assert [(each.field, each.message) for each in refusal.value.problems] == [
            ("line 3", "Kind: Write invoice or credit_note."),
        ]

        with pytest.raises(InvalidInputError) as refusal:
            take_in(session, tenant_id, NOTES.replace(b"Credit note", b"invoice"))

        assert [(each.field, each.message) for each in refusal.value.problems] == [
            (
                "line 3",
                "Only a credit note corrects an invoice: say so with the kind credit_note.",
            ),
        ]
