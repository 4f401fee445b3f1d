"""The audit trail: a record of each change, in the transaction that makes it. The database chains the records."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

_INSERT: Final = text("""
INSERT INTO audit_record (at, actor, action, subject, before, after)
SELECT :at, :actor, :action, c.change ->> 'subject',
       nullif(c.change -> 'before', 'null'), nullif(c.change -> 'after', 'null')
FROM jsonb_array_elements(CAST(:changes AS jsonb)) WITH ORDINALITY AS c (change, place)
ORDER BY c.place
""")


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one subject; `before` is None for something new, `after` for something removed."""

    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def record(connection: Connection, changes: Sequence[Change], *, action: str, actor: str, at: datetime) -> None:
    """Append records of one kind of change, in order. Other writers wait from here to the end of the transaction."""
    if not changes:
        return
    rows = [{"subject": change.subject, "before": change.before, "after": change.after} for change in changes]
    parameters = {"at": at, "actor": actor, "action": action, "changes": json.dumps(rows, default=str)}
    connection.execute(_INSERT, parameters)
