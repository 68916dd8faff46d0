"""The invented banks: where each is, what it supports, and how its books misbehave."""

from dataclasses import dataclass
from typing import Any

from payymo.sandbox.state import SCOPES

SANDBOX_BANK = "SANDBOXFINANCE_SFIN0000"
VOLUME_BANK = "SANDBOX_VOLUME_SVOLXX00"

#: Countries that the service covers; the sandbox bank's ``XX`` is none of them.
COUNTRIES = tuple(
    """
    AT BE BG HR CY CZ DK EE FI FR DE GR HU IS IE IT LV LI LT LU MT NL NO PL PT RO SK SI ES SE GB
    """.split()
)

_LOGO = "https://logos.sandbox.invalid/ais/{}.png"
_HOME_FEATURES = ("account_selection", "pending_transactions", "private_accounts")


@dataclass(frozen=True, slots=True)
class Bank:
    """An invented bank.

    :ivar scenarios: Books that its consent page offers, the default first.
    :ivar quirks: Names of the quirks that its answers have (see ``books/quirks.py``).
    :ivar scopes_together: Scopes that must be asked for together.
    :ivar scopes_mandatory: Scopes that must be asked for.
    :ivar scopes_supported: Scopes that may be asked for.
    :ivar stable_accounts: Whether account ids survive a new consent.
    """

    id: str
    name: str
    bic: str
    countries: tuple[str, ...]
    history_days: int = 90
    access_days: int | None = 180
    reconfirmed_days: int | None = None
    features: tuple[str, ...] = _HOME_FEATURES
    scenarios: tuple[str, ...] = ("household",)
    quirks: tuple[str, ...] = ()
    scopes_together: tuple[str, ...] = ()
    scopes_mandatory: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = SCOPES
    stable_accounts: bool = False

    @property
    def country(self) -> str:
        """Country of its accounts."""
        return self.countries[0]

    @property
    def access_days_max(self) -> int:
        """Longest access that it grants."""
        return max(self.access_days or 90, self.reconfirmed_days or 0)

    def body(self) -> dict[str, Any]:
        """Return the bank as the list of institutions shows it."""
        body: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "bic": self.bic,
            "transaction_total_days": str(self.history_days),
            "countries": list(self.countries),
            "logo": _LOGO.format(self.id),
            "supported_features": list(self.features),
            "identification_codes": [],
        }
        if self.access_days is not None:
            body["max_access_valid_for_days"] = str(self.access_days)
        if self.reconfirmed_days is not None:
            body["max_access_valid_for_days_reconfirmation"] = str(self.reconfirmed_days)
        return body


