"""The judge finds each kind of fault; and every knob strikes."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from testing.simulator import soak
from testing.simulator.bank import Bank, View
from testing.simulator.judge import (
    EndRow,
    Held,
    Judge,
    PayloadKey,
    Rewritten,
    are_exchangeable,
    could_be_one,
)
from testing.simulator.knobs import FAMILIES, KNOBS, Family, draw
from testing.simulator.truth import HOURS, Author, Life, Movement

DAY = date(2026, 2, 2).toordinal()
ACCOUNT = 8
NOON = (DAY + 5) * HOURS + 12


def a_movement(key: int, amount: str = "-10.00", payee: str = "Bakery North") -> Movement:
    money = Decimal(amount)
    return Movement(
        key, DAY, DAY, DAY, money, "EUR", payee, "", money, booked_at=DAY * HOURS
    )  # fmt: skip


class Setting:
    """Two movements, told of by an ordinary bank, and a ledger that a test writes by hand."""

    def __init__(self, *movements: Movement) -> None:
        life = Life("EUR", DAY, 10, list(movements))
        self.bank = Bank("seed", FAMILIES[0], {}, life)
        self.judge = Judge(life)
        self.rows: dict[PayloadKey, list[UUID]] = {}

    def holders(self, key: PayloadKey) -> Sequence[Held]:
        return [Held(row_id, is_live=True) for row_id in self.rows.get(key, ())]

    def tell(self, *, is_held: bool = True, rewritten: Sequence[Rewritten] = ()) -> None:
        told = self.bank.tell(NOON, None)
        keys = [(row.payload.encode(), True) for row in told.rows]
        if is_held:
            for key in keys:
                self.rows.setdefault(key, [uuid4()])
        self.judge.entered(told, keys, self, moment=NOON, rewritten=rewritten, removed=())

    def finish(self, *more: EndRow) -> Counter[str]:
        rows = [self.row(key) for key, ids in self.rows.items() for _ in ids]
        return self.judge.finish([*rows, *more], moment=NOON, claims=()).counts

    def row(self, key: PayloadKey) -> EndRow:
        views = {seen.key: seen.view for seen in self.judge._seen.values()}
        view = views[key]
        return EndRow(uuid4(), key, view.amount, view.currency, True, False, False)


@pytest.fixture
def setting() -> Setting:
    return Setting(a_movement(1), a_movement(2, "-25.00", "Grand Hotel"))


def test_what_is_right_has_no_fault(setting: Setting) -> None:
    setting.tell()

    assert setting.finish()["ledger rows"] == 2
    assert setting.judge.verdict.faults == []


def test_a_row_that_is_not_in_the_ledger_is_lost(setting: Setting) -> None:
    setting.tell(is_held=False)

    assert setting.finish()["lost"] == 4  # two after the answer, two in the end


def test_a_row_too_many_is_a_duplicate(setting: Setting) -> None:
    setting.tell()

    assert setting.finish(setting.row(next(iter(setting.rows))))["duplicate"] == 1


def test_another_amount_is_seen(setting: Setting) -> None:
    setting.tell()
    key = next(iter(setting.rows))
    del setting.rows[key]
    changed = setting.row(key)._replace(amount=Decimal("-1.00"))

    assert setting.finish(changed)["amount"] == 2  # the row, and the sum


def test_a_row_that_goes_on_as_another_movement_is_a_wrong_merge(setting: Setting) -> None:
    setting.tell()
    one = next(iter(setting.rows))
    setting.bank.life.movements.append(a_movement(3, "-25.00", "Grand Hotel"))
    setting.judge._truth[3] = setting.bank.life.movements[-1]
    setting.bank.extend()
    told = setting.bank.tell(NOON, None)
    (third,) = [row for row in told.rows if row.view.key == 3]

    setting.tell(rewritten=[Rewritten(uuid4(), one, (third.payload.encode(), True))])

    assert setting.judge.verdict.counts["wrong merge"] == 1


def test_what_could_be_one_is_narrow() -> None:
    was = View(1, "booked", True, Decimal(-5), "EUR", DAY, "kiosk", (), None, "a", None)
    now = was._replace(key=2, day=DAY + 4, internal_id="b")

    assert could_be_one(was, now)
    assert not could_be_one(was, now._replace(day=DAY + 5))
    assert not could_be_one(was, now._replace(amount=Decimal("-5.10")))
    assert not could_be_one(was, now._replace(text="grand hotel"))
    assert could_be_one(was._replace(is_booked=False), now._replace(amount=Decimal(-6)))
    assert not could_be_one(was._replace(is_booked=False), now._replace(amount=Decimal(-7)))


class TestExchange:
    """Two rows that nothing which lasts tells apart; and where an id tells them, no such two."""

    WAS = View(1, "booked", True, Decimal(-5), "EUR", DAY, "kiosk", (), None, "a", None)
    NOW = WAS._replace(key=2, internal_id="b")

    def test_an_id_that_only_the_other_keeps_tells_equal_rows_apart(self) -> None:
        later = self.NOW._replace(form=("Oslo",))

        other = self.NOW._replace(internal_id="id-of-two")

        assert not are_exchangeable(self.WAS, other, later._replace(internal_id="id-of-two"))
        assert are_exchangeable(self.WAS, other, later._replace(internal_id="id-anew"))

    def test_an_id_that_both_have_tells_nothing(self) -> None:
        one, other = (
            view._replace(internal_id="content") for view in (self.WAS, self.NOW)
        )  # fmt: skip

        assert are_exchangeable(one, other, other._replace(form=("Oslo",)))

    def test_two_that_move_at_once_may_be_crossed_where_no_id_lasts(self) -> None:
        judge = Judge(Life("EUR", DAY, 10, []))
        one, other = self.WAS, self.NOW._replace(day=DAY + 1)
        one_now, other_now = one._replace(day=DAY + 2), other._replace(day=DAY + 3)

        def may_be(*changed: tuple[View, View]) -> bool:
            return judge._are_crossed(one, other_now, changed)

        lasting = [view._replace(internal_id="id-of-the-other") for view in (other, other_now)]
        assert may_be((one, one_now), (other, other_now))
        assert not may_be((one, one), (other, other_now))  # it stayed as it was
        assert not may_be((other, other_now))  # it is not told anew at all
        assert not judge._are_crossed(one, lasting[1], [(one, one_now), (lasting[0], lasting[1])])
        far = other_now._replace(day=DAY + 5)
        assert not judge._are_crossed(one, far, [(one, one_now), (other, far)])

    def test_of_three_one_can_have_gone_the_way_of_another(self) -> None:
        judge = Judge(Life("EUR", DAY, 10, []))
        dated = self.NOW._replace(form=("02.02",))
        third = self.WAS._replace(key=3)

        changed = [
            (self.WAS, self.WAS),
            (dated, dated),
            (third, third._replace(form=("02.02",))),
        ]

        assert judge._are_crossed(self.WAS, dated, changed)
        assert not judge._are_crossed(self.WAS, dated, changed[:2])


def test_an_older_version_of_identity_is_found_out() -> None:
    """A judge that found nothing wrong with rules that are known to be wrong would be none."""
    faults = {
        version: soak.Run(1, ACCOUNT, identity_version=version).play().faults for version in (1, 2)
    }

    assert faults[2] == []
    assert faults[1] != []


def test_a_life_is_the_same_each_time() -> None:
    one, other = soak.Run(5, 3), soak.Run(5, 3)

    assert one.life == other.life
    assert replace(one.play(), family=other.case.family) == other.play()


def test_every_knob_and_every_family_is_drawn() -> None:
    chance = random.Random(1)
    drawn = [draw(chance) for _ in range(400)]

    assert {name for _, knobs in drawn for name in knobs} == set(KNOBS)
    assert {family.name for family, _ in drawn} == {family.name for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_a_bank_tells_the_same_of_a_moment_each_time(family: Family) -> None:
    knobs = dict.fromkeys({"volatile_internal_id", "shuffled_lines"} - family.never, 1.0)
    life = Author(random.Random(1), knobs).write(date(2024, 1, 1), 60)
    bank = Bank("seed", family, knobs, life)
    moment = (date(2024, 2, 20).toordinal()) * HOURS

    assert bank.tell(moment, None, pull=1).body == bank.tell(moment, None, pull=1).body
