"""Which transactions to list."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from payymo.api.fields import AmountIn, CurrencyIn, DateIn, ShortText, refuse
from payymo.api.pagination import PAGE_MAX, PER_PAGE_DEFAULT, Paging
from payymo.domain.enums import (
    CategorySource,
    Direction,
    TransactionMatchStatus,
    TransactionSort,
    TransactionStatus,
)
from payymo.postgres.common.operations.transactions import TransactionFilter

PER_PAGE_MAX = 200
CURSOR_CHARACTERS_MAX = 300


class TransactionQuery(BaseModel):
    """Filters that transactions of any account have in common; all of them must hold."""

    page: Annotated[int, Field(ge=1, le=PAGE_MAX, description="Page, counted from 1.")] = 1
    per_page: Annotated[int, Field(ge=1, le=PER_PAGE_MAX, description="Rows of a page.")] = (
        PER_PAGE_DEFAULT
    )
    status: Annotated[
        TransactionStatus | None,
        Field(description="Left out: pending and booked ones."),
    ] = None
    start_date: Annotated[
        DateIn | None, Field(description="First transaction date.", examples=["2026-01-01"])
    ] = None
    end_date: Annotated[
        DateIn | None, Field(description="Last transaction date.", examples=["2026-01-31"])
    ] = None
    min_amount: Annotated[
        AmountIn | None, Field(description="Least signed amount: spending is negative.")
    ] = None
    max_amount: Annotated[
        AmountIn | None, Field(description="Greatest signed amount: spending is negative.")
    ] = None
    currency: Annotated[CurrencyIn | None, Field(examples=["EUR"])] = None
    direction: Direction | None = None
    match_status: TransactionMatchStatus | None = None
    category_id: Annotated[UUID | None, Field(description="Only of this category.")] = None
    category_source: Annotated[
        CategorySource | None, Field(description="Only where this is who said so.")
    ] = None
    is_categorised: Annotated[bool | None, Field(description="Whether it has a category.")] = None
    q: Annotated[
        ShortText | None, Field(description="Words in the text, the counterparty or the note.")
    ] = None
    needs_review: Annotated[
        bool | None,
        Field(description="Whether what people did with it fits no more, since it was restated."),
    ] = None
    is_deleted: Annotated[
        bool, Field(description="True lists what people deleted, instead of the others.")
    ] = False
    sort: Annotated[
        TransactionSort, Field(description="Order; a minus sign puts the last first.")
    ] = TransactionSort.NEWEST_FIRST
    cursor: Annotated[
        str | None,
        Field(
            description="Where to go on: `meta.next_cursor` of the answer before, or empty to "
            "begin. Faster than pages in a long list, and `total` is left out.",
            max_length=CURSOR_CHARACTERS_MAX,
        ),
    ] = None

    @field_validator("end_date")
    @classmethod
    def _ends_after_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("start_date")
        if start is not None and end is not None and end < start:
            raise refuse("This must not be before start_date.")
        return end

    @field_validator("max_amount")
    @classmethod
    def _max_is_not_less(cls, most: Decimal | None, info: ValidationInfo) -> Decimal | None:
        least = info.data.get("min_amount")
        if least is not None and most is not None and most < least:
            raise refuse("This must not be less than min_amount.")
        return most

    @field_validator("cursor")
    @classmethod
    def _goes_without_page(cls, cursor: str | None, info: ValidationInfo) -> str | None:
        if cursor is not None and info.data.get("page", 1) != 1:
            raise refuse("Send either cursor or page, not both.")
        return cursor

    @property
    def paging(self) -> Paging:
        """The page that is asked for."""
        return Paging(page=self.page, per_page=self.per_page)

    def criteria(
        self,
        *,
        account_id: UUID | None = None,
        connection_id: UUID | None = None,
        institution_id: UUID | None = None,
    ) -> TransactionFilter:
        """Return the filter for the database.

        :param account_id: Only this account's.
        :param connection_id: Only this connection's.
        :param institution_id: Only this bank's.
        """
        return TransactionFilter(
            account_id=account_id,
            connection_id=connection_id,
            institution_id=institution_id,
            status=self.status,
            start_date=self.start_date,
            end_date=self.end_date,
            min_amount=self.min_amount,
            max_amount=self.max_amount,
            currency=self.currency,
            direction=self.direction,
            match_status=self.match_status,
            category_id=self.category_id,
            category_source=self.category_source,
            is_categorised=self.is_categorised,
            q=self.q,
            needs_review=self.needs_review,
            is_deleted=self.is_deleted,
        )


class ConnectionTransactionQuery(TransactionQuery):
    """Filters of one connection's transactions."""

    account_id: UUID | None = None


class AllTransactionQuery(ConnectionTransactionQuery):
    """Filters of all the tenant's transactions."""

    bank_connection_id: UUID | None = None
    institution_id: UUID | None = None
    bank_id: Annotated[UUID | None, Field(description="The same as institution_id.")] = None

    @field_validator("bank_id")
    @classmethod
    def _is_the_institution(cls, bank: UUID | None, info: ValidationInfo) -> UUID | None:
        institution = info.data.get("institution_id")
        if None not in {bank, institution} and bank != institution:
            raise refuse("bank_id and institution_id are the same filter: send one of them.")
        return bank

    @property
    def institution(self) -> UUID | None:
        """The bank that is asked for, by either name."""
        return self.institution_id or self.bank_id
