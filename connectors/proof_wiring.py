"""Building what proves the books and tries prices on them: the second rater's evidence, re-rating, what-if."""

from connectors.postgres.explanations import PostgresExplanations
from connectors.postgres.past_usage import PostgresPastRoom
from connectors.postgres.recompute_evidence import PostgresEvidenceRoom
from connectors.postgres.rerating import PostgresRerating
from connectors.wiring import database


def evidence_room() -> PostgresEvidenceRoom:
    """What the second rater is told."""
    return PostgresEvidenceRoom(database())


def rerating() -> PostgresRerating:
    """Where usage is re-rated."""
    return PostgresRerating(database())


def past_room() -> PostgresPastRoom:
    """What a what-if looks at."""
    return PostgresPastRoom(database())


def explanations() -> PostgresExplanations:
    """What explains a charge."""
    return PostgresExplanations(database())
