"""What really happened on an account: movements of money, day by day, for years.

Days are ordinals and moments are hours (24 times the day's ordinal, and the hour), as millions of
them are compared.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

HOURS: Final = 24
CENT: Final = Decimal("0.01")

type Day = int
type Moment = int


@dataclass(slots=True)
class Movement:
    """One movement of money, from the moment when it is known to the bank.

    :ivar key: Its number, which no answer tells.
    :ivar day: Day on which it is booked by the bank's books.
    :ivar purchase: Day of the purchase or order.
    :ivar value: Value date.
    :ivar amount: As it books; signed.
    :ivar held: As it is pending; signed.
    :ivar pending_from: When it is listed as pending; ``None`` when it never is.
    :ivar pending_until: When it is pending no more.
    :ivar away: Within this time it is not in the list of what is pending.
    :ivar booked_at: When it is listed as booked; ``None`` when it never is.
    :ivar withdrawn_at: When the bank takes it back; ``None`` when it never does.
    :ivar moved: When the bank moves its day, and by how many days.
    :ivar dated_at: When its text gets a date in front.
    :ivar worded_at: When its text gets a city.
    :ivar final_at: When a provisional row gives way to the final one.
    :ivar corrected: When the bank corrects its amount, and to what.
    """

    key: int
    day: Day
    purchase: Day
    value: Day
    amount: Decimal
    currency: str
    payee: str
    note: str
    held: Decimal
    pending_from: Moment | None = None
    pending_until: Moment | None = None
    away: tuple[Moment, Moment] | None = None
    booked_at: Moment | None = None
    withdrawn_at: Moment | None = None
    moved: tuple[Moment, int] | None = None
    dated_at: Moment | None = None
    worded_at: Moment | None = None
    final_at: Moment | None = None
    corrected: tuple[Moment, Decimal] | None = None

    def is_booked(self, moment: Moment) -> bool:
        """Return whether the bank's books have it."""
        return (
            self.booked_at is not None
            and self.booked_at <= moment
            and (self.withdrawn_at is None or moment < self.withdrawn_at)
        )

    def is_pending(self, moment: Moment) -> bool:
        """Return whether the bank lists it as pending."""
        return (
            self.pending_from is not None
            and self.pending_until is not None
            and self.pending_from <= moment < self.pending_until
            and not (self.away and self.away[0] <= moment < self.away[1])
        )

    def amount_at(self, moment: Moment) -> Decimal:
        """Return the booked amount as the bank has it then."""
        if self.corrected and self.corrected[0] <= moment:
            return self.corrected[1]
        return self.amount

    def day_at(self, moment: Moment) -> Day:
        """Return the booking day as the bank has it then."""
        return self.day + self.moved[1] if self.moved and self.moved[0] <= moment else self.day


@dataclass(slots=True)
class Life:
    """An account's movements, in the order in which they become known.

    :ivar moments: For each movement, when anything of it is first and last told.
    """

    currency: str
    first_day: Day
    days: int
    movements: list[Movement] = field(default_factory=list)


_PAYEES: Final = (
    "Kaffeehaus Linde", "Bakery North", "Bakery South", "Grand Hotel Berlin", "Station South",
    "Rema Oslo West", "Coop Leeds", "Coop York", "Stadtwerke Musterstadt", "Acme Supplies",
    "Blue Harbour Cafe", "Nordlicht Kino", "Fahrradladen Keller", "Pharmacie Centrale",
    "Librairie Voltaire", "Taverna Olympia", "Mercado Central", "Gasthof Krone", "Kiosk Hafen",
    "PayFlow *Spotlight", "PayFlow *Steamworks", "Anna Schmidt", "Jean Martin", "Olaf Hansen",
)  # fmt: skip
_PRICES: Final = tuple(map(Decimal, ("2.80", "3.50", "4.20", "9.99", "12.00", "25.00", "40.00")))
_CITIES: Final = ("Berlin Mitte", "Oslo", "Leeds City", "Lyon")
_CURRENCIES: Final = ("EUR", "EUR", "GBP", "SEK", "KWD")


