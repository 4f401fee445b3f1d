"""Rated events as PostgreSQL gives them, and the batches made of them."""

from uuid import UUID

from connectors.rated_forms import Names, RatedForms

FACTS = {
    "batch_id": "7",
    "event_key": str(UUID(int=1)),
    "event_micros": "1792065600250001",
    "received_micros": "1792065601000000",
    "source": "/otpless/core",
    "event_id": "event-1",
    "alias": "shop",
    "meter": "otp.delivered",
    "price_cell": "sms/*",
    "quantity_millionths": "2500000",
    "amount_micros": "500000",
    "properties": '{"channel":"sms","country":"IN","operator":"जियो"}',
    "account_id": "11",
    "charge_id": "3",
}


def a_rated_text(**changes):
    assert changes.keys() <= FACTS.keys()
    return tuple({**FACTS, **changes}.values())


def a_rated_batch(*texts, partitions=2):
    """One batch of these events; account 11 is acme, and each other is named by its number."""
    accounts = {text[-2]: (f"account-{text[-2]}", "customer") for text in texts} | {"11": ("acme", "customer-acme")}
    forms = RatedForms(Names(accounts, {"3": ("otp-inr v1", "INR", "otp")}), partitions=partitions)
    (batch,) = forms.batches(texts or [a_rated_text()]).values()
    return batch
