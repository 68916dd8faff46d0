-- Keeps "allocated" on invoices and transactions equal to the sum of their allocations that
-- stand, and refuses more than there is, whoever writes. Locks both rows, so that two writers
-- who allocate the same money at once come one after the other.
-- The search path is fixed: a temporary table of the same name is not the one that is guarded.
CREATE FUNCTION payymo_guard_allocation() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    change numeric;
    subject allocations;
    invoice record;
    payment record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        subject := OLD;
        change := CASE WHEN OLD.reversed_at IS NULL THEN -OLD.amount ELSE 0 END;
    ELSIF TG_OP = 'INSERT' THEN
        subject := NEW;
        change := CASE WHEN NEW.reversed_at IS NULL THEN NEW.amount ELSE 0 END;
    ELSE
        IF (NEW.tenant_id, NEW.id, NEW.transaction_id, NEW.invoice_id, NEW.amount)
            IS DISTINCT FROM
            (OLD.tenant_id, OLD.id, OLD.transaction_id, OLD.invoice_id, OLD.amount) THEN
            RAISE EXCEPTION 'an allocation is reversed, never changed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_allocations_immutable';
        END IF;
        subject := NEW;
        change := CASE WHEN NEW.reversed_at IS NULL THEN NEW.amount ELSE 0 END
            - CASE WHEN OLD.reversed_at IS NULL THEN OLD.amount ELSE 0 END;
    END IF;

    UPDATE transactions SET allocated = allocated + change
    WHERE tenant_id = subject.tenant_id AND id = subject.transaction_id
    RETURNING currency, amount, allocated, status INTO payment;

    UPDATE invoices SET allocated = allocated + change
    WHERE tenant_id = subject.tenant_id AND id = subject.invoice_id
    RETURNING currency INTO invoice;

    IF change > 0 THEN
        IF payment.currency IS DISTINCT FROM invoice.currency THEN
            RAISE EXCEPTION 'payment and invoice have different currencies'
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

CREATE TRIGGER payymo_guard_allocation
AFTER INSERT OR UPDATE OR DELETE ON allocations
FOR EACH ROW EXECUTE FUNCTION payymo_guard_allocation();
