-- Keeps the sums of what settles an invoice, of what a payment is used for and of what a
-- customer's credit is used for, and refuses more than there is, whoever writes:
--   invoices.allocated, .adjusted, .credited   by allocations, adjustments, applied credit
--   transactions.allocated                     by allocations, credit that it brought, refunds
--   customer_credits.used                      by credit uses
-- Each locks the rows that it counts on, so that two writers who use the same money at once come
-- one after the other. A line is reversed once and never changed otherwise.
-- The search path is fixed: a temporary table of the same name is not the one that is guarded.

CREATE FUNCTION payymo_keep_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    may_change CONSTANT text[] := '{reversed_at, reversed_by, used, balance}';
BEGIN
    IF OLD.reversed_at IS NOT NULL OR to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change THEN
        RAISE EXCEPTION 'a line is reversed, never changed'
            USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_' || TG_TABLE_NAME || '_immutable';
    END IF;
    RETURN NEW;
END
$$;

-- What an operation on a line adds to the sums that the line counts in.
CREATE FUNCTION payymo_change(
    old_amount numeric, old_reversed_at timestamptz, new_amount numeric, new_reversed_at timestamptz
) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN new_reversed_at IS NULL THEN coalesce(new_amount, 0) ELSE 0 END
        - CASE WHEN old_reversed_at IS NULL THEN coalesce(old_amount, 0) ELSE 0 END
$$;

CREATE OR REPLACE FUNCTION payymo_guard_allocation() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    subject allocations;
    change numeric := payymo_change(OLD.amount, OLD.reversed_at, NEW.amount, NEW.reversed_at);
    settled numeric := payymo_change(
        coalesce(OLD.settled, OLD.amount), OLD.reversed_at,
        coalesce(NEW.settled, NEW.amount), NEW.reversed_at
    );
    invoice record;
    payment record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        subject := OLD;
    ELSE
        subject := NEW;
    END IF;

    UPDATE transactions SET allocated = allocated + change
    WHERE tenant_id = subject.tenant_id AND id = subject.transaction_id
    RETURNING currency, amount, allocated, status INTO payment;

    UPDATE invoices SET allocated = allocated + settled
    WHERE tenant_id = subject.tenant_id AND id = subject.invoice_id
    RETURNING currency INTO invoice;

    IF change > 0 THEN
        IF (payment.currency = invoice.currency) IS DISTINCT FROM (subject.settled IS NULL) THEN
            RAISE EXCEPTION 'what is settled in another currency, and only that, is said apart'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_allocations_same_currency';
        END IF;
        IF payment.status <> 'booked' OR payment.allocated > payment.amount THEN
            RAISE EXCEPTION 'more is allocated than the payment brought'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_allocations_within_payment';
        END IF;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER payymo_keep_line
BEFORE UPDATE ON allocations
FOR EACH ROW EXECUTE FUNCTION payymo_keep_line();

CREATE FUNCTION payymo_guard_adjustment() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    subject adjustments;
BEGIN
    IF TG_OP = 'DELETE' THEN
        subject := OLD;
    ELSE
        subject := NEW;
    END IF;
    UPDATE invoices SET adjusted = adjusted
        + payymo_change(OLD.amount, OLD.reversed_at, NEW.amount, NEW.reversed_at)
    WHERE tenant_id = subject.tenant_id AND id = subject.invoice_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER payymo_keep_line
BEFORE UPDATE ON adjustments
FOR EACH ROW EXECUTE FUNCTION payymo_keep_line();

CREATE TRIGGER payymo_guard_adjustment
AFTER INSERT OR UPDATE OR DELETE ON adjustments
FOR EACH ROW EXECUTE FUNCTION payymo_guard_adjustment();

CREATE FUNCTION payymo_guard_credit() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    subject customer_credits;
    change numeric := payymo_change(OLD.amount, OLD.reversed_at, NEW.amount, NEW.reversed_at);
    payment record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        subject := OLD;
    ELSE
        subject := NEW;
    END IF;
    IF change = 0 OR subject.transaction_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE transactions SET allocated = allocated + change
    WHERE tenant_id = subject.tenant_id AND id = subject.transaction_id
    RETURNING currency, amount, allocated, status INTO payment;

    IF change > 0 THEN
        IF payment.currency IS DISTINCT FROM subject.currency THEN
            RAISE EXCEPTION 'credit is in the currency of the payment that brings it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_customer_credits_same_currency';
        END IF;
        IF payment.status <> 'booked' OR payment.allocated > payment.amount THEN
            RAISE EXCEPTION 'more is credited than the payment brought'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_allocations_within_payment';
        END IF;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER payymo_keep_line
BEFORE UPDATE ON customer_credits
FOR EACH ROW EXECUTE FUNCTION payymo_keep_line();

CREATE TRIGGER payymo_guard_credit
AFTER INSERT OR UPDATE OR DELETE ON customer_credits
FOR EACH ROW EXECUTE FUNCTION payymo_guard_credit();

CREATE FUNCTION payymo_guard_credit_use() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    subject credit_uses;
    change numeric := payymo_change(OLD.amount, OLD.reversed_at, NEW.amount, NEW.reversed_at);
    credit record;
    invoice record;
    refund record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        subject := OLD;
    ELSE
        subject := NEW;
    END IF;

    IF subject.transaction_id IS NOT NULL THEN
        UPDATE transactions SET allocated = allocated - change
        WHERE tenant_id = subject.tenant_id AND id = subject.transaction_id
        RETURNING currency, amount, allocated, status INTO refund;
    END IF;
    IF subject.invoice_id IS NOT NULL THEN
        UPDATE invoices SET credited = credited + change
        WHERE tenant_id = subject.tenant_id AND id = subject.invoice_id
        RETURNING currency, customer_id INTO invoice;
    END IF;
    UPDATE customer_credits SET used = used + change
    WHERE tenant_id = subject.tenant_id AND id = subject.credit_id
    RETURNING currency, customer_id INTO credit;

    IF change > 0 AND subject.invoice_id IS NOT NULL THEN
        IF invoice.currency <> credit.currency THEN
            RAISE EXCEPTION 'credit settles invoices in its own currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_credit_uses_same_currency';
        END IF;
        IF invoice.customer_id <> credit.customer_id THEN
            RAISE EXCEPTION 'credit settles invoices of its own customer'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_credit_uses_same_customer';
        END IF;
    END IF;
    IF change > 0 AND subject.transaction_id IS NOT NULL THEN
        IF refund.currency <> credit.currency THEN
            RAISE EXCEPTION 'credit is refunded in its own currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_credit_uses_same_currency';
        END IF;
        IF refund.status <> 'booked' OR refund.allocated < refund.amount THEN
            RAISE EXCEPTION 'more is refunded than the payment took out'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_credit_uses_within_refund';
        END IF;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER payymo_keep_line
BEFORE UPDATE ON credit_uses
FOR EACH ROW EXECUTE FUNCTION payymo_keep_line();

CREATE TRIGGER payymo_guard_credit_use
AFTER INSERT OR UPDATE OR DELETE ON credit_uses
FOR EACH ROW EXECUTE FUNCTION payymo_guard_credit_use();
