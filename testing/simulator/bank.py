"""How a bank tells of an account: GoCardless's JSON at a moment, for a window, under a consent."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from testing.simulator.chance import number, roll
from testing.simulator.knobs import Family
from testing.simulator.truth import CENT, HOURS, Day, Life, Moment, Movement, city_of

#: A row's own date lies at most so many days after the day on which it begins to exist.
_DATE_AFTER_MAX: Final = 16
_NEXT_MONTH_MAX: Final = 46

#: A row dated on the first of the next month is corrected on this day of it.
_CORRECTED_ON: Final = 4
_FROZEN_DAYS: Final = 5
_HANDFUL: Final = 7


class View(NamedTuple):
    """What one row of an answer tells, to whoever can read the bank's hand.

    :ivar key: The movement that it is of, which the payload does not tell.
    :ivar role: Which of a movement's rows it is, where one answer has several.
    :ivar day: As told, in the field that means it at this bank; ``None`` where it is not told.
    :ivar text: Its lasting words in an order of their own; empty where it names nobody.
    :ivar form: How the text is dressed: which date stands in front, and what was added.
    """

    key: int
    role: str
    is_booked: bool
    amount: Decimal
    currency: str
    day: Day | None
    text: str
    form: tuple[str, ...]
    trusted_id: str | None
    internal_id: str | None
    transaction_id: str | None


class Row(NamedTuple):
    """One row of an answer.

    :ivar is_listed_as_booked: In which of the two lists it stands.
    :ivar window_day: The day that ``date_from`` is held against.
    """

    view: View
    payload: str
    is_listed_as_booked: bool
    window_day: Day


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: its rows in the bank's order, as text, and what the bank kept to itself.

    :ivar is_fair: It holds all that was asked for, as the bank's books are now.
    :ivar since: First day that it may speak of.
    """

    rows: Sequence[Row]
    last_updated: str | None
    is_fair: bool
    since: Day | None

    @property
    def body(self) -> bytes:
        """The answer as GoCardless sends it."""
        booked = ",".join(row.payload for row in self.rows if row.is_listed_as_booked)
        pending = ",".join(row.payload for row in self.rows if not row.is_listed_as_booked)
        stamp = f',"last_updated":"{self.last_updated}"' if self.last_updated else ""
        return f'{{"transactions":{{"booked":[{booked}],"pending":[{pending}]}}{stamp}}}'.encode()


