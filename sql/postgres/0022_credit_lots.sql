-- What a wallet's credit is made of, and which lots each debit used (domain/credit_lots.py).
-- The wallet's row carries the lot in use with what is left of it, so that a debit that fits touches nothing else.
SET lock_timeout = '5s';

-- In the order they are used in when priority and expiry are the same.
CREATE TYPE lot_kind AS ENUM ('promotional', 'granted', 'paid');

CREATE TABLE credit_lot (
    lot_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wallet_id        bigint NOT NULL REFERENCES wallet,
    kind             lot_kind NOT NULL,
    priority         integer NOT NULL DEFAULT 50 CONSTRAINT credit_lot_priority_is_in_range CHECK (priority BETWEEN 0 AND 100),
    expires_at       timestamptz,
    amount_micros    bigint NOT NULL CONSTRAINT credit_lot_amount_is_positive CHECK (amount_micros > 0),
    cost_micros      bigint NOT NULL CONSTRAINT credit_lot_cost_is_not_negative CHECK (cost_micros >= 0),   -- what was paid for it
    cause            text NOT NULL,      -- of the entry that made it, with its reference
    reference        text NOT NULL,
    -- Of the lot in use this is what was left when the wallet turned to it: the wallet's row has the rest since.
    remaining_micros bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    CONSTRAINT credit_lot_remaining_is_in_range CHECK (remaining_micros BETWEEN 0 AND amount_micros),
    CONSTRAINT credit_lot_of_one_credit UNIQUE (wallet_id, cause, reference)
) WITH (fillfactor = 80);
CREATE INDEX credit_lot_left ON credit_lot (wallet_id) WHERE remaining_micros > 0;
CREATE INDEX credit_lot_expiring ON credit_lot (expires_at) WHERE remaining_micros > 0 AND expires_at IS NOT NULL;

-- Debits that did not fit the lot in use; repayments of debt by the credit that made the lot; below zero: given back.
CREATE TABLE lot_burn (
    wallet_id     bigint NOT NULL,
    version       bigint NOT NULL,       -- of the wallet's entry
    lot_id        bigint NOT NULL REFERENCES credit_lot,
    amount_micros bigint NOT NULL CONSTRAINT lot_burn_is_not_nothing CHECK (amount_micros <> 0),
    PRIMARY KEY (wallet_id, version, lot_id)
);
CREATE INDEX lot_burn_of_lot ON lot_burn (lot_id);
CREATE TRIGGER lot_burn_is_append_only BEFORE UPDATE OR DELETE ON lot_burn FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lot_burn_is_not_truncated BEFORE TRUNCATE ON lot_burn FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_other_lot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR to_jsonb(OLD) - 'remaining_micros' <> to_jsonb(NEW) - 'remaining_micros' THEN
        RAISE EXCEPTION 'a lot of credit is what it was made as: % refused; write a correcting entry instead', TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_lot_is_kept BEFORE UPDATE OR DELETE ON credit_lot FOR EACH ROW EXECUTE FUNCTION refuse_other_lot();
CREATE TRIGGER credit_lot_is_not_truncated BEFORE TRUNCATE ON credit_lot FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE wallet
    ADD COLUMN lot_id               bigint,                                -- NULL: nothing is left to use
    ADD COLUMN lot_remaining_micros bigint NOT NULL DEFAULT 0
        CONSTRAINT wallet_lot_is_not_overdrawn CHECK (lot_remaining_micros >= 0),
    ADD COLUMN lot_expires_at       timestamptz NOT NULL DEFAULT 'infinity',
    ADD COLUMN lot_used_version     bigint NOT NULL DEFAULT 0;             -- the last version that used only the lot in use
-- The lot a debit used when it used one only; NULL: lot_burn has them, or there was none.
ALTER TABLE wallet_entry ADD COLUMN lot_id bigint;

CREATE VIEW lot_balance AS
SELECT l.lot_id, l.wallet_id, l.kind, l.priority, l.expires_at, l.amount_micros, l.cost_micros, l.cause, l.reference, l.created_at,
       CASE WHEN w.lot_id = l.lot_id THEN w.lot_remaining_micros ELSE l.remaining_micros END AS remaining_micros
FROM credit_lot l JOIN wallet w USING (wallet_id);

-- Everything that used a lot, whichever way it is recorded.
CREATE VIEW lot_usage AS
SELECT wallet_id, version, lot_id, -amount_micros AS amount_micros FROM wallet_entry WHERE lot_id IS NOT NULL
UNION ALL SELECT wallet_id, version, lot_id, amount_micros FROM lot_burn;

