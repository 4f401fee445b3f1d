-- A version of a plan may be published before it holds: subscriptions to it begin at its start or later.
SET lock_timeout = '5s';
ALTER TABLE plan_version ADD COLUMN starts_at timestamptz;  -- NULL: from its publication on, and for what is back-dated
