"""Balances in Redis: a hash per account, versioned, so that an older balance never overwrites a newer one.

Key `balance:{account_id}`: fields `balance_micros` and `version` (the wallet's, from PostgreSQL); `status`, `floor_micros`
and `standing_version` (the account's, from PostgreSQL); `reserved_micros`, which connectors/redis/holds.py keeps. Losing it
loses nothing but reservations, and these are safe to lose (domain/holds.py).
Key `balances:filled`: the server's run id at the time every wallet was told; `balances:filling:*`
while one process is telling them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec
from redis.commands.core import Script

from connectors.redis.connection import open_client, told_in_a_sentence
from invoicing.books_ports import CachedBalance
from invoicing.hold_ports import CachedStanding, Credit
from invoicing.metering_ports import Balance

# Versions and balances travel as texts: Lua's numbers are doubles, exact only to 2^53. Versions compare by length first,
# then by digits, which is numeric order for whole numbers without leading zeros.
_NEWER: Final = """
local function newer(version, present)
    return not present or #version > #present or (#version == #present and version > present)
end
"""
# All of them travel as one argument: making thousands of them ready one by one takes the client seven times as long.
# Returns the places of the wallets for which something is reserved.
_PUT_NEWER: Final = """
local given = cmsgpack.unpack(ARGV[1])
local holding = {}
for i = 1, #given, 3 do
    local key, version = given[i], given[i + 2]
    local present = redis.call('HMGET', key, 'version', 'reserved_micros')
    if newer(version, present[1]) then
        redis.call('HSET', key, 'balance_micros', given[i + 1], 'version', version)
    end
    if present[2] and present[2] ~= '0' then
        holding[#holding + 1] = (i + 2) / 3
    end
end
return holding
"""
# An account without a floor has an empty one. Standings begin at version 0, which is the default and told once.
_PUT_STANDING: Final = """
for i = 1, #KEYS do
    local version = ARGV[3 * i]
    if newer(version, redis.call('HGET', KEYS[i], 'standing_version')) then
        redis.call('HSET', KEYS[i], 'status', ARGV[3 * i - 2], 'floor_micros', ARGV[3 * i - 1], 'standing_version', version)
    end
end
return redis.status_reply('OK')
"""
# Both at once, for a cache that is filled: six texts a wallet.
_FILL: Final = """
local given = cmsgpack.unpack(ARGV[1])
for i = 1, #given, 6 do
    local key, version, standing = given[i], given[i + 2], given[i + 5]
    local present = redis.call('HMGET', key, 'version', 'standing_version')
    if newer(version, present[1]) then
        redis.call('HSET', key, 'balance_micros', given[i + 1], 'version', version)
    end
    if newer(standing, present[2]) then
        redis.call('HSET', key, 'status', given[i + 3], 'floor_micros', given[i + 4], 'standing_version', standing)
    end
end
return redis.status_reply('OK')
"""
_CHUNK: Final = 2_000
_FILL_CHUNK: Final = 250
"""Wallets a script: while one runs, nobody who asks before sending is answered."""
_FILLED: Final = "balances:filled"
_FILLING: Final = "balances:filling:"
_FILLING_SECONDS: Final = 600
_MARK: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
redis.call('RENAME', KEYS[1], KEYS[2])
return redis.call('PERSIST', KEYS[2])
"""


class RedisBalances:
    """The balance cache of one Redis database."""

    def __init__(self, *, host: str, port: int, database: int) -> None:
        self._client = open_client(host=host, port=port, database=database)
        self._filling = _FILLING + uuid4().hex
        self._put: Script = self._client.register_script(_NEWER + _PUT_NEWER)
        self._stand: Script = self._client.register_script(_NEWER + _PUT_STANDING)
        self._fill: Script = self._client.register_script(_NEWER + _FILL)
        self._mark: Script = self._client.register_script(_MARK)

    def put(self, balances: Sequence[Balance]) -> Sequence[Balance]:
        """Take over balances; an older version changes nothing. Returns those for whose wallets something is reserved.

        Raises EngineUnavailable when Redis does not answer.
        """
        holding: list[Balance] = []
        for start in range(0, len(balances), _CHUNK):
            chunk = balances[start : start + _CHUNK]
            given = [
                text
                for balance in chunk
                for text in (f"balance:{balance.account_id}", str(balance.balance_micros), str(balance.version))
            ]
            with told_in_a_sentence():
                places = self._put(args=[msgspec.msgpack.encode(given)])
            holding += [chunk[int(place) - 1] for place in places]
        return holding

    def put_standings(self, standings: Sequence[CachedStanding]) -> None:
        """Take over standings; an older version changes nothing. Raises EngineUnavailable when Redis does not answer."""
        for start in range(0, len(standings), _CHUNK):
            chunk = standings[start : start + _CHUNK]
            arguments: list[Any] = []
            for standing in chunk:
                floor = "" if standing.floor_micros is None else standing.floor_micros
                arguments += (standing.status, floor, standing.version)
            with told_in_a_sentence():
                self._stand(keys=[f"balance:{standing.account_id}" for standing in chunk], args=arguments)

    def fill(self, portion: Sequence[Credit]) -> None:
        """Take over balances and standings in one round trip; an older version changes nothing. Raises EngineUnavailable."""
        pipeline = self._client.pipeline(transaction=False)
        for start in range(0, len(portion), _FILL_CHUNK):
            given = [text for credit in portion[start : start + _FILL_CHUNK] for text in _texts(credit)]
            self._fill(args=[msgspec.msgpack.encode(given)], client=pipeline)
        with told_in_a_sentence():
            pipeline.execute()

    def read(self, account_ids: Sequence[int]) -> Mapping[int, CachedBalance]:
        """The balance of each account that has one here. Raises EngineUnavailable when Redis does not answer."""
        found: dict[int, CachedBalance] = {}
        for start in range(0, len(account_ids), _CHUNK):
            chunk = account_ids[start : start + _CHUNK]
            pipeline = self._client.pipeline(transaction=False)
            for account_id in chunk:
                pipeline.hmget(f"balance:{account_id}", "balance_micros", "version")
            with told_in_a_sentence():
                rows = pipeline.execute()
            for account_id, (micros, version) in zip(chunk, rows, strict=True):
                if micros is not None and version is not None:
                    found[account_id] = CachedBalance(int(micros), int(version))
        return found

    def read_standings(self, account_ids: Sequence[int]) -> Mapping[int, CachedStanding]:
        """The standing of each account that has one here. Raises EngineUnavailable when Redis does not answer."""
        found: dict[int, CachedStanding] = {}
        for start in range(0, len(account_ids), _CHUNK):
            chunk = account_ids[start : start + _CHUNK]
            pipeline = self._client.pipeline(transaction=False)
            for account_id in chunk:
                pipeline.hmget(f"balance:{account_id}", "status", "floor_micros", "standing_version")
            with told_in_a_sentence():
                rows = pipeline.execute()
            for account_id, (status, floor, version) in zip(chunk, rows, strict=True):
                if version is not None:
                    floor_micros = int(floor) if floor else None
                    found[account_id] = CachedStanding(account_id, status, floor_micros, int(version))
        return found

    def forget(self, account_ids: Sequence[int]) -> None:
        """Let go of balances and standings, not of reservations. Raises EngineUnavailable when Redis does not answer."""
        pipeline = self._client.pipeline(transaction=False)
        for account_id in account_ids:
            pipeline.hdel(f"balance:{account_id}", "balance_micros", "version", "status", "floor_micros", "standing_version")
        with told_in_a_sentence():
            pipeline.execute()

    def life(self) -> str:
        """The server's run id: another one after each start. Raises EngineUnavailable when Redis does not answer."""
        with told_in_a_sentence():
            return str(self._client.info("server")["run_id"])

    def filled_in(self) -> str | None:
        """The run id under which every wallet was told, if that is still here. Raises EngineUnavailable."""
        with told_in_a_sentence():
            filled = self._client.get(_FILLED)
        return None if filled is None else str(filled)

    def begin_filling(self, life: str) -> None:
        """Note that every wallet is about to be told under this run id. Raises EngineUnavailable."""
        with told_in_a_sentence():
            self._client.set(self._filling, life, ex=_FILLING_SECONDS)

    def mark_filled(self) -> bool:
        """Every wallet was told; False when the note of having begun is gone, and so is what was told after it."""
        with told_in_a_sentence():
            return bool(self._mark(keys=[self._filling, _FILLED]))

    def ping(self) -> None:
        """Raises EngineUnavailable when Redis does not answer."""
        with told_in_a_sentence():
            self._client.ping()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _texts(credit: Credit) -> tuple[str, ...]:
    balance, standing = credit.balance, credit.standing
    floor = "" if standing.floor_micros is None else str(standing.floor_micros)
    key, version = f"balance:{balance.account_id}", str(balance.version)
    return key, str(balance.balance_micros), version, standing.status, floor, str(standing.version)
