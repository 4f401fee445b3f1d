"""The present truth to rate with, for programs that answer questions: read anew within a second of a change."""

import logging
from collections.abc import Callable
from threading import Lock, Thread
from typing import Final

from sqlalchemy import Engine, text

from connectors.postgres.database import transaction
from domain.attribution import RatingConfig
from domain.errors import EngineUnavailable

_log = logging.getLogger(__name__)
_VERSION: Final = text("SELECT version FROM config_version")
_LOOK_SECONDS: Final = 0.5
"""Older than this, somebody looks whether it changed, and whoever asks is answered by what there is."""
_OLD_SECONDS: Final = 1.0
"""Older than this, because nobody asked for a while, the look comes before the answer."""


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
        if config is None:
            with self._reading:
                return self._config if self._config is not None else self._read()
        age_seconds = self._monotonic_seconds() - self._looked_at
        if age_seconds < _LOOK_SECONDS or not self._reading.acquire(blocking=False):
            return config
        self._looked_at = self._monotonic_seconds()
        if age_seconds >= _OLD_SECONDS:
            return self._look(config)
        # A look takes as long as several answers: nobody who asks all the time waits for it.
        Thread(target=self._look, args=(config,), name="present prices", daemon=True).start()
        return config

    def _look(self, config: RatingConfig) -> RatingConfig:
        """What is there now, or without PostgreSQL what was; whoever calls this has the lock, and it is given back here."""
        try:
            with transaction(self._engine) as connection:
                version = connection.execute(_VERSION).scalar_one()
            return config if version == config.version else self._read()
        except EngineUnavailable as error:
            _log.warning("%s; prices are as they were", error)
            return config
        finally:
            self._reading.release()

    def _read(self) -> RatingConfig:
        self._config = self._load()
        self._looked_at = self._monotonic_seconds()
        return self._config
