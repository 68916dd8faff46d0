"""Refused pairs that have to stay refused."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.matching.engine import ENGINE_VERSION, Matcher
from payymo.domain.matching.records import Payment, Rejection
from payymo.domain.matching.rejections import RefusedMatch, is_stronger
from payymo.postgres.reconciliation.operations.matches import list_rejections
from payymo.postgres.reconciliation.operations.refusals import list_refused_matches


def standing_rejections(
    session: Session,
    tenant_id: UUID,
    matcher: Matcher,
    payments: Sequence[Payment],
    *,
    explained: Sequence[Payment],
    now: datetime,
) -> Sequence[Rejection]:
    """Return the refused pairs that are not proposed again.

    Free is again a pair for which there is stronger evidence by now: a text that the bank restated,
    a payer who became known. It is then judged as if it had not been refused.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param matcher: The book, as it is now.
    :param payments: Payments that are about to be matched.
    :param explained: Payments that are explained already.
    :param now: Present time.
    """
    rejections = list_rejections(session, tenant_id)
    about = {payment.id for payment in payments}
    refused: dict[Hashable, list[RefusedMatch]] = defaultdict(list)
    for each in list_refused_matches(session, tenant_id, engine_version=ENGINE_VERSION):
        if each.payment_id in about:
            refused[each.payment_id].append(each)
    if not refused:
        return rejections
    asked = [payment for payment in payments if payment.id in refused]
    freed = set()
    for proposal in matcher.propose(asked, explained=explained).proposals:
        proposed = {each.invoice_id for each in proposal.allocations}
        at_odds = [
            each
            for each in refused[proposal.payment_id]
            if not proposed.isdisjoint(each.invoice_ids)
        ]
        if all(is_stronger(proposal, each, now.date()) for each in at_odds):
            freed |= {Rejection(proposal.payment_id, invoice_id) for invoice_id in proposed}
    return [rejection for rejection in rejections if rejection not in freed]
