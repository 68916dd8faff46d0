"""Which banks give more history than the usual days once, and then no more.

They give it to one consent; a later one that asks for it again brings nothing new, and of some
banks not even later rows. GoCardless says so of a bank by a feature, and not of every such bank:
those that are known besides stand here. To be wrong about one costs little: a renewal then asks
for the usual days, of a bank whose longer history was read before.
"""

from collections.abc import Collection
from typing import Final

_FEATURE: Final = "separate_continuous_history_consent"

#: Starts of institution ids: groups whose companies have a BIC each.
_GROUPS: Final = ("LUMINOR_", "SEB_", "SWEDBANK_")

#: The first eight signs of BICs, which end institution ids: of a bank in a country.
_BICS: Final = frozenset(
    # The Baltic countries
    """CBSBLT26 EKRDEE22 LHVBEE22 MDBALT22 MULTLV2X """
    # Czechia, France, Germany, Spain
    """GIBACZPX BREDFRPP SCFBDE33 BBVAESMM BKBKESMM CAIXESBB CLPEES2M """
    # Italy: nearly all, the groups of cooperative banks (CCRT, ICRA) among them
    """
    AIDXITMM AKROITMM ALETITMM ALOAIT21 BACRIT22 BAPPIT22 BCCDIT3C BCEPITMM BCITITMM BDBOIT21
    BITAITRR BLJAIT3L BNLIITRR BPMOIT22 BPPIITRR CCRTIT2T CIMTITR1 CRDRIT2F CRLVIT21 CRPPIT2P
    EUBAITM1 FIBKITMM FIDMIT31 GAEOITM1 GUBEIT21 HYEEIT22 HYPTIT2B ICRAITRR ITBBITMM ITTPIT2M
    MICSITM1 PASBITGG PASCITMM PAYTITM1 POCAIT3C POCSIT31 POSOIT22 POVEIT33 PPMSIT31 PRACIT31
    PROSITNN PRRDIT21 SARCIT2S SARDIT31 SELBIT22 SELBIT2B SENVITT1 SGIUIT21 WIDIITMM
    """.split()
)
_BIC_LENGTH: Final = 8


def gives_long_history_once(institution_id: str, features: Collection[str]) -> bool:
    """Return whether a bank gives more than the usual days of history to one consent only.

    :param institution_id: GoCardless's id of the bank, which is a name and a BIC.
    :param features: What GoCardless says that the bank supports.
    """
    bic = institution_id.rpartition("_")[2][:_BIC_LENGTH]
    return _FEATURE in features or institution_id.startswith(_GROUPS) or bic in _BICS
