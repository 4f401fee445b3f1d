"""The verdict on wallets: ledger, lots, holds, payments, requests, standings and alerts against paper and the rules."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.drill.verdict import Verdict
from tests.drill.wallets import crossings
from tests.drill.wallets.gateway import Gateway
from tests.drill.wallets.paper import Entry, Paper, lot_name
from tests.drill.wallets.senders import Senders
from tests.drill.wallets.world import ACCOUNTS, PRICE_MICROS, code_of, grace_micros
from tests.installation import Installation

_SHORT_SECONDS = 5.0
_ECHO_SECONDS = 15.0
_ENTRIES = """
SELECT a.code, e.version, e.cause, e.reference, e.booked_at, e.amount_micros, e.balance_after_micros
FROM wallet_entry e JOIN wallet w USING (wallet_id) JOIN account a USING (account_id)
WHERE a.code LIKE 'W%' ORDER BY a.code, e.version
"""
_BATCHES = """
SELECT a.code, u.batch_id::text, array_agg(u.event_id) FROM usage_event u JOIN account a USING (account_id)
WHERE a.code LIKE 'W%' GROUP BY 1, 2
"""
_LOTS = """
SELECT 'lot ' || l.lot_id, a.code, l.cause, l.reference, l.remaining_micros
FROM lot_balance l JOIN wallet w USING (wallet_id) JOIN account a USING (account_id) WHERE a.code LIKE 'W%'
"""
_APPLIED = """
SELECT e.event_id, CASE WHEN p.outcome = 'waiting' THEN p.reason ELSE p.outcome END
FROM payment_event e LEFT JOIN payment_application p USING (payment_event_id)
"""
_VOUCHERS = "SELECT kind, number, taxable_minor FROM voucher ORDER BY kind, number"
_REQUESTS = "SELECT request_id, state FROM top_up_request"
_CHANGES = """
SELECT a.code, h.version, h.state, h.balance_micros, extract(epoch FROM h.changed_at)::float8
FROM standing_change h JOIN account a USING (account_id) WHERE a.code LIKE 'W%' ORDER BY a.code, h.version
"""
_STANDINGS = """
SELECT a.code, s.state, s.effective, s.floor_micros, s.arms FROM account_standing s JOIN account a USING (account_id)
WHERE a.code LIKE 'W%'
"""
_ALERTS = """
SELECT a.code, b.threshold, b.wallet_version, b.level_micros, b.balance_micros, b.recovered_at IS NULL
FROM balance_alert b JOIN account a USING (account_id) WHERE a.code LIKE 'W%' ORDER BY b.alert_id
"""


@dataclass
class Ledger:
    """The wallets' ledger as it was written, and paper filled in beside it."""

    entries: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    dips: int = 0
    dips_unseen: int = 0
    """Stays without credit that were over before anybody looked, all excused."""


def fill_in(installation: Installation, paper: Paper) -> Ledger:
    """Book every entry of the ledger on paper."""
    ledger = Ledger()
    batches = {(code, batch): events for code, batch, events in installation.query(_BATCHES)}
    lots = {lot: (cause, reference) for lot, _, cause, reference, _ in installation.query(_LOTS)}
    for row in installation.query(_ENTRIES):
        entry = Entry(*row)
        ledger.entries[entry.account].append(entry)
        paper.book(entry, events=batches.get((entry.account, entry.reference), ()), lot=lots.get(entry.reference))
    return ledger


