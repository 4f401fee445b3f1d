"""The present truth to rate with, for programs that answer questions: read anew within a second of a change."""

from collections.abc import Callable
from threading import Lock
from typing import Final

from sqlalchemy import Engine, text

from connectors.postgres.database import transaction
from domain.attribution import RatingConfig

_VERSION: Final = text("SELECT version FROM config_version")
_LOOK_SECONDS: Final = 1.0


class PresentPrices:
    """A configuration at most a second old. Read by one thread at a time; the others go on with what there is."""

    def __init__(self, engine: Engine, load: Callable[[], RatingConfig], monotonic_seconds: Callable[[], float]) -> None:
        self._engine = engine
        self._load = load
        self._monotonic_seconds = monotonic_seconds
        self._config: RatingConfig | None = None
        self._looked_at = 0.0
        self._reading = Lock()

    def config(self) -> RatingConfig:
        """Aliases, accounts, plans and prices. Raises EngineUnavailable only while nothing was read yet."""
        config = self._config
        if config is not None and self._monotonic_seconds() - self._looked_at < _LOOK_SECONDS:
            return config
        if config is None:
            with self._reading:
                return self._config if self._config is not None else self._read()
        if self._reading.acquire(blocking=False):
            try:
                return self._refresh(config)
            finally:
                self._reading.release()
        return config

    def _refresh(self, config: RatingConfig) -> RatingConfig:
        self._looked_at = self._monotonic_seconds()
        with transaction(self._engine) as connection:
            version = connection.execute(_VERSION).scalar_one()
        return config if version == config.version else self._read()

    def _read(self) -> RatingConfig:
        self._config = self._load()
        self._looked_at = self._monotonic_seconds()
        return self._config
