"""`billing topics`: the Kafka topics of infra/kafka/topics.yml."""

import typer

from cli.output import AsJson, show, show_rows
from connectors import wiring

app = typer.Typer(help="The Kafka topics.", no_args_is_help=True)


@app.command()
def create(*, as_json: AsJson = False) -> None:
    """Create missing topics; running it again changes nothing.

    Example: billing topics create --json
    """
    created = wiring.topic_admin().create_missing(wiring.topics())
    show({"created": created}, as_json=as_json)


@app.command()
def check(*, as_json: AsJson = False) -> None:
    """Check that every topic exists with its partitions; exit 4 when not.

    Example: billing topics check
    """
    wiring.topic_admin().check(wiring.topics())
    show_rows(
        [{"topic": topic.name, "partitions": topic.partitions} for topic in wiring.topics()],
        as_json=as_json,
        empty="no topics are defined",
    )
