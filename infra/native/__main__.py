"""The command line: `python -m infra.native up | down | status | logs | install`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

from infra.native.down import down
from infra.native.health import tail
from infra.native.install import install
from infra.native.services import SERVICES, Service, select
from infra.native.stack import DEMO, ROOT, Stack, StackError, load_stack
from infra.native.status import as_json, print_status, status
from infra.native.up import up


def main() -> int:
    """Run one command and return its exit code; what a person can mend is one sentence on standard error."""
    options = _parser().parse_args()
    # Debian keeps servers in sbin, which an ordinary user's PATH lacks.
    os.environ["PATH"] = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "up": _up, "down": _down, "status": _status, "logs": _logs, "install": _install,
    }  # fmt: skip
    try:
        return commands[options.command](options)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped half-way; `make up` goes on from here, `make down` stops what runs.", file=sys.stderr)
        return 130


def _up(options: argparse.Namespace) -> int:
    stack = load_stack(options.instance, changed=dict(options.set))
    services = _chosen(stack, options)
    began = time.monotonic()
    up(stack, services)
    print(f"Up in {time.monotonic() - began:.0f} s: {', '.join(service.name for service in services)}.")
    if any(service.name == "airflow" for service in services):
        print(f"Airflow: {stack.airflow_url}  (user {stack.settings['AIRFLOW_USER']}, password in .env)")
    return 0


def _chosen(stack: Stack, options: argparse.Namespace) -> list[Service]:
    return select(instance=stack.name, only=options.only, without=options.without, own_engines=stack.own_engines)


def _down(options: argparse.Namespace) -> int:
    chosen = None
    if options.only or options.without:
        chosen = _chosen(load_stack(options.instance or DEMO), options)
    for name in [options.instance] if options.instance else [*_other_instances(), DEMO]:
        down(load_stack(name), chosen)
    print("Stopped; the data stays in .local/.")
    return 0


def _status(options: argparse.Namespace) -> int:
    stacks = [load_stack(name) for name in ([options.instance] if options.instance else [DEMO, *_other_instances()])]
    rows = {stack.name: status(stack) for stack in stacks}
    # Another instance is only worth a table when something of it was started.
    shown = {name: r for name, r in rows.items() if name in (options.instance, DEMO) or any(x.state != "stopped" for x in r)}
    if options.json:
        print(json.dumps({name: as_json(found) for name, found in shown.items()}, indent=1))
    else:
        for name, found in shown.items():
            print_status(found, title=name)
    return 1 if any(row.wrong for found in shown.values() for row in found) else 0


def _logs(options: argparse.Namespace) -> int:
    stack = load_stack(options.instance or DEMO)
    if options.service not in SERVICES and options.service not in _programs():
        raise StackError(f"There is no service {options.service!r}: choose from {', '.join(_programs())}.")
    service = SERVICES.get(options.service)
    for program in service.programs if service else (options.service,):
        print(tail(stack, program, lines=options.lines))
    return 0


def _install(options: argparse.Namespace) -> int:
    install(load_stack(), [*SERVICES, "tests"])
    print("Everything the stack needs is installed.")
    return 0


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _programs() -> list[str]:
    return [program for service in SERVICES.values() for program in service.programs]


def _other_instances() -> list[str]:
    return sorted(path.stem for path in (ROOT / "infra" / "native").glob("*.env"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.native", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("up", "start the services and wait until they are healthy"),
        ("down", "stop the services; the data stays"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--only", metavar="A,B", help=f"these services: {', '.join(SERVICES)}")
        command.add_argument("--without", metavar="A,B", help="all services but these")
        command.add_argument("--instance", default=DEMO if name == "up" else None, help="demo (default), test or drill")
        if name == "up":
            more = "a setting of another value than the instance's, for this start; may be repeated"
            command.add_argument("--set", metavar="NAME=VALUE", type=_setting, action="append", default=[], help=more)
    command = commands.add_parser("status", help="what runs; ends with 1 when something that should run does not")
    command.add_argument("--json", action="store_true", help="print the rows as JSON")
    command.add_argument("--instance", help="only this instance")
    command = commands.add_parser("logs", help="the end of a service's log")
    command.add_argument("service", help=f"one of {', '.join(SERVICES)}")
    command.add_argument("lines", nargs="?", type=int, default=100, help="how many lines (100)")
    command.add_argument("--instance", help="demo (default), test or drill")
    commands.add_parser("install", help="install what is missing, or say what to install")
    return parser


if __name__ == "__main__":
    sys.exit(main())
