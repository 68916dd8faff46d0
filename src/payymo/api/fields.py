"""What a field of a request may hold: exact amounts, days that exist, text that can be stored."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from payymo.domain.errors import InvalidInputError
from payymo.domain.money import check_currency, parse_amount

#: Longest number that is looked at: many more characters than any amount of money has.
AMOUNT_CHARACTERS_MAX: Final = 40

EMAIL_CHARACTERS_MAX: Final = 254

_COUNTRY: Final = re.compile(r"[A-Za-z]{2}", re.ASCII)
_ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def refuse(message: str) -> PydanticCustomError:
    """Return an error that makes Pydantic say a sentence of ours.

    :param message: What is wrong and what to do.
    """
    return PydanticCustomError("invalid", "{sentence}", {"sentence": message})


def _saying[Given, Value](parse: Callable[[Given], Value]) -> Callable[[Given], Value]:
    """Let a domain function's complaint be the field's error."""

    def parse_field(given: Given) -> Value:
        try:
            return parse(given)
        except InvalidInputError as error:
            raise refuse(error.message) from error

    return parse_field


def _read_amount(given: object) -> Decimal:
    """Return the amount exactly as written, as text or as a JSON number."""
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal):
        raise InvalidInputError('Write the amount as a decimal text, such as "12.50".')
    text = str(given)
    if len(text) > AMOUNT_CHARACTERS_MAX:
        raise InvalidInputError("The amount has too many digits to be money.")
    return parse_amount(text)


def _read_positive_amount(given: object) -> Decimal:
    amount = _read_amount(given)
    if amount <= 0:
        raise InvalidInputError("The amount must be greater than zero.")
    return amount


def _read_date(given: object) -> date:
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    if not isinstance(given, str) or not _ISO_DATE.fullmatch(given):
        raise InvalidInputError("Write the day as YYYY-MM-DD, such as 2026-02-28.")
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise InvalidInputError("There is no such day in the calendar.") from error


def _check_email(given: str) -> str:
    try:
        # Any domain will do: installations at home and in tests have their own.
        checked = validate_email(
            given.strip(),
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise InvalidInputError(
            "This must be an e-mail address such as ada@example.com."
        ) from error
    return checked.normalized


def _check_country(given: str) -> str:
    if not _COUNTRY.fullmatch(given):
        raise InvalidInputError(
            "Write the country as two letters, its code in ISO 3166-1, such as DE."
        )
    return given.upper()


def _check_text(given: str) -> str:
    if "\0" in given:
        raise InvalidInputError("The text must not hold a NUL character.")
    return given


#: An amount in a request: exact, whether it is text or a number.
AmountIn = Annotated[
    Decimal,
    BeforeValidator(
        _saying(_read_amount), json_schema_input_type=Annotated[str, Field(examples=["12.50"])]
    ),
]
PositiveAmountIn = Annotated[
    Decimal,
    BeforeValidator(
        _saying(_read_positive_amount),
        json_schema_input_type=Annotated[str, Field(examples=["12.50"])],
    ),
]
#: An amount in an answer: decimal text with at least its currency's decimals.
AmountOut = Annotated[str, Field(examples=["12.50"])]
CurrencyIn = Annotated[
    str, AfterValidator(_saying(check_currency)), Field(min_length=3, max_length=3)
]
#: A country by its code, in any case; it comes out in upper case.
CountryIn = Annotated[
    str,
    AfterValidator(_saying(_check_country)),
    Field(json_schema_extra={"pattern": "^[A-Za-z]{2}$"}, examples=["GB"]),
]
#: An e-mail address; its domain's case is made one, the name before it stays as it is.
EmailIn = Annotated[
    str,
    AfterValidator(_saying(_check_email)),
    Field(max_length=EMAIL_CHARACTERS_MAX, examples=["ada@example.com"]),
]
#: A day, and nothing that merely could be read as one (a timestamp, a count of seconds).
DateIn = Annotated[
    date,
    BeforeValidator(
        _saying(_read_date),
        json_schema_input_type=Annotated[date, Field(examples=["2026-02-28"])],
    ),
]

_STORABLE: Final = AfterValidator(_saying(_check_text))

#: What a name, a number or a search holds.
ShortText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _STORABLE
]
#: What a person writes about a thing.
LongText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), _STORABLE
]
