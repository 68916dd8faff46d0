"""How many calls became what, for all tenants together: nothing in it says whose they were."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payymo.domain.enums import AccessScope, CallOutcome, Provider
from payymo.postgres.common.models import CallCount


def count_call(
    session: Session, provider: Provider, scope: AccessScope, outcome: CallOutcome
) -> None:
    """Count one call; the row is held until the transaction ends, so that it comes last in it.

    :param session: Open session; the caller manages the transaction.
    :param provider: Who was called.
    :param scope: What was read.
    :param outcome: What became of it.
    """
    counted = insert(CallCount).values(provider=provider, scope=scope, outcome=outcome, calls=1)
    session.execute(
        counted.on_conflict_do_update(
            index_elements=[CallCount.provider, CallCount.scope, CallCount.outcome],
            set_={"calls": CallCount.calls + 1},
        )
    )


def read_call_counts(
    session: Session,
) -> Mapping[tuple[Provider, AccessScope, CallOutcome], int]:
    """Return how many calls became what, since the installation began.

    :param session: Open session; the caller manages the transaction.
    """
    return {
        (row.provider, row.scope, row.outcome): row.calls
        for row in session.scalars(select(CallCount))
    }
