"""May an account send? Holds, and the question without one.

The routes are coroutines that make blocking calls: Redis answers in a tenth of a millisecond, which is less than handing the
call to a thread and back would take.
"""

from datetime import datetime
from functools import cache
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connectors import clock, hold_wiring
from domain.fields import UNSTORABLE
from domain.holds import HOLD_ID_MAX, LIFETIME_MAX_SECONDS, MESSAGES_MAX, Answer
from invoicing.hold_credit import LIFETIME_SECONDS, HoldAnswer, HoldCredit, Question

router = APIRouter()


def _is_text(value: str) -> str:
    """JSON may escape what is no character, and neither PostgreSQL nor Redis can be asked for that."""
    if UNSTORABLE.search(value):
        raise ValueError("holds U+0000 or half a surrogate pair: leave it out")
    return value


Text = Annotated[str, Field(min_length=1, max_length=HOLD_ID_MAX), AfterValidator(_is_text)]
Value = Annotated[str, AfterValidator(_is_text)]


class Asked(BaseModel):
    """May `alias` send so many messages of a type?"""

    model_config = ConfigDict(extra="forbid", strict=True)

    alias: Text
    type: Text
    messages: int = Field(1, ge=1, le=MESSAGES_MAX)
    properties: dict[Value, Value] = Field({}, max_length=32, description="What is not said is taken at its dearest.")

    def question(self) -> Question:
        """As the use case takes it."""
        return Question(self.alias, self.type, self.messages, self.properties)


class AskedToHold(Asked):
    """The same, and reserve what it can cost."""

    hold_id: Text = Field(description="The id the delivered event will have, or name as its property hold_id.")
    lifetime_seconds: int = Field(LIFETIME_SECONDS, ge=1, le=LIFETIME_MAX_SECONDS)


class Ended(BaseModel):
    """Holds to end."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alias: Text
    hold_ids: list[Text] = Field(min_length=1, max_length=500)


class Answered(BaseModel):
    """What is said to core; amounts are micros of the account's currency."""

    allowed: bool
    answer: Answer
    account: str
    wallet: str
    amount_micros: int
    balance_micros: int
    reserved_micros: int
    status: str
    held_until: datetime | None
    from_cache: bool

    @classmethod
    def of(cls, answer: HoldAnswer) -> Self:
        """From the use case's answer."""
        return cls(
            allowed=answer.answer is Answer.YES,
            answer=answer.answer,
            account=answer.account,
            wallet=answer.wallet,
            amount_micros=answer.amount_micros,
            balance_micros=answer.balance_micros,
            reserved_micros=answer.reserved_micros,
            status=answer.status,
            held_until=answer.held_until,
            from_cache=answer.from_cache,
        )


class Released(BaseModel):
    """How many holds there were."""

    released: int


@cache
def _credit() -> HoldCredit:
    return hold_wiring.hold_credit()


@router.post("/v1/holds")
async def hold(asked: AskedToHold) -> Answered:
    """Answer, and reserve with a yes."""
    answer = _credit().hold(
        asked.question(), hold_id=asked.hold_id, lifetime_seconds=asked.lifetime_seconds, now=clock.now()
    )
    return Answered.of(answer)


@router.post("/v1/may-send")
async def may_send(asked: Asked) -> Answered:
    """Answer with nothing reserved."""
    return Answered.of(_credit().may_send(asked.question(), now=clock.now()))


@router.post("/v1/holds/settle")
@router.post("/v1/holds/void")
async def release(ended: Ended) -> Released:
    """End reservations; those that are not there any more are passed over."""
    return Released(released=_credit().release(ended.alias, ended.hold_ids, now=clock.now()))
