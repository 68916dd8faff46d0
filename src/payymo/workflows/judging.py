"""What a tenant makes of the engine's proposals: its own curve, and its gate."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.matching.engine import ENGINE_VERSION
from payymo.domain.matching.gate import Gate, GatePolicy, TrackRecord, Wait
from payymo.domain.matching.recalibration import (
    DECISIONS_BETWEEN,
    Curve,
    Decision,
    is_credible,
    recalibrate,
)
from payymo.domain.matching.records import OpenInvoice, Payment, Proposal
from payymo.postgres.auth.operations.tenants import get_tenant
from payymo.postgres.reconciliation.models import Calibration
from payymo.postgres.reconciliation.operations.calibrations import (
    curve_of,
    find_calibration,
    record_calibration,
)
from payymo.postgres.reconciliation.operations.track_records import (
    DECISIONS_KEPT,
    list_decisions,
)

#: A curve that is older than this is learnt anew as soon as there is any new decision.
CURVE_AGE_MAX: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of the proposals of one look.

    :ivar proposals: The engine's, with calibrated confidences.
    :ivar engine_confidences: What the engine's own model said, by payment.
    :ivar waits: Why each waits for a person, by payment; nothing where it may be applied.
    """

    proposals: Sequence[Proposal]
    engine_confidences: Mapping[Hashable, float]
    waits: Mapping[Hashable, Sequence[Wait]]


@dataclass(frozen=True, slots=True)
class Judge:
    """What one tenant's decisions and settings say, for one run.

    :ivar calibration_version: Version of the curve; ``None`` for the shipped one.
    :ivar curve: From the engine's confidence to the tenant's.
    """

    calibration_version: int | None
    curve: Curve
    policy: GatePolicy
    record: TrackRecord

    @property
    def basis(self) -> str:
        """Return on what judgements rest: a run that rests on something else looks at all."""
        record, policy = self.record, self.policy
        is_enough = record.decided >= policy.decisions_min
        return "; ".join(
            (
                f"engine {ENGINE_VERSION}",
                f"calibration {self.calibration_version}",
                f"open {policy.is_open}",
                f"threshold {policy.threshold}",
                f"demand {policy.demand.value}",
                f"decisions {policy.decisions_min}",
                f"proven {is_enough and record.precision_min >= policy.threshold}",
                f"refuted {is_enough and record.precision_max < policy.threshold}",
                f"credible {record.is_credible}",
            )
        )

    def judge(
        self,
        payments: Sequence[Payment],
        invoices: Sequence[OpenInvoice],
        proposals: Sequence[Proposal],
    ) -> Judgement:
        """Return what becomes of proposals.

        :param payments: The payments that they are for.
        :param invoices: All open invoices that the engine knew of.
        :param proposals: What the engine proposes.
        """
        gate = Gate(self.policy, self.record, invoices)
        paid = {payment.id: payment for payment in payments}
        calibrated = [self._calibrated(proposal) for proposal in proposals]
        return Judgement(
            proposals=calibrated,
            engine_confidences={each.payment_id: each.confidence for each in proposals},
            waits={each.payment_id: gate.waits(paid[each.payment_id], each) for each in calibrated},
        )

    def _calibrated(self, proposal: Proposal) -> Proposal:
        if not self.curve.points:
            return proposal
        confidence = self.curve(proposal.confidence)
        runner_up = proposal.runner_up
        if runner_up is not None:
            runner_up = replace(runner_up, confidence=min(runner_up.confidence, 1 - confidence))
        return replace(proposal, confidence=confidence, runner_up=runner_up)


def learn(session: Session, tenant_id: UUID, *, now: datetime) -> Judge:
    """Return what the tenant's decisions say, after learning a new curve where that is due.

    It is due after :data:`DECISIONS_BETWEEN` new decisions, or after a day with any. The caller
    holds the lock of the tenant's matching.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose decisions count: nobody else's do.
    :param now: Present time.
    :raises NotFoundError: If there is no such tenant.
    """
    tenant = get_tenant(session, tenant_id)
    policy = GatePolicy(
        is_open=tenant.auto_apply,
        threshold=tenant.auto_apply_threshold,
        demand=tenant.auto_apply_demand,
        decisions_min=tenant.auto_apply_decisions_min,
    )
    decisions = list_decisions(session, tenant_id, engine_version=ENGINE_VERSION)
    calibration = find_calibration(session, tenant_id, engine_version=ENGINE_VERSION)
    if _is_due(calibration, decisions, now):
        learnt = recalibrate(decisions)
        if learnt is not None:
            calibration = record_calibration(
                session, tenant_id, learnt, engine_version=ENGINE_VERSION, now=now
            )
    curve = curve_of(calibration)
    return Judge(
        calibration_version=calibration.version if calibration is not None else None,
        curve=curve,
        policy=policy,
        record=_track_record(decisions, curve, policy),
    )


def _is_due(calibration: Calibration | None, decisions: Sequence[Decision], now: datetime) -> bool:
    if calibration is None:
        return True
    # Where older decisions give way to new ones their number stays: then a day is the measure.
    news = abs(len(decisions) - calibration.decided_count)
    may_be_old = news > 0 or len(decisions) >= DECISIONS_KEPT
    return news >= DECISIONS_BETWEEN or (
        may_be_old and now - calibration.created_at >= CURVE_AGE_MAX
    )


def _track_record(decisions: Sequence[Decision], curve: Curve, policy: GatePolicy) -> TrackRecord:
    """Return how decisions went on what today's curve puts at or above the threshold."""
    sure = [each for each in decisions if curve(each.seeming) >= policy.threshold]
    return TrackRecord(
        decided=len(sure),
        right=sum(each.is_right for each in sure),
        is_credible=is_credible(decisions),
    )
