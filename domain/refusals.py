"""A refusal as a list of faults, whichever way it was raised: what a program that sent something is answered."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from domain.errors import BillingError, Faults, FieldError, Invalid

_NAMED: Final = re.compile(r"(?P<field>[a-z_]+(?:\.[a-z_]+|\[[0-9]+\])*): (?P<reason>.+)", re.DOTALL)


def faults_of(error: BillingError, *, path: str = "") -> tuple[FieldError, ...]:
    """Every fault of a refusal; `path` stands before those that do not say it themselves.

    A sentence that names its field ("parent: acme stands below …") is taken apart; one that does not is about the whole.
    """
    if isinstance(error, Invalid):
        return error.errors
    named = _NAMED.fullmatch(str(error))
    if named is None:
        return (FieldError(path, str(error)),)
    return (FieldError(f"{path}.{named['field']}" if path else named["field"], named["reason"]),)


@contextmanager
def placed_at(path: str) -> Iterator[None]:
    """What is refused within names its fields from `path` on: for a document that stands inside another."""
    try:
        yield
    except Invalid as error:
        if not path:
            raise
        raise Invalid(FieldError(f"{path}.{one.path}" if one.path else path, one.reason) for one in error.errors) from error


def remember(faults: Faults, error: BillingError, *, path: str = "") -> None:
    """Add every fault of a refusal to those found so far."""
    for fault in faults_of(error, path=path):
        faults.add(*fault)