-- All of the following runs under the lock of the wallet's row, which whoever makes an entry holds.
CREATE FUNCTION lay_down_lot(of_wallet bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE credit_lot l SET remaining_micros = w.lot_remaining_micros
    FROM wallet w WHERE w.wallet_id = of_wallet AND l.lot_id = w.lot_id AND l.remaining_micros <> w.lot_remaining_micros
$$;

CREATE FUNCTION usable_lots(of_wallet bigint, at timestamptz) RETURNS SETOF credit_lot LANGUAGE sql STABLE AS $$
    SELECT * FROM credit_lot
    WHERE wallet_id = of_wallet AND remaining_micros > 0 AND (expires_at IS NULL OR at < expires_at)
    ORDER BY priority, expires_at NULLS LAST, kind, lot_id
$$;

CREATE FUNCTION take_up_lot(of_wallet bigint, at timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE wallet w SET lot_id = l.lot_id, lot_remaining_micros = coalesce(l.remaining_micros, 0),
                        lot_expires_at = coalesce(l.expires_at, 'infinity')
    FROM (SELECT 1) AS always LEFT JOIN (SELECT * FROM usable_lots(of_wallet, at) LIMIT 1) AS l ON true
    WHERE w.wallet_id = of_wallet
$$;

-- What of a debit its writer did not take from a lot itself is taken from all lots in their order; the rest is debt.
CREATE FUNCTION debit_lots(entry wallet_entry) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    lot credit_lot;
    taken bigint;
    due bigint := -entry.amount_micros - coalesce(
        (SELECT sum(b.amount_micros) FROM lot_burn b WHERE (b.wallet_id, b.version) = (entry.wallet_id, entry.version)), 0);
BEGIN
    PERFORM lay_down_lot(entry.wallet_id);
    FOR lot IN SELECT * FROM usable_lots(entry.wallet_id, entry.booked_at) LOOP
        EXIT WHEN due <= 0;
        taken := least(due, lot.remaining_micros);
        INSERT INTO lot_burn VALUES (entry.wallet_id, entry.version, lot.lot_id, taken);
        UPDATE credit_lot SET remaining_micros = remaining_micros - taken WHERE lot_id = lot.lot_id;
        due := due - taken;
    END LOOP;
    PERFORM take_up_lot(entry.wallet_id, entry.booked_at);
END $$;

-- A credit repays debt first. The rest is the lot its writer prepared, or one made here; a correction goes back first to the
-- lot in use, as far as that was used.
CREATE FUNCTION credit_lots(entry wallet_entry) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made credit_lot;
    given_back bigint := 0;
    made_of constant lot_kind := CASE entry.cause WHEN 'top_up' THEN 'paid' WHEN 'promotion' THEN 'promotional' ELSE 'granted' END;
    is_new_credit constant boolean := entry.cause IN ('top_up', 'grant', 'promotion');
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

CREATE FUNCTION use_lots() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry wallet_entry;
BEGIN
    FOR entry IN SELECT b.* FROM booked b JOIN wallet w USING (wallet_id)
                 WHERE b.lot_id IS NULL AND (b.amount_micros > 0 OR (b.amount_micros < 0 AND w.lot_id IS NOT NULL))
                 ORDER BY b.wallet_id, b.version LOOP
        IF entry.amount_micros > 0 THEN
            PERFORM credit_lots(entry);
        ELSE
            PERFORM debit_lots(entry);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER wallet_entry_uses_lots AFTER INSERT ON wallet_entry REFERENCING NEW TABLE AS booked
    FOR EACH STATEMENT EXECUTE FUNCTION use_lots();

-- What use cases do. An entry that is to use a certain lot takes from it first; the entry then uses other lots for the rest.
CREATE FUNCTION take_from_lot(of_lot bigint, micros bigint, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    of_wallet constant bigint := (SELECT wallet_id FROM credit_lot WHERE lot_id = of_lot);
BEGIN
    PERFORM lay_down_lot(of_wallet);
    INSERT INTO lot_burn SELECT wallet_id, version + 1, of_lot, micros FROM wallet WHERE wallet_id = of_wallet;
    UPDATE credit_lot SET remaining_micros = remaining_micros - micros WHERE lot_id = of_lot;
    PERFORM take_up_lot(of_wallet, at);
END $$;

CREATE FUNCTION move_wallet(of_wallet bigint, micros bigint, of_cause text, of_reference text, at timestamptz)
RETURNS wallet_entry LANGUAGE sql AS $$
    WITH changed AS (
        UPDATE wallet SET balance_micros = balance_micros + micros, version = version + 1
        WHERE wallet_id = of_wallet RETURNING wallet_id, version, balance_micros)
    INSERT INTO wallet_entry (wallet_id, version, amount_micros, balance_after_micros, cause, reference, booked_at)
    SELECT wallet_id, version, micros, balance_micros, of_cause, of_reference, at FROM changed
    RETURNING *
$$;

-- Credit that is there already is one paid lot a wallet.
INSERT INTO credit_lot (wallet_id, kind, amount_micros, cost_micros, cause, reference, remaining_micros, created_at)
SELECT wallet_id, 'paid', balance_micros, balance_micros, 'top_up', 'balance when lots began', balance_micros, now()
FROM wallet WHERE balance_micros > 0;
UPDATE wallet w SET lot_id = l.lot_id, lot_remaining_micros = l.remaining_micros FROM credit_lot l WHERE l.wallet_id = w.wallet_id;
