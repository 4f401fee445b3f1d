-- What every event paid for and did not need (docs/adr/0005).
SET lock_timeout = '5s';

-- An entry is written by the statement that changes its wallet, so looking the wallet up once more for each entry proved
-- nothing. What the reference kept from happening is refused where it would happen: at the wallet.
ALTER TABLE wallet_entry DROP CONSTRAINT wallet_entry_wallet_id_fkey;
CREATE FUNCTION refuse_loss_of_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a wallet is kept for as long as its entries: % of wallet refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER wallet_stays BEFORE DELETE ON wallet FOR EACH ROW EXECUTE FUNCTION refuse_loss_of_wallet();
CREATE TRIGGER wallet_keeps_its_id BEFORE UPDATE OF wallet_id ON wallet FOR EACH ROW EXECUTE FUNCTION refuse_loss_of_wallet();
CREATE TRIGGER wallet_is_not_truncated BEFORE TRUNCATE ON wallet FOR EACH STATEMENT EXECUTE FUNCTION refuse_loss_of_wallet();
