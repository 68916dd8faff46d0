"""Taking a file of invoices in: all of it, or nothing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import DocumentKind, InvoiceFileFormat
from payymo.domain.errors import DuplicateError, InvalidInputError, Problem, RuleError
from payymo.postgres.reconciliation.operations.credits import (
    CreditNoteValues,
    create_credit_note,
)
from payymo.postgres.reconciliation.operations.customers import (
    CustomerValues,
    find_customer_ids,
    record_customers,
)
from payymo.postgres.reconciliation.operations.imports import record_import
from payymo.postgres.reconciliation.operations.invoices import (
    InvoiceValues,
    find_invoice_ids,
    find_invoice_numbers,
    record_invoices,
)
from payymo.workflows.invoice_files import InvoiceRow, limit_problems, read_invoice_file


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a file of invoices brought, or would bring.

    :ivar import_id: Record of the import; ``None`` after a dry run, which keeps nothing.
    :ivar invoice_count: Invoices in the file, all of them new.
    :ivar credit_note_count: Credit notes in the file, all of them new.
    :ivar customer_count: Customers that were new.
    """

    import_id: UUID | None
    dry_run: bool
    filename: str | None
    invoice_count: int
    credit_note_count: int
    customer_count: int


def import_invoices(
    session: Session,
    tenant_id: UUID,
    *,
    content: bytes,
    filename: str | None,
    file_format: InvoiceFileFormat | None = None,
    dry_run: bool,
    actor_id: UUID | None,
    now: datetime,
) -> ImportReport:
    """Take a file of invoices in, and say what it brought.

    Customers are found by their numbers; new ones are added, known ones completed. A credit note
    that names an invoice, of the file or known, settles it; it is the customer's credit else.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose invoices they are.
    :param content: The file.
    :param filename: Its name, where known.
    :param file_format: How it is written; ``None`` to tell from name and content.
    :param dry_run: Only check, and say what it would bring.
    :param actor_id: User who sends it.
    :param now: Present time.
    :raises InvalidInputError: If anything in the file is wrong, with a problem for each fault;
        nothing is kept then.
    :raises DuplicateError: If invoices have some of the numbers already; nothing is kept then.
    """
    rows = read_invoice_file(content, filename=filename, file_format=file_format)
    _refuse_known_numbers(session, tenant_id, rows)
    notes = [row for row in rows if row.kind is DocumentKind.CREDIT_NOTE]
    customers = _customers(rows)
    known = find_customer_ids(session, tenant_id, [customer.number for customer in customers])
    report = ImportReport(
        import_id=None,
        dry_run=dry_run,
        filename=filename,
        invoice_count=len(rows) - len(notes),
        credit_note_count=len(notes),
        customer_count=len(customers) - len(known),
    )
    if dry_run and not notes:
        return report

    # What a credit note may correct is known only when it was tried.
    with session.begin_nested() as attempt:
        import_id = _write(
            session,
            tenant_id,
            rows,
            customers,
            report,
            content_hash=hashlib.sha256(content).digest(),
            actor_id=actor_id,
            now=now,
        )
        if dry_run:
            attempt.rollback()
            return report
    return replace(report, import_id=import_id)


def _write(
    session: Session,
    tenant_id: UUID,
    rows: Sequence[InvoiceRow],
    customers: Sequence[CustomerValues],
    report: ImportReport,
    *,
    content_hash: bytes,
    actor_id: UUID | None,
    now: datetime,
) -> UUID:
    """Write what a file holds, and return the record of the import."""
    record = record_import(
        session,
        tenant_id,
        filename=report.filename,
        content_hash=content_hash,
        invoice_count=report.invoice_count,
        customer_count=report.customer_count,
        actor_id=actor_id,
        now=now,
    )
    customer_ids = record_customers(session, tenant_id, customers)
    invoices = [
        InvoiceValues(
            customer_id=customer_ids[row.customer_number],
            number=row.number,
            currency=row.currency,
            total=row.total,
            issue_date=row.issue_date,
            due_date=row.due_date,
            structured_reference=row.structured_reference,
            note=row.note,
        )
        for row in rows
        if row.kind is DocumentKind.INVOICE
    ]
    record_invoices(session, tenant_id, invoices, import_id=record.id)
    notes = [row for row in rows if row.kind is DocumentKind.CREDIT_NOTE]
    corrected = find_invoice_ids(session, tenant_id, {row.corrects or "" for row in notes})
    problems = []
    for row in notes:
        if row.corrects is not None and row.corrects not in corrected:
            problems.append(Problem(f"line {row.line}", f"There is no invoice {row.corrects}."))
            continue
        values = CreditNoteValues(
            customer_id=customer_ids[row.customer_number],
            number=row.number,
            currency=row.currency,
            total=row.total,
            issue_date=row.issue_date,
            invoice_id=corrected[row.corrects] if row.corrects is not None else None,
            note=row.note,
        )
        try:
            create_credit_note(
                session, tenant_id, values, import_id=record.id, actor_id=actor_id, now=now
            )
        except (DuplicateError, RuleError) as error:
            problems.append(Problem(f"line {row.line}", error.message))
    if problems:
        raise InvalidInputError(
            "The file is not valid: nothing was imported.", problems=limit_problems(problems)
        )
    return record.id


def _refuse_known_numbers(session: Session, tenant_id: UUID, rows: Sequence[InvoiceRow]) -> None:
    taken = find_invoice_numbers(session, tenant_id, [row.number for row in rows])
    problems = [
        Problem(
            f"line {row.line}",
            f"There is an invoice {row.number} already: remove the line or change its number.",
        )
        for row in rows
        if row.number in taken
    ]
    if problems:
        raise DuplicateError(
            "The file holds invoices that are known already: nothing was imported.",
            problems=limit_problems(problems),
        )


def _customers(rows: Sequence[InvoiceRow]) -> Sequence[CustomerValues]:
    """Return each customer of a file once: its last name, and all that any line says of it."""
    customers: dict[str, CustomerValues] = {}
    for row in rows:
        before = customers.get(row.customer_number)
        known_ibans = before.ibans if before else ()
        customers[row.customer_number] = CustomerValues(
            number=row.customer_number,
            name=row.customer_name,
            email=row.customer_email or (before.email if before else None),
            country=row.customer_country or (before.country if before else None),
            ibans=tuple(dict.fromkeys([*known_ibans, *row.customer_ibans])),
        )
    return tuple(customers.values())
