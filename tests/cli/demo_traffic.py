"""Demonstration traffic for tests, and the metering rules it is run through."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from cli.demonstration import catalogue
from cli.demonstration.customers import Subscriber, subscribers
from cli.demonstration.expectation import Expectation
from cli.demonstration.story import STATES, Moment, Story
from cli.demonstration.traffic import OutgoingRecord, Traffic
from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, Account, AliasSpan, RatingConfig, Subscription
from domain.catalogue import PlanVersion
from domain.catalogue.plan_spans import ContractTerm
from domain.catalogue.price_list import Contract
from domain.contracts import read_contract
from domain.metering import Origin
from domain.period import BillingMonth
from domain.plans import read_plan
from domain.usage import TimeWindow
from invoicing.records import Record

OCTOBER = BillingMonth(2026, 10)
RECEIVED_MICROS = 1_793_900_000_000_000  # 5 November 2026
WINDOW = TimeWindow(400 * 86_400_000_000, 3_600_000_000)


def some_traffic(*, events: int = 1_200, seed: int = 7, run_id: str = "r1") -> Traffic:
    """A run's traffic for October 2026, not sent yet."""
    expectation = Expectation({plan["code"]: plan for plan in catalogue.plans()}, str(OCTOBER), catalogue.contracts())
    return Traffic(subscribers(), OCTOBER, events=events, seed=seed, run_id=run_id, expectation=expectation)


def a_story() -> Story:
    """Of a wallet about which everything was told once."""
    falls = [Moment(state, 1_000, 99_990_000 - 100_000_000 * place, 1_031) for place, state in enumerate(STATES[:3])]
    paid = Moment("active", 2_000, 4_849_990_000, 2_022, status_ms=2_044, in_redis_ms=2_040, voucher_ms=2_030)
    return Story("ACC-0201", [*falls, paid], 4, list(STATES), ["absolute:100000000"], ["RV/26-27/000007"], 5_000_000_000)


def as_kafka_records(records: Iterable[OutgoingRecord]) -> list[Record]:
    """As the worker takes them from one partition."""
    return [
        Record(Origin("usage.events", 0, offset, RECEIVED_MICROS), record.value) for offset, record in enumerate(records)
    ]


def rating_config(more_aliases: Mapping[str, str] | None = None) -> RatingConfig:
    """The truth the demonstration sets up, in memory; `more_aliases` maps further ones to account codes."""
    plans = {plan["code"]: read_plan(plan).version() for plan in catalogue.plans()}
    accounts = {
        one.account.code: _account(number, one, plans[one.account.plan_code])
        for number, one in enumerate(subscribers(), start=1)
    }
    aliases = {alias: one.account.code for one in subscribers() for alias in one.account.aliases}
    return RatingConfig(
        version=1,
        aliases={
            alias: [AliasSpan(accounts[code], DISTANT_PAST, DISTANT_FUTURE)]
            for alias, code in {**aliases, **(more_aliases or {})}.items()
        },
        accounts={account.account_id: account for account in accounts.values()},
        meters=frozenset(
            meter.event_type for plan in plans.values() for charge in plan.charges.values() for meter in charge.meters
        ),
    )


def _account(number: int, one: Subscriber, plan: PlanVersion) -> Account:
    return Account(
        account_id=number,
        code=one.account.code,
        customer_code=one.customer.code,
        wallet_id=number,
        currency=one.account.currency,
        time_zone=(zone := ZoneInfo(one.account.time_zone)),
        subscriptions=[Subscription(plan, int(OCTOBER.span(zone).start.timestamp()) * 1_000_000, DISTANT_FUTURE)],
        contracts=_contracts(one.account.code, plan),
    )


def _contracts(account: str, plan: PlanVersion) -> list[ContractTerm]:
    document = catalogue.contracts().get(account)
    if document is None:
        return []
    since = catalogue.contract_from(document, OCTOBER.span(ZoneInfo("Asia/Kolkata")).start)
    prices = read_contract(since, priced=list(plan.charges)).prices.version()
    return [ContractTerm(Contract(1, prices.label, prices.currency, prices.charges), DISTANT_PAST, DISTANT_FUTURE)]