class Bank:
    """One account at one bank.

    :ivar counts: How often each knob struck a row or an answer.
    """

    def __init__(self, seed: str, family: Family, knobs: Mapping[str, float], life: Life) -> None:
        """Begin to tell of a life.

        :param seed: Where chance comes from.
        :param family: The habits that Payymo knows the bank for.
        :param knobs: The misbehaviours, with their intensity.
        :param life: What really happened.
        """
        self._seed = seed
        self.family = family
        self.knobs = knobs
        self.life = life
        self.counts: dict[str, int] = {}
        self._habits = family.habits
        self._created: list[Day] = []
        self._told: dict[tuple[int, str], tuple[object, Row]] = {}
        self._struck: dict[tuple[str, int], bool] = {}
        self._tag = f"{number(seed, 'tag') % 0xFFFF:04x}"
        self._names_payees = roll(seed, "names") < 0.7
        self._tells_updates = roll(seed, "last_updated") < 0.7
        if knobs.get("ids_of_account_only"):
            self._tag = "0000"
        self.extend()

    def extend(self) -> None:
        """Take note of movements that were added to the life."""
        for movement in self.life.movements[len(self._created) :]:
            self._created.append(_created(movement))

    def tell(
        self,
        moment: Moment,
        since: date | None,
        *,
        reach: Day | None = None,
        pull: int = 0,
        is_settled: bool = False,
    ) -> Told:
        """Return the answer to a call.

        :param moment: When it is made.
        :param since: First day asked for; ``None`` is all.
        :param reach: First day that the consent lets anybody read; ``None`` is all.
        :param pull: Number of the call, by which rows change places.
        :param is_settled: The bank has its good day: nothing is cut, frozen or left out.
        """
        first = max((day for day in (reach, since and since.toordinal()) if day), default=None)
        now, is_fair = moment, True
        if not is_settled:
            frozen = self._frozen_since(moment)
            if frozen is not None and frozen < moment:
                now, is_fair = frozen, False
            cut = self._cut(moment, first)
            if cut is not None:
                first, is_fair = cut, False
        rows = self._rows(now, moment, first)
        if not is_settled and self._strikes("empty_now_and_then", pull, "pull"):
            rows, is_fair = [], False
        for knob in ("window_by_value", "ids_of_account_only"):
            if self.knobs.get(knob):
                self._note(knob)
        rows.sort(key=lambda row: number(pull, row.view.key, row.view.role))
        updated = None
        if self._tells_updates:
            updated = f"{instant(now):%Y-%m-%dT%H:%M:%SZ}"
        return Told(rows, updated, is_fair, first)

    def strike(self, knob: str, moment: Moment) -> bool:
        """Return whether a knob strikes the call at a moment."""
        return self._strikes(knob, moment, "call")

    # --- what of it is told ---

    def _frozen_since(self, moment: Moment) -> Moment | None:
        """Return the moment of which the store is, if it stands still."""
        if not self.knobs.get("frozen_store"):
            return None
        period = moment // (HOURS * _FROZEN_DAYS)
        if self._strikes("frozen_store", period, "period"):
            return period * HOURS * _FROZEN_DAYS
        return None

    def _cut(self, moment: Moment, first: Day | None) -> Day | None:
        if not self._strikes("cut_history", moment, "call"):
            return None
        today = moment // HOURS
        start = first if first is not None else self.life.first_day
        return start + number(self._seed, "cut", moment) % max(1, today - start)

    def _rows(self, now: Moment, asked_at: Moment, first: Day | None) -> list[Row]:
        movements = self.life.movements
        begin = 0
        reach = _NEXT_MONTH_MAX if "next_month_first" in self._habits else _DATE_AFTER_MAX
        if first is not None:
            begin = bisect_left(self._created, first - reach)
        end = bisect_right(self._created, now // HOURS)
        balances = self._balances(now, begin, end) if self.knobs.get("balance_after") else None
        rows = []
        for movement in movements[begin:end]:
            if movement.is_booked(now):
                for role in self._roles(movement, now):
                    balance = balances[movement.key] if balances else None
                    row = self._row(movement, role, now, asked_at, balance)
                    if first is None or row.window_day >= first:
                        rows.append(row)
            if movement.is_pending(now):
                rows.append(self._row(movement, "pending", now, asked_at, None))
        return rows

    def _roles(self, movement: Movement, now: Moment) -> tuple[str, ...]:
        """Return as which rows a booked movement is listed: as provisional, final or both."""
        if movement.final_at is None:
            return ("booked",)
        if "provisional_ids" in self._habits and movement.key % 2:
            return ("booked", "provisional") if now < movement.final_at else ("booked",)
        return ("provisional",) if now < movement.final_at else ("booked",)

    def _balances(self, now: Moment, begin: int, end: int) -> dict[int, Decimal]:
        total = Decimal(1000)
        booked = [row for row in self.life.movements[:end] if row.is_booked(now)]
        booked.sort(key=lambda row: (row.day_at(now), row.key))
        first_key = self.life.movements[begin].key if begin < len(self.life.movements) else 0
        balances = {}
        for movement in booked:
            if movement.currency == self.life.currency:
                total += movement.amount_at(now)
            if movement.key >= first_key:
                balances[movement.key] = total
        return balances

    # --- one row ---

    def _row(
        self,
        movement: Movement,
        role: str,
        now: Moment,
        asked_at: Moment,
        balance: Decimal | None,
    ) -> Row:
        signature = self._signature(movement, role, now, asked_at, balance)
        known = self._told.get((movement.key, role))
        if known is not None and known[0] == signature:
            return known[1]
        row = self._dress(movement, role, now, asked_at, balance)
        self._told[movement.key, role] = (signature, row)
        return row

    def _signature(
        self, movement: Movement, role: str, now: Moment, asked_at: Moment, balance: Decimal | None
    ) -> object:
        """Return what a row's payload depends on, besides the movement."""
        key = movement.key
        today = asked_at // HOURS
        if role == "pending":
            changes = self._on("ephemeral_pending", key) or self.knobs.get("future_pending")
            return today if changes or self._changes_daily(key) else 0
        return (
            movement.moved is not None and movement.moved[0] <= now,
            movement.dated_at is not None and movement.dated_at <= now,
            movement.worded_at is not None and movement.worded_at <= now,
            movement.corrected is not None and movement.corrected[0] <= now,
            self._is_on_next_first(movement, now),
            balance,
            today if self._changes_daily(key) else 0,
        )

    def _changes_daily(self, key: int) -> bool:
        return any(
            self.knobs.get(knob) and self._on(knob, key)
            for knob in (
                "volatile_internal_id",
                "volatile_transaction_id",
                "odd_precision",
                "shuffled_lines",
            )
        )

    def _dress(
        self,
        movement: Movement,
        role: str,
        now: Moment,
        asked_at: Moment,
        balance: Decimal | None,
    ) -> Row:
        is_listed_as_booked = role != "pending"
        is_booked = is_listed_as_booked and not (
            role == "provisional" and "provisional_ids" in self._habits
        )
        row: dict[str, Any] = {}
        ids = self._ids(row, movement, role, now, asked_at)
        text, form = self._texts(row, movement, role, now, asked_at)
        amount = movement.held if role == "pending" else movement.amount_at(now)
        currency = self._amounts(row, movement, role, amount, asked_at)
        day, window_day = self._days(row, movement, role, now, asked_at)
        if balance is not None and not (is_booked and movement.currency != self.life.currency):
            row["balanceAfterTransaction"] = {
                "balanceAmount": {"amount": f"{balance:f}", "currency": self.life.currency},
                "balanceType": "interimBooked",
            }
            self._note("balance_after")
        view = View(movement.key, role, is_booked, amount, currency, day, text, form, *ids)
        return Row(view, json.dumps(row, ensure_ascii=False), is_listed_as_booked, window_day)

    def _ids(
        self, row: dict[str, Any], movement: Movement, role: str, now: Moment, asked_at: Moment
    ) -> tuple[str | None, str | None, str | None]:
        """Write the row's ids, and return those that are any: trusted, internal, bank's."""
        key, today = movement.key, asked_at // HOURS
        is_pending = role == "pending"
        mark = self._mark(movement, role, today)
        internal = self._internal_id(movement, role, mark, now, today)
        transaction = self._transaction_id(row, movement, role, mark, today)
        if internal is not None:
            row["internalTransactionId"] = internal
        trusted = None
        if "internal_id_trusted" in self._habits:
            trusted = internal
        if "proprietary_code_trusted" in self._habits and not is_pending:
            trusted = row["proprietaryBankTransactionCode"] = f"{self._tag}-PBC-{key:06d}"
        return trusted, internal, transaction

    def _mark(self, movement: Movement, role: str, today: Day) -> str:
        """Return what tells the ids of a movement's rows apart, where the bank changes them."""
        if role == "provisional":
            return "v"
        mark = "b"
        if role == "pending" and self._strikes("pending_ids_differ", movement.key):
            mark = "p"
        if role == "pending" and self._strikes("ephemeral_pending", movement.key):
            mark = f"p{today}"
        return mark

    def _internal_id(
        self, movement: Movement, role: str, mark: str, now: Moment, today: Day
    ) -> str | None:
        key = movement.key
        internal = f"{self._tag}{key:08x}{mark}"
        if movement.moved and movement.moved[0] <= now and role != "pending":
            internal = f"{self._tag}{key:08x}m"
            self._note("moving_day")
        if self._strikes("ids_of_content", key):
            amount = movement.held if role == "pending" else movement.amount_at(now)
            content = number(movement.payee, movement.note, amount, movement.currency)
            internal = f"{self._tag}{content % 0xFFFFFFFF:08x}"
        if self._strikes("volatile_internal_id", key):
            internal = f"{internal}{today}"
        if "internal_id_trusted" not in self._habits and self._strikes("no_internal_id", key):
            return None
        return internal

    def _transaction_id(
        self, row: dict[str, Any], movement: Movement, role: str, mark: str, today: Day
    ) -> str | None:
        key = movement.key
        transaction: str | None = f"T{self._tag}{mark}{key:010d}"
        if "long_ids" in self._habits:
            body = f"{self._tag}{key:028d}"
            transaction = f"00DEBIT{key:09d}{mark}" if role == "pending" else body
        if "provisional_ids" in self._habits:
            offset = 0 if role == "provisional" else 500_000
            transaction = f"{'H' if offset else 'P'}{key + offset:012d}"
        if self._strikes("volatile_transaction_id", key):
            transaction = f"{transaction}-{today}"
        is_id = not ("long_ids" in self._habits and role == "pending")  # made up: see quirk 1.5
        if "provisional_ids" not in self._habits:
            if self._strikes("few_transaction_ids", key):
                transaction = f"REF-00{key % _HANDFUL}"
            if self._strikes("shared_transaction_id", key):
                transaction = "9998"
            if self._strikes("blank_transaction_id", key):
                transaction, is_id = " ", False
            if self._strikes("placeholder_transaction_id", key):
                transaction, is_id = "NOTPROVIDED", False
            if self._strikes("no_transaction_id", key):
                return None
        row["transactionId"] = transaction
        return transaction if is_id else None

    def _texts(
        self, row: dict[str, Any], movement: Movement, role: str, now: Moment, asked_at: Moment
    ) -> tuple[str, tuple[str, ...]]:
        """Write the row's names and text, and return what they say and how they are dressed."""
        key = movement.key
        payee, lines = movement.payee, [line for line in (movement.note,) if line]
        if role == "pending" and self._strikes("nameless_pending", key):
            row["remittanceInformationUnstructured"] = "Umsatz vorgemerkt"
            return "", ()
        form = []
        if self._names_payees and not self._habits & {"billed_in_text", "day_in_text"}:
            name = payee
            if self._strikes("padded_names", key):
                name = f"  {payee.replace(' ', '   ')}  "
            field = "creditorName" if movement.amount <= 0 else "debtorName"
            row[field] = name
            lines = lines or ["Payment"]
        else:
            lines.insert(0, payee)
        if role != "pending" and movement.worded_at is not None and movement.worded_at <= now:
            lines[-1] += f" {city_of(key)}"
            form.append(city_of(key))
            self._note("words_added_later")
        if role != "pending" and movement.dated_at is not None and movement.dated_at <= now:
            stamp = f"{date.fromordinal(movement.purchase):%d.%m}"
            lines[0] = f"{stamp} {lines[0]}"
            form.append(stamp)
            self._note("date_before_text")
        if role == "pending" and "unsigned_pending" in self._habits and movement.held < 0:
            lines[0] = f"ΑΓΟΡΑ {lines[0]}"
        if "day_in_text" in self._habits and movement.pending_from is not None:
            day = date.fromordinal(movement.purchase)
            lines[0] = f"(..1234) {day:%Y-%m-%d} 10:22 {lines[0]}"
        text = " ".join(sorted(f"{payee} {movement.note}".casefold().split()))
        if self._strikes("shuffled_lines", key):
            lines += [f"Card {key % 3}", "Thank you"]
            turn = number(key, asked_at // HOURS) % len(lines)
            row["remittanceInformationUnstructuredArray"] = lines[turn:] + lines[:turn]
        elif self._strikes("listed_text", key):
            row["remittanceInformationUnstructured"] = lines
        else:
            row["remittanceInformationUnstructured"] = " ".join(lines)
        return text, tuple(form)

    def _amounts(
        self, row: dict[str, Any], movement: Movement, role: str, amount: Decimal, asked_at: Moment
    ) -> str:
        key, currency = movement.key, movement.currency
        told = amount
        if "positive" in self._habits:
            told = -amount
        if "unsigned_pending" in self._habits and role == "pending" and amount < 0:
            told = -amount
        written = f"{told:f}"
        if self._strikes("odd_precision", key):
            whole = told.normalize()
            shapes = (f"{whole:f}", f"{told:.3f}", f"{told:.2f}")
            written = shapes[number(key, asked_at // HOURS) % len(shapes)]
        if "billed_in_text" in self._habits:
            text = row["remittanceInformationUnstructured"]
            row["remittanceInformationUnstructured"] = (
                f"billingAmount: {amount:f} {currency} {text}"
            )
            foreign = (amount / 10).quantize(CENT)
            row["transactionAmount"] = {"amount": f"{foreign:f}", "currency": "EUR"}
            return currency
        code = currency
        if currency == self.life.currency and self._strikes("no_currency", key):
            code = "XXX"
        if currency != self.life.currency:
            self._note("foreign_rows")
        row["transactionAmount"] = {"amount": written, "currency": code}
        if self._strikes("exchange_shapes", key):
            exchange = {"sourceCurrency": "USD", "targetCurrency": "EUR", "exchangeRate": "1.08"}
            bare = {"instructedAmount": {"amount": "5.00", "currency": "USD"}}
            row["currencyExchange"] = ([exchange], exchange, bare)[key % 3]
        return currency

    def _is_on_next_first(self, movement: Movement, now: Moment) -> bool:
        """Return whether a row is dated on the first of the month after it, for now."""
        if "next_month_first" not in self._habits or movement.key % 2:
            return False
        return now // HOURS < _next_first(movement.day) + _CORRECTED_ON - 1

    def _days(
        self, row: dict[str, Any], movement: Movement, role: str, now: Moment, asked_at: Moment
    ) -> tuple[Day | None, Day]:
        """Write the row's dates; return the one that counts, and the one asked by."""
        key = movement.key
        if role == "pending":
            return self._pending_days(row, movement, asked_at)
        booking, value = movement.day_at(now), movement.value
        day = booking
        if "purchase_in_value" in self._habits:
            day = value = movement.purchase
        elif "swapped_dates" in self._habits:
            booking, value = value, booking
            day = value
        elif "day_in_text" in self._habits and movement.pending_from is not None:
            day = movement.purchase
        elif self._is_on_next_first(movement, now):
            day, booking = min(value, booking), _next_first(movement.day)
        fields = {"bookingDate": booking, "valueDate": value}
        if self._strikes("value_date_only", key):
            del fields["bookingDate"]
            day = value
        if self._strikes("date_times_only", key):
            for name, written in fields.items():
                row[f"{name}Time"] = self._stamp(written, key)
        else:
            row |= {name: date.fromordinal(written).isoformat() for name, written in fields.items()}
            if "bookingDate" in fields and self._strikes("other_date_time", key):
                row["bookingDateTime"] = self._stamp(booking - 4, key)
        asked_by = "valueDate" if self.knobs.get("window_by_value") else "bookingDate"
        return day, fields.get(asked_by, value)

    def _pending_days(
        self, row: dict[str, Any], movement: Movement, asked_at: Moment
    ) -> tuple[Day | None, Day]:
        day: Day | None = movement.purchase
        if self._strikes("undated_pending", movement.key):
            return None, movement.purchase
        if self._strikes("future_pending", movement.key):
            row["bookingDate"] = date.fromordinal(movement.purchase + 7).isoformat()
            return None, movement.purchase
        row["valueDate"] = date.fromordinal(movement.purchase).isoformat()
        return day, movement.purchase

    def _stamp(self, day: Day, key: int) -> str:
        written = date.fromordinal(day).isoformat()
        return f"{written}T00:00:00{'+01:00' if self._strikes('zoned_stamps', key) else 'Z'}"

    # --- chance ---

    def _on(self, knob: str, key: int) -> bool:
        """Return whether a knob strikes a row, without counting it."""
        intensity = self.knobs.get(knob)
        if not intensity:
            return False
        struck = self._struck.get((knob, key))
        if struck is None:
            struck = self._struck[knob, key] = roll(self._seed, knob, key) < intensity
        return struck

    def _strikes(self, knob: str, key: int, kind: str = "row") -> bool:
        intensity = self.knobs.get(knob)
        if not intensity:
            return False
        struck = (
            self._on(knob, key)
            if kind == "row"
            else (roll(self._seed, knob, kind, key) < intensity)
        )
        if struck:
            self._note(knob)
        return struck

    def _note(self, knob: str) -> None:
        self.counts[knob] = self.counts.get(knob, 0) + 1


def instant(moment: Moment) -> datetime:
    """Return a moment as a time (aware)."""
    day = date.fromordinal(moment // HOURS)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=moment % HOURS)


def _created(movement: Movement) -> Day:
    """Return the day on which a movement begins to exist for the bank."""
    return movement.purchase


def _next_first(day: Day) -> Day:
    first = date.fromordinal(day).replace(day=1)
    return (first + timedelta(days=32)).replace(day=1).toordinal()
