"""The verdict on a world: the reference model books what was sent, and everything is compared to the last micro."""

from collections import Counter
from collections.abc import Iterator

from domain.attribution import RatingConfig
from domain.metering import Partition
from invoicing.metering_ports import Balance
from invoicing.records import Record
from tests.reference_model import ReferenceModel, Standing
from tests.simulation.terms import ACCOUNTS, ADJUSTMENTS, TERMS, wallet_ids
from tests.simulation.world import Difference, World

Place = tuple[Partition, int]


def never(world: World) -> None:
    """What may not be at any moment. Raises Difference."""
    for partition, offset in world.log.committed.items():
        booked = world.books.next_offsets.get(partition, 0)
        if offset > booked:
            raise Difference(f"{partition} is acknowledged to {offset} and booked to {booked}")
    for wallet in world.books.wallets.values():
        cached = world.cache.balances.get(wallet.account_id)
        if cached is None or cached.version < wallet.version or cached == wallet:
            continue
        raise Difference(f"Redis says {cached}, the wallet was never more than {wallet}")


def at_the_end(world: World) -> None:
    """What must be once everything is drained. Raises Difference naming the first thing that is not."""
    _same("offsets committed", dict(world.log.committed), {name: len(kept) for name, kept in world.log.records.items()})
    _same("offset ranges", _booked_spans(world), {name: list(range(len(kept))) for name, kept in world.log.records.items()})
    model, ended = _reference(world)
    _conservation(world, ended)
    for number, code in enumerate(ACCOUNTS, 1):
        _same(f"the books of {code}", _standing(world, number, code), model.standing(code))
        balances = model.wallets(code)
        for name, wallet_id in wallet_ids(number, code).items():
            _wallet(world, name, world.books.wallets[wallet_id], balances.get(name, 0))
    rated = {
        ((usage.received.event.source, usage.received.event.id), usage.received.event.time_micros): usage.amount_micros
        for _, usage in world.books.events.values()
    }
    _same("rated events", sorted(rated), sorted(model.rated))
    _copies(world)


def _wallet(world: World, name: str, wallet: Balance, balance_micros: int) -> None:
    _same(f"the balance of {name}", wallet.balance_micros, balance_micros)
    _same(f"Redis for {name}", world.cache.balances.get(wallet.account_id), wallet)
    entries = [entry for entry in world.books.ledger if entry[0] == wallet.wallet_id]
    opening = ACCOUNTS[name][1] if name in ACCOUNTS else 0
    _same(f"the ledger of {name}", opening + sum(amount for _, _, amount in entries), wallet.balance_micros)
    _same(f"the versions of {name}", [version for _, version, _ in entries], list(range(1, wallet.version + 1)))


def _reference(world: World) -> tuple[ReferenceModel, dict[Place, Counter[str]]]:
    """The model after every record sent, each booked once, in the order in which the system first booked it."""
    model = ReferenceModel(TERMS[0])
    ended: dict[Place, Counter[str]] = {}
    for record in _in_order(world, model):
        place = _place(record)
        if place not in ended:
            ended[place] = model.book(record.value, record.origin.received_micros)
    return model, ended


def _in_order(world: World, model: ReferenceModel) -> Iterator[Record]:
    for entry in world.books.journal:
        if isinstance(entry, RatingConfig):
            model.terms = TERMS[entry.version - 1]
        else:
            yield from entry.records
    for kept in world.log.records.values():
        yield from kept


def _conservation(world: World, ended: dict[Place, Counter[str]]) -> None:
    """Every offset range: what the batch says became of its events is what the model says of its records."""
    for batch in world.books.batches.values():
        counts = batch.settled.counts()
        for partition, span in batch.ranges.items():
            expected: Counter[str] = Counter()
            for offset in range(span.first_offset, span.next_offset):
                expected.update(ended[partition, offset])
            booked = {str(outcome): number for outcome, number in counts.get(partition, Counter()).items()}
            _same(f"batch {batch.batch_id}, {partition} {span}", booked, dict(expected))


def _standing(world: World, account_id: int, code: str) -> Standing:
    mine = {key: total for key, total in world.books.totals.items() if key.account_id == account_id}
    totals = list(mine.values())
    usage = [total for key, total in mine.items() if key.charge_id not in ADJUSTMENTS]
    return Standing(
        sum(total.event_count for total in totals),
        sum(total.quantity_millionths for total in usage),
        sum(total.amount_micros for total in totals),
        sum(world.books.wallets[wallet_id].balance_micros for wallet_id in wallet_ids(account_id, code).values()),
    )


def _copies(world: World) -> None:
    """The warehouse has every rated event once, and the topics have everything at least once."""
    booked = sorted(
        (batch_id, usage.received.event.id, usage.received.event.time_micros, amount)
        for batch_id, usage in world.books.events.values()
        for amount in (usage.amount_micros, *(part.amount_micros for part in usage.further))
    )
    final = world.warehouse.final().values()
    _same("rows in the warehouse", len(final), len(booked))
    there = sorted((row.batch_id, row.event_id, row.amount_micros) for row in final)
    _same("the warehouse", there, sorted((batch_id, event_id, amount) for batch_id, event_id, _, amount in booked))
    told = {(row.batch_id, row.event_id) for row in world.topics.rated}
    _same("usage.rated lacks", sorted({(batch_id, event_id) for batch_id, event_id, _, _ in booked} - told), [])
    refused = {(item.partition, item.offset, item.index) for item in world.topics.refused}
    wanted = {
        (item.origin.partition, item.origin.offset, item.index)
        for batch in world.books.batches.values()
        for item in [*batch.settled.dead_letters, *batch.settled.conflicts]
    }
    _same("the topics of refused events lack", sorted(wanted - refused, key=str), [])


def _booked_spans(world: World) -> dict[Partition, list[int]]:
    """The offsets of every range of every batch, in order; a gap or an overlap shows."""
    offsets: dict[Partition, list[int]] = {partition: [] for partition in world.log.records}
    for batch in world.books.batches.values():
        for partition, span in batch.ranges.items():
            offsets[partition] += range(span.first_offset, span.next_offset)
    return {partition: sorted(found) for partition, found in offsets.items()}


def _place(record: Record) -> Place:
    return (record.origin.topic, record.origin.partition), record.origin.offset


def _same(what: str, is_: object, should: object) -> None:
    if is_ != should:
        raise Difference(f"{what}: is {is_}, should be {should}")
