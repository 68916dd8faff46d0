"""How sure an explanation may be at all, whatever its score: reasons, riddles, and margins."""

from payymo.domain.enums import AmountClass, Signal
from payymo.domain.matching import features as f
from payymo.domain.matching.competition import Claim
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.model import Model

_REASONS_MIN = 2

#: Places in ``features.QUOTED``, ``features.FITS`` and ``features.KNOWN``.
_ISSUED, _NUMBER, _VAGUE, _SILENT = 0, 1, 2, 3
_USUAL, _TIGHT, _OVER = 1, 2, 4
_LIKELY, _STRANGER = 1, 4

_LESS_FEE, _TOPPED, _LISTED = (f.OTHERWISE[each] for each in ("less_fee", "topped", "listed"))
#: What is not quoted, while the text speaks of something else.
_UNSURE = frozenset(
    (
        f.WORDS["prepayment+unquoted"],
        *(f.QUOTE[each] for each in ("other_vague", "other_end")),
    )
)
#: A processor passes on what was paid, or that less its fee; with an invoice more the amount is as
#: near; the text speaks of another number of invoices.
_NEVER_SURE = frozenset(
    (
        *(
            f.PROCESSOR[f"{fit}+{told}"]
            for fit in ("loose", "over", "odd")
            for told in ("quoted", "named", "bare")
        ),
        f.OTHERWISE["more_abroad"],
        f.FURTHER["differs"],
    )
)
_ACROSS = frozenset(f.FORM[each] for each in ("across2", "across3"))
_OTHERS_QUOTED = frozenset(f.BESIDES[each] for each in ("plain", "strange", "cut"))
_CUT_OFF = frozenset((f.BESIDES["cut"],))

#: That the payer is known, and not by likeness alone.
_PROVEN = frozenset(
    (
        *(f.ACCOUNT[each] for each in ("on_file", "seen_once", "seen_often")),
        *(f.ALIAS[each] for each in ("seen_once", "seen_often")),
    )
)


def has_reasons(candidate: Candidate) -> bool:
    """Return whether there are two independent reasons: a number, an amount, a payer.

    A reference that was issued for the invoice, with an amount that can be, is enough.
    """
    if candidate.quoted == _ISSUED and candidate.fit <= _OVER:
        return True
    return len(signals_of(candidate)) >= _REASONS_MIN


def signals_of(candidate: Candidate) -> frozenset[Signal]:
    """Return what speaks plainly for an explanation, each by itself."""
    plain = (
        (Signal.REFERENCE, candidate.quoted <= _NUMBER),
        (Signal.AMOUNT, candidate.fit <= _TIGHT),
        (Signal.PAYER, candidate.known <= _LIKELY),
    )
    return frozenset(signal for signal, speaks in plain if speaks)


def standing_of(candidate: Candidate) -> int:
    """Return how an explanation stands.

    :returns: The place in :data:`.model.STANDINGS`: quoted, not quoted, with something against it,
        with less than two reasons, or not quoted by somebody who has not paid for the customer.
    """
    if not has_reasons(candidate):
        return 3
    if candidate.is_doubted:
        return 2
    if candidate.quoted <= _NUMBER:
        return 0
    return 4 if _PROVEN.isdisjoint(candidate.features) else 1


def is_hearsay(candidate: Candidate) -> bool:
    """Return whether somebody else paid, by name, and no number but perhaps a vague one says why.

    It may be right often enough, and is a question to a person all the same.
    """
    if candidate.known < _STRANGER or candidate.quoted < _VAGUE:
        return False
    return candidate.quoted > _VAGUE or candidate.fit > _TIGHT


def may_be_sure(candidate: Candidate) -> bool:
    """Return whether an explanation is ever sure, however far it is ahead of the next best."""
    is_never_sure = candidate.is_remainder or candidate.is_contradicted
    return not is_never_sure and not is_asked(candidate) and not is_riddle(candidate)


def is_riddle(candidate: Candidate) -> bool:
    """Return whether something else is meant often enough that nobody can be sure.

    That is rarer than what is put forward, and not rare enough: a margin does not tell.
    """
    features, quoted = candidate.features, candidate.quoted
    return (
        not _NEVER_SURE.isdisjoint(features)
        or (candidate.amount_class is AmountClass.PART and _PROVEN.isdisjoint(features))
        or (candidate.fit == _OVER and _is_odd_excess(candidate))
        or (candidate.fit > _USUAL and not _ACROSS.isdisjoint(features))
        or (_LISTED in features and _LESS_FEE in features)
        or (quoted <= _VAGUE and _is_odd_list(candidate))
        or (quoted > _VAGUE and not _UNSURE.isdisjoint(features))
        or (quoted > _SILENT and candidate.known > _LIKELY)
    )


def _is_odd_excess(candidate: Candidate) -> bool:
    """Return whether more is paid than is open, and it is not one invoice that somebody quotes."""
    return (
        len(candidate.members) > 1
        or (candidate.quoted > _ISSUED and candidate.known > _LIKELY)
        or _LISTED in candidate.features
        or _TOPPED in candidate.features
    )


def _is_odd_list(candidate: Candidate) -> bool:
    """Return whether some are quoted and others have equals, or the list breaks off."""
    others = _OTHERS_QUOTED if candidate.quoted == _VAGUE else _CUT_OFF
    return bool(candidate.spares) or (
        _LISTED in candidate.features and not others.isdisjoint(candidate.features)
    )


def is_asked(candidate: Candidate) -> bool:
    """Return whether an explanation is no more than a question to a person."""
    return candidate.is_question or is_hearsay(candidate)


def margin_asked(model: Model, candidate: Candidate) -> float:
    """Return the bits before the next best without which an explanation is not nearly sure."""
    caution = model.caution
    return model.margin_min[standing_of(candidate)] + sum(
        [caution[each] for each in candidate.features]
    )


def margin_of(claim: Claim, place: int) -> float:
    """Return the bits between an explanation and the next best, belonging to none included."""
    others = [bits for other, bits in enumerate(claim.bits) if other != place]
    return claim.bits[place] - max([0.0, *others])
