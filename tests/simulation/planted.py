"""Faults planted on purpose, each in a variant of one part: the simulation is worth something only if it finds them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.metering import Partition, Settled
from invoicing.meter_usage import Batch, MeterUsage
from invoicing.metering_ports import Balance, OffsetRange
from tests.simulation.books import MemoryMeteringStore, MemoryTransaction
from tests.simulation.engines import MemoryCache, MemoryOutbox
from tests.simulation.processes import Taken, Worker
from tests.simulation.world import Parts, World


class AcknowledgesBeforeTheCommit(Worker):
    """Says that fetches are booked before they are."""

    def book_batch(self, taken: Taken) -> None:
        self.acknowledge(taken)
        self.commit_offsets()
        super().book_batch(taken)


class _TellsWhenSaved(MemoryTransaction):
    cache: MemoryCache

    def save(self, settled: Settled, ranges: Mapping[Partition, OffsetRange]) -> list[Balance]:
        balances = super().save(settled, ranges)
        self.cache.put(balances)
        return balances


class TellsTheCacheBeforeTheCommit(Worker):
    """Writes balances to Redis inside the transaction."""

    def __init__(self, name: str, world: World) -> None:
        super().__init__(name, world)

        def transaction() -> MemoryTransaction:
            begun = _TellsWhenSaved(world.books, world.faults, self.store.taken)
            begun.cache = world.cache
            return begun

        self.store.transaction = transaction  # type: ignore[method-assign]


class _KnowsNoProgress(MemoryTransaction):
    def progress(self, partition: Partition) -> int:
        return 0


class NeverChecksProgress(MemoryMeteringStore):
    """Books records whatever the partition's progress says."""

    def transaction(self) -> MemoryTransaction:
        return _KnowsNoProgress(self.books, self.faults, self.taken)


class _ClaimsAtOnce(MemoryTransaction):
    def claim(self, key: bytes, digest: bytes, received_micros: int) -> None:
        self.books.claims[key] = (digest, received_micros)


class ClaimsOutsideTheTransaction(MemoryMeteringStore):
    """Keeps the claim of an identity although its transaction was rolled back."""

    def transaction(self) -> MemoryTransaction:
        return _ClaimsAtOnce(self.books, self.faults, self.taken)


class _RemembersAtOnce(MemoryTransaction):
    def save(self, settled: Settled, ranges: Mapping[Partition, OffsetRange]) -> list[Balance]:
        self.books.values.update(settled.running.values)
        return super().save(settled, ranges)


class RemembersOutsideTheTransaction(MemoryMeteringStore):
    """Keeps a distinct value as counted although its transaction was rolled back."""

    def transaction(self) -> MemoryTransaction:
        return _RemembersAtOnce(self.books, self.faults, self.taken)


class _Overflows(MemoryTransaction):
    def save(self, settled: Settled, ranges: Mapping[Partition, OffsetRange]) -> list[Balance]:
        for account in self.books.config.accounts.values():
            for wallet_id in account.wallets[1:]:
                micros = settled.debits.get(wallet_id, 0)
                if micros > 0 and self.books.wallets[wallet_id].balance_micros < 0:
                    settled.debits[account.wallet_id] = settled.debits.get(account.wallet_id, 0) + settled.debits.pop(
                        wallet_id
                    )
        return super().save(settled, ranges)


class TakesFromAnotherWhenOneIsDry(MemoryMeteringStore):
    """Debits an account's own wallet for what a further one that is below zero pays for."""

    def transaction(self) -> MemoryTransaction:
        return _Overflows(self.books, self.faults, self.taken)


class MarksBeforeTheInsert(MemoryOutbox):
    """Marks batches as warehoused when they are read."""

    def unwarehoused(self, *, events_max: int) -> tuple[Sequence[int], Sequence[str]] | None:
        found = super().unwarehoused(events_max=events_max)
        if found is not None:
            self.mark_warehoused(found[0])
        return found


class TakesTheLastToldBalance(MemoryCache):
    """Lets an older balance overwrite a newer one."""

    def put(self, balances: Sequence[Balance]) -> None:
        for balance in balances:
            self.faults.step("before telling Redis a balance", engine="Redis")
            self.balances[balance.account_id] = balance


class TellsNothingAgain(MeterUsage):
    """Takes a redelivery for work that is done with."""

    def _again(self, batch: Batch) -> Sequence[Balance]:
        return []


class Planted(NamedTuple):
    """A fault: the parts with it, the seeds within which it must be found, and a pattern of what the difference says."""

    parts: Parts
    seeds_max: int
    speaks_of: str


FAULTS: Mapping[str, Planted] = {
    "acknowledge before the commit": Planted(Parts(worker=AcknowledgesBeforeTheCommit), 20, "is acknowledged to"),
    "cache written before the commit": Planted(Parts(worker=TellsTheCacheBeforeTheCommit), 20, "was never more than"),
    "offset progress not checked": Planted(Parts(store=NeverChecksProgress), 20, "offset ranges|and booked to"),
    "identity claimed outside the transaction": Planted(Parts(store=ClaimsOutsideTheTransaction), 20, "'duplicate'"),
    "distinct value counted outside the transaction": Planted(
        Parts(store=RemembersOutsideTheTransaction), 100, "the books of bolt"
    ),
    "a dry wallet's debits go to another": Planted(Parts(store=TakesFromAnotherWhenOneIsDry), 20, "the balance of"),
    "warehouse marked before the insert": Planted(Parts(outbox=MarksBeforeTheInsert), 20, "rows in the warehouse"),
    "an older balance overwrites a newer one": Planted(Parts(cache=TakesTheLastToldBalance), 100, "Redis for"),
    "a redelivery's balances are not told again": Planted(Parts(metering=TellsNothingAgain), 500, "Redis for"),
}