class Author:
    """Invents an account's life from a seed.

    :ivar struck: How often each knob struck a movement.
    """

    def __init__(self, seed: random.Random, knobs: Mapping[str, float]) -> None:
        """Begin with nothing.

        :param seed: Where chance comes from.
        :param knobs: What the bank does to movements, as corrections and pending amounts.
        """
        self._seed = seed
        self._knobs = knobs
        self.struck: Counter[str] = Counter()
        self._key = 0
        self._pace = seed.choice((0.05, 0.2, 0.6, 1.0, 1.5, 2.5))
        self._payees = seed.sample(_PAYEES, seed.randint(3, 10))
        self._habit = (self._payees[0], seed.choice(_PRICES))
        self._is_card = seed.random() < 0.5

    def write(self, first_day: date, days: int) -> Life:
        """Return the life of an account of so many days."""
        life = Life(self._seed.choice(_CURRENCIES), first_day.toordinal(), days)
        for day in range(life.first_day, life.first_day + days):
            life.movements += self.write_day(day, life.currency)
        return life

    def write_day(self, day: Day, currency: str) -> list[Movement]:
        """Return what happens on a day, twins included."""
        seed = self._seed
        movements = []
        calendar_day = date.fromordinal(day)
        if calendar_day.day == 28:
            movements.append(self._booked(day, Decimal(3100), "Employer Works", "Salary"))
        if calendar_day.day == 1:
            movements.append(self._booked(day, Decimal(-900), "House Owner", "Rent"))
        if calendar_day.day == 15:
            movements.append(self._booked(day, Decimal("-9.99"), "Film Club", "Monthly fee"))
        if calendar_day.weekday() == 0 and self._pace > 0.5:
            movements.append(self._booked(day, Decimal("-15.00"), "Sport Club", "Weekly course"))
        while seed.random() < self._pace / (1 + self._pace):
            movements.append(self._purchase(day))
            if self._is_on("twins"):
                movements.append(self._twin(movements[-1]))
        if self._is_on("zero_rows"):
            movements.append(self._booked(day, Decimal(0), "Your bank", "New conditions"))
        for movement in movements:
            movement.currency = currency
            if self._is_on("foreign_rows"):
                movement.currency = "USD" if currency != "USD" else "EUR"
        movements += [self._double(each) for each in movements if self._is_on("doubled")]
        return movements

    def _is_on(self, knob: str) -> bool:
        intensity = self._knobs.get(knob, 0.0)
        is_on = intensity > 0 and self._seed.random() < intensity
        self.struck[knob] += is_on
        return is_on

    def _purchase(self, day: Day) -> Movement:
        seed = self._seed
        kind = seed.random()
        if kind < 0.35:
            payee, price = self._habit
            return self._card(day, -price, payee, "")
        payee = seed.choice(self._payees)
        if kind < 0.5:
            return self._booked(
                day, self._amount(20, 2000), payee, f"Invoice {seed.randint(1000, 9999)}"
            )
        if kind < 0.58:
            sign = seed.choice((1, -1))
            return self._booked(day, Decimal(100 * sign), "Own account", "Savings")
        price = seed.choice(_PRICES) if seed.random() < 0.5 else self._amount(1, 150)
        return self._card(day, -price, payee, seed.choice(("", "", "Card 1234")))

    def _amount(self, least: int, most: int) -> Decimal:
        return Decimal(self._seed.randint(least * 100, most * 100)) * CENT

    def _card(self, day: Day, amount: Decimal, payee: str, note: str) -> Movement:
        """Return a card payment: pending for some days, unless the bank lists none."""
        seed = self._seed
        if not self._is_card or seed.random() < 0.2:
            return self._booked(day, amount, payee, note)
        wait = seed.choice((1, 1, 2, 2, 3, 4, 6))
        movement = self._booked(day + wait, amount, payee, note)
        movement.purchase = day
        movement.pending_from = day * HOURS + seed.randint(0, 20)
        movement.pending_until = movement.booked_at
        if self._is_on("tips") and payee != self._habit[0]:
            movement.held = (amount / Decimal("1.1")).quantize(CENT)
        elif self._is_on("moving_rates"):
            movement.held = (amount * Decimal(seed.choice(("0.97", "1.02")))).quantize(CENT)
        elif payee == "Station South" and self._is_on("fuel_holds"):
            movement.held = Decimal(seed.choice((-1, -100)))
        if self._is_on("expired_pending"):
            movement.booked_at = None
            movement.moved = movement.corrected = None
            movement.withdrawn_at = movement.dated_at = movement.worded_at = None
            movement.final_at = None
        elif self._is_on("lingering_pending") and movement.pending_until is not None:
            movement.pending_until += HOURS
        elif self._is_on("flickering_pending") and wait > 1 and movement.pending_until is not None:
            movement.away = (movement.pending_until - HOURS, movement.pending_until)
        return movement

    def _booked(self, day: Day, amount: Decimal, payee: str, note: str) -> Movement:
        """Return a movement that is booked on a day, and what the bank does to it later."""
        seed = self._seed
        self._key += 1
        late = seed.randint(2, 20) if self._is_on("back_dated") else 0
        booked_at = (day + late) * HOURS + seed.randint(0, 8)
        value = day + seed.choice((-3, -2, -1, 1, 2)) if self._is_on("value_differs") else day
        movement = Movement(
            key=self._key,
            day=day,
            purchase=day,
            value=value,
            amount=amount,
            currency="",
            payee=payee,
            note=note,
            held=amount,
            booked_at=booked_at,
        )

        def later(least: int, most: int) -> Moment:
            return booked_at + HOURS * seed.randint(least, most)

        if self._is_on("withdrawn"):
            movement.withdrawn_at = later(1, 20)
        if self._is_on("moving_day"):
            movement.moved = (later(1, 6), seed.choice((-3, -1, 1, 2, 4)))
        if self._is_on("date_before_text"):
            movement.dated_at = later(1, 5)
        if self._is_on("words_added_later"):
            movement.worded_at = later(1, 5)
        if self._is_on("provisional_first"):
            movement.final_at = later(1, 3)
        if self._is_on("corrected_amount"):
            movement.corrected = (later(1, 8), amount + Decimal("0.50"))
        return movement

    def _twin(self, movement: Movement) -> Movement:
        self._key += 1
        return replace(movement, key=self._key)

    def _double(self, movement: Movement) -> Movement:
        """Return the same once more: the bank's mistake, which it takes back or keeps."""
        twin = self._twin(movement)
        if twin.booked_at is not None and self._seed.random() < 0.5:
            twin.withdrawn_at = twin.booked_at + HOURS * self._seed.randint(1, 15)
        return twin


def city_of(key: int) -> str:
    """Return the city that is added to a text."""
    return _CITIES[key % len(_CITIES)]
