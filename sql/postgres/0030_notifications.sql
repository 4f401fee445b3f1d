-- Notifications: what customers are told, one delivery a recipient, every try with its outcome, and where webhooks go.
SET lock_timeout = '5s';

-- What was read from the topic, once however often it was read. `kind` is NULL for what customers are not told of.
CREATE TABLE notification (
    notification_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_source text NOT NULL,
    event_id     text NOT NULL,
    type         text NOT NULL,
    account      text NOT NULL,          -- its code; of an account that may not exist
    kind         text,
    circle       integer NOT NULL DEFAULT 0 CONSTRAINT notification_circle_counts_from_zero CHECK (circle >= 0),
    data         jsonb NOT NULL,
    occurred_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    CONSTRAINT notification_once_an_event UNIQUE (event_source, event_id)
);
CREATE INDEX notification_by_account ON notification (account, notification_id);
CREATE TRIGGER notification_is_append_only BEFORE UPDATE OR DELETE ON notification
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Records of the topic that are none of ours, or damaged.
CREATE TABLE unreadable_notification (
    topic         text NOT NULL,
    partition     integer NOT NULL,
    record_offset bigint NOT NULL,
    reason        text NOT NULL,
    payload       bytea NOT NULL,
    received_at   timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, record_offset)
);

-- Where a customer's webhooks go. While a secret is being changed, both sign.
CREATE TABLE webhook_endpoint (
    endpoint_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id     bigint NOT NULL REFERENCES customer,
    url             text NOT NULL,
    secret          text NOT NULL CONSTRAINT webhook_endpoint_secret_is_marked CHECK (secret LIKE 'whsec_%'),
    previous_secret text,
    previous_until  timestamptz,
    created_at      timestamptz NOT NULL,
    disabled_at     timestamptz,
    disabled_reason text,
    CONSTRAINT webhook_endpoint_previous_is_whole CHECK (num_nulls(previous_secret, previous_until) IN (0, 2)),
    CONSTRAINT webhook_endpoint_disabled_for_a_reason CHECK (num_nulls(disabled_at, disabled_reason) IN (0, 2))
);
CREATE UNIQUE INDEX webhook_endpoint_once ON webhook_endpoint (customer_id, url) WHERE disabled_at IS NULL;

-- `failures` are those since it was last asked for and decide the pause; `attempts` are all, and number its history.
CREATE TABLE notification_delivery (
    delivery_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id bigint NOT NULL REFERENCES notification,
    channel         text NOT NULL CONSTRAINT notification_delivery_channel_known
        CHECK (channel IN ('email', 'sms', 'whatsapp', 'webhook')),
    address         text NOT NULL,       -- a mail address, a phone number, the number of an endpoint
    recipient       text NOT NULL,
    state           text NOT NULL CONSTRAINT notification_delivery_state_known CHECK (state IN ('waiting', 'sent', 'exhausted')),
    attempts        integer NOT NULL DEFAULT 0,
    failures        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    last_reason     text,
    created_at      timestamptz NOT NULL,
    sent_at         timestamptz,
    CONSTRAINT notification_delivery_once_a_recipient UNIQUE (notification_id, channel, address),
    CONSTRAINT notification_delivery_waits_for_a_moment CHECK ((state = 'waiting') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT notification_delivery_is_exhausted_for_a_reason CHECK (state <> 'exhausted' OR last_reason IS NOT NULL),
    CONSTRAINT notification_delivery_is_dated_when_sent CHECK (state <> 'sent' OR sent_at IS NOT NULL)
) WITH (fillfactor = 70);
CREATE INDEX notification_delivery_due ON notification_delivery (next_attempt_at, delivery_id) WHERE state = 'waiting';

-- Every try that came to an end; `reason` is NULL for the one that got through.
CREATE TABLE delivery_attempt (
    delivery_id bigint NOT NULL REFERENCES notification_delivery,
    attempt     integer NOT NULL,
    ended_at    timestamptz NOT NULL,
    reason      text,
    PRIMARY KEY (delivery_id, attempt)
);
CREATE TRIGGER delivery_attempt_is_append_only BEFORE UPDATE OR DELETE ON delivery_attempt
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Alerts nobody has taken up, in the order in which further people hear of them.
CREATE INDEX balance_alert_to_escalate ON balance_alert (fired_at)
    WHERE recovered_at IS NULL AND acknowledged_by IS NULL AND escalations < 2;
