"""The demonstration's traffic: the same for a seed, of every kind, and counted rightly while it is made."""

import re
from collections import Counter
from fractions import Fraction

import pytest

from cli.demonstration import catalogue
from cli.demonstration.bad_records import KINDS, encode
from cli.demonstration.customers import ACCOUNTS, subscribers
from cli.demonstration.event_content import respelled
from cli.demonstration.expectation import UsageKey, Used
from cli.demonstration.traffic import CODECS, OutgoingRecord
from connectors.kafka.usage_events import decode_records
from domain.metering import Outcome, prepare, settle
from tests.cli.demo_traffic import OCTOBER, WINDOW, as_kafka_records, rating_config, some_traffic

GOOD = {
    "specversion": "1.0",
    "id": "r1-1",
    "source": "/otpless/core/mumbai",
    "type": "otp.delivered",
    "subject": subscribers()[0].account.aliases[0],  # of an unknown one a negative quantity would wait
    "time": "2026-10-05T09:12:44.125000+05:30",
    "data": {"channel": "sms", "country": "IN", "quantity": 2},
}


def refusals(value: bytes) -> list[str]:
    """The reasons a record is refused for, by the real decoder and the real rules."""
    events, dead = decode_records(as_kafka_records([_outgoing(value)]))
    prepared = prepare(events, rating_config(), WINDOW)
    return [str(letter.reason) for letter in [*dead, *prepared.dead_letters]]


def _outgoing(value: bytes) -> OutgoingRecord:
    return OutgoingRecord("acme", value, "none", 1)


def test_the_same_seed_makes_the_same_records_and_another_seed_others():
    first, second = list(some_traffic().records()), list(some_traffic().records())

    assert first == second
    assert first != list(some_traffic(seed=8).records())


def test_two_runs_of_one_seed_share_no_event_id():
    first, second = (
        {item.event.id for item in decode_records(as_kafka_records(some_traffic(run_id=run).records()))[0]}
        for run in ("r1", "r2")
    )

    assert min(len(first), len(second)) >= 1_200
    assert not first & second


def test_every_event_sent_is_counted_once_for_each_time_it_is_received():
    traffic = some_traffic()
    sent = sum(record.events for record in traffic.records())
    outcomes = traffic.expectation.outcomes

    # What waits for its alias comes in twice: once to wait, once when it is released.
    assert traffic.expectation.received == sent + outcomes["quarantined"]
    counted = [used.events for key, used in traffic.expectation.usage.items() if key.charge not in SECOND]
    assert outcomes["rated"] == traffic.events == sum(counted)
    assert outcomes["dead_lettered"] == sum(traffic.expectation.dead_letters.values())


def test_the_traffic_has_everything_the_demonstration_shows():
    traffic = some_traffic(events=20_000)
    records = list(traffic.records())
    outcomes = traffic.expectation.outcomes

    assert {record.codec for record in records} == set(CODECS)
    assert 0.008 < outcomes["duplicate"] / 20_000 < 0.012
    assert outcomes["conflict"] > 20
    assert outcomes["quarantined"] > 20
    assert {used.account for used in traffic.expectation.usage} == {one.account.code for one in subscribers()}
    assert len(traffic.new_aliases) == 6
    assert sum(record.events > 1 for record in records) > 100
    assert set(traffic.expectation.dead_letters) == {kind.reason for kind in KINDS}
    assert max(len(record.value) for record in records) > 5_000_000


def test_a_few_accounts_have_most_of_the_traffic():
    traffic = some_traffic(events=20_000)
    list(traffic.records())
    sizes: Counter[str] = Counter()
    for key, used in traffic.expectation.usage.items():
        if key.charge != "dlt":
            sizes[key.account] += used.events

    largest = sum(size for _, size in sizes.most_common(ACCOUNTS // 10))
    assert largest > 20_000 * 0.4
    assert min(sizes.values()) >= 3


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_mistake_is_refused_with_its_reason(kind):
    assert refusals(kind.spoil(GOOD)) == [kind.reason]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.member], ids=lambda kind: kind.name)
def test_a_mistake_inside_an_array_is_refused_alone(kind):
    array = b"[" + b",".join([encode(GOOD), kind.spoil({**GOOD, "id": "r1-2"}), encode({**GOOD, "id": "r1-3"})]) + b"]"

    assert refusals(array) == [kind.reason]


def test_an_event_spelled_in_another_way_is_the_same_event():
    plain = {**GOOD, "data": {"channel": "sms", "country": "IN", "campaign": "दिवाली"}}
    (first, again), dead = decode_records(as_kafka_records([_outgoing(encode(plain)), _outgoing(respelled(plain))]))

    assert not dead
    assert (first.event.key, first.event.body_digest) == (again.event.key, again.event.body_digest)


