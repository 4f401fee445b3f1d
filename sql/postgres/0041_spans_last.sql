-- A span that ends when it begins holds at no time, but its ends are NULL: whoever reads it would take it as holding for ever.
SET lock_timeout = '5s';

-- Nobody writes one, except by hand. What events were rated with meanwhile stands in the history.
DO $$
BEGIN
    IF EXISTS (SELECT FROM subscription WHERE isempty(validity)) THEN
        DELETE FROM subscription WHERE isempty(validity);
    END IF;
    IF EXISTS (SELECT FROM alias WHERE isempty(validity)) THEN
        DELETE FROM alias WHERE isempty(validity);
    END IF;
END $$;
ALTER TABLE subscription ADD CONSTRAINT subscription_lasts CHECK (NOT isempty(validity));
ALTER TABLE alias ADD CONSTRAINT alias_lasts CHECK (NOT isempty(validity));

-- Of sellers that are there already one may be wrong, and only a person knows how: those that come are looked at.
ALTER TABLE seller ADD CONSTRAINT seller_lut_lasts CHECK (lut_valid_from <= lut_valid_to) NOT VALID;
