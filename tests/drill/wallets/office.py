"""The back office: gives credit with and without an end, takes what is over out of wallets, and overrides standings."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connectors import clock
from connectors.postgres.database import open_engine
from connectors.postgres.standings import PostgresStandings
from connectors.postgres.wallets import PostgresWallets
from connectors.redis.balances import RedisBalances
from domain.credit_lots import LotKind
from domain.errors import BillingError, EngineUnavailable
from domain.suspension import State, override
from invoicing.administer import Author
from invoicing.expire_credits import expire_credits
from invoicing.grant_credit import Grant, grant_credit
from tests.drill.wallets.world import ACCOUNTS, code_of
from tests.installation import Installation

_AGAIN_SECONDS = 1.0
_GIVE_UP_SECONDS = 180
_LASTS_SECONDS = (3, 7)
LAST_END_SECONDS = _LASTS_SECONDS[1]
"""For how long after the office closed a credit or a word of its may still end."""


@dataclass(frozen=True)
class Given:
    """A grant: micros, and the instant from which it is void."""

    account: str
    kind: str
    micros: int
    void_from: datetime | None


@dataclass
class Office:
    """A thread of its own; whatever is down, each thing is done again until it is done."""

    installation: Installation
    seed: int
    every_seconds: float
    given: dict[str, Given] = field(default_factory=dict)
    """Grants by reference."""
    overrides: int = 0
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="office", daemon=True)
        chosen = self.installation.settings
        engine = open_engine(chosen.postgres_dsn)
        self._wallets, self._standings = PostgresWallets(engine), PostgresStandings(engine)
        self._cache = RedisBalances(host=chosen.redis_host, port=chosen.redis_port, database=chosen.redis_db)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Give nothing more."""
        self._ended.set()
        self._thread.join()

    def expire(self) -> None:
        """What dags/expire_credits.py does every hour."""
        self._until_done(lambda: expire_credits(self._wallets, self._cache, now=clock.now()))

    def _work(self) -> None:
        while not self._ended.wait(self.every_seconds):
            draw = self._chance.random()
            if draw < 0.6:
                self._grant()
            elif draw < 0.85:
                self.expire()
            else:
                self._override()

    def _grant(self) -> None:
        account, kind = code_of(self._chance.randrange(ACCOUNTS)), self._chance.choice(("granted", "promotional"))
        lasts = self._chance.randint(*_LASTS_SECONDS) if self._chance.random() < 0.6 else None
        rupees = self._chance.randint(1, 4)
        void_from = None if lasts is None else datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=lasts)
        reference = f"grant-{len(self.given) + 1}"
        grant = Grant(account, Decimal(rupees), reference, "the drill", LotKind(kind), void_from)
        self.given[reference] = Given(account, kind, rupees * 1_000_000, void_from)
        self._until_done(lambda: self._give(grant))

    def _give(self, grant: Grant) -> None:
        try:
            balance = grant_credit(self._wallets, grant, author=Author("drill", clock.now()))
        except EngineUnavailable:
            raise
        except BillingError:
            # Its end came before it could be given.
            del self.given[grant.reference]
            return
        if balance is not None:
            self._cache.put([balance])

    def _override(self) -> None:
        state = self._chance.choice((State.ACTIVE, State.SUSPENDED))
        account, seconds = code_of(self._chance.randrange(ACCOUNTS)), self._chance.randint(2, _LASTS_SECONDS[1] - 2)

        def say() -> None:
            now = clock.now()
            word = override(state, reason="the drill", by="drill", until=now + timedelta(seconds=seconds), now=now)
            self._standings.set_override(account, word, by="drill", at=now)

        self._until_done(say)
        self.overrides += 1

    def _until_done(self, do: Callable[[], object]) -> None:
        began = time.monotonic()
        while True:
            try:
                do()
            except BillingError as error:
                self.complaints.append(str(error))
                if time.monotonic() - began > _GIVE_UP_SECONDS:
                    raise AssertionError(f"the back office still fails after {_GIVE_UP_SECONDS} s: {error}") from error
                time.sleep(_AGAIN_SECONDS)
            else:
                return
