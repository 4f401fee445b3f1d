"""What a drill found, as a page for docs/."""

from dataclasses import asdict
from typing import Any

from tests.drill.drill import Report


def kept(report: Report) -> dict[str, Any]:
    """The report as it is kept: of each worker's end the last line, since what stands before it is of one machine only."""
    deaths = [{**death, "last_lines": death["last_lines"][-1:]} for death in report.worker_deaths]
    return {**asdict(report), "worker_deaths": deaths}


def page(report: Report, command: str) -> str:
    """The report in words and tables; `command` does it again."""
    said = "Everything adds up." if report.ok else f"{len(report.differences)} differences."
    stalls = sorted(report.worst_stall_seconds.items(), key=lambda item: -item[1])
    parts = report.worst_stall_of_a_partition_seconds
    lines = [
        "# The fault drill, as it was run",
        "",
        f"`{command}`: {report.load_seconds:.0f} s of load, {report.kills} kills. **{said}**",
        "",
        "| | |",
        "|---|---|",
        f"| records, events sent | {report.records_sent:,}, {report.events_sent:,} |",
        f"| lost, doubled | {report.lost}, {report.doubled} |",
        f"| records redelivered | {report.redelivered_records:,} |",
        f"| events announced again, rows sent again | {report.announced_again:,}, {report.warehoused_again:,} |",
        f"| worst take-over after a SIGKILL | {report.worst_take_over_seconds:.1f} s |",
        f"| quiet after the last event | {report.quiet_after_seconds:.1f} s |",
        f"| workers that ended by themselves | {len(report.worker_deaths)} |",
        "",
        "| fault | how often |",
        "|---|---|",
        *(f"| {kind} | {number} |" for kind, number in sorted(report.faults_by_kind.items())),
        "",
        "| outcome | events |",
        "|---|---|",
        *(f"| {outcome} | {number:,} |" for outcome, number in report.outcomes.items()),
        "",
        *_wallets(report),
        "| worst stall by the only fault near it | no batch at all, s | none of a partition, s |",
        "|---|---|---|",
        *(f"| {cause} | {seconds:.1f} | {parts.get(cause, 0.0):.1f} |" for cause, seconds in stalls),
        "",
        *(f"- {difference}" for difference in report.differences),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _wallets(report: Report) -> list[str]:
    """What was done with wallets, and what of it repeated itself."""
    found = report.wallets
    repeated = ", ".join(f"{topic} {number:,}" for topic, number in found.records_repeated.items())
    return [
        "| wallets | |",
        "|---|---|",
        f"| ledger entries | {found.ledger_entries:,} |",
        *(f"| payment events {outcome} | {number:,} |" for outcome, number in sorted(found.applied.items())),
        f"| grants, overrides, requests for top-ups | {found.grants:,}, {found.overrides:,}, {found.requests:,} |",
        f"| holds asked for, refused, without an answer | {found.holds_asked:,}, {found.holds_refused:,}, "
        f"{found.holds_unanswered:,} |",
        f"| holds open when nobody asked any more, accounts with any when all had ended | {found.holds_open_at_the_end:,}, "
        f"{found.accounts_with_a_reservation_left:,} |",
        f"| standings changed | {found.standings_changed:,} |",
        f"| dips below a threshold or without credit, of these over before anybody could look | {found.dips:,}, "
        f"{found.dips_unseen:,} |",
        f"| notices, refused deliveries, delivered again | {found.notices:,}, {found.deliveries_refused:,}, "
        f"{found.notices_delivered_again:,} |",
        f"| records sent again under the same id | {repeated} |",
        f"| notifiers that ended by themselves | {found.notifiers_ended_by_themselves:,} |",
        "",
    ]
