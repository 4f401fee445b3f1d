"""Balances in Redis: a hash per account, versioned, so that an older balance never overwrites a newer one.

Key `balance:{account_id}`: fields `balance_micros` and `version` (the wallet's, from PostgreSQL). Losing it loses nothing.
Key `balances:filled`: the server's run id at the time every wallet was told; `balances:filling:*`
while one process is telling them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisError
from redis.retry import Retry

from domain.errors import EngineUnavailable
from invoicing.books_ports import CachedBalance
from invoicing.metering_ports import Balance

# Versions and balances travel as texts: Lua's numbers are doubles, exact only to 2^53. Versions compare by length first,
# then by digits, which is numeric order for whole numbers without leading zeros.
# All of them travel as one argument: making thousands of them ready one by one takes the client seven times as long.
_PUT_NEWER: Final = """
local given = cmsgpack.unpack(ARGV[1])
local written = 0
for i = 1, #given, 3 do
    local key, version = given[i], given[i + 2]
    local present = redis.call('HGET', key, 'version')
    if not present or #version > #present or (#version == #present and version > present) then
        redis.call('HSET', key, 'balance_micros', given[i + 1], 'version', version)
        written = written + 1
    end
end
return written
"""
_CHUNK: Final = 2_000
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
        self._client: Redis = Redis(
            host=host,
            port=port,
            db=database,
            socket_timeout=2,
            socket_connect_timeout=2,
            decode_responses=True,
            # At once and once: the library's own pauses, seconds long, would hold up the worker while Redis is down.
            retry=Retry(NoBackoff(), 1),
        )
        self._filling = _FILLING + uuid4().hex
        self._put: Script = self._client.register_script(_PUT_NEWER)
        self._mark: Script = self._client.register_script(_MARK)

    def put(self, balances: Sequence[Balance]) -> None:
        """Take over balances; an older version changes nothing. Raises EngineUnavailable when Redis does not answer."""
        for start in range(0, len(balances), _CHUNK):
            chunk = balances[start : start + _CHUNK]
            given = [
                text
                for balance in chunk
                for text in (f"balance:{balance.account_id}", str(balance.balance_micros), str(balance.version))
            ]
            with _told_in_a_sentence():
                self._put(args=[msgspec.msgpack.encode(given)])

    def read(self, account_ids: Sequence[int]) -> Mapping[int, CachedBalance]:
        """The balance of each account that has one here. Raises EngineUnavailable when Redis does not answer."""
        found: dict[int, CachedBalance] = {}
        for start in range(0, len(account_ids), _CHUNK):
            chunk = account_ids[start : start + _CHUNK]
            pipeline = self._client.pipeline(transaction=False)
            for account_id in chunk:
                pipeline.hmget(f"balance:{account_id}", "balance_micros", "version")
            with _told_in_a_sentence():
                rows = pipeline.execute()
            for account_id, (micros, version) in zip(chunk, rows, strict=True):
                if micros is not None and version is not None:
                    found[account_id] = CachedBalance(int(micros), int(version))
        return found

    def life(self) -> str:
        """The server's run id: another one after each start. Raises EngineUnavailable when Redis does not answer."""
        with _told_in_a_sentence():
            return str(self._client.info("server")["run_id"])

    def filled_in(self) -> str | None:
        """The run id under which every wallet was told, if that is still here. Raises EngineUnavailable."""
        with _told_in_a_sentence():
            filled = self._client.get(_FILLED)
        return None if filled is None else str(filled)

    def begin_filling(self, life: str) -> None:
        """Note that every wallet is about to be told under this run id. Raises EngineUnavailable."""
        with _told_in_a_sentence():
            self._client.set(self._filling, life, ex=_FILLING_SECONDS)

    def mark_filled(self) -> bool:
        """Every wallet was told; False when the note of having begun is gone, and so is what was told after it."""
        with _told_in_a_sentence():
            return bool(self._mark(keys=[self._filling, _FILLED]))

    def ping(self) -> None:
        """Raises EngineUnavailable when Redis does not answer."""
        with _told_in_a_sentence():
            self._client.ping()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EngineUnavailable(f"Redis does not answer ({reason}): see `make status`") from error
