"""`billing subscriptions`: who is on which plan, since when; changes, pauses, and moving to a newer version."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from cli.instants import instant
from cli.months import parse_month
from cli.output import AsJson, By, console, show, show_rows
from connectors import batch_wiring, clock, proof_wiring, wiring
from domain.errors import InvalidInput
from domain.money import Currency, decimal_from_micros
from domain.period import BillingMonth
from domain.subscriptions import PlanChoice, Segment
from invoicing import change_subscription as changes
from invoicing.administration_ports import Author
from invoicing.change_subscription import PlanReference, SubscriptionChange, Timing
from invoicing.migrate_subscriptions import Effect, Migration, MigrationOrder, Move, migrate_subscriptions, preview_migration
from invoicing.simulate_plan import Chosen, simulate_plan

app = typer.Typer(help="Who is on which plan, since when (docs/subscriptions.md).", no_args_is_help=True)
_At = Annotated[str | None, typer.Option("--at", help="From this instant on, with a time zone; now when left out.")]
_PeriodEnd = Annotated[bool, typer.Option("--at-period-end", help="From the account's next month on.")]
_Replacing = Annotated[
    bool, typer.Option("--replacing", help="What has begun since that instant gives way; refused without this.")
]
_VERSION_DIGITS_MAX: Final = 9
_Plan = Annotated[str, typer.Option("--plan", help="The plan's code; with @ a version, e.g. otp-india@2.")]
_Why = Annotated[str, typer.Option("--why", help="What for, kept with the segment and in the audit trail.")]


@app.command("list")
def list_subscriptions(
    *,
    account: Annotated[str | None, typer.Option(help="Only this account.")] = None,
    plan: Annotated[str | None, typer.Option(help="Only this plan.")] = None,
    past: Annotated[bool, typer.Option("--past", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Show segments of subscriptions, from `from` up to but not including `to`.

    Example: billing subscriptions list --plan otp-india
    """
    rows = wiring.subscription_reader().segments(account=account, plan=plan, past=past, limit=limit, now=clock.now())
    if not as_json:
        rows = [
            {**row, "from": row["from"] or "always", "to": row["to"] or "further notice", "why": row["why"] or ""}
            for row in rows
        ]
    show_rows(rows, as_json=as_json, empty="no such subscription", limit=limit)


@app.command("show")
def show_account(
    account: str,
    *,
    history: Annotated[bool, typer.Option("--history", help="Also what gave way, and when that was said.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every segment an account ever had.

    Example: billing subscriptions show ACC-0007 --history
    """
    if history:
        rows = [
            {**row, "gave_way_at": row["gave_way_at"] or ""} if not as_json else row
            for row in wiring.subscription_reader().history(account)
        ]
        show_rows(rows, as_json=as_json, empty="no such subscription")
        return
    list_subscriptions(account=account, plan=None, past=True, limit=1_000, as_json=as_json)


@app.command("start")
def start(
    account: str, *, plan: _Plan, at: _At = None, why: _Why = "", by: By = "operator", as_json: AsJson = False
) -> None:
    """Subscribe an account that has no subscription from then on.

    Example: billing subscriptions start ACC-0007 --plan otp-india --by asha
    """
    author, timing = Author(by, clock.now()), Timing(_moment(at), why=why)
    done = changes.start(wiring.administration(), account, plan=_reference(plan), timing=timing, author=author)
    _show(done, as_json=as_json)


@app.command("change")
def change(
    account: str,
    *,
    plan: _Plan,
    at: _At = None,
    period_end: _PeriodEnd = False,
    replacing: _Replacing = False,
    why: _Why = "",
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Put an account on another plan: now, at an instant, or at the end of its month; fees are split exactly.

    Example: billing subscriptions change ACC-0007 --plan otp-india-enterprise --at-period-end --by asha
    """
    author, timing = Author(by, clock.now()), Timing(_moment(at), period_end, why, replacing=replacing)
    done = changes.change(wiring.administration(), account, plan=_reference(plan), timing=timing, author=author)
    _show(done, as_json=as_json)


@app.command("pause")
def pause(
    account: str,
    *,
    at: _At = None,
    period_end: _PeriodEnd = False,
    replacing: _Replacing = False,
    why: _Why = "",
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Let the fees of a subscription rest until it is resumed; what is used all the same is charged.

    Example: billing subscriptions pause ACC-0007 --why "shop closed" --by asha
    """
    author, timing = Author(by, clock.now()), Timing(_moment(at), period_end, why, replacing=replacing)
    _show(changes.pause(wiring.administration(), account, timing=timing, author=author), as_json=as_json)


@app.command("resume")
def resume(
    account: str,
    *,
    at: _At = None,
    period_end: _PeriodEnd = False,
    replacing: _Replacing = False,
    why: _Why = "",
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """End a pause.

    Example: billing subscriptions resume ACC-0007 --by asha
    """
    author, timing = Author(by, clock.now()), Timing(_moment(at), period_end, why, replacing=replacing)
    _show(changes.resume(wiring.administration(), account, timing=timing, author=author), as_json=as_json)


@app.command("cancel")
def cancel(
    account: str,
    *,
    at: _At = None,
    period_end: _PeriodEnd = False,
    replacing: _Replacing = False,
    why: _Why = "",
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """End a subscription; fees paid in advance for later are given back.

    Example: billing subscriptions cancel ACC-0007 --at-period-end --by asha
    """
    author, timing = Author(by, clock.now()), Timing(_moment(at), period_end, why, replacing=replacing)
    _show(changes.cancel(wiring.administration(), account, timing=timing, author=author), as_json=as_json)


@app.command("reactivate")
def reactivate(account: str, *, why: _Why = "", by: By = "operator", as_json: AsJson = False) -> None:
    """Take the last cancellation back, as if it had never been.

    Example: billing subscriptions reactivate ACC-0007 --why "stays after all" --by asha
    """
    author = Author(by, clock.now())
    _show(changes.reactivate(wiring.administration(), account, why=why, author=author), as_json=as_json)


@app.command("migrate")
def migrate(
    *,
    plan: _Plan,
    account: Annotated[list[str] | None, typer.Option(help="Only these; all on another version when left out.")] = None,
    at: _At = None,
    period_end: _PeriodEnd = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show who would be moved and by how much; move nobody.")
    ] = False,
    over: Annotated[
        BillingMonth | None,
        typer.Option("--over", parser=parse_month, metavar="YYYY-MM", help="With --preview: whose usage; last month's."),
    ] = None,
    why: _Why = "",
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Move accounts to a version of the plan they are on; those that are not moved keep the version they have.

    Example: billing subscriptions migrate --plan otp-india@3 --at-period-end --preview
    """
    store, author, timing = wiring.administration(), Author(by, clock.now()), Timing(_moment(at), period_end, why)
    order = MigrationOrder(_reference(plan), account or None, timing)
    if preview:
        month = over or BillingMonth.of(author.at, ZoneInfo("UTC")).previous()
        what_if = partial(_past_usage, month)
        migration = preview_migration(store, batch_wiring.fee_books(), order, author=author, what_if=what_if)
    else:
        migration = migrate_subscriptions(store, order, author=author)
    _show_migration(migration, preview=preview, as_json=as_json)


def _past_usage(month: BillingMonth, plan: PlanChoice, accounts: Sequence[str]) -> dict[str, tuple[int, int]]:
    """By account: what its usage of a month was charged, and what it would have come to."""
    if not accounts:
        return {}
    code, _, version = plan.label.rpartition(" v")
    stored = wiring.plan_reader().version(code, version=int(version))
    chosen = Chosen(month, month, accounts, with_fees=False)
    found = simulate_plan(stored.document, chosen, room=proof_wiring.past_room(), now=clock.now())
    return {one.account: (one.old_micros, one.new_micros) for one in found.accounts}


def _show_migration(migration: Migration, *, preview: bool, as_json: bool) -> None:
    in_the_past = any(move.events_to_rerate for move in migration.moves)
    moved = [_moved(move, with_events=in_the_past) for move in migration.moves]
    refused = [{"account": code, "reason": reason} for code, reason in migration.refused.items()]
    totals = _totals(migration) if preview else []
    if as_json:
        facts = {"plan": migration.plan.label, "preview": preview, "moved": moved, "refused": refused}
        show(facts | ({"totals": totals} if preview else {}), as_json=True)
        return
    verb = "would move" if preview else "moved"
    console.print(f"{len(moved):,} accounts {verb} to {migration.plan.label}")
    show_rows(moved, as_json=False, empty="nobody is on another version")
    if totals:
        console.print("together:")
        show_rows(totals, as_json=False, empty="")
        text = "fees: those that fall due in the 365 days after the change; usage: of the month looked at, as it was charged"
        console.print(text)
    if refused:
        console.print(f"{len(refused):,} accounts stay:")
        show_rows(refused, as_json=False, empty="")


def _moved(move: Move, *, with_events: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"account": move.account, "at": move.at, "from": move.plan_before}
    if with_events:
        row["events_to_rerate"] = move.events_to_rerate
    return row if move.effect is None else row | _money(move.currency, move.effect)


def _money(currency: Currency, effect: Effect) -> dict[str, Any]:
    row = {"currency": str(currency), "fees": _units(effect.fees_before), "fees_would_be": _units(effect.fees_after)}
    if effect.usage_before is not None and effect.usage_after is not None:
        row |= {"usage": _units(effect.usage_before), "usage_would_be": _units(effect.usage_after)}
        row["usage_difference"] = _units(effect.usage_after - effect.usage_before)
    return row


def _totals(migration: Migration) -> list[dict[str, Any]]:
    sums = migration.totals()
    return [{"accounts": count} | _money(currency, effect) for currency, (count, effect) in sorted(sums.items())]


def _units(micros: int) -> str:
    return f"{decimal_from_micros(micros):.2f}"


def _reference(text: str) -> PlanReference:
    code, _, version = text.partition("@")
    if version and not (version.isascii() and version.isdecimal() and len(version) <= _VERSION_DIGITS_MAX):
        raise InvalidInput(f"plan: {text!r} names no version: write e.g. otp-india@2, or leave @ out for the newest")
    return PlanReference(code, int(version) if version else None)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else instant("at", text)


def _show(change: SubscriptionChange, *, as_json: bool) -> None:
    facts: dict[str, Any] = {
        "account": change.account,
        "at": change.at,
        "before": _words(change.before),
        "after": _words(change.after),
    }
    if change.gave_way or as_json:
        facts["gave_way"] = [f"{_words(one)} from {one.start}" for one in change.gave_way]
    show(facts | {"events_to_rerate": change.events_to_rerate}, as_json=as_json)
    if change.events_to_rerate and not as_json:
        text = (
            f"{change.events_to_rerate:,} events since then were charged as before: "
            f"`billing rerate --account {change.account} --from {change.at.isoformat()}` shows what they come to now,"
            " and books it with --book"
        )
        console.print(text)


def _words(segment: Segment | None) -> str:
    if segment is None:
        return "nothing"
    return f"{segment.plan.label}, paused" if segment.paused else segment.plan.label
