"""Holds in Redis: the rule of domain/holds.py in one script, which runs alone and so is right under any number of clients.

Keys: `balance:{account_id}` (connectors/redis/balances.py) with what is reserved in total; `holds:{account_id}`, a hash of
amounts by hold id; `hold_ends:{account_id}`, a sorted set of their ends. Time is Redis's own, so that clients' clocks do not
matter; where it steps back holds last longer, where it steps ahead they end early, and neither touches a balance. Holds are
lost with Redis: domain/holds.py says why that is safe.
"""

from collections.abc import Sequence
from typing import Any, Final

from redis.commands.core import Script

from connectors.redis.connection import open_client, told_in_a_sentence
from domain.holds import Answer
from invoicing.hold_ports import CachedAnswer

# ARGV: what is asked, then its arguments. Amounts are texts and sums are HINCRBY's, exact to 64 bits: Lua's numbers are
# doubles. Only the sign of a room is looked at, which is right also after it was made a double.
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
if not known[1] or not known[3] then
    return {'unknown'}
end
local reserved = known[5] or '0'
local function answer(word, held_until)
    return {word, known[1], known[2], known[3], redis.call('HGET', balance, 'reserved_micros') or '0', held_until or '0'}
end

local amount, id, lifetime = ARGV[2], ARGV[3], ARGV[4]
if id then
    local present = redis.call('HGET', holds, id)
    if present then
        local until_ms = redis.call('ZSCORE', ends, id)
        return answer(present == amount and 'yes' or 'other_amount', until_ms)
    end
end
if known[3] == 'suspended' or known[3] == 'closed' then
    return answer(known[3])
end
if known[4] ~= '' then
    redis.call('HSET', balance, 'room_micros', known[1])
    redis.call('HINCRBY', balance, 'room_micros', minus(known[4]))
    redis.call('HINCRBY', balance, 'room_micros', minus(reserved))
    if redis.call('HINCRBY', balance, 'room_micros', minus(amount)) < 0 then
        return answer('no_credit')
    end
end
if not id then
    return answer('yes')
end
redis.call('HSET', holds, id, amount)
redis.call('ZADD', ends, string.format('%d', now + lifetime), id)
redis.call('HINCRBY', balance, 'reserved_micros', amount)
return answer('yes', string.format('%d', now + lifetime))
"""


class RedisHolds:
    """The holds of one Redis database."""

    def __init__(self, *, host: str, port: int, database: int, timeout_seconds: float = 0.5) -> None:
        self._client = open_client(host=host, port=port, database=database, timeout_seconds=timeout_seconds)
        self._script: Script = self._client.register_script(_SCRIPT)

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
            return self._script(keys=keys, args=arguments)


def _answer(said: Sequence[str]) -> CachedAnswer:
    if said[0] == "unknown":
        return CachedAnswer(None)
    word, balance, version, status, reserved, ends_ms = said
    return CachedAnswer(Answer(word), int(balance), int(reserved), int(version), status, int(ends_ms))
