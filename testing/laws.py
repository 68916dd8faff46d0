"""What must hold of the money in every database, whatever a test did: each law as SQL.

A query returns what breaks its law. They see one tenant's rows at a time under row-level security,
and all of them as the superuser.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

_PLACED: Final = """
    SELECT tenant_id, transaction_id, amount FROM allocations WHERE reversed_at IS NULL
    UNION ALL
    SELECT tenant_id, transaction_id, amount FROM customer_credits
    WHERE reversed_at IS NULL AND transaction_id IS NOT NULL
    UNION ALL
    SELECT tenant_id, transaction_id, -amount FROM credit_uses
    WHERE reversed_at IS NULL AND transaction_id IS NOT NULL
"""

#: What of each payment is placed, by its lines themselves: not by the sum that is kept of them.
_PAYMENTS: Final = f"""
    SELECT t.tenant_id, t.id, t.amount, t.currency, t.match_status,
        sum(p.amount) AS placed, sign(t.amount) * sum(p.amount) AS used, abs(t.amount) AS moved
    FROM transactions t JOIN ({_PLACED}) p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
    GROUP BY t.tenant_id, t.id
"""

LAWS: Final[Mapping[str, str]] = {
    # The bank may restate a payment to less than was placed; only then is more placed than it
    # moved, never more than at the time, and people are told (`transaction_over_allocated`).
    "no more is placed of a payment than it moved": f"""
        SELECT p.id, p.amount, p.placed FROM ({_PAYMENTS}) p
        WHERE (p.used < 0 OR p.used > p.moved) AND NOT EXISTS (
            SELECT FROM events e
            WHERE e.tenant_id = p.tenant_id AND e.subject_id = p.id
                AND e.kind = 'transaction_over_allocated'
                AND (e.payload ->> 'amount')::numeric = p.amount
                AND abs((e.payload ->> 'allocated')::numeric) >= abs(p.placed)
        )
    """,
    "a payment is matched where its lines come to all of it, and in part where they do not": f"""
        SELECT p.id, p.amount, p.placed, p.match_status FROM ({_PAYMENTS}) p
        WHERE p.placed <> 0 AND p.match_status IS DISTINCT FROM
            CASE WHEN abs(p.placed) < p.moved THEN 'partially_matched' ELSE 'matched' END
    """,
    "what is placed of a payment is what its lines come to": f"""
        SELECT t.id, t.allocated, coalesce(sum(p.amount), 0) AS placed
        FROM transactions t LEFT JOIN ({_PLACED}) p
            ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
        GROUP BY t.tenant_id, t.id, t.allocated
        HAVING t.allocated <> coalesce(sum(p.amount), 0)
    """,
    "what settles an invoice is what its lines come to": """
        SELECT i.id, i.allocated, i.adjusted, i.credited, i.balance FROM invoices i
        WHERE i.allocated <> (
            SELECT coalesce(sum(coalesce(a.settled, a.amount)), 0) FROM allocations a
            WHERE a.tenant_id = i.tenant_id AND a.invoice_id = i.id AND a.reversed_at IS NULL
        ) OR i.adjusted <> (
            SELECT coalesce(sum(a.amount), 0) FROM adjustments a
            WHERE a.tenant_id = i.tenant_id AND a.invoice_id = i.id AND a.reversed_at IS NULL
        ) OR i.credited <> (
            SELECT coalesce(sum(u.amount), 0) FROM credit_uses u
            WHERE u.tenant_id = i.tenant_id AND u.invoice_id = i.id AND u.reversed_at IS NULL
        )
    """,
    "an invoice is settled with no more than its total": """
        SELECT id, total, allocated, adjusted, credited, balance FROM invoices
        WHERE balance < 0 OR balance <> total - allocated - adjusted - credited
            OR least(allocated, adjusted, credited) < 0
            OR (voided_at IS NOT NULL AND balance <> total)
    """,
    "a credit is used as its uses come to, and no further than it goes": """
        SELECT c.id, c.amount, c.used, c.balance FROM customer_credits c
        WHERE c.used <> (
            SELECT coalesce(sum(u.amount), 0) FROM credit_uses u
            WHERE u.tenant_id = c.tenant_id AND u.credit_id = c.id AND u.reversed_at IS NULL
        ) OR c.used > CASE WHEN c.reversed_at IS NULL THEN c.amount ELSE 0 END
    """,
    "what customers have good is what came less what was used": """
        SELECT c.tenant_id, c.customer_id, c.currency, sum(c.balance)
        FROM customer_credits c
        GROUP BY c.tenant_id, c.customer_id, c.currency
        HAVING sum(c.balance) < 0 OR sum(c.balance) <>
            sum(CASE WHEN c.reversed_at IS NULL THEN c.amount ELSE 0 END) - coalesce((
                SELECT sum(u.amount) FROM credit_uses u JOIN customer_credits o
                    ON o.tenant_id = u.tenant_id AND o.id = u.credit_id
                WHERE o.tenant_id = c.tenant_id AND o.customer_id = c.customer_id
                    AND o.currency = c.currency AND u.reversed_at IS NULL
            ), 0)
    """,
    "a credit settles its own customer's invoices, in its own currency": """
        SELECT u.id FROM credit_uses u
        JOIN customer_credits c ON c.tenant_id = u.tenant_id AND c.id = u.credit_id
        JOIN invoices i ON i.tenant_id = u.tenant_id AND i.id = u.invoice_id
        WHERE u.reversed_at IS NULL
            AND (i.customer_id <> c.customer_id OR i.currency <> c.currency)
    """,
    "only a confirmed match books": """
        SELECT m.id, m.status FROM matches m
        WHERE m.status <> 'confirmed' AND (
            EXISTS (SELECT FROM allocations l WHERE l.tenant_id = m.tenant_id
                AND l.match_id = m.id AND l.reversed_at IS NULL)
            OR EXISTS (SELECT FROM adjustments l WHERE l.tenant_id = m.tenant_id
                AND l.match_id = m.id AND l.reversed_at IS NULL)
            OR EXISTS (SELECT FROM credit_uses l WHERE l.tenant_id = m.tenant_id
                AND l.match_id = m.id AND l.reversed_at IS NULL)
            OR EXISTS (SELECT FROM customer_credits l WHERE l.tenant_id = m.tenant_id
                AND l.match_id = m.id AND l.reversed_at IS NULL)
        )
    """,
    "a payment of which nothing is placed is not matched": """
        SELECT id, amount, allocated, match_status FROM transactions
        WHERE allocated = 0 AND match_status IN ('matched', 'partially_matched')
    """,
}


def broken_laws(database: Session | Connection) -> Mapping[str, Sequence[Any]]:
    """Return what breaks which law, in the rows that can be seen.

    :param database: Open session or connection.
    """
    found = {law: database.execute(text(query)).all() for law, query in LAWS.items()}
    return {law: rows for law, rows in found.items() if rows}
