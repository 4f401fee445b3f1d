"""Rated events in the forms others take: a CloudEvent for usage.rated, a line of text for ClickHouse.

Both are put together from the texts PostgreSQL gives, in one pass and without an object an event; what repeats (accounts,
prices, aliases, properties) is put together once (docs/adr/0004).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from invoicing.publish_usage import RatedBatch

ROW_COLUMNS: Final = (
    "account", "customer", "currency", "plan_version", "channel", "country", "operator", "event_time", "event_time_ms",
    "alias", "meter", "quantity_millionths", "amount_micros", "received_at", "batch_id", "event_key",
)  # fmt: skip
"""ClickHouse's columns of a line. The key is the last: a line that was cut off is refused, not inserted in part."""

FURTHER_COLUMNS: Final = (
    "account", "customer", "currency", "plan_version", "charge", "channel", "country", "operator", "event_time",
    "event_time_ms", "alias", "meter", "event_count", "charge_id", "price_cell", "kind", "metered_millionths",
    "amount_micros", "batch_id", "event_key",
)  # fmt: skip
"""ClickHouse's columns of the line of a further part."""

RatedText = tuple[str, ...]
"""A rated event in PostgreSQL's texts: batch, key, event time and arrival (microseconds since the Unix epoch), source, id,
alias, meter, price cell, quantity, amount, properties, account id, charge id."""
FurtherText = tuple[str, ...]
"""A further part of one, the same and before the account: its kind, and how many events it counts for; its
quantity is what its running total gained."""


class FurtherRow(str):
    """The line of a further part, which goes to a table of its own."""

    __slots__ = ()


_DIMENSIONS: Final = ("channel", "country", "operator")
_KEPT_MAX: Final = 50_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEEDS_NO_QUOTING: Final = re.compile(r'[^"\\\x00-\x1f]*').fullmatch
_ESCAPED: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\0": r"\0"})
# ClickHouse reads no zeros before a number.
_MILLIS: Final = {f"{number:03d}": str(number) for number in range(1_000)}
_HEAD: Final = '{"specversion":"1.0","source":"/otpless/billing","type":"usage.rated","id":"'


class Names(NamedTuple):
    """What ids stand for."""

    accounts: Mapping[str, tuple[str, str]]
    """Code of the account and of its customer, by account id."""
    charges: Mapping[str, tuple[str, str, str]]
    """Label of the plan version or contract, its currency, and the charge's code, by charge id."""


class _Kept(dict[str, tuple[str, str]]):
    """Answers of a function of a text, kept until there are many."""

    def __init__(self, made: Callable[[str], tuple[str, str]]) -> None:
        self._made = made

    def __missing__(self, text: str) -> tuple[str, str]:
        if len(self) > _KEPT_MAX:
            self.clear()
        answer = self[text] = self._made(text)
        return answer


