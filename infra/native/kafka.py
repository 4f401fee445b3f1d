"""The Kafka broker: its jars by way of Maven, its rendered configuration, its formatted log folder."""

from pathlib import Path

from infra.native.cache import cached, cached_path
from infra.native.command import run
from infra.native.stack import Stack
from infra.native.template import render

JARS = "kafka-jars"


def kafka_jars_path(stack: Stack) -> Path:
    """Where the broker's jars are, or will be once they are fetched."""
    return cached_path(JARS, made_from=_pom(stack).read_text())


def prepare_kafka(stack: Stack) -> None:
    """Fetch the jars, write the broker's configuration and, the first time, format its log folder."""
    jars = cached(JARS, made_from=_pom(stack).read_text(), make=lambda target: _fetch_jars(stack, target))
    home = stack.local / "kafka"
    properties = render(stack, "infra/native/kafka/server.properties", home / "server.properties")
    if (home / "data" / "meta.properties").exists():
        return
    storage_tool = ["java", "-Xmx256m", "-cp", f"{jars}/*", "kafka.tools.StorageTool"]
    cluster = run([*storage_tool, "random-uuid"], doing="Naming the Kafka cluster").split()[-1]
    run([*storage_tool, "format", "-t", cluster, "-c", properties], doing="Formatting Kafka's log folder")


def _pom(stack: Stack) -> Path:
    return stack.root / "infra" / "native" / "kafka" / "pom.xml"


def _fetch_jars(stack: Stack, target: Path) -> None:
    print("Fetching Kafka's jars with Maven (once, about 54 MB) ...", flush=True)
    run(
        ["mvn", "--batch-mode", "--quiet", "--file", _pom(stack), "dependency:copy-dependencies",
         "-DincludeScope=runtime", f"-DoutputDirectory={target}"],
        doing="Fetching Kafka's jars",
    )  # fmt: skip
