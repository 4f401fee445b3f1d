"""Everybody who has to do with the wallets of a drill, from the opening of accounts to the verdict."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.drill.faults import Happened
from tests.drill.logged_producer import SentRecord
from tests.drill.plan import Kind
from tests.drill.verdict import Verdict
from tests.drill.wallets import told, verdict, world
from tests.drill.wallets.gateway import Gateway
from tests.drill.wallets.notifiers import Notifiers
from tests.drill.wallets.office import LAST_END_SECONDS, Office
from tests.drill.wallets.paper import Paper, Payments, messages_of
from tests.drill.wallets.senders import Senders
from tests.drill.wallets.stand_ins import StandIns
from tests.installation import Installation

_QUIET = {
    "payments wait to be applied": """
SELECT count(*) FROM payment_event LEFT JOIN payment_application p USING (payment_event_id)
WHERE p.payment_event_id IS NULL""",
    "requests for top-ups are in flight": "SELECT count(*) FROM top_up_request WHERE state = 'in_flight'",
    "wallets wait to be looked at": "SELECT count(*) FROM wallet_look",
    "standings are overridden": "SELECT count(*) FROM account_standing WHERE effective <> state",
    "messages wait to be sent": "SELECT count(*) FROM outbox_message WHERE sent_at IS NULL",
    "notices wait to be kept": """
SELECT (SELECT count(*) FROM outbox_message WHERE topic = 'notifications') - (SELECT count(*) FROM notification)""",
    "notices wait to be delivered": "SELECT count(*) FROM notification_delivery WHERE state = 'waiting'",
}
# A refusal's pause and the lease of a sender that died are minutes long: the drill has them pass.
_HAVE_PAUSES_PASS = "UPDATE notification_delivery SET next_attempt_at = now() WHERE state = 'waiting'"
_PASS_EVERY_SECONDS = 10.0


@dataclass
class WalletFigures:
    """What a drill did with wallets, and what repeated itself."""

    payment_events: dict[str, int] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)
    """Payment events by what became of them, or why they wait."""
    grants: int = 0
    overrides: int = 0
    requests: int = 0
    holds_asked: int = 0
    holds_refused: int = 0
    holds_unanswered: int = 0
    holds_open_at_the_end: int = 0
    accounts_with_a_reservation_left: int = 0
    """Once every hold had ended."""
    ledger_entries: int = 0
    dips: int = 0
    dips_unseen: int = 0
    """Stays below a threshold, or without credit, that were over before anybody could look."""
    standings_changed: int = 0
    notices: int = 0
    notices_delivered_again: int = 0
    deliveries_refused: int = 0
    records_repeated: dict[str, int] = field(default_factory=dict)
    """By topic, under the same id."""
    notifiers_ended_by_themselves: int = 0


class Cast:
    """A context in which mail and webhooks are taken. Used in the order of its methods."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self.installation = installation
        self._stand_ins = StandIns(seed)
        self._found_holds: dict[str, dict[str, int]] = {}
        self._passed_at = self._stopped_at = 0.0
        self.senders = Senders(installation, seed, messages_per_second=25)
        self.gateway = Gateway(installation, seed + 1, payments_per_second=2)
        self.office = Office(installation, seed + 2, every_seconds=0.8)

    def __enter__(self) -> Self:
        self._stand_ins.__enter__()
        self.notifiers = Notifiers(self.installation, self._stand_ins.mail_port)
        world.open_accounts(self.installation, webhooks_port=self._stand_ins.webhooks_port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A gateway that outlived its drill would answer the next one's requests.
        self.gateway.stop()
        self.notifiers.disband()
        self._stand_ins.__exit__()

    @property
    def usage_log(self) -> list[SentRecord]:
        """Records of usage events."""
        return self.senders.producer.log

    @property
    def refused(self) -> list[str]:
        """Why the broker did not take a record: none."""
        return self.senders.producer.refused + self.gateway.producer.refused

    def start(self) -> None:
        """Begin everything."""
        self.gateway.start()
        self.senders.start()
        self.office.start()

    def make_no_more(self) -> None:
        """Nothing new comes; what was begun comes to its end."""
        self.senders.stop()
        self._found_holds = verdict.open_holds(self.installation)
        self.gateway.make_no_more()
        self.office.stop()
        self._stopped_at = time.time()

    def waits_for(self) -> str | None:
        """What is still on its way; None when nothing is."""
        if not self.gateway.idle():
            return "the gateway has answers to give"
        for what, statement in _QUIET.items():
            if self.installation.query(statement) != [(0,)]:
                if what == "notices wait to be delivered":
                    self._have_pauses_pass()
                return what
        return "standings wait to be told to Redis" if told.stale_standings(self.installation) else None

    def end(self) -> None:
        """Wait until the last hold and the last credit with an end are over, and take what is left of those."""
        ends = [asked.ends_at for asked in self.senders.asked.values()] + [self._stopped_at + LAST_END_SECONDS]
        time.sleep(max(0.0, max(ends) + 1 - time.time()))
        self.office.expire()

    def judge(self, happened: Sequence[Happened], found: Verdict) -> tuple[WalletFigures, Paper]:
        """Compare everything that is about wallets and not about usage."""
        installation, senders, gateway = self.installation, self.senders, self.gateway
        paper = Paper(Payments.of(gateway.producer.log), self.office.given, messages_of(self.usage_log))
        ledger = verdict.fill_in(installation, paper)
        faults = [(fault.began_at, fault.ended_at) for fault in happened if fault.kind is not Kind.CLICKHOUSE]
        figures = WalletFigures(holds_open_at_the_end=sum(len(holds) - 1 for holds in self._found_holds.values()))
        verdict.compare_ledger(installation, paper, found)
        verdict.compare_requests(installation, gateway, found)
        verdict.compare_standings(installation, ledger, faults, found)
        verdict.compare_answers(senders, ledger, found)
        verdict.compare_holds(self._found_holds, senders, found)
        figures.accounts_with_a_reservation_left = verdict.compare_reserved_nothing(installation, senders, found)
        figures.records_repeated = told.compare_told(installation, paper, gateway, found)
        figures.notices_delivered_again = told.compare_deliveries(installation, self._stand_ins, found)
        found.differences += self.notifiers.slow_ends
        self._count(figures, paper, ledger)
        return figures, paper

    def _count(self, figures: WalletFigures, paper: Paper, ledger: verdict.Ledger) -> None:
        applied: dict[str, int] = {}
        for outcome in paper.payments.applied.values():
            applied[outcome] = applied.get(outcome, 0) + 1
        figures.payment_events, figures.applied = dict(paper.payments.outcomes), applied
        figures.grants, figures.overrides = len(self.office.given), self.office.overrides
        figures.requests, figures.holds_asked = len(self.gateway.requests), len(self.senders.asked)
        figures.holds_refused = sum(answer.answer != "yes" for answer in self.senders.answers)
        figures.holds_unanswered = self.senders.unanswered
        figures.ledger_entries = sum(map(len, ledger.entries.values()))
        figures.dips, figures.dips_unseen = ledger.dips, ledger.dips_unseen
        ((figures.standings_changed,),) = self.installation.query("SELECT count(*) FROM standing_change")
        ((figures.notices,),) = self.installation.query("SELECT count(*) FROM notification")
        figures.deliveries_refused = self._stand_ins.refused
        figures.notifiers_ended_by_themselves = self.notifiers.deaths

    def _have_pauses_pass(self) -> None:
        if time.monotonic() - self._passed_at > _PASS_EVERY_SECONDS:
            self._passed_at = time.monotonic()
            self.installation.execute(_HAVE_PAUSES_PASS)
