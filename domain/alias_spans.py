"""Whom an alias names, and when: spans that never overlap, and what mapping, moving and ending make of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from domain.errors import InvalidInput, NotFound

ALIAS_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class NamedSpan:
    """An alias names an account from `start` up to but not including `end`; None is for ever, on either side."""

    account: str
    """Account code."""
    start: datetime | None
    end: datetime | None

    def contains(self, moment: datetime) -> bool:
        """True when start <= moment < end."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def __str__(self) -> str:
        since = "always" if self.start is None else f"from {_text(self.start)}"
        return since if self.end is None else f"{since} until {_text(self.end)}".replace("always until", "until")


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an alias's spans: `before` goes, `after` comes, the others stay."""

    before: NamedSpan
    after: tuple[NamedSpan, ...]


def map_alias(alias: str, spans: Sequence[NamedSpan], *, account: str, start: datetime | None) -> NamedSpan | None:
    """The span by which an alias names an account from `start` on; None when it does so already.

    Raises InvalidInput when the alias names an account after `start` already, naming it and its span.
    """
    if not 0 < len(alias) <= ALIAS_MAX:
        raise InvalidInput(f"alias: must have 1 to {ALIAS_MAX} characters and has {len(alias)}")
    _require_zone("from", start)
    wanted = NamedSpan(account, start, None)
    for span in spans:
        if span.end is not None and start is not None and span.end <= start:
            continue
        if span.account == account and _covers(span, start):
            return None
        raise InvalidInput(
            f"alias {alias!r} names account {span.account} already ({span}): move it, end that mapping first, "
            "or map it from a later time"
        )
    return wanted


def move_alias(alias: str, spans: Sequence[NamedSpan], *, to: str, at: datetime) -> Change:
    """Let an alias name another account from an instant on; the span that has the instant is split there.

    Raises NotFound when it names nobody then, and InvalidInput when it names this account already.
    """
    span = _span_at(alias, spans, at)
    if span.account == to:
        raise InvalidInput(f"to: alias {alias!r} names account {to} at {_text(at)} already ({span})")
    return Change(span, (*_until(span, at), replace(span, account=to, start=at)))


def end_alias(alias: str, spans: Sequence[NamedSpan], *, at: datetime) -> Change:
    """Let an alias name nobody from an instant on, until its next span. Raises NotFound when it names nobody then."""
    span = _span_at(alias, spans, at)
    return Change(span, _until(span, at))


def _span_at(alias: str, spans: Sequence[NamedSpan], at: datetime) -> NamedSpan:
    _require_zone("at", at)
    for span in spans:
        if span.contains(at):
            return span
    known = "; ".join(f"{span.account} {span}" for span in spans) or "nobody ever"
    raise NotFound(f"alias {alias!r} names no account at {_text(at)} (it names {known}): map it with `map-alias --from`")


def _until(span: NamedSpan, at: datetime) -> tuple[NamedSpan, ...]:
    """What is left of a span before an instant: nothing when it begins there."""
    return () if span.start == at else (replace(span, end=at),)


def _covers(span: NamedSpan, start: datetime | None) -> bool:
    """True when a span holds everything from `start` on."""
    return span.end is None and (span.start is None or (start is not None and span.start <= start))


def _require_zone(name: str, moment: datetime | None) -> None:
    if moment is not None and moment.utcoffset() is None:
        raise InvalidInput(f"{name}: {moment.isoformat()} has no time zone: add one, e.g. {moment.isoformat()}+05:30 or Z")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
