-- Deliveries are claimed by channel: those of one that is not set up wait, and are not read by the others' senders.
SET lock_timeout = '5s';

CREATE INDEX notification_delivery_due_by_channel ON notification_delivery (channel, next_attempt_at, delivery_id)
    WHERE state = 'waiting';
DROP INDEX notification_delivery_due;
