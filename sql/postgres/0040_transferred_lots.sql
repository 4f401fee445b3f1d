-- Credit that goes from one wallet of an account to another keeps what it is: the lot it becomes is prepared by whoever moves it,
-- with kind, priority, expiry and cost. So a credit whose lot is there already is new credit, whatever its cause.
SET lock_timeout = '5s';

CREATE OR REPLACE FUNCTION credit_lots(entry wallet_entry) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made credit_lot;
    given_back bigint := 0;
    made_of constant lot_kind := CASE entry.cause WHEN 'top_up' THEN 'paid' WHEN 'promotion' THEN 'promotional' ELSE 'granted' END;
    is_new_credit constant boolean := entry.cause IN ('top_up', 'grant', 'promotion') OR EXISTS (
        SELECT FROM credit_lot WHERE (wallet_id, cause, reference) = (entry.wallet_id, entry.cause, entry.reference));
    debt bigint;
    repaid bigint;
BEGIN
    PERFORM lay_down_lot(entry.wallet_id);
    SELECT coalesce(sum(remaining_micros), 0) - (entry.balance_after_micros - entry.amount_micros) INTO debt
    FROM credit_lot WHERE wallet_id = entry.wallet_id AND remaining_micros > 0;
    repaid := least(entry.amount_micros, greatest(debt, 0));
    IF NOT is_new_credit THEN
        UPDATE credit_lot l SET remaining_micros = l.remaining_micros + g.micros
        FROM (SELECT c.lot_id, least(entry.amount_micros - repaid, c.amount_micros - c.remaining_micros) AS micros
              FROM credit_lot c JOIN wallet w ON w.lot_id = c.lot_id WHERE w.wallet_id = entry.wallet_id) AS g
        WHERE l.lot_id = g.lot_id AND g.micros > 0 RETURNING g.micros INTO given_back;
        given_back := coalesce(given_back, 0);
        INSERT INTO lot_burn SELECT entry.wallet_id, entry.version, w.lot_id, -given_back FROM wallet w
        WHERE w.wallet_id = entry.wallet_id AND given_back > 0;
    END IF;
    IF is_new_credit OR entry.amount_micros > repaid + given_back THEN
        UPDATE credit_lot SET remaining_micros = amount_micros - repaid
        WHERE (wallet_id, cause, reference) = (entry.wallet_id, entry.cause, entry.reference) RETURNING * INTO made;
        IF NOT FOUND THEN
            INSERT INTO credit_lot (wallet_id, kind, amount_micros, cost_micros, cause, reference, remaining_micros, created_at)
            VALUES (entry.wallet_id, made_of, entry.amount_micros - given_back,
                    CASE made_of WHEN 'paid' THEN entry.amount_micros ELSE 0 END, entry.cause, entry.reference,
                    entry.amount_micros - given_back - repaid, entry.booked_at)
            RETURNING * INTO made;
        END IF;
        INSERT INTO lot_burn SELECT entry.wallet_id, entry.version, made.lot_id, repaid WHERE repaid > 0;
    END IF;
    PERFORM take_up_lot(entry.wallet_id, entry.booked_at);
END $$;
