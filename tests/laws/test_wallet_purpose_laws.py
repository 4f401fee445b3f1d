"""The laws of several wallets: together they are debited what was charged, and each what its own events came to."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue.meters import Meter
from domain.metering import Total, prepare, settle
from domain.rating.touched import touched_by
from domain.wallet_purposes import Purposes
from tests.builders_usage import WINDOW, a_config, a_received_event, an_account, an_event, an_origin

CHANNELS, COUNTRIES = ("sms", "whatsapp"), ("IN", "US")
METERS = [
    Meter(number, f"meter-{number}", event_type, filter=tuple(filter_.items()))
    for number, (event_type, filter_) in enumerate(
        [
            ("otp.delivered", {}),
            ("otp.delivered", {"channel": frozenset(["whatsapp"])}),
            ("otp.delivered", {"country": frozenset(["IN", "US"])}),
            ("otp.delivered", {"channel": frozenset(["sms"]), "country": frozenset(["IN"])}),
            ("voice.minutes", {}),
        ],
        1,
    )
]
purposes = st.dictionaries(st.sampled_from(METERS), st.integers(201, 203))
usage = st.lists(
    st.tuples(
        st.sampled_from(["otp.delivered", "otp.delivered", "voice.minutes"]),
        st.sampled_from(CHANNELS),
        st.sampled_from([*COUNTRIES, None]),
        st.decimals(min_value=0, max_value=150, places=6),
    ),
    max_size=30,
)
cuts = st.lists(st.integers(0, 30), max_size=5)


def received(rows):
    return [
        a_received_event(
            an_event(
                f"event-{number}",
                meter=meter,
                quantity=quantity,
                channel=channel,
                **({"country": country} if country else {}),
            ),
            origin=an_origin(number),
        )
        for number, (meter, channel, country, quantity) in enumerate(rows)
    ]


def booked(events, named, where=()):
    """Debits by wallet, parts by event, and totals, of events booked in batches that are cut there."""
    account = an_account()
    account.purposes = Purposes(named.items()) if named else None
    config, totals, debits, charged = a_config(account), {}, Counter(), {}
    edges = [0, *sorted(cut for cut in where if cut < len(events)), len(events)]
    for start, end in pairwise(edges):
        prepared = prepare(events[start:end], config, WINDOW)
        locked = touched_by(prepared.usages()).wallets
        settled = settle(prepared, {}, totals)
        assert set(settled.debits) <= set(locked)
        assert not settled.rated or account.wallet_id in locked
        for key, added in settled.totals.items():
            totals[key] = totals.get(key, Total()) + added
        debits.update(settled.debits)
        for usage in settled.rated:
            charged[usage.received.event.id] = usage.amount_micros + sum(part.amount_micros for part in usage.further)
    return debits, charged, totals


def paying(named, event):
    """Who pays, told once more: of the meters that count an event, the one with the most conditions, then the first."""
    found = [
        (-len(meter.filter), meter.meter_id, wallet_id)
        for meter, wallet_id in named.items()
        if meter.event_type == event.meter and all(event.properties.get(name) in texts for name, texts in meter.filter)
    ]
    return min(found)[2] if found else 101


@given(usage, purposes, cuts)
def test_wallets_together_are_debited_what_was_charged_and_as_much_as_one_wallet_would_be(rows, named, where):
    events = received(rows)
    debits, charged, totals = booked(events, named, where)
    of_one_wallet, _, totals_of_one = booked(events, {})
    assert totals == totals_of_one
    assert sum(debits.values()) == sum(charged.values()) == sum(total.amount_micros for total in totals.values())
    assert sum(debits.values()) == of_one_wallet[101]


@given(usage, purposes, cuts)
def test_each_wallet_is_debited_what_its_own_events_came_to_however_they_are_batched(rows, named, where):
    events = received(rows)
    debits, charged, _ = booked(events, named, where)
    expected = Counter()
    for item in events:
        expected[paying(named, item.event)] += charged.get(item.event.id, 0)
    assert +debits == +expected
    assert +debits == +booked(events, named)[0]
