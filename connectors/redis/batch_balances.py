"""Balances in Redis for the batch side: the worker's cache behind calls that wait."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis import RedisError

from connectors.redis.balances import RedisBalances
from domain.errors import EngineUnavailable
from invoicing.books_ports import CachedBalance
from invoicing.metering_ports import Balance


@dataclass(frozen=True, slots=True)
class RedisBatchBalances:
    """The Balances and CachedBalances ports on one Redis database; each call opens a connection and closes it."""

    host: str
    port: int
    database: int

    def put(self, balances: Sequence[Balance]) -> None:
        """Take over balances; an older version changes nothing. Raises EngineUnavailable."""
        asyncio.run(self._put(balances))

    def read(self, account_ids: Sequence[int]) -> Mapping[int, CachedBalance]:
        """What Redis has, by account id. Raises EngineUnavailable."""
        return asyncio.run(self._read(account_ids))

    async def _put(self, balances: Sequence[Balance]) -> None:
        cache = self._open()
        try:
            await cache.put(balances)
        except RedisError as error:
            raise self._unavailable(error) from error
        finally:
            await cache.close()

    async def _read(self, account_ids: Sequence[int]) -> dict[int, CachedBalance]:
        cache = self._open()
        try:
            found = await cache.read(account_ids)
        except RedisError as error:
            raise self._unavailable(error) from error
        finally:
            await cache.close()
        return {account_id: CachedBalance(*balance) for account_id, balance in found.items()}

    def _open(self) -> RedisBalances:
        return RedisBalances(host=self.host, port=self.port, database=self.database)

    def _unavailable(self, error: RedisError) -> EngineUnavailable:
        return EngineUnavailable(f"Redis does not answer on {self.host}:{self.port} ({error}): start it with `make up`")
