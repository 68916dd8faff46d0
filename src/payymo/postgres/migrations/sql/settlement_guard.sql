-- Keeps the sums of what settles an invoice, of what a payment is used for and of what a
-- customer's credit is used for, and refuses more than there is, whoever writes:
--   transactions.allocated                     by allocations, credit that it brought, refunds
--   invoices.allocated, .adjusted, .credited   by allocations, adjustments, applied credit
--   customer_credits.used                      by credit uses
-- Payments first, then invoices, then credits: each is locked when its sum changes, so that two
-- writers who use the same money at once come one after the other. More than an invoice or a
-- credit has is refused by constraints of their tables. A line is reversed once, and never changed
-- otherwise.
-- The search path is fixed: a temporary table of the same name is not the one that is guarded.

CREATE OR REPLACE FUNCTION payymo_keep_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    may_change CONSTANT text[] := '{reversed_at, reversed_by, used, balance}';
BEGIN
    PERFORM payymo_refuse(
        OLD.reversed_at IS NOT NULL OR to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change,
        'ck_' || TG_TABLE_NAME || '_immutable', 'a line is reversed, never changed'
    );
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION payymo_refuse(is_refused boolean, rule text, why text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF is_refused THEN
        RAISE EXCEPTION '%', why USING ERRCODE = 'check_violation', CONSTRAINT = rule;
    END IF;
END
$$;

-- What an operation on a line adds to the sums that the line counts in.
CREATE OR REPLACE FUNCTION payymo_change(
    old_amount numeric, old_reversed_at timestamptz, new_amount numeric, new_reversed_at timestamptz
) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN new_reversed_at IS NULL THEN coalesce(new_amount, 0) ELSE 0 END
        - CASE WHEN old_reversed_at IS NULL THEN coalesce(old_amount, 0) ELSE 0 END
$$;

-- Uses more or less of a payment, and returns its currency. What is used of money that went out
-- is below zero, as its amount is. Only more use is ever refused.
CREATE OR REPLACE FUNCTION payymo_place(
    tenant uuid, payment uuid, change numeric, is_more boolean, rule text
) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    placed record;
BEGIN
    UPDATE transactions SET allocated = allocated + change
    WHERE tenant_id = tenant AND id = payment
    RETURNING currency, amount, allocated, status INTO placed;
    PERFORM payymo_refuse(
        is_more AND (
            placed.status <> 'booked'
            OR CASE
                WHEN change > 0 THEN placed.allocated > placed.amount
                ELSE placed.allocated < placed.amount
            END
        ),
        rule, 'more is used than the payment moved'
    );
    RETURN placed.currency;
END
$$;

CREATE OR REPLACE FUNCTION payymo_guard_allocation() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    line allocations := coalesce(NEW, OLD);
    change numeric := payymo_change(OLD.amount, OLD.reversed_at, NEW.amount, NEW.reversed_at);
    payment_currency text;
    invoice_currency text;
BEGIN
    payment_currency := payymo_place(
        line.tenant_id, line.transaction_id, change, change > 0, 'ck_allocations_within_payment'
    );
    UPDATE invoices SET allocated = allocated + payymo_change(
        coalesce(OLD.settled, OLD.amount), OLD.reversed_at,
        coalesce(NEW.settled, NEW.amount), NEW.reversed_at
    )
    WHERE tenant_id = line.tenant_id AND id = line.invoice_id
    RETURNING currency INTO invoice_currency;
    PERFORM payymo_refuse(
        change > 0
        AND (payment_currency = invoice_currency) IS DISTINCT FROM (line.settled IS NULL),
        'ck_allocations_same_currency',
        'what is settled in another currency, and only that, is said apart'
    );
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION payymo_guard_adjustment() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    line adjustments := coalesce(NEW, OLD);
BEGIN
    UPDATE invoices SET adjusted = adjusted
        + payymo_change(OLD.amount, OLD.reversed_at, NEW.amount, NEW.reversed_at)
    WHERE tenant_id = line.tenant_id AND id = line.invoice_id;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION payymo_guard_credit() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    line customer_credits := coalesce(NEW, OLD);
    change numeric := payymo_change(OLD.amount, OLD.reversed_at, NEW.amount, NEW.reversed_at);
    payment_currency text;
BEGIN
    IF change <> 0 AND line.transaction_id IS NOT NULL THEN
        payment_currency := payymo_place(
            line.tenant_id, line.transaction_id, change, change > 0, 'ck_allocations_within_payment'
        );
        PERFORM payymo_refuse(
            change > 0 AND payment_currency IS DISTINCT FROM line.currency,
            'ck_customer_credits_same_currency',
            'credit is in the currency of the payment that brings it'
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION payymo_guard_credit_use() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    line credit_uses := coalesce(NEW, OLD);
    change numeric := payymo_change(OLD.amount, OLD.reversed_at, NEW.amount, NEW.reversed_at);
    refund_currency text;
    invoice record;
    credit record;
BEGIN
    IF line.transaction_id IS NOT NULL THEN
        refund_currency := payymo_place(
            line.tenant_id, line.transaction_id, -change, change > 0, 'ck_credit_uses_within_refund'
        );
    END IF;
    UPDATE invoices SET credited = credited + change
    WHERE tenant_id = line.tenant_id AND id = line.invoice_id
    RETURNING currency, customer_id INTO invoice;
    UPDATE customer_credits SET used = used + change
    WHERE tenant_id = line.tenant_id AND id = line.credit_id
    RETURNING currency, customer_id INTO credit;
    PERFORM payymo_refuse(
        change > 0 AND credit.currency <> coalesce(invoice.currency, refund_currency),
        'ck_credit_uses_same_currency', 'credit is used in its own currency'
    );
    PERFORM payymo_refuse(
        change > 0 AND invoice.customer_id <> credit.customer_id,
        'ck_credit_uses_same_customer', 'credit settles invoices of its own customer'
    );
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER payymo_keep_line
BEFORE UPDATE ON allocations
FOR EACH ROW EXECUTE FUNCTION payymo_keep_line();

CREATE OR REPLACE TRIGGER payymo_keep_line
BEFORE UPDATE ON adjustments
FOR EACH ROW EXECUTE FUNCTION payymo_keep_line();

CREATE OR REPLACE TRIGGER payymo_keep_line
BEFORE UPDATE ON customer_credits
FOR EACH ROW EXECUTE FUNCTION payymo_keep_line();

CREATE OR REPLACE TRIGGER payymo_keep_line
BEFORE UPDATE ON credit_uses
FOR EACH ROW EXECUTE FUNCTION payymo_keep_line();

CREATE OR REPLACE TRIGGER payymo_guard_allocation
AFTER INSERT OR UPDATE OR DELETE ON allocations
FOR EACH ROW EXECUTE FUNCTION payymo_guard_allocation();

CREATE OR REPLACE TRIGGER payymo_guard_adjustment
AFTER INSERT OR UPDATE OR DELETE ON adjustments
FOR EACH ROW EXECUTE FUNCTION payymo_guard_adjustment();

CREATE OR REPLACE TRIGGER payymo_guard_credit
AFTER INSERT OR UPDATE OR DELETE ON customer_credits
FOR EACH ROW EXECUTE FUNCTION payymo_guard_credit();

CREATE OR REPLACE TRIGGER payymo_guard_credit_use
AFTER INSERT OR UPDATE OR DELETE ON credit_uses
FOR EACH ROW EXECUTE FUNCTION payymo_guard_credit_use();
