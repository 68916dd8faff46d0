"""Which part of a list is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Query

PER_PAGE_DEFAULT: Final = 50
PER_PAGE_MAX: Final = 500
PAGE_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Paging:
    """A page of a list, counted from 1."""

    page: int
    per_page: int

    def cut[Row](self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows of this page.

        :param rows: The whole list, where it is short by nature.
        """
        start = (self.page - 1) * self.per_page
        return rows[start : start + self.per_page]


async def get_paging(
    page: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Page, counted from 1.")] = 1,
    per_page: Annotated[
        int, Query(ge=1, le=PER_PAGE_MAX, description="Rows of a page.")
    ] = PER_PAGE_DEFAULT,
) -> Paging:
    """Return which page is asked for."""
    return Paging(page=page, per_page=per_page)


PagingDep = Annotated[Paging, Depends(get_paging)]
