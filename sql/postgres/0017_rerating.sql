-- Re-rating books what a back-dated change of plan or contract makes of events that were rated before.
SET lock_timeout = '5s';

-- A repricing counts no event: it is what taking others out of a running total, or putting them in, did to its price.
ALTER TABLE further_charge DROP CONSTRAINT further_charge_kind_known;
ALTER TABLE further_charge ADD CONSTRAINT further_charge_kind_known
    CHECK (kind IN ('part', 'reversal', 'replacement', 'repricing'));
