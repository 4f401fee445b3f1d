"""`billing plans`: plan files, checked, compared and published; and what was published."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from cli.instants import instant
from cli.output import AsJson, By, console, faults_of, listed_faults, show, show_rows
from connectors import clock, wiring
from domain.errors import FieldError, Invalid, InvalidInput, NotFound
from domain.plans import PlanDocument, read_plan
from domain.plans.diff import Change, What, plan_changes
from domain.plans.digest import plan_digest
from domain.plans.schema import plan_schema
from invoicing.administration_ports import Author
from invoicing.publish_plan import comparable, publish_plan

app = typer.Typer(help="Plan files and published plans (docs/plans.md).", no_args_is_help=True)
_DIGEST_SHOWN: Final = 12
_File = Annotated[Path, typer.Argument(help="A plan document: .yaml, .yml or .json.")]


@app.command("validate")
def validate(
    files: Annotated[list[Path], typer.Argument(help="Plan documents: .yaml, .yml or .json.")],
    *,
    published: Annotated[
        bool, typer.Option("--published", help="Also check the meters against the published ones.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check plan files, each as a whole; needs no database unless --published. Exit code 1 when one is wrong.

    Example: billing plans validate plans/*.yaml
    """
    meters = wiring.plan_reader().meters() if published else None
    results = []
    for file in files:
        plan: PlanDocument | None = None
        errors: Sequence[FieldError] = ()
        try:
            plan = read_plan(wiring.read_plan_file(file), published=meters)
        except Invalid as refused:
            errors = refused.errors
        except (InvalidInput, NotFound) as refused:
            errors = [FieldError("", str(refused))]
        listed = [{"path": error.path, "reason": error.reason} for error in errors]
        good = {"plan": plan.code, "digest": plan_digest(plan)} if plan else {"plan": None, "digest": None}
        results.append({"file": str(file), **good, "valid": plan is not None, "errors": listed})
    if as_json:
        typer.echo(json.dumps(results))
    else:
        for result in results:
            _print_result(result)
    if not all(result["valid"] for result in results):
        raise typer.Exit(1)


def _print_result(result: dict[str, Any]) -> None:
    if result["valid"]:
        text = f"{result['file']}: good, plan {result['plan']}, digest {result['digest'][:_DIGEST_SHOWN]}"
        console.print(text)
    for text in listed_faults([FieldError(**error) for error in result["errors"]]):
        where = "" if text.startswith(result["file"]) else f"{result['file']}: "
        console.print(f"{where}{text}", style="red")


@app.command("diff")
def diff(
    file: _File,
    other: Annotated[
        Path | None, typer.Argument(help="The newer file; without it FILE is compared with what is published.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what differs, by charge, price row and tier: from the published version to FILE, or from FILE to OTHER.

    Example: billing plans diff plans/otp-india.yaml
    """
    if other is not None:
        changes = plan_changes(_read(file), _read(other))
    else:
        reader = wiring.plan_reader()
        meters = reader.meters()
        plan = _read(file, published=meters)
        last = reader.find(plan.code)
        before = comparable(last, published=meters)
        if last is not None and before is None:
            raise InvalidInput(f"plan {plan.code} v{last.version} was published under older rules and cannot be compared")
        changes = plan_changes(before, plan)
    _show_changes(changes, as_json=as_json)


@app.command("publish")
def publish(
    file: _File,
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="Subscriptions to it begin then or later, e.g. 2027-01-01T00:00:00+05:30.")
    ] = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Store a plan file as the next version of its plan, unless the last version means the same.

    Example: billing plans publish plans/otp-india.yaml --from 2027-01-01T00:00:00+05:30 --by asha
    """
    starts_at = None if start is None else instant("--from", start)
    document = wiring.read_plan_file(file)
    with faults_of(file):
        said = publish_plan(wiring.administration(), document, author=Author(by, clock.now()), starts_at=starts_at)
    facts = {
        "plan": said.code,
        "version": said.version,
        "new": said.is_new,
        "digest": said.digest,
        "new_meters": list(said.new_meters),
        "changes": len(said.changes),
    }
    show(facts, as_json=as_json)


@app.command("show")
def show_plan(
    code: str,
    *,
    version: Annotated[int | None, typer.Option(min=1, help="Which version; the last one without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a published plan document, as YAML that can be kept as a file.

    Example: billing plans show otp-india > plans/otp-india.yaml
    """
    reader = wiring.plan_reader()
    plan = reader.version(code, version=version)
    checked = comparable(plan, published=reader.meters())
    digest = None if checked is None else plan_digest(checked)
    if as_json:
        begins = None if plan.starts_at is None else plan.starts_at.isoformat()
        facts = {
            "plan": plan.code,
            "version": plan.version,
            "published_at": plan.published_at.isoformat(),
            "from": begins,
        }
        typer.echo(json.dumps({**facts, "digest": digest, "document": plan.document}))
        return
    said = "of older rules" if digest is None else f"digest {digest[:_DIGEST_SHOWN]}"
    begins = "" if plan.starts_at is None else f", from {plan.starts_at:%Y-%m-%d %H:%M:%S %Z} on"
    typer.echo(f"# {plan.code} v{plan.version}, {said}, published {plan.published_at:%Y-%m-%d %H:%M:%S %Z}{begins}")
    typer.echo(yaml.safe_dump(dict(plan.document), sort_keys=False, allow_unicode=True, width=120), nl=False)


@app.command("list")
def list_plans(*, as_json: AsJson = False) -> None:
    """Show every published version, with how many accounts are on it.

    Example: billing plans list
    """
    show_rows(wiring.plan_reader().versions(now=clock.now()), as_json=as_json, empty="no plan was published yet")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of plan documents, for editors.

    Example: billing plans schema > docs/schemas/plan.schema.json
    """
    typer.echo(json.dumps(plan_schema(), indent=2))


def _read(file: Path, **known: Any) -> PlanDocument:
    with faults_of(file):
        return read_plan(wiring.read_plan_file(file), **known)


def _show_changes(changes: Sequence[Change], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([{**change._asdict(), "percent": change.percent} for change in changes]))
        return
    for change in changes:
        for line in _lines(change):
            console.print(line)
    if not changes:
        console.print("they mean the same")


def _lines(change: Change) -> list[str]:
    """A change as a person reads it: what is one value on a line, what is more as it would stand in a file."""
    percent = "" if change.percent is None else f" ({change.percent}%)"
    if change.what is What.CHANGED and not isinstance(change.old, dict) and not isinstance(change.new, dict):
        return [f"~ {change.path}: {_shown(change.old)} → {_shown(change.new)}{percent}"]
    sides = [("-", change.old)] if change.what is not What.ADDED else []
    sides += [("+", change.new)] if change.what is not What.REMOVED else []
    return [line for sign, value in sides for line in _side(sign, change.path, value)]


def _side(sign: str, path: str, value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [f"{sign} {path}: {_shown(value)}"]
    lines = [f"{sign} {path}:"]
    for name, part in value.items():
        # A field on a line; within it, lists and rows of plain values on a line each.
        flow = None if isinstance(part, dict | list) else False
        written = yaml.safe_dump({name: part}, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=90)
        lines += [f"{sign}   {line}" for line in written.splitlines()]
    return lines


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
