"""Keeping a publisher (streams/publisher.py) and a watcher (streams/wallet_watcher.py) beside this worker."""

import asyncio
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process

from connectors.settings import PROJECT_ROOT
from streams import metrics
from streams.app import app

_log = logging.getLogger(__name__)
_RESTART_SECONDS = 2.0
_END_SECONDS = 40.0


@app.task
async def publish_usage() -> None:
    """Run a publisher for as long as the worker runs; start another when one ends."""
    await _keep("publisher")


@app.task
async def watch_wallets() -> None:
    """Run a watcher for as long as the worker runs; start another when one ends."""
    await _keep("wallet_watcher")


async def _keep(name: str) -> None:
    while not app.should_stop:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"streams.{name}", stdin=PIPE, stdout=PIPE, cwd=PROJECT_ROOT
        )
        try:
            await _count(process)
        finally:
            await _end(process)
        if not app.should_stop:
            _log.error("the %s ended with code %s; starting another", name, process.returncode)
            await asyncio.sleep(_RESTART_SECONDS)


async def _count(process: Process) -> None:
    if process.stdout is None:
        raise RuntimeError("the publisher was started without a pipe")
    async for line in process.stdout:
        sent = json.loads(line)
        metrics.published.labels(sent["to"]).inc(sent["events"])


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    except TimeoutError:
        process.kill()
