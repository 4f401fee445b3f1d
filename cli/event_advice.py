"""What an operator can do about a refused event, by its reason."""

from typing import Any, Final

_ADVICE: Final = {
    "unknown_alias": "map the alias with `billing accounts map-alias`, then `billing events release --alias ...`",
    "no_subscription": "give the account a plan for that time, then `billing events release --reason no_subscription`",
    "no_price": "publish a price for the event's meter and properties, then `billing events release --reason no_price`",
    "too_late": "decide: `billing events accept ID --by ... --why ...` bills it, `billing events reject ID ...` closes it",
    "unknown_type": "if the type is right, publish a plan with that meter, then `billing events replay-dead-letters`",
    "time_out_of_range": "the producer's clock is wrong: it sends the event again with its right time",
}
_PRODUCER: Final = "its bytes cannot be booked as they are: the producer mends the event and sends it again"


def next_step(kind: str, facts: dict[str, Any]) -> str:
    """What to do about a dead letter, an event in quarantine or a conflict."""
    if kind == "conflict":
        return "the first body counts; ask the producer which is right, and have usage that is missing sent under a new id"
    if facts.get("became"):
        return "nothing: it was sent again, see what it became"
    if facts.get("decision"):
        return f"nothing: it was {facts['decision']} by {facts['decided_by']}, and a decision is final"
    if facts.get("released_at"):
        return "nothing, or `billing events release` again when it was broken off before the event was sent"
    return _ADVICE.get(facts["reason"], _PRODUCER)
