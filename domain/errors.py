"""The errors of the billing system.

BillingError                 anything this system refuses, in one sentence
├── InvalidInput             a field is wrong; the sentence names it and the way out
├── TaxProfileIncomplete     the law leaves no answer until a field is filled in
├── NotFound                 no such account, invoice, run, ...
├── IllegalTransition        not in this state
├── BooksDoNotBalance        an invariant does not hold; nothing is closed or issued until it does
├── EngineUnavailable        a database, broker or cache does not answer
└── WrongSetup               schema, topics or settings are not what this program needs

Each carries a stable `code` (programs match on it, never on the sentence) and the `facts` behind the sentence.
"""

from typing import ClassVar


class BillingError(Exception):
    """Root of everything this system refuses; `str(error)` is one sentence for a person."""

    code: ClassVar[str] = "billing_error"

    def __init__(self, sentence: str, **facts: object) -> None:
        super().__init__(sentence)
        self.facts = facts


class InvalidInput(BillingError):
    """A field is wrong; the sentence names it and the way out."""

    code = "invalid_input"


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
