"""How far translation agrees with what the tests of other projects expect of real rows.

Other projects disagree among themselves, so agreement is counted and not required; where Payymo
decides otherwise, ``docs/translate_disagreements.md`` says why.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from payymo.providers.gocardless.lines import translate_lines

CASES = (Path(__file__).resolve().parents[3] / "../shared/gocardless/cases_dev.jsonl").resolve()

TODAY: Final = date(2026, 9, 30)

#: What is reached; a change that loses one of these must say why.
AGREEING_MIN: Final = 342
PAYEES_AGREEING_MIN: Final = 64

_MASKED_IBAN = re.compile(r" \([A-Z]{2}\d\d XXX \d{4}\)$")
_EXCHANGE: Final = {
    "fx_rate": "rate",
    "fx_source_currency": "source_currency",
    "fx_target_currency": "target_currency",
    "fx_unit_currency": "unit_currency",
    "fx_instructed_amount": "instructed_amount",
    "fx_instructed_currency": "instructed_currency",
    "fx_quotation_date": "quotation_date",
}
_IDS: Final = ("trusted_id", "transaction_id", "entry_reference", "internal_id")


@dataclass(frozen=True)
class Verdict:
    case: str
    key: str
    agrees: bool


def same_text(expected: object, *found: object) -> bool:
    """Compare as people do: case, blanks and what joins lines do not count."""

    def plain(text: object) -> str:
        return " ".join(str(text or "").replace(", ", " ").split()).casefold()

    return plain(expected) in {plain(text) for text in found}


type Compare = Callable[[Any, Mapping[str, Any]], bool]


def _by_id(expected: Any, record: Mapping[str, Any]) -> bool:
    if expected is None:
        return record["transaction_id"] is None
    return expected.split(":")[-1] in {record[name] for name in _IDS}


def _by_exchange(field: str) -> Compare:
    return lambda expected, record: (record["exchange"] or {}).get(field) == expected


_COMPARE: Final[Mapping[str, Compare]] = {
    "payee": lambda expected, r: same_text(_MASKED_IBAN.sub("", expected), r["payee"]),
    "payee_present": lambda expected, r: r["payee"] is not None,
    "notes": lambda expected, r: same_text(expected, r["description"], r["remittance"]),
    "description": lambda expected, r: same_text(expected, r["description"]),
    "amount": lambda expected, r: Decimal(r["amount"]) == Decimal(expected),
    "amount_abs": lambda expected, r: abs(Decimal(r["amount"])) == Decimal(expected),
    "type": lambda expected, r: (Decimal(r["amount"]) < 0) == (expected == "debit"),
    "currency": lambda expected, r: r["currency"] == expected,
    "date": lambda expected, r: r["transaction_date"] == expected,
    "date_not_after_today": lambda expected, r: r["transaction_date"] <= TODAY.isoformat(),
    "booking_date": lambda expected, r: r["booking_date"] == expected,
    "value_date": lambda expected, r: r["value_date"] == expected,
    "status": lambda expected, r: (r["status"] == "booked") == (expected == "posted"),
    "bank_code": lambda expected, r: r["proprietary_code"] == expected,
    "external_id": _by_id,
    "dropped": lambda expected, r: False,
    **{key: _by_exchange(field) for key, field in _EXCHANGE.items()},
}


def agrees(key: str, expected: Any, record: Mapping[str, Any]) -> bool | None:
    """Return whether a record holds what a peer expects; ``None`` where we have no such thing."""
    if key not in _COMPARE:
        return None
    return key == "dropped" if "error" in record else _COMPARE[key](expected, record)


def with_days(text: str) -> str:
    return (
        text.replace("<today or later>", "2026-10-02")
        .replace("<today+7>", "2026-10-07")
        .replace("<today>", TODAY.isoformat())
    )


def judge() -> Iterator[Verdict]:
    cases = [json.loads(with_days(line)) for line in CASES.read_text().splitlines()]
    answers = translate_lines(map(json.dumps, cases), today=TODAY)
    for case, answer in zip(cases, answers, strict=True):
        record = json.loads(answer)
        for key, expected in case["expected"].items():
            verdict = agrees(key, expected, record)
            if verdict is not None:
                yield Verdict(case["id"], key, verdict)


@pytest.mark.skipif(not CASES.exists(), reason="the collected cases are not here")
def test_translation_agrees_with_peers_as_far_as_it_has() -> None:
    verdicts = list(judge())

    agreeing = Counter(verdict.key for verdict in verdicts if verdict.agrees)

    assert agreeing.total() >= AGREEING_MIN
    assert agreeing["payee"] >= PAYEES_AGREEING_MIN
    assert agreeing.total() / len(verdicts) > 0.94


@pytest.mark.skipif(not CASES.exists(), reason="the collected cases are not here")
def test_every_disagreement_is_argued() -> None:
    document = (Path(__file__).resolve().parents[3] / "docs/translate_disagreements.md").read_text()

    unargued = {
        (verdict.case, verdict.key)
        for verdict in judge()
        if not verdict.agrees
        if verdict.case not in document
    }

    assert unargued == set()
