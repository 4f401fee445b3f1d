"""Generated batches: few identities, so that they meet; every kind of trouble a well-formed event can be in."""

from datetime import timedelta

from hypothesis import strategies as st

from tests.builders_usage import HAPPENED_AT, TOPIC, a_config, a_received_event, an_account, an_event, an_origin

CONFIG = a_config(an_account("acme", account_id=1), an_account("bolt", account_id=2, time_zone="Asia/Jakarta"))

_ages = st.sampled_from([timedelta(0), timedelta(minutes=7), timedelta(days=20), timedelta(days=500), timedelta(days=-2)])
_events = st.builds(
    lambda number, meter, subject, age, quantity, channel: an_event(
        f"event-{number}", meter=meter, subject=subject, at=HAPPENED_AT - age, quantity=quantity, channel=channel
    ),
    number=st.integers(1, 12),
    meter=st.sampled_from(["otp.delivered", "voice.minutes", "otp.deliverd"]),
    subject=st.sampled_from(["acme", "acme", "bolt", "nobody"]),
    age=_ages,
    quantity=st.decimals(min_value=0, max_value=150, places=3),
    channel=st.sampled_from(["sms", "sms", "pigeon"]),
)
distinct_usage = st.lists(
    st.tuples(
        st.sampled_from(["otp.delivered", "voice.minutes"]),
        st.sampled_from(["acme", "bolt"]),
        st.decimals(min_value=0, max_value=150, places=6),
    ),
    max_size=40,
).map(
    lambda rows: [
        a_received_event(
            an_event(f"event-{number}", meter=meter, subject=subject, quantity=quantity), origin=an_origin(number)
        )
        for number, (meter, subject, quantity) in enumerate(rows)
    ]
)
"""Ratable events, each with an identity of its own."""

batches = st.lists(st.tuples(_events, st.integers(0, 2)), max_size=40).map(
    lambda rows: [
        a_received_event(event, origin=an_origin(offset, partition=partition, topic=TOPIC))
        for offset, (event, partition) in enumerate(rows)
    ]
)
"""Received events over three partitions, some ratable, some not, many of the same identity."""
