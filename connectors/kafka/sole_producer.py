"""A producer of which one at a time can send: the one that took charge last, whatever others of its name still hold.

Records go in transactions of Kafka. Taking charge ends what an earlier producer of the name left half done, and the broker
refuses everything that one still sends: a process that stood still in the middle of sending cannot put something old after
something new, however late it wakes.
"""

from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaError as ProducerError
from confluent_kafka import KafkaException, Producer

from domain.errors import EngineUnavailable

_SECONDS: Final = 20
_MILLISECONDS: Final = _SECONDS * 1_000
_SUPERSEDED: Final = {ProducerError._FENCED, ProducerError.INVALID_PRODUCER_EPOCH, ProducerError.PRODUCER_FENCED}

Record = tuple[str, bytes, bytes]
"""Topic, key and value."""


class SoleProducer:
    """One of the producers that are called `name`; `what` it sends is named in the sentence of a failure."""

    def __init__(self, bootstrap: str, *, name: str, what: str) -> None:
        self._what = what
        self._settings = {
            "bootstrap.servers": bootstrap,
            "transactional.id": name,
            "transaction.timeout.ms": _MILLISECONDS,
            "message.timeout.ms": _MILLISECONDS,
            "linger.ms": 0,
            "log_level": 2,
        }
        self._producer: Producer | None = None

    @property
    def in_charge(self) -> bool:
        """Whether it took charge, and has not heard that another did."""
        return self._producer is not None

    def take_charge(self) -> None:
        """Be the one that sends, from now on until another takes charge. Raises EngineUnavailable."""
        producer = Producer(self._settings)
        try:
            producer.init_transactions(_SECONDS)
        except KafkaException as error:
            raise self._refusal(error) from error
        self._producer = producer

    def send_all(self, records: Iterable[Record]) -> None:
        """Send these in order, all or none. Raises EngineUnavailable, and is in charge no longer: they may be there then."""
        if self._producer is None:
            raise EngineUnavailable(f"another process sends {self._what} now")
        try:
            self._producer.begin_transaction()
            for topic, key, value in records:
                self._producer.produce(topic, value=value, key=key)
            self._producer.commit_transaction(_SECONDS)
        except KafkaException as error:
            # Whatever it was: taking charge again ends what is half done.
            self._producer = None
            raise self._refusal(error) from error

    def _refusal(self, error: KafkaException) -> EngineUnavailable:
        reason = error.args[0]
        if reason.code() in _SUPERSEDED:
            return EngineUnavailable(f"another process sends {self._what} now")
        return EngineUnavailable(f"Kafka does not take {self._what} ({reason.str()}): see `make status`")
