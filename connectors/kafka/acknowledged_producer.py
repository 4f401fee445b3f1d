"""An idempotent producer whose user hears, before anything is marked as sent, whether the broker has everything."""

from typing import Any, Final

from confluent_kafka import KafkaError as ProducerError
from confluent_kafka import KafkaException, Message, Producer

from domain.errors import EngineUnavailable

_FLUSH_SECONDS: Final = 30
ANY_PARTITION: Final = -1


class AcknowledgedProducer:
    """Records are handed over by `send`; `finish` waits for every acknowledgement since `begin`.

    `what` it sends is named in the sentence of a failure; `more` are further settings of the client.
    """

    def __init__(self, bootstrap: str, *, what: str, **more: Any) -> None:
        self._what = what
        self._failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "delivery.report.only.error": True,
                "message.timeout.ms": 20_000,
                "log_level": 2,
                **{name.replace("_", "."): value for name, value in more.items()},
            }
        )

    def begin(self) -> None:
        """Forget earlier failures: what failed is sent again by whoever did not mark it."""
        self._failures.clear()

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
        partition: int = ANY_PARTITION,
    ) -> None:
        """Hand over a record; waits while the client's queue is full. Raises EngineUnavailable."""
        while True:
            try:
                self._producer.produce(
                    topic, value=value, key=key, headers=headers, partition=partition, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.1)
                continue
            except KafkaException as error:
                raise self._refusal(str(error)) from error
            self._producer.poll(0)
            return

    def finish(self) -> None:
        """Wait for every acknowledgement. Raises EngineUnavailable; some may have been sent then."""
        waiting = self._producer.flush(_FLUSH_SECONDS)
        if waiting or self._failures:
            reason = self._failures[0] if self._failures else f"{waiting} records unacknowledged after {_FLUSH_SECONDS} s"
            self._producer.purge()
            raise self._refusal(reason)

    def _refusal(self, reason: str) -> EngineUnavailable:
        return EngineUnavailable(f"Kafka does not take {self._what} ({reason}): see `make status`")

    def _delivered(self, error: ProducerError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error.str())
