-- A price may cost something in a period in which nothing was used (flat_at_zero). That comes of no event: it is booked when the
-- period has ended, by the accrual that books fees, onto the running totals that usage would have gone to.
SET lock_timeout = '5s';

CREATE TABLE unused_booking (
    accrual_id    bigint NOT NULL REFERENCES fee_accrual,
    account_id    bigint NOT NULL REFERENCES account,
    service_month date NOT NULL,
    charge_id     bigint NOT NULL REFERENCES charge,
    price_cell    text NOT NULL,
    of_charge_id  bigint NOT NULL REFERENCES charge,   -- of_*: the price it is for, itself or one it is an adjustment of
    of_price_cell text NOT NULL,
    part          smallint NOT NULL,                   -- 0: the price; from 1 on adjustments, in the order they are made
    metered_millionths bigint NOT NULL,                -- nothing; of an adjustment the money it is made on, in micros
    amount_micros bigint NOT NULL,                     -- below nothing where it is given back
    PRIMARY KEY (accrual_id, service_month, of_charge_id, of_price_cell, part)
);
CREATE INDEX unused_booking_of_account ON unused_booking (account_id, of_charge_id);
CREATE TRIGGER unused_booking_is_append_only BEFORE UPDATE OR DELETE ON unused_booking
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
