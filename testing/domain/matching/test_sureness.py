"""What is never sure, however far it is ahead."""

import pytest

from payymo.domain.enums import AmountClass
from payymo.domain.matching import features as f
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.model import STANDINGS
from payymo.domain.matching.sureness import is_riddle, may_be_sure, standing_of

ISSUED, NUMBER, VAGUE, SILENT, CONTRADICTED = range(5)
SURELY, PERHAPS = 0, 2


def a_candidate(amount: AmountClass, quoted: int, known: int, *features: int) -> Candidate:
    candidate = Candidate((0,), amount)
    candidate.quoted, candidate.known = quoted, known
    candidate.features = list(features)
    return candidate


@pytest.mark.parametrize(
    ("candidate", "is_one"),
    [
        # An odd part of what is quoted: sure if the past, and not only a name, knows the payer.
        (a_candidate(AmountClass.PART, NUMBER, SURELY), True),
        (a_candidate(AmountClass.PART, NUMBER, SURELY, f.ACCOUNT["seen_once"]), False),
        (a_candidate(AmountClass.SHARE, NUMBER, SURELY), False),
        # Too much: by somebody, with something else quoted, or by what another invoice has open.
        (a_candidate(AmountClass.TIP, NUMBER, SURELY), False),
        (a_candidate(AmountClass.TIP, NUMBER, PERHAPS), True),
        (a_candidate(AmountClass.TIP, ISSUED, PERHAPS), False),
        (a_candidate(AmountClass.TIP, NUMBER, SURELY, f.OTHERWISE["listed"]), True),
        (a_candidate(AmountClass.TIP, NUMBER, SURELY, f.OTHERWISE["topped"]), True),
        # One of a list, by its end, that the amount does not fit.
        (
            a_candidate(
                AmountClass.SHARE, VAGUE, SURELY, f.OTHERWISE["listed"], f.BESIDES["plain"]
            ),
            True,
        ),
        (
            a_candidate(
                AmountClass.SHARE, VAGUE, SURELY, f.OTHERWISE["listed"], f.BESIDES["vague"]
            ),
            False,
        ),
        (a_candidate(AmountClass.EXACT, SILENT, SURELY, f.WORDS["prepayment+unquoted"]), True),
        # One more, says the text, and it is none.
        (a_candidate(AmountClass.ROUNDED, NUMBER, SURELY, f.FURTHER["differs"]), True),
        (a_candidate(AmountClass.ROUNDED, NUMBER, SURELY, f.FURTHER["agrees"]), False),
        # Several customers at once: sure if the amount is exact.
        (a_candidate(AmountClass.BANK_FEE, NUMBER, SURELY, f.FORM["across3"]), True),
        (a_candidate(AmountClass.EXACT, NUMBER, SURELY, f.FORM["across3"]), False),
        # A strange number by somebody who may be the customer.
        (a_candidate(AmountClass.EXACT, CONTRADICTED, PERHAPS), True),
        (a_candidate(AmountClass.EXACT, CONTRADICTED, SURELY), False),
        # A number, another that is cut short, and what may be both, less a fee.
        (
            a_candidate(
                AmountClass.INSTALMENT,
                NUMBER,
                SURELY,
                f.OTHERWISE["listed"],
                f.OTHERWISE["less_fee"],
            ),
            True,
        ),
        (a_candidate(AmountClass.EXACT, SILENT, SURELY), False),
        # The end of another open invoice's number.
        (a_candidate(AmountClass.EXACT, SILENT, SURELY, f.QUOTE["other_end"]), True),
        # A processor keeps its own fee, and no bank's.
        (a_candidate(AmountClass.BANK_FEE, NUMBER, SURELY, f.PROCESSOR["loose+quoted"]), True),
        (a_candidate(AmountClass.EXACT, NUMBER, SURELY, f.PROCESSOR["exact+quoted"]), False),
    ],
)
def test_a_riddle_is_never_sure(candidate: Candidate, *, is_one: bool) -> None:
    assert is_riddle(candidate) is is_one
    assert may_be_sure(candidate) is not is_one


def test_some_are_quoted_and_others_have_equals() -> None:
    some = a_candidate(AmountClass.EXACT, VAGUE, SURELY)
    assert not is_riddle(some)

    some.spares = (7,)
    assert is_riddle(some)


def test_who_never_paid_for_a_customer_stands_apart_while_nothing_is_quoted() -> None:
    def standing(quoted: int, *features: int) -> str:
        return STANDINGS[standing_of(a_candidate(AmountClass.EXACT, quoted, SURELY, *features))]

    assert standing(NUMBER) == "quoted"
    assert standing(SILENT) == "unproven"
    assert standing(SILENT, f.ALIAS["seen_once"]) == "unquoted"