class RatedForms:
    """Puts rated events into both forms. `partitions` is how many partitions of usage.rated accounts are spread over."""

    def __init__(self, names: Names, *, partitions: int) -> None:
        self._accounts = {
            account_id: (
                int(account_id) % partitions,
                f"{_escaped(code)}\t{_escaped(customer)}\t",
                f'"subject":{_json(code)},"data":{{"customer":{_json(customer)},',
            )
            for account_id, (code, customer) in names.accounts.items()
        }
        self._charges = {
            charge_id: (
                f"{_escaped(currency)}\t{_escaped(plan)}\t",
                f'"charge":{_json(code)},"plan_version":{_json(plan)},"currency":{_json(currency)},',
                f"{_escaped(code)}\t",
            )
            for charge_id, (plan, currency, code) in names.charges.items()
        }
        self._texts = _Kept(lambda text: (_escaped(text), _json(text)))
        self._dimensions = _Kept(_dimensions)
        self._seconds = _Kept(lambda seconds: (f"{_EPOCH + timedelta(0, int(seconds)):%Y-%m-%dT%H:%M:%S}", ""))

    def know(self, texts: Iterable[RatedText]) -> bool:
        """Whether there is a name for every account and charge of these events."""
        accounts, charges = self._accounts, self._charges
        return all(text[-2] in accounts and text[-1] in charges for text in texts)

    def batches(self, texts: Iterable[RatedText]) -> dict[int, RatedBatch]:
        """The events by batch."""
        accounts, charges, kept = self._accounts, self._charges, self._texts
        dimensions, instants = self._dimensions, self._seconds
        made: dict[str, tuple[dict[int, list[str]], list[str]]] = {}
        for (batch, key, at, received, source, event_id, alias, meter, cell, quantity, amount, properties, account,
             charge) in texts:  # fmt: skip
            if batch not in made:
                made[batch] = {}, []
            records, rows = made[batch]
            partition, account_row, account_json = accounts[account]
            charge_row, charge_json, _ = charges[charge]
            alias_row, alias_json = kept[alias]
            meter_row, meter_json = kept[meter]
            seconds = at[:-6]
            rows.append(
                f"{account_row}{charge_row}{dimensions[properties][0]}{seconds}\t{_MILLIS[at[-6:-3]]}\t{alias_row}\t{meter_row}\t"
                f"{quantity}\t{amount}\t{received[:-6]}\t{batch}\t{key}\n"
            )
            quoted_id = f'"{event_id}"' if _NEEDS_NO_QUOTING(event_id) else _json(event_id)
            record = (
                f'{_HEAD}{key}","time":"{instants[seconds][0]}.{at[-6:]}Z",{account_json}"source":{kept[source][1]},'
                f'"event_id":{quoted_id},"alias":{alias_json},"meter":{meter_json},"price_cell":{kept[cell][1]},'
                f'{charge_json}"quantity_millionths":{quantity},"amount_micros":{amount},"batch_id":{batch},'
                f'"properties":{properties}}}}}'
            )
            if partition in records:
                records[partition].append(record)
            else:
                records[partition] = [record]
        return {int(batch): RatedBatch(int(batch), *forms) for batch, forms in made.items()}

    def add_further(self, batches: Mapping[int, RatedBatch], texts: Iterable[FurtherText]) -> None:
        """Add the further parts of events to the batches that rated them: events of their own, after those they are of."""
        kept = self._texts
        for (batch, key, at, _, source, event_id, alias, meter, cell, metered, amount, properties, kind, count,
             account, charge) in texts:  # fmt: skip
            partition, account_row, account_json = self._accounts[account]
            charge_row, charge_json, code_row = self._charges[charge]
            seconds = at[:-6]
            cell_row, cell_json = kept[cell]
            row = FurtherRow(
                f"{account_row}{charge_row}{code_row}{self._dimensions[properties][0]}{seconds}\t{_MILLIS[at[-6:-3]]}\t"
                f"{kept[alias][0]}\t{kept[meter][0]}\t{count}\t{charge}\t{cell_row}\t{kind}\t{metered}\t{amount}\t{batch}\t{key}\n"
            )
            identity = _json(f"{key}/{charge}/{cell}" if kind == "part" else f"{key}/{charge}/{cell}/{kind}/{batch}")
            record = (
                f'{_HEAD[:-1]}{identity},"time":"{self._seconds[seconds][0]}.{at[-6:]}Z",{account_json}'
                f'"source":{kept[source][1]},"event_id":{_json(event_id)},"alias":{kept[alias][1]},"meter":{kept[meter][1]},'
                f'"price_cell":{cell_json},{charge_json}"kind":"{kind}","metered_millionths":{metered},'
                f'"amount_micros":{amount},"batch_id":{batch},"properties":{properties}}}}}'
            )
            rated = batches[int(batch)]
            rated.rows.append(row)
            rated.records.setdefault(partition, []).append(record)


def batch_and_key(row: str) -> tuple[int, str]:
    """Batch and identity of a line; that of a further part names its charge, price cell and kind, too."""
    _, batch, key = row.rsplit("\t", 2)
    if type(row) is not FurtherRow:
        return int(batch), key[:-1]
    charge, cell, kind = row.rsplit("\t", 7)[1:4]
    return int(batch), f"{key[:-1]}/{charge}/{cell}/{kind}"


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _escaped(text: str) -> str:
    """A text as ClickHouse's TabSeparated writes it."""
    return text.translate(_ESCAPED)


def _dimensions(properties: str) -> tuple[str, str]:
    """The properties that have a column of their own."""
    values = msgspec.json.decode(properties)
    texts = ("" if values.get(name) is None else str(values[name]) for name in _DIMENSIONS)
    return "".join(f"{_escaped(text)}\t" for text in texts), ""