def test_the_real_rules_come_to_what_was_expected():
    """The whole traffic through the real decoder and the real metering rules, in memory."""
    traffic = some_traffic(events=3_000)
    events, dead = decode_records(as_kafka_records(traffic.records()))
    config = rating_config()
    settled = settle(prepare(events, config, WINDOW), {}, {})
    waited = [waiting.received for waiting in settled.waiting]
    totals = dict(settled.totals)
    released = settle(prepare(waited, rating_config(traffic.new_aliases), WINDOW), {}, totals)

    expected = traffic.expectation
    assert Counter(str(letter.reason) for letter in [*dead, *settled.dead_letters]) == expected.dead_letters
    counted = settled.counts()["usage.events", 0]
    assert {
        "rated": counted[Outcome.RATED] + len(released.rated),
        "duplicate": counted[Outcome.DUPLICATE],
        "conflict": counted[Outcome.CONFLICT],
        "dead_lettered": counted[Outcome.DEAD_LETTERED] + len(dead),
        "quarantined": counted[Outcome.QUARANTINED],
    } == dict(expected.outcomes)
    for key, added in released.totals.items():
        before = totals.get(key)
        if before is None:
            totals[key] = added
        else:
            before.quantity_millionths += added.quantity_millionths
            before.amount_micros += added.amount_micros
            before.event_count += added.event_count
    booked = {}
    for key, total in totals.items():
        account = config.accounts[key.account_id]
        cell = re.sub("#[0-9]+", "", key.cell)  # as connectors/postgres/account_standings.py does
        name = UsageKey(account.code, f"{key.service_month:%Y-%m}", _codes(account)[key.charge_id], cell)
        booked[name] = Used(total.quantity_millionths, total.event_count, total.amount_micros)
    charged = expected.charged({}, {})
    fees = {key: used for key, used in charged.items() if key.charge in FEES}
    assert booked == {key: used for key, used in charged.items() if key not in fees}
    assert {key.charge for key in booked} == {*METERS, *SECOND, "launch", "cap", "gratis"}
    assert {key.charge for key in fees} == FEES
    platform = {used.amount_micros for key, used in fees.items() if key.charge == "platform"}
    assert platform == {49_000_000, 29_000_000, 5_000_000}


SECOND = ("dlt", "verified-users", "carrier")
"""Charges that count events which another counts, too: the scrubbing of an SMS in India, users, costs of calls."""
FEES = {"platform", "minimum", "setup", "support"}
METERS = (catalogue.OTP, catalogue.MAGIC_LINK, catalogue.VOICE, catalogue.SILENT)


def _codes(account):
    plan = account.subscriptions[0].plan
    return {one.charge_id: one.code for one in (*plan.charges.values(), *plan.adjustments)}


def test_a_second_run_is_charged_from_where_the_first_ended():
    first, second = some_traffic(), some_traffic(run_id="r2", seed=9)
    list(first.records())
    list(second.records())

    after_first = first.expectation.charged({}, {})
    after_both = second.expectation.charged(after_first, {})

    key, used = next((key, used) for key, used in second.expectation.usage.items() if key in after_first)
    assert after_both[key].quantity_millionths == after_first[key].quantity_millionths + used.quantity_millionths
    assert after_both[key].events == after_first[key].events + used.events
    assert after_both[key].amount_micros > after_first[key].amount_micros


def test_every_event_lies_in_the_month_of_its_account():
    """Edges included: the first instant of the month, and its last microsecond, in the account's own zone."""
    traffic = some_traffic(events=20_000)
    events, _ = decode_records(as_kafka_records(traffic.records()))
    config = rating_config(traffic.new_aliases)
    seconds_into_month = []
    months = Counter()
    for item in events:
        account = config.account_at(item.event.subject, item.event.time_micros)
        if account is None or item.event.meter not in config.meters or abs(item.event.time_micros) > 2e15:
            continue
        months[account.service_month(item.event.time_micros)] += 1
        start = OCTOBER.span(account.time_zone).start
        seconds_into_month.append(Fraction(item.event.time_micros, 1_000_000) - int(start.timestamp()))

    # A retry a second off the edge may fall outside: it is never rated.
    assert months[next(iter(months))] / months.total() > 0.999
    assert 0 in seconds_into_month
    assert Fraction(31 * 86_400) - Fraction(1, 1_000_000) in seconds_into_month
