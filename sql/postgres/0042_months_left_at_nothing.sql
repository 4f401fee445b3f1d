-- Prices with flat_at_zero that were published before anything booked a month without usage were published as leaving it at
-- nothing (docs/adr/0009). They still do: a price keeps the meaning it was agreed with, and months that are closed are not charged.
SET lock_timeout = '5s';

-- Where an accrual has booked it meanwhile, customers know it, and giving it back is for a person to decide.
ALTER TABLE charge DISABLE TRIGGER charge_is_immutable;
UPDATE charge h SET document = h.document || '{"without_usage": "nothing"}'
WHERE h.kind = 'usage' AND h.document -> 'price' ->> 'flat_at_zero' = 'true'
  AND (SELECT applied_at FROM schema_migration WHERE name = '0035_unused_periods')
      > coalesce((SELECT published_at FROM plan_version v WHERE v.plan_version_id = h.plan_version_id),
                 (SELECT written_at FROM contract k WHERE k.contract_id = h.contract_id))
  AND NOT EXISTS (SELECT FROM unused_booking b WHERE b.of_charge_id = h.charge_id);
ALTER TABLE charge ENABLE TRIGGER charge_is_immutable;
