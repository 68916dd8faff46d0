"""The categories that Payymo brings along, and what it puts into them by itself.

What a transaction is about, its topic, follows from the first of these that says anything: the
other side is an account of one's own; the merchant category code (ISO 18245); the bank transaction
code and the purpose code (ISO 20022 external code sets); words of the text. A tenant that has a
category for the topic gets it assigned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from payymo.domain.categories.rules import Subject, simplify
from payymo.domain.enums import CategoryKind, CategorySet, Direction


@dataclass(frozen=True, slots=True)
class DefaultCategory:
    """A category that Payymo brings along.

    :ivar key: What it is called in tables, whatever its name becomes.
    """

    key: str
    name: str
    kind: CategoryKind


_IN, _OUT, _ACROSS = CategoryKind.INCOME, CategoryKind.EXPENSE, CategoryKind.TRANSFER

_SHARED: Final = (
    DefaultCategory("interest", "Interest and dividends", _IN),
    DefaultCategory("utilities", "Energy and water", _OUT),
    DefaultCategory("telecom", "Phone and internet", _OUT),
    DefaultCategory("insurance", "Insurance", _OUT),
    DefaultCategory("travel", "Travel", _OUT),
    DefaultCategory("fees", "Bank fees", _OUT),
    DefaultCategory("taxes", "Taxes and duties", _OUT),
    DefaultCategory("loan", "Loan repayments", _OUT),
    DefaultCategory("charity", "Donations", _OUT),
    DefaultCategory("cash", "Cash", _ACROSS),
    DefaultCategory("transfer", "Own accounts", _ACROSS),
)

#: What each set brings along, in the order in which it is listed.
SETS: Final[Mapping[CategorySet, Sequence[DefaultCategory]]] = {
    CategorySet.HOUSEHOLD: (
        DefaultCategory("salary", "Salary and pensions", _IN),
        DefaultCategory("groceries", "Groceries", _OUT),
        DefaultCategory("dining", "Restaurants and cafés", _OUT),
        DefaultCategory("rent", "Rent and housing", _OUT),
        DefaultCategory("transport", "Transport and fuel", _OUT),
        DefaultCategory("shopping", "Shopping", _OUT),
        DefaultCategory("home", "Home and garden", _OUT),
        DefaultCategory("health", "Health and care", _OUT),
        DefaultCategory("leisure", "Leisure", _OUT),
        DefaultCategory("education", "Education and childcare", _OUT),
        *_SHARED,
    ),
    CategorySet.BUSINESS: (
        DefaultCategory("payroll", "Wages and salaries", _OUT),
        DefaultCategory("premises", "Rent and premises", _OUT),
        DefaultCategory("goods", "Goods and materials", _OUT),
        DefaultCategory("software", "Software and hosting", _OUT),
        DefaultCategory("office", "Office supplies", _OUT),
        DefaultCategory("postage", "Postage and freight", _OUT),
        DefaultCategory("marketing", "Marketing", _OUT),
        DefaultCategory("professional", "Legal, accounting and consulting", _OUT),
        DefaultCategory("vehicles", "Vehicles", _OUT),
        DefaultCategory("meals", "Meals and entertainment", _OUT),
        *_SHARED,
    ),
}

#: Which categories a topic may go to, where the topic's own is not among the tenant's.
_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "clothing": ("shopping",),
    "dining": ("dining", "meals"),
    "fuel": ("transport", "vehicles"),
    "home": ("home", "goods"),
    "office": ("office", "shopping"),
    "postage": ("postage", "shopping"),
    "rent": ("rent", "premises"),
    "transport": ("transport", "travel"),
}

#: ISO 18245: codes and ranges by topic. Codes that say too little (money transfer, miscellaneous)
#: are left out.
_MERCHANT_CODES: Final[Mapping[str, str]] = {
    "travel": "3000-3999 4411 4511 4582 4722 7011-7012 7032-7033 7512-7513 7519",
    "transport": "4011 4111-4112 4121 4131 4784 4789 7523",
    "fuel": "5511-5533 5541-5542 5552 5983 7531-7549",
    "postage": "4214-4215 9402",
    "telecom": "4812-4816 4899",
    "utilities": "4900",
    "software": "5045 5734 5817-5818 7372 7379",
    "office": "5021 5044 5046 5111 5943",
    "home": "1520 1711 1731 1740 1750 1761 1771 1799 5039 5065 5072 5074 5085 5198"
    " 5200-5251 5261 5712-5722 5732 7622-7641",
    "groceries": "5411 5422 5441 5451 5462 5499 5921",
    "dining": "5811-5814",
    "clothing": "5611-5699 5137 5139 5931 5944 5948-5949 7251 7296",
    "shopping": "5300-5399 5262 5964-5969",
    "health": "4119 5047 5122 5912 5975-5977 7230 7297-7298 8011-8099",
    "leisure": "5733 5735 5815-5816 5940-5942 5945-5947 5970-5973 7801-7802 7829-7841 7911-7999",
    "education": "8211-8299 8351",
    "insurance": "5960 6300 6381 6399",
    "cash": "6010-6011",
    "rent": "6513",
    "marketing": "7311 7333 7338",
    "professional": "7392 8111 8911 8931 8999",
    "charity": "8398 8661",
    "taxes": "9311 9399",
}

#: ISO 20022 bank transaction codes, by family and sub-family; ``*`` is any.
_BANK_CODES: Final[Mapping[str, str]] = {
    "cash": "PMNT-CCRD-CWDL PMNT-CCRD-XBCW PMNT-CNTR-CWDL PMNT-CNTR-CDPT PMNT-CCRD-CDPT",
    "fees": "*-*-CHRG *-*-FEES *-*-COMM",
    "interest": "*-*-INTR SECU-*-DVCA SECU-*-DVOP",
    "taxes": "*-*-TAXE",
    "salary": "PMNT-RCDT-SALA",
    "payroll": "PMNT-ICDT-SALA",
    "loan": "LDAS-*-PPAY LDAS-*-RPMT",
    "transfer": "CAMT-*-*",
}

#: ISO 20022 purposes; a salary is told from wages by the way the money went.
_PURPOSES: Final[Mapping[str, str]] = {
    "salary": "SALA PAYR PENS SSBE BENE",
    "taxes": "TAXS VATX INTX WHLD",
    "rent": "RENT",
    "insurance": "INSU LIFI INPC HLTI",
    "interest": "INTE DIVD",
    "utilities": "ELEC GASB WTER ENRG UBIL",
    "telecom": "PHON NWCM",
    "loan": "LOAN LOAR HLRP",
    "charity": "CHAR",
    "health": "HSPC MDCS DNTS",
    "education": "STDY",
    "transfer": "INTC CASH TREA",
}

#: Words, or rows of them, as whole words of payee and text; the first topic that has one counts.
_WORDS: Final[Mapping[str, str]] = {
    "taxes": "finanzamt, hmrc, belastingdienst, skatteverket, agenzia delle entrate, impots gouv,"
    " hacienda, agencia tributaria, finanzkasse",
    "salary": "salary, payroll, gehalt, lohn, lohn gehalt, salaire, nomina, stipendio, salaris",
    "fees": "account fee, monthly fee, bank charges, kontofuhrung, kontoentgelt, entgeltabschluss,"
    " frais bancaires, bankkosten, comision mantenimiento, canone mensile",
    "interest": "zinsen, habenzinsen, credit interest, interest paid, interets crediteurs",
    "rent": "rent, miete, kaltmiete, warmmiete, loyer, huur, affitto, alquiler, hyra",
    "insurance": "insurance, versicherung, versicherungen, assurance, assurances, verzekering,"
    " verzekeringen, seguros, assicurazioni, krankenkasse",
    "utilities": "stadtwerke, electricity, water bill, gas bill, strom, stromabschlag,"
    " energie, eau de, vattenfall, enbw, eon",
    "telecom": "telekom, telecom, vodafone, broadband, mobilfunk, telefonica",
    "groceries": "rewe, edeka, lidl, aldi, tesco, sainsbury s, sainsburys, asda,"
    " carrefour, auchan, leclerc, albert heijn, jumbo, mercadona, esselunga, migros, coop",
    "transport": "deutsche bahn, db vertrieb, sncf, trenitalia, transport for london, tfl,"
    " ns groep, renfe, uber trip",
    "software": "github, hetzner, digitalocean, amazon web services, google cloud, microsoft 365",
    "postage": "dhl, royal mail, deutsche post, postnl, la poste",
    "cash": "atm, cash withdrawal, geldautomat, bargeldauszahlung, retrait dab, geldautomaat",
    "charity": "spende, donation",
}


def find_topic(subject: Subject) -> str | None:
    """Return what a transaction is about, or ``None`` where nothing says so.

    :param subject: The transaction.
    """
    if subject.is_own_counterparty:
        return "transfer"
    topic = (
        _topic_of_merchant(subject.merchant_category_code)
        or _topic_of_bank_code(subject.bank_transaction_code)
        or _topic_of_purpose(subject.purpose_code)
        or _topic_of_words(subject)
    )
    if topic == "salary" and subject.direction is Direction.DEBIT:
        return "payroll"
    if topic == "interest" and subject.direction is Direction.DEBIT:
        return "fees"
    return topic


def keys_of(topic: str) -> Sequence[str]:
    """Return the keys of the categories that a topic may go to, the likeliest first.

    :param topic: What a transaction is about.
    """
    return _KEYS.get(topic, (topic,))


def _topic_of_merchant(code: str | None) -> str | None:
    return None if code is None else _merchant_topics().get(code)


@lru_cache(maxsize=1)
def _merchant_topics() -> Mapping[str, str]:
    topics: dict[str, str] = {}
    for topic, codes in _MERCHANT_CODES.items():
        for each in codes.split():
            first, _, last = each.partition("-")
            for number in range(int(first), int(last or first) + 1):
                topics[f"{number:04}"] = topic
    return topics


@lru_cache(maxsize=1024)
def _topic_of_bank_code(code: str | None) -> str | None:
    given = (code or "").split("-")
    for topic, codes in _BANK_CODES.items():
        for each in codes.split():
            wanted = each.split("-")
            if len(given) >= len(wanted) and all(
                part in {"*", have} for part, have in zip(wanted, given, strict=False)
            ):
                return topic
    return None


def _topic_of_purpose(code: str | None) -> str | None:
    if code is not None:
        for topic, codes in _PURPOSES.items():
            if code in codes.split():
                return topic
    return None


@lru_cache(maxsize=1)
def _phrases() -> Sequence[tuple[str, Sequence[str]]]:
    return [
        (topic, [f" {simplify(phrase)} " for phrase in phrases.split(",")])
        for topic, phrases in _WORDS.items()
    ]


def _topic_of_words(subject: Subject) -> str | None:
    given = (subject.payee, subject.counterparty_name, subject.description, subject.remittance)
    text = f" {' '.join(simplify(part) for part in given if part)} "
    for topic, phrases in _phrases():
        if any(phrase in text for phrase in phrases):
            return topic
    return None
