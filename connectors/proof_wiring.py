"""Building what proves the books: the second rater's evidence."""

from connectors.postgres.recompute_evidence import PostgresEvidenceRoom
from connectors.wiring import database


def evidence_room() -> PostgresEvidenceRoom:
    """What the second rater is told."""
    return PostgresEvidenceRoom(database())