_ALL = (
    Bank(
        SANDBOX_BANK,
        "Sandbox Finance",
        "SFIN0000",
        ("XX",),
        history_days=730,
        features=(
            "access_scopes",
            "account_selection",
            "business_accounts",
            "pending_transactions",
            "private_accounts",
            "ssn_verification",
        ),
        scenarios=("business", "household"),
    ),
    Bank(
        VOLUME_BANK,
        "Sandbox Volume",
        "SVOLXX00",
        ("XX",),
        history_days=730,
        features=("business_accounts",),
        scenarios=("volume",),
    ),
    # Well-behaved banks
    Bank(
        "ALPENTAL_ALPTATW1",
        "Alpental Sparverein",
        "ALPTATW1",
        ("AT", "LI"),
        history_days=730,
        features=("access_scopes", "account_selection", "private_accounts"),
    ),
    Bank(
        "BRUGSEHANDEL_BRUHBEB1",
        "Brugse Handelskas",
        "BRUHBEB1",
        ("BE", "LU"),
        features=("business_accounts", "private_accounts"),
        stable_accounts=True,
    ),
    Bank(
        "KORALLPANK_KORAEE2X",
        "Korallpank",
        "KORAEE2X",
        ("EE", "LV", "LT"),
        history_days=730,
        features=(*_HOME_FEATURES, "separate_continuous_history_consent"),
    ),
    Bank(
        "SAARIPANKKI_SAARFIHH",
        "Saaripankki",
        "SAARFIHH",
        ("FI",),
        history_days=540,
        features=(*_HOME_FEATURES, "separate_continuous_history_consent"),
    ),
    Bank(
        "BALFOURHALL_BALHGB21",
        "Balfour Hall Bank",
        "BALHGB21",
        ("GB",),
        history_days=730,
        access_days=90,
        reconfirmed_days=180,
        features=(*_HOME_FEATURES, "card_accounts"),
    ),
    Bank(
        "WISLANY_WISLPLPW",
        "Bank Wiślany Nowy",
        "WISLPLPW",
        ("PL",),
        features=("access_scopes", "private_accounts"),
        scopes_together=("details", "balances"),
    ),
    Bank(
        "FJORDHEIM_FJOHNOKK",
        "Fjordheim Sparelag",
        "FJOHNOKK",
        ("NO",),
        access_days=None,
        features=("access_scopes", "private_accounts", "ssn_verification"),
        scopes_mandatory=("transactions",),
    ),
    Bank(
        "DONAUHAUS_DONAATWW",
        "Donauhaus Bank",
        "DONAATWW",
        ("AT",),
        features=("access_scopes", "private_accounts"),
        scopes_supported=("transactions",),
    ),
    # Banks with quirks, each with its own
    Bank(
        "HAVENKAS_HAVKNL2X",
        "Havenkas",
        "HAVKNL2X",
        ("NL",),
        scenarios=("quirky",),
        quirks=("balance_after",),
    ),
    Bank(
        "ROCHEBLEUE_ROBLFRPX",
        "Caisse de Rochebleue",
        "ROBLFRPX",
        ("FR",),
        scenarios=("quirky",),
        quirks=("ids_missing",),
    ),
    Bank(
        "MEUSEDAL_MEUDBEB9",
        "Meusedal Bank",
        "MEUDBEB9",
        ("BE",),
        scenarios=("quirky",),
        quirks=("ids_reused",),
    ),
    Bank(
        "NORDSKAER_NSKANO21",
        "Nordskær Bank",
        "NSKANO21",
        ("NO",),
        scenarios=("quirky",),
        quirks=("ids_reissued",),
    ),
    Bank(
        "JARVENRANTA_JARVFIH1",
        "Järvenranta Pankki",
        "JARVFIH1",
        ("FI",),
        scenarios=("quirky",),
        quirks=("internal_ids_reissued",),
    ),
    Bank(
        "HARZTALER_HARZDE81",
        "Harztaler Genossenschaftskasse",
        "HARZDE81",
        ("DE",),
        scenarios=("quirky",),
        quirks=("pending_rebooked",),
    ),
    Bank(
        "MONTEBRINA_MOBRITM1",
        "Banca di Montebrina",
        "MOBRITM1",
        ("IT",),
        features=(*_HOME_FEATURES, "separate_continuous_history_consent"),
        scenarios=("quirky",),
        quirks=("late_postings",),
    ),
    Bank(
        "VALDEROSA_VAROESM1",
        "Caja Valderosa",
        "VAROESM1",
        ("ES",),
        scenarios=("quirky",),
        quirks=("restated_row",),
    ),
    Bank(
        "TEJOVELHO_TEJVPTPL",
        "Banco Tejo Velho",
        "TEJVPTPL",
        ("PT",),
        scenarios=("quirky",),
        quirks=("removed_row",),
    ),
    Bank(
        "GLENMORRIS_GLMOIE2D",
        "Glenmorris Credit",
        "GLMOIE2D",
        ("IE",),
        scenarios=("quirky",),
        quirks=("pending_replaced",),
    ),
    Bank(
        "ISARKREDIT_ISARDEM2",
        "Isarkredit Privatbank",
        "ISARDEM2",
        ("DE", "AT"),
        scenarios=("quirky",),
        quirks=("text_shapes",),
    ),
)

BANKS = {bank.id: bank for bank in _ALL}

#: Filters of the list: query parameter → feature.
FEATURE_FILTERS = {
    f"{feature}_supported": feature
    for feature in (
        "access_scopes",
        "account_selection",
        "business_accounts",
        "card_accounts",
        "corporate_accounts",
        "pending_transactions",
        "private_accounts",
        "read_debtor_account",
        "read_refund_account",
        "separate_continuous_history_consent",
        "ssn_verification",
    )
}


def list_banks(country: str | None, features: dict[str, bool]) -> list[Bank]:
    """Return the banks of a country that have, or lack, certain features.

    :param country: ISO code in upper case; without one, every bank, the sandbox's own included.
    :param features: Feature → whether it is wanted.
    """
    return [
        bank
        for bank in _ALL
        if country is None or country in bank.countries
        if all((name in bank.features) is wanted for name, wanted in features.items())
    ]


def scopes_text(scopes: tuple[str, ...] | list[str] = SCOPES) -> str:
    """Return scopes as the service prints them: ``['balances', 'details']``."""
    return str(list(scopes))
