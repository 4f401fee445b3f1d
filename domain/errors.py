"""The errors of the billing system.

BillingError                 anything this system refuses, in one sentence
├── InvalidInput             a field is wrong; the sentence names it and the way out
│   └── Invalid              a document with all its faults, each with its path
├── TaxProfileIncomplete     the law leaves no answer until a field is filled in
├── NotFound                 no such account, invoice, run, ...
├── IllegalTransition        not in this state
├── BooksDoNotBalance        an invariant does not hold; nothing is closed or issued until it does
├── EngineUnavailable        a database, broker or cache does not answer
└── WrongSetup               schema, topics or settings are not what this program needs

Each carries a stable `code` (programs match on it, never on the sentence) and the `facts` behind the sentence.
"""

from collections.abc import Callable, Iterable
from typing import ClassVar, Final, NamedTuple, TypeVar

_Read = TypeVar("_Read")
SHOWN_MAX: Final = 20
"""Faults named in the sentence of a document's refusal; `errors` has them all."""


class BillingError(Exception):
    """Root of everything this system refuses; `str(error)` is one sentence for a person."""

    code: ClassVar[str] = "billing_error"

    def __init__(self, sentence: str, **facts: object) -> None:
        super().__init__(sentence)
        self.facts = facts


class InvalidInput(BillingError):
    """A field is wrong; the sentence names it and the way out."""

    code = "invalid_input"


class FieldError(NamedTuple):
    """One fault of a document."""

    path: str
    """Where: "charges[0].price.tiers[1].up_to"; empty when it is about the document as a whole."""
    reason: str
    """What is wrong and the way out, to be read after the path."""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class Invalid(InvalidInput):
    """A document with all its faults; `str()` lists the first 20."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors: Final = tuple(errors)
        listed = [str(error) for error in self.errors[:SHOWN_MAX]]
        if len(self.errors) > SHOWN_MAX:
            listed.append(f"and {len(self.errors) - SHOWN_MAX:,} more")
        super().__init__("; ".join(listed), errors=self.errors)


class Faults:
    """What is wrong with a document, collected while it is read, so that its author hears everything at once.

    A reader adds what it finds and carries on; `refuse_if_any` at the end is what keeps a half-read document from use.
    """

    __slots__ = ("_paths", "errors")

    def __init__(self) -> None:
        self.errors: Final[list[FieldError]] = []
        self._paths: Final[set[str]] = set()

    def __len__(self) -> int:
        return len(self.errors)

    def add(self, path: str, reason: str) -> None:
        """Remember one fault."""
        self.errors.append(FieldError(path, reason))
        self._paths.add(path)

    def has(self, path: str) -> bool:
        """Whether something was wrong at exactly this path."""
        return path in self._paths

    def attempt(self, read: Callable[[], _Read]) -> _Read | None:
        """What `read` returns; None when it refuses, and its faults are remembered."""
        try:
            return read()
        except Invalid as refused:
            for error in refused.errors:
                self.add(error.path, error.reason)
        except InvalidInput as refused:
            self.add("", str(refused))
        return None

    def refuse_if_any(self) -> None:
        """Raises Invalid with every fault found so far, unless there is none."""
        if self.errors:
            raise Invalid(self.errors)


class TaxProfileIncomplete(BillingError):
    """The tax rules leave no answer until a field of the profile is filled in."""

    code = "tax_profile_incomplete"


class NotFound(BillingError):
    """What was asked for does not exist."""

    code = "not_found"


class IllegalTransition(BillingError):
    """The thing is in a state that does not allow this."""

    code = "illegal_transition"


class BooksDoNotBalance(BillingError):
    """An invariant of the books does not hold."""

    code = "books_do_not_balance"


class EngineUnavailable(BillingError):
    """A database, broker or cache does not answer."""

    code = "engine_unavailable"


class WrongSetup(BillingError):
    """Schema, topics or settings are not what this program needs."""

    code = "wrong_setup"
