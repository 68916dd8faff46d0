"""What the API says of invoices and of files of invoices."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self, TypedDict
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, with_config

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import (
    AmountIn,
    AmountOut,
    CurrencyIn,
    DateIn,
    LongText,
    PositiveAmountIn,
    ShortText,
    refuse,
)
from payymo.domain.enums import InvoiceStatus
from payymo.domain.money import format_amount
from payymo.postgres.reconciliation.models import Invoice
from payymo.postgres.reconciliation.operations.invoices import InvoiceFilter

Number = Annotated[
    ShortText, Field(description="Your own number; unique.", examples=["INV-2026-0042"])
]
Currency = Annotated[CurrencyIn, Field(description="ISO 4217 code.", examples=["EUR"])]
Total = Annotated[PositiveAmountIn, Field(description="What was invoiced.", examples=["1190.00"])]
IssueDate = Annotated[DateIn, Field(examples=["2026-02-01"])]
DueDate = Annotated[DateIn | None, Field(examples=["2026-03-03"])]
StructuredReference = Annotated[
    ShortText | None,
    Field(description="Creditor reference printed on it.", examples=["RF18539007547034"]),
]
Note = Annotated[LongText | None, Field(examples=["Agreed to pay in two parts."])]


class InvoiceRead(ResponseModel):
    """Money that a customer owes, and how much of it came."""

    id: UUID
    number: Annotated[str, Field(examples=["INV-2026-0042"])]
    customer_id: UUID
    customer_number: Annotated[str, Field(examples=["C-1001"])]
    customer_name: Annotated[str, Field(examples=["Example Ltd"])]
    currency: Annotated[str, Field(examples=["EUR"])]
    total: Annotated[AmountOut, Field(examples=["1190.00"])]
    allocated: Annotated[AmountOut, Field(description="What payments paid of it.")]
    adjusted: Annotated[
        AmountOut, Field(description="What fees, discounts and write-offs settled of it.")
    ]
    credited: Annotated[AmountOut, Field(description="What the customer's credit settled of it.")]
    balance: Annotated[AmountOut, Field(description="What is left to pay.")]
    status: InvoiceStatus
    is_overdue: Annotated[
        bool, Field(description="Whether something is left to pay after the due date.")
    ]
    issue_date: date
    due_date: date | None
    structured_reference: str | None
    note: str | None
    import_id: Annotated[UUID | None, Field(description="The import that brought it, if one did.")]
    voided_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, invoice: Invoice, *, today: date) -> Self:
        """Present an invoice.

        :param invoice: Row, with its customer and what the database computed.
        :param today: Day on which to judge whether it is overdue.
        """
        is_unpaid = invoice.status in {InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID}
        return cls(
            id=invoice.id,
            number=invoice.number,
            customer_id=invoice.customer_id,
            customer_number=invoice.customer.number,
            customer_name=invoice.customer.name,
            currency=invoice.currency,
            total=format_amount(invoice.total, invoice.currency),
            allocated=format_amount(invoice.allocated, invoice.currency),
            adjusted=format_amount(invoice.adjusted, invoice.currency),
            credited=format_amount(invoice.credited, invoice.currency),
            balance=format_amount(invoice.balance, invoice.currency),
            status=invoice.status,
            is_overdue=is_unpaid and invoice.due_date is not None and invoice.due_date < today,
            issue_date=invoice.issue_date,
            due_date=invoice.due_date,
            structured_reference=invoice.structured_reference,
            note=invoice.note,
            import_id=invoice.import_id,
            voided_at=invoice.voided_at,
            created_at=invoice.created_at,
            updated_at=invoice.updated_at,
        )


class InvoiceCreate(RequestModel):
    """A new invoice."""

    customer_id: UUID
    number: Number
    currency: Currency
    total: Total
    issue_date: IssueDate
    due_date: DueDate = None
    structured_reference: StructuredReference = None
    note: Note = None


@with_config(ConfigDict(extra="forbid"))
class InvoiceUpdate(TypedDict, total=False):
    """What to change of an invoice: what is left out stays, null clears."""

    customer_id: UUID
    number: Number
    currency: Currency
    total: Total
    issue_date: IssueDate
    due_date: DueDate
    structured_reference: StructuredReference
    note: Note
    status: Annotated[
        Literal[InvoiceStatus.VOID],
        Field(description="Voids the invoice: possible while nothing of it is settled."),
    ]


class InvoiceQuery(BaseModel):
    """Which invoices to list; all that is given must hold."""

    status: InvoiceStatus | None = None
    customer_id: UUID | None = None
    number: ShortText | None = None
    currency: CurrencyIn | None = None
    issued_from: Annotated[DateIn | None, Field(description="First issue date.")] = None
    issued_to: Annotated[DateIn | None, Field(description="Last issue date.")] = None
    due_before: Annotated[DateIn | None, Field(description="Due before this day.")] = None
    due_after: Annotated[DateIn | None, Field(description="Due after this day.")] = None
    min_total: AmountIn | None = None
    max_total: AmountIn | None = None
    overdue: Annotated[
        bool | None,
        Field(description="Whether something is left to pay after the due date, today."),
    ] = None
    q: Annotated[
        ShortText | None,
        Field(description="Text in the number, the reference or the customer."),
    ] = None

    @field_validator("issued_to")
    @classmethod
    def _ends_after_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("issued_from")
        if start is not None and end is not None and end < start:
            raise refuse("This must not be before issued_from.")
        return end

    @field_validator("max_total")
    @classmethod
    def _max_is_not_less(cls, most: Decimal | None, info: ValidationInfo) -> Decimal | None:
        least = info.data.get("min_total")
        if least is not None and most is not None and most < least:
            raise refuse("This must not be less than min_total.")
        return most

    def criteria(self, today: date) -> InvoiceFilter:
        """Return the filter for the database.

        :param today: Day on which to judge what is overdue.
        """
        return InvoiceFilter(
            status=self.status,
            customer_id=self.customer_id,
            number=self.number,
            currency=self.currency,
            issued_from=self.issued_from,
            issued_to=self.issued_to,
            due_before=self.due_before,
            due_after=self.due_after,
            min_total=self.min_total,
            max_total=self.max_total,
            is_overdue_on=today if self.overdue is True else None,
            is_not_overdue_on=today if self.overdue is False else None,
            q=self.q,
        )


class InvoiceImportReport(ResponseModel):
    """What a file of invoices brought, or would bring."""

    import_id: Annotated[
        UUID | None, Field(description="Null after a dry run, which keeps nothing.")
    ]
    dry_run: bool
    filename: Annotated[str | None, Field(examples=["invoices.csv"])]
    invoice_count: Annotated[int, Field(description="Invoices in the file, all of them new.")]
    credit_note_count: Annotated[
        int, Field(description="Credit notes in the file, all of them new.")
    ]
    customer_count: Annotated[int, Field(description="Customers that were new.")]


class InvoiceImportRead(ResponseModel):
    """A file of invoices that was taken in."""

    id: UUID
    filename: Annotated[str | None, Field(examples=["invoices.csv"])]
    invoice_count: Annotated[int, Field(description="Invoices that it brought.")]
    customer_count: Annotated[int, Field(description="Customers that were new.")]
    created_by: Annotated[UUID | None, Field(description="The user who sent it.")]
    created_at: datetime
