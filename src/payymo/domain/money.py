"""Amounts of money: decimal, with a currency and that currency's own exponent (ISO 4217)."""

from decimal import Decimal, InvalidOperation

from payymo.domain.errors import InvalidInputError

#: Digits before and after the point that the database holds (``NUMERIC(20, 4)``).
AMOUNT_PRECISION = 20
AMOUNT_SCALE = 4

#: Currencies whose minor unit is not a hundredth (ISO 4217, as amended 2024).
_EXPONENTS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

#: Currencies in use (ISO 4217 list one, without funds codes and precious metals).
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
    BYN BZD CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP
    GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS
    KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR
    MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD
    TZS UAH UGX USD UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)


def exponent_of(currency: str) -> int:
    """Return how many decimals a currency has.

    :param currency: ISO 4217 code; unknown codes count as having two.
    :returns: Number of decimals, 0 to 4.
    """
    return _EXPONENTS.get(currency, 2)


def parse_amount(text: str) -> Decimal:
    """Return the amount that a text says.

    :param text: Decimal number as banks write it (``10``, ``-3.5``, ``1234.560``); blanks around
        it and a leading ``+`` are allowed, thousands separators and exponents are not.
    :returns: The amount, exact.
    :raises InvalidInputError: If the text is no finite decimal number or too large to store.
    """
    cleaned = text.strip().removeprefix("+")
    try:
        amount = Decimal(cleaned)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or "e" in cleaned.lower() or "_" in cleaned:
        raise InvalidInputError("An amount must be a plain decimal number such as 12.50.")
    if abs(amount) >= Decimal(10) ** (AMOUNT_PRECISION - AMOUNT_SCALE):
        raise InvalidInputError("The amount is too large to be money.")
    return amount


def check_currency(currency: str) -> str:
    """Return a currency code in its normal form.

    :param currency: ISO 4217 code in any case.
    :returns: The code in upper case.
    :raises InvalidInputError: If ISO 4217 knows no such currency.
    """
    code = currency.strip().upper()
    if code not in CURRENCIES:
        raise InvalidInputError(
            "The currency is not an ISO 4217 code in use, such as EUR, GBP or SEK."
        )
    return code


def check_exponent(amount: Decimal, currency: str) -> Decimal:
    """Return an amount with exactly its currency's decimals.

    :param amount: Exact amount.
    :param currency: ISO 4217 code in normal form.
    :returns: The same amount, with trailing zeros added or removed.
    :raises InvalidInputError: If the amount has more decimals than its currency.
    """
    exponent = exponent_of(currency)
    quantised = amount.quantize(Decimal(1).scaleb(-exponent))
    if quantised != amount:
        allowed = f"at most {exponent}" if exponent else "no"
        raise InvalidInputError(f"An amount in {currency} has {allowed} decimals.")
    return quantised


def format_amount(amount: Decimal, currency: str) -> str:
    """Return an amount as the API writes it: plain, with at least its currency's decimals.

    :param amount: Exact amount.
    :param currency: ISO 4217 code in normal form.
    :returns: Decimal text such as ``-12.50`` or ``100`` (JPY); never an exponent.
    """
    whole, _, written = f"{amount:f}".partition(".")
    decimals = written.rstrip("0").ljust(exponent_of(currency), "0")
    return f"{whole}.{decimals}" if decimals else whole


def format_number(number: Decimal) -> str:
    """Return a number that is no amount (a rate, a share) as it is written.

    :param number: Exact number.
    :returns: Plain decimal text: no exponent, and no zeros that say nothing.
    """
    whole, _, decimals = f"{number:f}".partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole
