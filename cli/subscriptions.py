"""`billing subscriptions`: who is on which plan, since when; changes, pauses, and moving to a newer version."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cli.instants import instant
from cli.months import parse_month
from cli.output import AsJson, By, console, show, show_rows
from connectors import clock, proof_wiring, wiring
from domain.errors import InvalidInput
from domain.money import decimal_from_micros
from domain.period import BillingMonth
from domain.subscriptions import Segment
from invoicing import change_subscription as changes
from invoicing.administration_ports import Author
from invoicing.change_subscription import PlanReference, SubscriptionChange
from invoicing.simulate_plan import Chosen, simulate_plan

app = typer.Typer(help="Who is on which plan, since when (docs/subscriptions.md).", no_args_is_help=True)
_At = Annotated[str | None, typer.Option("--at", help="From this instant on, with a time zone; now when left out.")]
_PeriodEnd = Annotated[bool, typer.Option("--at-period-end", help="From the account's next month on.")]
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
    show_rows(rows, as_json=as_json, empty="no such subscription")


@app.command("show")
def show_account(account: str, *, as_json: AsJson = False) -> None:
    """Show every segment an account ever had.

    Example: billing subscriptions show ACC-0007
    """
    list_subscriptions(account=account, plan=None, past=True, limit=1_000, as_json=as_json)


@app.command("start")
def start(
    account: str, *, plan: _Plan, at: _At = None, why: _Why = "", by: By = "operator", as_json: AsJson = False
) -> None:
    """Subscribe an account that has no subscription from then on.

    Example: billing subscriptions start ACC-0007 --plan otp-india --by asha
    """
    author = Author(by, clock.now())
    change = changes.start(wiring.administration(), account, plan=_reference(plan), at=_moment(at), why=why, author=author)
    _show(change, as_json=as_json)


@app.command("change")
def change(
    account: str,
    *,
    plan: _Plan,
    at: _At = None,
    period_end: _PeriodEnd = False,
    why: _Why = "",
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Put an account on another plan: now, at an instant, or at the end of its month; fees are split exactly.

    Example: billing subscriptions change ACC-0007 --plan otp-india-enterprise --at-period-end --by asha
    """
    author = Author(by, clock.now())
    moment = _when(account, at, period_end=period_end, now=author.at)
    changed = changes.change(wiring.administration(), account, plan=_reference(plan), at=moment, why=why, author=author)
    _show(changed, as_json=as_json)


@app.command("pause")
def pause(account: str, *, at: _At = None, why: _Why = "", by: By = "operator", as_json: AsJson = False) -> None:
    """Let the fees of a subscription rest; what is used all the same is charged.

    Example: billing subscriptions pause ACC-0007 --why "shop closed" --by asha
    """
    author = Author(by, clock.now())
    _show(changes.pause(wiring.administration(), account, at=_moment(at), why=why, author=author), as_json=as_json)


@app.command("resume")
def resume(account: str, *, at: _At = None, why: _Why = "", by: By = "operator", as_json: AsJson = False) -> None:
    """End a pause.

    Example: billing subscriptions resume ACC-0007 --by asha
    """
    author = Author(by, clock.now())
    _show(changes.resume(wiring.administration(), account, at=_moment(at), why=why, author=author), as_json=as_json)


@app.command("cancel")
def cancel(
    account: str, *, at: _At = None, period_end: _PeriodEnd = False, by: By = "operator", as_json: AsJson = False
) -> None:
    """End a subscription; fees paid in advance for later are given back.

    Example: billing subscriptions cancel ACC-0007 --at-period-end --by asha
    """
    author = Author(by, clock.now())
    moment = _when(account, at, period_end=period_end, now=author.at)
    _show(changes.cancel(wiring.administration(), account, at=moment, author=author), as_json=as_json)


@app.command("migrate")
def migrate(
    *,
    plan: _Plan,
    account: Annotated[list[str] | None, typer.Option(help="Only these; all on another version when left out.")] = None,
    period_end: _PeriodEnd = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show who would be moved and at what, and move nobody.")
    ] = False,
    over: Annotated[
        BillingMonth | None,
        typer.Option("--over", parser=parse_month, metavar="YYYY-MM", help="With --preview: whose usage; last month's."),
    ] = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Move accounts to a version of the plan they are on; those that are not moved keep the version they have.

    Example: billing subscriptions migrate --plan otp-india@3 --at-period-end --preview
    """
    author = Author(by, clock.now())
    migration = changes.migrate(
        wiring.administration(),
        plan=_reference(plan),
        accounts=account or None,
        period_end=period_end,
        preview=preview,
        author=author,
    )
    moved = [_facts(change) for change in migration.moved]
    if preview and moved:
        month = over or BillingMonth.of(author.at, ZoneInfo("UTC")).previous()
        money = _what_it_comes_to(migration, month)
        moved = [row | money.get(row["account"], {}) for row in moved]
    refused = [{"account": code, "reason": reason} for code, reason in migration.refused.items()]
    if as_json:
        facts = {"plan": migration.plan.label, "preview": preview, "moved": moved, "refused": refused}
        show(facts, as_json=True)
        return
    verb = "would move" if preview else "moved"
    console.print(f"{len(moved)} accounts {verb} to {migration.plan.label}", markup=False, highlight=False)
    show_rows(moved, as_json=False, empty="nobody is on another version")
    if refused:
        show_rows(refused, as_json=False, empty="")


def _what_it_comes_to(migration: changes.Migration, month: BillingMonth) -> dict[str, dict[str, str]]:
    """By account: what its usage of a month was charged, and what it would have come to."""
    code, _, version = migration.plan.label.rpartition(" v")
    stored = wiring.plan_reader().version(code, version=int(version))
    chosen = Chosen(month, month, [change.account for change in migration.moved])
    found = simulate_plan(stored.document, chosen, room=proof_wiring.past_room())
    return {
        one.account: {
            f"usage {month}": f"{decimal_from_micros(one.old_micros):,f}",
            "would be": f"{decimal_from_micros(one.new_micros):,f}",
            "difference": f"{decimal_from_micros(one.difference_micros):+,f}",
        }
        for one in found.accounts
    }


def _reference(text: str) -> PlanReference:
    code, _, version = text.partition("@")
    if version and not version.isdecimal():
        raise InvalidInput(f"plan: {text!r} names no version: write e.g. otp-india@2, or leave @ out for the newest")
    return PlanReference(code, int(version) if version else None)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else instant("at", text)


def _when(account: str, at: str | None, *, period_end: bool, now: datetime) -> datetime | None:
    if period_end and at is not None:
        raise InvalidInput("at: choose --at or --at-period-end, not both")
    return changes.at_period_end(wiring.administration(), account, now=now) if period_end else _moment(at)


def _show(change: SubscriptionChange, *, as_json: bool) -> None:
    show(_facts(change) | {"events_to_rerate": change.events_to_rerate}, as_json=as_json)
    if change.events_to_rerate and not as_json:
        text = (
            f"{change.events_to_rerate:,} events since then were charged as before: "
            f"`billing rerate --account {change.account} --from {change.at.isoformat()}` charges them anew"
        )
        console.print(text, markup=False, highlight=False)


def _facts(change: SubscriptionChange) -> dict[str, Any]:
    return {
        "account": change.account,
        "at": change.at,
        "before": _words(change.before),
        "after": _words(change.after),
    }


def _words(segment: Segment | None) -> str:
    if segment is None:
        return "nothing"
    return f"{segment.plan.label}, paused" if segment.paused else segment.plan.label
