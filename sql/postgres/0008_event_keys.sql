-- The permanent key begins with the time, which grows: its index is written at its end and not all over. Identities
-- older than a day and a half are removed in slices (docs/adr/0003).
SET lock_timeout = '5s';

DROP INDEX usage_event_counted_once;
CREATE UNIQUE INDEX usage_event_counted_once ON usage_event (event_time, event_key);

-- Removing is spread over the day; so is cleaning up behind it.
ALTER TABLE event_key SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2);
DROP INDEX event_key_claimed_at;
CREATE INDEX event_key_claimed_at ON event_key USING brin (claimed_at) WITH (pages_per_range = 32, autosummarize = on);
