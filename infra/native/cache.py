"""Downloads that are slow to make again: kept for every clone on this machine, named by their origin."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """${XDG_CACHE_HOME:-~/.cache}/otpless-billing."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "otpless-billing"


def cached_path(name: str, *, made_from: str) -> Path:
    """Where the cached `name` made from this text is, or would be."""
    return cache_folder() / f"{name}-{hashlib.sha256(made_from.encode()).hexdigest()[:12]}"


def cached(name: str, *, made_from: str, make: Callable[[Path], None]) -> Path:
    """The cached file or folder `name`, made by `make(path)` when it is not there yet.

    `made_from` is the text that decides the content, so a changed version is made anew. An interrupted make
    leaves nothing behind under the final name.
    """
    target = cached_path(name, made_from=made_from)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
    try:
        made = scratch / name
        make(made)
        if not target.exists():  # another clone may have been faster
            made.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target
