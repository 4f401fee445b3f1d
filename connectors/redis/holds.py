"""Holds in Redis: the rule of domain/holds.py in one script, which runs alone and so is right under any number of clients.

Keys: `balance:{account_id}` (connectors/redis/balances.py) with what is reserved in total; `holds:{account_id}`, a hash of
amounts by hold id; `hold_ends:{account_id}`, a sorted set of their ends. Time is Redis's own, so that clients' clocks do not
matter; where it steps back holds last longer, where it steps ahead they end early, and neither touches a balance. Holds are
lost with Redis: domain/holds.py says why that is safe.
"""

from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Final

from redis.exceptions import NoScriptError

from connectors.redis.connection import open_client, told_in_a_sentence
from domain.holds import Answer
from invoicing.hold_ports import CachedAnswer

# ARGV: what is asked, then its arguments. Amounts are texts, because Lua's numbers are doubles. The answer is one text, its
# words apart by spaces.
_SCRIPT: Final = """
local balance, holds, ends = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function minus(number)
    if number == '0' then return '0' end
    if string.sub(number, 1, 1) == '-' then return string.sub(number, 2) end
    return '-' .. number
end

local function release(id)
    local amount = redis.call('HGET', holds, id)
    redis.call('ZREM', ends, id)
    if not amount then return 0 end
    redis.call('HDEL', holds, id)
    redis.call('HINCRBY', balance, 'reserved_micros', minus(amount))
    return 1
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 500)) do
    release(id)
end

if ARGV[1] == 'release' then
    local released = 0
    for i = 2, #ARGV do
        released = released + release(ARGV[i])
    end
    return released
end

if ARGV[1] == 'mend' then
    local before = redis.call('HGET', balance, 'reserved_micros') or '0'
    redis.call('HDEL', balance, 'reserved_micros')
    for _, amount in ipairs(redis.call('HVALS', holds)) do
        redis.call('HINCRBY', balance, 'reserved_micros', amount)
    end
    return before == (redis.call('HGET', balance, 'reserved_micros') or '0') and 0 or 1
end

local known = redis.call('HMGET', balance, 'balance_micros', 'version', 'status', 'floor_micros', 'reserved_micros')
local micros, version, status, floor, reserved = known[1], known[2], known[3], known[4], known[5] or '0'
if not micros or not status then
    return 'unknown'
end
local function answer(word, until_ms)
    return table.concat({word, micros, version, status, reserved, until_ms or '0'}, ' ')
end

local amount, id, lifetime = ARGV[2], ARGV[3], ARGV[4]
if id then
    local present = redis.call('HGET', holds, id)
    if present then
        return answer(present == amount and 'yes' or 'other_amount', redis.call('ZSCORE', ends, id))
    end
end
if status == 'suspended' or status == 'closed' then
    return answer(status)
end
-- Sums of four numbers of up to 15 characters are exact as doubles; others are added up by HINCRBY, exact to 64 bits. Of its
-- result only the sign is looked at, which is right also after it was made a double.
local small = #micros <= 15 and #floor <= 15 and #reserved <= 15 and #amount <= 15
if floor ~= '' then
    local room
    if small then
        room = tonumber(micros) - tonumber(floor) - tonumber(reserved) - tonumber(amount)
    else
        redis.call('HSET', balance, 'room_micros', micros)
        redis.call('HINCRBY', balance, 'room_micros', minus(floor))
        redis.call('HINCRBY', balance, 'room_micros', minus(reserved))
        room = redis.call('HINCRBY', balance, 'room_micros', minus(amount))
    end
    if room < 0 then
        return answer('no_credit')
    end
end
if not id then
    return answer('yes')
end
local until_ms = string.format('%d', now + lifetime)
redis.call('HSET', holds, id, amount)
redis.call('ZADD', ends, until_ms, id)
local sum = redis.call('HINCRBY', balance, 'reserved_micros', amount)
reserved = small and string.format('%d', sum) or redis.call('HGET', balance, 'reserved_micros')
return answer('yes', until_ms)
"""


class RedisHolds:
    """The holds of one Redis database."""

    def __init__(self, *, host: str, port: int, database: int, timeout_seconds: float = 0.5) -> None:
        self._client = open_client(host=host, port=port, database=database, timeout_seconds=timeout_seconds)
        self._digest = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()

    def hold(self, account_id: int, hold_id: str, amount_micros: int, *, lifetime_ms: int) -> CachedAnswer:
        """Reserve for the owner of a wallet. Raises EngineUnavailable when Redis does not answer."""
        return _answer(self._ask(account_id, "hold", amount_micros, hold_id, lifetime_ms))

    def may_send(self, account_id: int, amount_micros: int) -> CachedAnswer:
        """The same question with nothing reserved. Raises EngineUnavailable when Redis does not answer."""
        return _answer(self._ask(account_id, "ask", amount_micros))

    def release(self, account_id: int, hold_ids: Sequence[str]) -> int:
        """End reservations; returns how many there were. Raises EngineUnavailable when Redis does not answer."""
        return int(self._ask(account_id, "release", *hold_ids))

    def mend(self, account_ids: Sequence[int]) -> int:
        """End the holds that are over and add up the others anew; returns for how many wallets the sum was another.

        Raises EngineUnavailable when Redis does not answer.
        """
        return sum(int(self._ask(account_id, "mend")) for account_id in account_ids)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, account_id: int, *arguments: str | int) -> Any:
        keys = [f"balance:{account_id}", f"holds:{account_id}", f"hold_ends:{account_id}"]
        with told_in_a_sentence():
            try:
                return self._client.evalsha(self._digest, 3, *keys, *arguments)
            except NoScriptError:
                # Redis forgot it, with its restart or by SCRIPT FLUSH.
                return self._client.eval(_SCRIPT, 3, *keys, *arguments)


def _answer(said: str) -> CachedAnswer:
    if said == "unknown":
        return CachedAnswer(None)
    word, balance, version, status, reserved, ends_ms = said.split(" ")
    return CachedAnswer(Answer(word), int(balance), int(reserved), int(version), status, int(ends_ms))
