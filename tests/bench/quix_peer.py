"""A Quix Streams consumer that decodes JSON and does nothing else; run by the environment of requirements-bench.lock.

Arguments: broker, topic, consumer group, how many records. Prints one JSON line with the records and the seconds between
the first and the last of them.
"""

import json
import sys
import time

from quixstreams import Application


def main() -> None:
    """Consume from the beginning of the topic."""
    broker, topic_name, group, count = sys.argv[1:]
    application = Application(
        broker_address=broker,
        consumer_group=group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
    )
    seen = {"records": 0, "sms": 0, "first": 0.0, "last": 0.0}

    def look(event: dict[str, dict[str, str]]) -> None:
        seen["last"] = time.perf_counter()
        if not seen["records"]:
            seen["first"] = seen["last"]
        seen["records"] += 1
        seen["sms"] += event["data"]["channel"] == "sms"

    application.dataframe(application.topic(topic_name, value_deserializer="json")).update(look)
    application.run(count=int(count), timeout=60, collect=False)
    print(json.dumps({"records": seen["records"], "seconds": seen["last"] - seen["first"]}))


if __name__ == "__main__":
    main()
