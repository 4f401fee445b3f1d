"""Name accounts: map, move and end aliases; each in one transaction, audited with what was before.

Events are attributed by event time. What is booked already is not attributed again, so the past of an alias changes only
where none of its events was booked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain import alias_spans
from domain.alias_spans import NamedSpan
from domain.errors import InvalidInput
from invoicing.administer import Author
from invoicing.administration_ports import Administration, AdministrationStore


@dataclass(frozen=True, slots=True)
class AliasChange:
    """One span of an alias that was split, and what it became."""

    alias: str
    before: NamedSpan
    after: tuple[NamedSpan, ...]


def map_alias(store: AdministrationStore, alias: str, *, account_code: str, start: datetime | None, author: Author) -> bool:
    """Let an alias name an account, from a time on or always; False when it does so already."""
    with store.begin() as transaction:
        transaction.hold_configuration()
        mapped = transaction.map_alias(alias, account_code=account_code, start=start)
        if mapped:
            after = {"account": account_code, "from": None if start is None else start.isoformat()}
            transaction.audit(action="alias.mapped", subject=alias, actor=author.name, after=after, at=author.at)
    return mapped


def move_alias(store: AdministrationStore, alias: str, *, to: str, at: datetime, author: Author) -> AliasChange:
    """Let an alias name another account from an instant on. Raises InvalidInput when events after it are booked."""

    def decide(transaction: Administration) -> alias_spans.Change:
        transaction.require_open(to)
        return alias_spans.move_alias(alias, transaction.aliases.spans(alias), to=to, at=at)

    return _change(store, alias, decide, at=at, action="alias.moved", author=author)


def end_alias(store: AdministrationStore, alias: str, *, at: datetime, author: Author) -> AliasChange:
    """Let an alias name nobody from an instant on. Raises InvalidInput when events after it are booked."""

    def decide(transaction: Administration) -> alias_spans.Change:
        return alias_spans.end_alias(alias, transaction.aliases.spans(alias), at=at)

    return _change(store, alias, decide, at=at, action="alias.ended", author=author)


def _change(
    store: AdministrationStore,
    alias: str,
    decide: Callable[[Administration], alias_spans.Change],
    *,
    at: datetime,
    action: str,
    author: Author,
) -> AliasChange:
    """Decided twice: first beside the workers, as looking for booked events may take a while, then with them held."""
    with store.begin() as transaction:
        _require_nothing_booked(transaction, alias, decide(transaction), at=at)
        transaction.hold_configuration()
        change = decide(transaction)
        _require_nothing_booked(transaction, alias, change, at=at)
        transaction.aliases.replace(alias, change.before, change.after)
        transaction.audit(
            action=action,
            subject=alias,
            actor=author.name,
            before={"spans": _facts([change.before])},
            after={"spans": _facts(change.after)},
            at=author.at,
        )
    return AliasChange(alias, change.before, change.after)


def _require_nothing_booked(transaction: Administration, alias: str, change: alias_spans.Change, *, at: datetime) -> None:
    booked = transaction.aliases.events_booked(alias, start=at, end=change.before.end)
    if booked:
        raise InvalidInput(
            f"at: {booked} event{'s' if booked != 1 else ''} of alias {alias!r} from {at.isoformat()} on "
            f"{'are' if booked != 1 else 'is'} booked for account {change.before.account} already, and what is booked is "
            "not attributed again: choose an instant after the last of them",
            booked=booked,
        )


def _facts(spans: Sequence[NamedSpan]) -> list[dict[str, Any]]:
    return [{"account": span.account, "from": _text(span.start), "until": _text(span.end)} for span in spans]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
