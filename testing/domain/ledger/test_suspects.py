"""Which row alone would explain a difference."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from payymo.domain.enums import SuspectKind
from payymo.domain.ledger.suspects import NearbyRow, find_suspects

DAY = date(2026, 2, 10)


def row(number: int, amount: str, day: int = 10, *, is_counted: bool = True) -> NearbyRow:
    return NearbyRow(UUID(int=number), date(2026, 2, day), Decimal(amount), is_counted)


def kinds(difference: str, *rows: NearbyRow) -> list[tuple[int, SuspectKind]]:
    found = find_suspects(Decimal(difference), rows, day=DAY)
    return [(suspect.row.id.int, suspect.kind) for suspect in found]


def test_each_way_in_which_one_row_explains_it() -> None:
    assert kinds(
        "-10.00",
        row(1, "10.00"),
        row(2, "-10.00"),
        row(3, "-10.00", is_counted=False),
        row(4, "5.00"),
        row(5, "7.00"),
    ) == [
        (3, SuspectKind.LEFT_OUT),
        (1, SuspectKind.DOUBLED),
        (2, SuspectKind.TWIN_MISSING),
        (4, SuspectKind.SIGN_REVERSED),
    ]


def test_a_row_with_a_twin_comes_before_one_that_is_nearer() -> None:
    assert kinds("-10.00", row(1, "10.00"), row(2, "10.00", 9), row(3, "10.00", 9)) == [
        (2, SuspectKind.DOUBLED), (3, SuspectKind.DOUBLED), (1, SuspectKind.DOUBLED),
    ]  # fmt: skip


def test_the_nearest_come_first_and_not_too_many() -> None:
    rows = [row(number, "3.00", 10 + number) for number in range(9)]

    assert [number for number, _ in kinds("-3.00", *reversed(rows))] == [0, 1, 2, 3, 4]


def test_it_is_said_in_a_sentence() -> None:
    (doubled,) = find_suspects(Decimal(-5), [row(1, "5.00")], day=DAY)
    (left_out,) = find_suspects(Decimal(5), [row(1, "5.00", is_counted=False)], day=DAY)

    assert doubled.explain() == (
        f"The difference equals the amount of transaction {UUID(int=1)} of 2026-02-10, "
        "which may be here once too often."
    )
    assert left_out.explain().endswith("which is not counted here.")


def test_a_row_of_nothing_explains_nothing() -> None:
    assert kinds("0.00", row(1, "0.00")) == []
