"""The connection to Redis, and its failures in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from domain.errors import EngineUnavailable


def open_client(*, host: str, port: int, database: int, timeout_seconds: float = 2) -> "Redis":
    """A client that connects at first use and gives up at once: what waits for the cache must not wait for long."""
    return Redis(
        host=host,
        port=port,
        db=database,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        decode_responses=True,
        # At once and once: the library's own pauses, seconds long, would hold up the worker while Redis is down.
        retry=Retry(NoBackoff(), 1),
    )


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Raises EngineUnavailable for whatever keeps Redis from answering."""
    try:
        yield
    except (RedisError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EngineUnavailable(f"Redis does not answer ({reason}): see `make status`") from error
