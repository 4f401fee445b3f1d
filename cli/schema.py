"""`billing schema`: the tables of PostgreSQL and ClickHouse."""

import typer

from cli.output import AsJson, show
from connectors import wiring

app = typer.Typer(help="The tables of PostgreSQL and ClickHouse.", no_args_is_help=True)


@app.command()
def migrate(*, as_json: AsJson = False) -> None:
    """Apply missing migrations; running it again changes nothing.

    Example: billing schema migrate --json
    """
    applied = wiring.migrations().apply()
    warehouse = wiring.apply_warehouse_schema()
    show({"applied": applied, "clickhouse": warehouse}, as_json=as_json)


@app.command()
def check(*, as_json: AsJson = False) -> None:
    """Check that the database is at this program's version; exit 4 when not.

    Example: billing schema check
    """
    wiring.migrations().check()
    show({"schema": "up to date"}, as_json=as_json)
