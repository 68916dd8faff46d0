"""Rules that assign categories: written, ordered, and tried before they are applied."""

from http import HTTPStatus
from uuid import UUID

from fastapi import Response
from pydantic import TypeAdapter

from payymo.api.category_rules.models import (
    RuleCreate,
    RuleOrder,
    RuleRead,
    RuleTestCreate,
    RuleTestRead,
    RuleUpdate,
    changed_conditions,
)
from payymo.api.dependencies import MemberDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.postgres.categories.operations.rules import (
    create_rule,
    delete_rule,
    get_rule,
    list_rules,
    order_rules,
    update_rule,
)
from payymo.workflows.categorise import RuleDraft, try_rule

router = resource_router("/category_rules", tag="category_rules")
order = resource_router("/category_rule_order", tag="category_rules")
tests = resource_router("/category_rule_tests", tag="category_rules")

_RULES = TypeAdapter(list[RuleRead])


@router.get("", name="list", response_model=Collection[RuleRead])
def list_all(member: MemberDep, session: SessionDep, paging: PagingDep) -> Response:
    """Return the tenant's rules, in the order in which they are tried."""
    rules = list_rules(session, member.tenant_id)
    rows = [RuleRead.of(rule) for rule in paging.cut(rules)]
    return page_response(_RULES, rows, total=len(rules), paging=paging)


@router.post(
    "", status_code=HTTPStatus.CREATED, response_model=Item[RuleRead], responses=errors(404, 422)
)
def create(body: RuleCreate, member: WriterDep, session: SessionDep) -> Response:
    """Add a rule: it decides on new transactions, and on known ones once rules are applied."""
    rule = create_rule(
        session,
        member.tenant_id,
        name=body.name,
        category_id=body.category_id,
        conditions=body.conditions(),
        is_enabled=body.is_enabled,
        position=body.position,
        actor_id=member.user_id,
    )
    location = f"{API_PREFIX}/category_rules/{rule.id}"
    return item_response(
        RuleRead.of(rule), status=HTTPStatus.CREATED, headers={"Location": location}
    )


@router.get("/{rule_id}", response_model=Item[RuleRead])
def read(rule_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one rule."""
    return item_response(RuleRead.of(get_rule(session, member.tenant_id, rule_id)))


@router.patch("/{rule_id}", response_model=Item[RuleRead])
def update(rule_id: UUID, body: RuleUpdate, member: WriterDep, session: SessionDep) -> Response:
    """Change a rule; what is left out stays."""
    known = get_rule(session, member.tenant_id, rule_id)
    rule = update_rule(
        session,
        member.tenant_id,
        rule_id,
        name=body.get("name", known.name),
        category_id=body.get("category_id", known.category_id),
        conditions=changed_conditions(known, body),
        is_enabled=body.get("is_enabled", known.is_enabled),
        position=body.get("position"),
        actor_id=member.user_id,
    )
    return item_response(RuleRead.of(rule))


@router.delete("/{rule_id}", status_code=HTTPStatus.NO_CONTENT)
def delete(rule_id: UUID, member: WriterDep, session: SessionDep) -> Response:
    """Remove a rule; what it assigned stays until rules are applied again."""
    delete_rule(session, member.tenant_id, rule_id, actor_id=member.user_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@order.put("", name="order", response_model=Collection[RuleRead])
def replace_order(
    body: RuleOrder, member: WriterDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Put all rules in an order: the first that matches decides."""
    rules = order_rules(session, member.tenant_id, body.rule_ids, actor_id=member.user_id)
    rows = [RuleRead.of(rule) for rule in paging.cut(rules)]
    return page_response(_RULES, rows, total=len(rules), paging=paging)


@tests.post("", name="test", response_model=Item[RuleTestRead], responses=errors(404))
def test(body: RuleTestCreate, member: MemberDep, session: SessionDep) -> Response:
    """Say what a rule would do to the transactions that are known; nothing is written."""
    draft = RuleDraft(
        category_id=body.category_id,
        conditions=body.conditions(),
        position=body.position,
        rule_id=body.rule_id,
    )
    return item_response(RuleTestRead.of(try_rule(session, member.tenant_id, draft)))
