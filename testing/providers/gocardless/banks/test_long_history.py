import json
from pathlib import Path

import pytest

from payymo.providers.gocardless.banks.long_history import gives_long_history_once

KNOWN_ELSEWHERE = (
    Path(__file__).resolve().parents[4] / "../shared/gocardless/extended_history_banks.json"
).resolve()


@pytest.mark.parametrize(
    ("institution_id", "features", "is_once"),
    [
        ("LHV_LHVBEE22", (), True),
        ("LUMINOR_NDEAEE2X", (), True),
        ("BPER_CORP_BPMOIT22", (), True),
        ("ANY_NAME_BPMOIT22XXX", (), True),
        ("N26_NTSBDEB1", (), False),
        ("N26_NTSBDEB1", ("separate_continuous_history_consent",), True),
        ("MY_SEB_NTSBDEB1", (), False),
        ("SANDBOXFINANCE_SFIN0000", (), False),
    ],
)
def test_a_bank_is_known_by_its_feature_its_group_or_its_bic(
    institution_id: str, features: tuple[str, ...], is_once: bool
) -> None:
    assert gives_long_history_once(institution_id, features) is is_once


@pytest.mark.skipif(not KNOWN_ELSEWHERE.exists(), reason="the collection is not at hand")
def test_no_bank_that_others_know_is_missing() -> None:
    """What others write with a star is a start; two entries of theirs are misspelt or fused."""
    sources = json.loads(KNOWN_ELSEWHERE.read_text(encoding="utf-8"))["sources"].values()
    entries = {entry for source in sources for entry in source}

    unknown = {entry for entry in entries if not gives_long_history_once(entry.strip("*"), ())}
    assert unknown == {
        "CREDITO_COOPERATIVO_CASSA_RURALE_ED_ARTIGIANA_DEL_FRIULI_VENEZIA_GIULIA_CCRTI2T96A",
        "HYPE_HYEEIT2",
    }