def compare_ledger(installation: Installation, paper: Paper, verdict: Verdict) -> None:
    """Entries, lots, what became of every payment event, and vouchers."""
    verdict.differences += [f"ledger: {wrong}" for wrong in paper.wrong[:20]]
    verdict.differences += [f"ledger: {wrong}" for wrong in paper.never_booked()[:20]]
    rows = installation.query(_LOTS)
    verdict.differ("lot", {(code, lot_name(cause, ref)): left for _, code, cause, ref, left in rows}, paper.lots())
    found, wanted = dict(installation.query(_APPLIED)), paper.payments.applied
    verdict.differ("payment event", _by_fact(found, paper), _by_fact(wanted, paper))
    vouchers = installation.query(_VOUCHERS)
    amounts_of = {
        "receipt": sorted(micros // 10_000 for _, micros in paper.payments.credits.values()),
        "refund": sorted(m // 10_000 for (cause, _), (_, _, m) in paper.payments.returns.items() if cause == "refund"),
    }
    for kind, amounts in amounts_of.items():
        numbers = [int(number.rpartition("/")[2]) for of, number, _ in vouchers if of == kind]
        if sorted(numbers) != list(range(1, len(amounts) + 1)):
            verdict.differences.append(f"{kind} vouchers: {len(numbers)} numbers for {len(amounts)}, or with a gap")
        if sorted(taxable for of, _, taxable in vouchers if of == kind) != amounts:
            verdict.differences.append(f"{kind} vouchers are of other amounts than what was paid")


def _by_fact(applied: Mapping[str, str], paper: Paper) -> dict[Any, list[str]]:
    """What became of events, those that tell the same refund or dispute together."""
    found = defaultdict(list)
    for event_id, outcome in applied.items():
        found[paper.payments.of_return.get(event_id, event_id)].append(outcome)
    return {fact: sorted(map(str, outcomes)) for fact, outcomes in found.items()}


def compare_requests(installation: Installation, gateway: Gateway, verdict: Verdict) -> None:
    """Each request has one outcome: the last one that the gateway told."""
    wanted = {number: answers[-1] for number, answers in gateway.requests.items()}
    verdict.differ("request for a top-up", dict(installation.query(_REQUESTS)), wanted)


def compare_standings(
    installation: Installation, ledger: Ledger, faults: Sequence[tuple[float, float]], verdict: Verdict
) -> None:
    """What looks found, against the rule applied to the ledger, and whether anything is left to be found."""
    changes: dict[str, list[Any]] = defaultdict(list)
    for code, *change in installation.query(_CHANGES):
        changes[code].append(change)
    alerts: dict[str, list[Any]] = defaultdict(list)
    for code, *alert in installation.query(_ALERTS):
        alerts[code].append(alert)
    standings = {code: rest for code, *rest in installation.query(_STANDINGS)}
    for number in range(ACCOUNTS):
        code, entries = code_of(number), ledger.entries[code_of(number)]
        if code not in standings:
            verdict.differences.append(f"{code} was never looked at")
            continue
        one = _Looked(code, grace_micros(number), entries, changes[code], alerts[code], faults)
        one.check(*standings[code], ledger)
        verdict.differences += one.differences


@dataclass
class _Looked:
    code: str
    grace: int
    entries: Sequence[Entry]
    changes: Sequence[Any]
    alerts: Sequence[Any]
    faults: Sequence[tuple[float, float]]
    differences: list[str] = field(default_factory=list)

    def check(self, state: str, effective: str, floor: int, arms: dict[str, str], ledger: Ledger) -> None:
        balances = {entry.balance_micros for entry in self.entries}
        at = "active"
        for place, (version, found, balance, _) in enumerate(self.changes, start=1):
            rule = crossings.step(at, balance, self.grace)
            if (version, found) != (place, rule) or balance not in balances:
                self._differ(f"standing {version} is {found} at {balance}, after {at}, instead of {place}: {rule}")
            at = found
        final = crossings.step(at, self.entries[-1].balance_micros, self.grace)
        wanted = (final, final, crossings.floor_micros(final, self.grace))
        if (state, effective, floor) != wanted:
            self._differ(f"stands at {(state, effective, floor)} instead of {wanted}")
        for threshold in (crossings.ABSOLUTE, crossings.PERCENT):
            self._check_threshold(threshold, arms.get(threshold), ledger)
        suspended = crossings.stays_suspended(self.entries, self.grace)
        saw = [changed_at for _, found, _, changed_at in self.changes if found == "suspended"]
        self._note_unseen(
            suspended,
            {dip.first_version for dip in suspended if any(dip.began_at <= at <= (dip.ended_at or at) for at in saw)},
            ledger,
        )

    def _check_threshold(self, threshold: str, arm: str | None, ledger: Ledger) -> None:
        level_at = {
            entry.version: (level, entry.balance_micros) for entry, level in crossings.levels(self.entries, threshold)
        }
        dips = crossings.dips(self.entries, threshold)
        ledger.dips += len(dips)
        wanted = {dip.first_version: (*level_at[dip.first_version], dip.end_version is None) for dip in dips}
        found = [tuple(alert) for of, *alert in self.alerts if of == threshold]
        if found != [(version, *facts) for version, facts in wanted.items()]:
            self._differ(f"alerts {threshold} are {found} for dips {wanted}")
        below = any(is_open for *_, is_open in wanted.values())
        level, balance = list(level_at.values())[-1]
        if arm != ("fired" if below else "armed" if found or balance > level else None):
            self._differ(f"threshold {threshold} is {arm} at balance {balance} and level {level}, in a dip: {below}")

    def _note_unseen(self, dips: Sequence[crossings.Dip], seen: set[int], ledger: Ledger) -> None:
        ledger.dips += len(dips)
        ledger.dips_unseen += sum(dip.first_version not in seen for dip in dips)
        missed = crossings.unseen(dips, lambda dip: dip.first_version in seen, excused=self._excused)
        self.differences += [f"{self.code}: nobody saw {dip}" for dip in missed[:3]]

    def _excused(self, began: float, ended: float) -> bool:
        return ended - began < _SHORT_SECONDS or any(
            start < ended and end + _ECHO_SECONDS > began for start, end in self.faults
        )

    def _differ(self, what: str) -> None:
        self.differences.append(f"{self.code}: {what}")


def compare_answers(senders: Senders, ledger: Ledger, verdict: Verdict) -> None:
    """What was answered before sending: the most a message costs, and a balance that the ledger had at some time."""
    balances = {code: {0, *(entry.balance_micros for entry in entries)} for code, entries in ledger.entries.items()}
    wrong = [answer for answer in senders.answers if answer.balance_micros not in balances.get(answer.account, ())]
    verdict.differences += [f"core was told of a balance that never was: {answer}" for answer in wrong[:5]]
    for hold_id, asked in senders.asked.items():
        most = PRICE_MICROS * asked.messages
        if asked.answer is not None and not most <= asked.answer.amount_micros <= most + 2:
            verdict.differences.append(f"hold {hold_id} is of {asked.answer.amount_micros} for {asked.messages} messages")


def open_holds(installation: Installation) -> dict[str, dict[str, int]]:
    """By account, the holds in Redis with their amounts, and under an empty id what is reserved."""
    redis = installation.redis()
    found: dict[str, dict[str, int]] = {}
    for code, account_id in installation.query("SELECT code, account_id FROM account WHERE code LIKE 'W%'"):
        pipeline = redis.pipeline(transaction=True)
        pipeline.hgetall(f"holds:{account_id}")
        pipeline.hget(f"balance:{account_id}", "reserved_micros")
        holds, reserved = pipeline.execute()
        found[code] = {hold_id: int(amount) for hold_id, amount in holds.items()} | {"": int(reserved or 0)}
    return found


def compare_holds(found: dict[str, dict[str, int]], senders: Senders, verdict: Verdict) -> None:
    """Right after the last question: nothing is reserved beyond what is open, and nothing is open that was not asked for."""
    for code, holds in found.items():
        reserved = holds.pop("")
        if reserved != sum(holds.values()):
            verdict.differences.append(f"{code} has {reserved} reserved for holds of {sum(holds.values())}")
        for hold_id, amount in holds.items():
            asked = senders.asked.get(hold_id)
            most = 0 if asked is None else PRICE_MICROS * asked.messages
            if asked is None or asked.account != code or not most <= amount <= most + 2:
                verdict.differences.append(f"{code} has a hold {hold_id} of {amount} that nobody asked for: {asked}")
            elif asked.ended_at is not None:
                verdict.differences.append(f"{code} has the hold {hold_id}, which was voided")
            elif asked.answer is not None and asked.answer.held_until is None and asked.answer.from_cache:
                verdict.differences.append(f"{code} has the hold {hold_id}, which was refused: {asked.answer.answer}")


def compare_reserved_nothing(installation: Installation, senders: Senders, verdict: Verdict) -> int:
    """Once every hold has ended, nothing is reserved; returns for how many accounts something is."""
    left = 0
    for code, account_id in installation.query("SELECT code, account_id FROM account WHERE code LIKE 'W%'"):
        reserved = senders.reserved_micros(account_id)
        if reserved:
            verdict.differences.append(f"{code} has {reserved} reserved although every hold has ended")
            left += 1
    return left
