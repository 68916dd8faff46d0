"""Where every unit of a payment goes: by hand, and by law."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.enums import AdjustmentKind, CreditKind
from payymo.domain.settlement import (
    Adjusted,
    Applied,
    Credited,
    OpenCredit,
    Owed,
    Paid,
    Settlement,
    SettlementPolicy,
    propose_uses,
    settle,
)

ISSUED = date(2026, 1, 5)
PAID_ON = date(2026, 1, 15)
CAUTIOUS = SettlementPolicy()


def owed(
    invoice: str,
    balance: str,
    *,
    customer: str = "C",
    due: date | None = None,
    issued: date = ISSUED,
) -> Owed:
    return Owed(invoice, customer, "EUR", Decimal(balance), issued, due)


def credit(name: str, balance: str, *, customer: str = "C", on: date = ISSUED) -> OpenCredit:
    return OpenCredit(name, customer, CreditKind.CREDIT_NOTE, "EUR", Decimal(balance), on)


def settled(
    amount: str,
    *invoices: Owed,
    adjustment: AdjustmentKind | None = None,
    policy: SettlementPolicy = CAUTIOUS,
    credits_open: Sequence[OpenCredit] = (),
    paid_on: date = PAID_ON,
) -> Settlement:
    return settle(
        Decimal(amount),
        invoices,
        paid_on=paid_on,
        policy=policy,
        adjustment=adjustment,
        credits_open=credits_open,
    )


class TestSettle:
    def test_an_exact_payment_books_nothing_else(self) -> None:
        assert settled("150.00", owed("A", "100.00"), owed("B", "50.00")) == Settlement(
            (Paid("A", Decimal("100.00")), Paid("B", Decimal("50.00")))
        )

    def test_what_is_too_much_becomes_the_customers_credit(self) -> None:
        assert settled("110.00", owed("A", "100.00")) == Settlement(
            (Paid("A", Decimal("100.00")),),
            credited=Credited("C", CreditKind.OVERPAYMENT, Decimal("10.00")),
        )

    def test_what_is_too_much_stays_unallocated_where_the_policy_says_so(self) -> None:
        found = settled(
            "110.00", owed("A", "100.00"), policy=SettlementPolicy(credit_overpayments=False)
        )

        assert (found.credited, found.unallocated) == (None, Decimal("10.00"))

    def test_what_is_too_much_for_two_customers_is_nobodys_credit(self) -> None:
        found = settled("110.00", owed("A", "60.00"), owed("B", "40.00", customer="D"))

        assert (found.credited, found.unallocated) == (None, Decimal("10.00"))

    def test_a_fee_comes_off_the_largest_invoice(self) -> None:
        found = settled(
            "135.00",
            owed("A", "50.00"),
            owed("B", "100.00"),
            adjustment=AdjustmentKind.BANK_FEE,
        )

        assert found.adjusted == (Adjusted("B", AdjustmentKind.BANK_FEE, Decimal("15.00")),)
        assert found.paid == (Paid("A", Decimal("50.00")), Paid("B", Decimal("85.00")))

    def test_a_discount_comes_off_each_invoice_to_the_cent(self) -> None:
        # 2 % of 100.03 is 2.00; of 33.34 it is 0.66 and a fraction, of 66.69 it is 1.33 and one.
        found = settled(
            "98.03",
            owed("A", "33.34"),
            owed("B", "66.69"),
            adjustment=AdjustmentKind.DISCOUNT,
        )

        assert [(each.invoice_id, each.amount) for each in found.adjusted] == [
            ("A", Decimal("0.67")),
            ("B", Decimal("1.33")),
        ]
        assert found.paid == (Paid("A", Decimal("32.67")), Paid("B", Decimal("65.36")))

    def test_money_that_is_missing_for_no_reason_leaves_the_last_invoice_open(self) -> None:
        found = settled("120.00", owed("A", "100.00"), owed("B", "50.00"))

        assert found == Settlement((Paid("A", Decimal("100.00")), Paid("B", Decimal("20.00"))))

    @pytest.mark.parametrize(
        ("amount", "adjustment", "paid_on"),
        [
            pytest.param("999.94", AdjustmentKind.ROUNDING, PAID_ON, id="rounding of 0.06"),
            pytest.param("974.99", AdjustmentKind.BANK_FEE, PAID_ON, id="fee of 25.01"),
            pytest.param("949.99", AdjustmentKind.PROCESSOR_FEE, PAID_ON, id="fee of 5.001 %"),
            pytest.param("969.99", AdjustmentKind.DISCOUNT, PAID_ON, id="discount of 3.001 %"),
            pytest.param("980.00", AdjustmentKind.DISCOUNT, date(2026, 1, 20), id="after 15 days"),
            pytest.param("980.00", AdjustmentKind.DISCOUNT, date(2026, 1, 4), id="before issue"),
            pytest.param("979.99", AdjustmentKind.EXCHANGE_DIFFERENCE, PAID_ON, id="2.001 %"),
            pytest.param("999.99", AdjustmentKind.WITHHOLDING, PAID_ON, id="a person's to say"),
            pytest.param("999.99", AdjustmentKind.WRITE_OFF, PAID_ON, id="a person's to do"),
        ],
    )
    def test_a_difference_beyond_the_policy_stays_to_be_paid(
        self, amount: str, adjustment: AdjustmentKind, paid_on: date
    ) -> None:
        found = settled(amount, owed("A", "1000.00"), adjustment=adjustment, paid_on=paid_on)

        assert found == Settlement((Paid("A", Decimal(amount)),))

    @pytest.mark.parametrize(
        ("amount", "adjustment", "paid_on"),
        [
            ("999.95", AdjustmentKind.ROUNDING, PAID_ON),
            ("975.00", AdjustmentKind.BANK_FEE, PAID_ON),
            ("950.00", AdjustmentKind.PROCESSOR_FEE, PAID_ON),
            ("970.00", AdjustmentKind.DISCOUNT, date(2026, 1, 19)),
            ("980.00", AdjustmentKind.EXCHANGE_DIFFERENCE, PAID_ON),
        ],
    )
    def test_a_difference_at_its_limit_is_booked(
        self, amount: str, adjustment: AdjustmentKind, paid_on: date
    ) -> None:
        found = settled(amount, owed("A", "1000.00"), adjustment=adjustment, paid_on=paid_on)

        missing = Decimal("1000.00") - Decimal(amount)
        assert found.adjusted == (Adjusted("A", adjustment, missing),)

    def test_a_bank_fee_is_no_more_than_a_tenth_of_a_small_invoice(self) -> None:
        found = settled("89.99", owed("A", "100.00"), adjustment=AdjustmentKind.BANK_FEE)

        assert found.adjusted == ()


class TestNetting:
    def test_a_payment_short_by_a_credit_note_nets_it(self) -> None:
        found = settled(
            "80.00", owed("A", "100.00"), credits_open=[credit("N", "20.00"), credit("M", "5.00")]
        )

        assert found.applied == (Applied("N", "A", Decimal("20.00")),)
        assert found.paid == (Paid("A", Decimal("80.00")),)

    def test_a_payment_short_by_all_credit_notes_nets_them(self) -> None:
        found = settled(
            "75.00", owed("A", "100.00"), credits_open=[credit("N", "20.00"), credit("M", "5.00")]
        )

        assert found.applied == (
            Applied("N", "A", Decimal("20.00")),
            Applied("M", "A", Decimal("5.00")),
        )

    def test_a_credit_note_may_cover_one_invoice_and_part_of_the_next(self) -> None:
        found = settled(
            "30.00",
            owed("A", "50.00"),
            owed("B", "40.00"),
            credits_open=[credit("N", "60.00")],
        )

        assert found.applied == (
            Applied("N", "A", Decimal("50.00")),
            Applied("N", "B", Decimal("10.00")),
        )
        assert found.paid == (Paid("B", Decimal("30.00")),)

    def test_of_two_equal_credit_notes_none_is_chosen(self) -> None:
        found = settled(
            "80.00", owed("A", "100.00"), credits_open=[credit("N", "20.00"), credit("M", "20.00")]
        )

        assert found == Settlement((Paid("A", Decimal("80.00")),))

    def test_another_customers_credit_note_is_not_netted(self) -> None:
        found = settled(
            "80.00", owed("A", "100.00"), credits_open=[credit("N", "20.00", customer="D")]
        )

        assert found.applied == ()


class TestProposedUses:
    def test_the_oldest_credit_settles_the_invoice_that_is_due_first(self) -> None:
        late = credit("late", "30.00", on=date(2026, 2, 1))
        early = credit("early", "50.00", on=date(2026, 1, 1))

        found = propose_uses(
            [late, early],
            [
                owed("second", "40.00", due=date(2026, 3, 1)),
                owed("first", "40.00", due=date(2026, 2, 1)),
                owed("strange", "40.00", customer="D"),
            ],
        )

        assert found == [
            (early, Applied("early", "first", Decimal("40.00"))),
            (early, Applied("early", "second", Decimal("10.00"))),
            (late, Applied("late", "second", Decimal("30.00"))),
        ]

    def test_a_pair_that_was_refused_is_left_out(self) -> None:
        early = credit("early", "50.00")
        late = credit("late", "10.00", on=date(2026, 2, 1))
        invoices = [
            owed("first", "40.00", due=date(2026, 2, 1)),
            owed("second", "40.00", due=date(2026, 3, 1)),
        ]

        assert propose_uses([early, late], invoices, refused={("early", "first")}) == [
            (early, Applied("early", "second", Decimal("40.00"))),
            (late, Applied("late", "first", Decimal("10.00"))),
        ]


cents = st.integers(1, 100_000).map(lambda n: Decimal(n) / 100)


@st.composite
def settlements(draw: st.DrawFn) -> tuple[Decimal, list[Owed], list[OpenCredit], Settlement]:
    invoices = [
        Owed(at, draw(st.sampled_from("CD")), "EUR", balance, ISSUED)
        for at, balance in enumerate(draw(st.lists(cents, min_size=1, max_size=6)))
    ]
    total = sum((each.balance for each in invoices), Decimal(0))
    credits_open = [
        OpenCredit(at, draw(st.sampled_from("CD")), CreditKind.CREDIT_NOTE, "EUR", balance, ISSUED)
        for at, balance in enumerate(draw(st.lists(cents, max_size=3)))
    ]
    near = [total, *(total - each.balance for each in credits_open), total * Decimal("0.98")]
    amount = max(draw(st.sampled_from(near) | cents), Decimal(0)).quantize(Decimal("0.01"))
    shares = st.sampled_from([Decimal(0), Decimal("0.05"), Decimal(1)])
    free = SettlementPolicy(
        bank_fee_max=Decimal(100_000),
        bank_fee_share_max=draw(shares),
        processor_fee_share_max=draw(shares),
        discount_share_max=draw(shares),
        credit_overpayments=draw(st.booleans()),
    )
    found = settle(
        amount,
        invoices,
        paid_on=PAID_ON,
        policy=free,
        adjustment=draw(st.none() | st.sampled_from(AdjustmentKind)),
        credits_open=credits_open,
    )
    return amount, invoices, credits_open, found


class TestLaws:
    @given(settlements())
    def test_every_unit_has_one_place(
        self, case: tuple[Decimal, list[Owed], list[OpenCredit], Settlement]
    ) -> None:
        amount, invoices, credits_open, found = case
        placed = [each.amount for each in found.paid]
        if found.credited:
            placed.append(found.credited.amount)
        lines: list[Paid | Adjusted | Applied] = [*found.paid, *found.adjusted, *found.applied]

        assert sum(placed, found.unallocated) == amount
        assert all(each.amount > 0 for each in lines)
        assert found.unallocated >= 0
        assert found.credited is None or found.credited.amount > 0
        on_invoice: dict[object, Decimal] = defaultdict(Decimal)
        for each in lines:
            on_invoice[each.invoice_id] += each.amount
        assert all(on_invoice[each.invoice_id] <= each.balance for each in invoices)
        used: dict[object, Decimal] = defaultdict(Decimal)
        for applied in found.applied:
            used[applied.credit_id] += applied.amount
        assert all(used[each.credit_id] <= each.balance for each in credits_open)
