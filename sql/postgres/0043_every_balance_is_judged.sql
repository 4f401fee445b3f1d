-- A look judges every balance a wallet had since the last one, so a dip that is over by then is found, too. Which entry asked
-- for the look is kept with it: those before it stayed within the bounds, where nothing can have changed.
SET lock_timeout = '5s';

ALTER TABLE wallet_look ADD COLUMN from_version bigint;      -- of the first entry that was not looked at
UPDATE wallet_look l SET from_version = w.version + 1 FROM wallet w WHERE w.account_id = l.account_id;
ALTER TABLE wallet_look ALTER COLUMN from_version SET NOT NULL;

CREATE OR REPLACE FUNCTION ask_for_look() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked constant bigint := CASE TG_OP WHEN 'DELETE' THEN OLD.account_id ELSE NEW.account_id END;
BEGIN
    INSERT INTO wallet_look (account_id, from_version)
    VALUES (asked, coalesce((SELECT version + 1 FROM wallet WHERE account_id = asked), 1)) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION ask_for_look_at_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallet_look (account_id, from_version) VALUES (NEW.account_id, OLD.version + 1) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
DROP TRIGGER wallet_is_looked_at ON wallet;
CREATE TRIGGER wallet_is_looked_at AFTER UPDATE OF balance_micros ON wallet FOR EACH ROW
    WHEN (NEW.balance_micros <= NEW.look_below_micros OR NEW.balance_micros >= NEW.look_above_micros
          OR NEW.balance_micros > OLD.balance_micros)
    EXECUTE FUNCTION ask_for_look_at_balance();
