"""Write a rule of automatic top-ups, or stop it; each change once, with its audit record."""

from domain.errors import InvalidInput, NotFound
from domain.top_up_rule_document import read_top_up_rule, rule_document
from invoicing.administration_ports import Administration, AdministrationStore, Author
from invoicing.top_up_request_ports import CancelledRequest, RuledAccount


def set_top_up_rule(store: AdministrationStore, code: str, document: object, *, author: Author, path: str = "") -> bool:
    """Give an account a rule in place of the one it has; whether that is another one.

    Raises Invalid with every fault, NotFound, InvalidInput for an account without credit of its own to top up.
    """
    rule = read_top_up_rule(document, path=path)
    with store.begin() as transaction:
        account = _account(transaction, code)
        if not account.prepaid or account.closed or not account.pays_itself:
            raise InvalidInput(
                f"account {code} is postpaid, closed or pays from another: give the rule to the account it pays from"
            )
        before = transaction.top_up_rules.rule(code)
        if before == rule:
            return False
        transaction.top_up_rules.set(code, rule, at=author.at)
        transaction.audit(
            action="top_up_rule.set",
            subject=code,
            actor=author.name,
            before=None if before is None else rule_document(before),
            after=rule_document(rule),
            at=author.at,
        )
    return True


def stop_top_up_rule(store: AdministrationStore, code: str, *, author: Author) -> tuple[CancelledRequest, ...]:
    """End a rule, and cancel what it asked for and nobody answered. Raises NotFound where there is none in force."""
    with store.begin() as transaction:
        _account(transaction, code)
        before = transaction.top_up_rules.rule(code)
        if before is None:
            raise NotFound(f"account {code} has no rule that could be stopped: `top-up-rule show` says what it has")
        cancelled = tuple(transaction.top_up_rules.stop(code, at=author.at))
        transaction.audit(
            action="top_up_rule.stopped",
            subject=code,
            actor=author.name,
            before=rule_document(before),
            after={"cancelled_requests": [one.request_id for one in cancelled]},
            at=author.at,
        )
    return cancelled


def _account(transaction: Administration, code: str) -> RuledAccount:
    """Its wallet is locked, as it is during a look: what a look decides by a rule is not overtaken by another rule."""
    account = transaction.top_up_rules.account(code)
    if account is None:
        raise NotFound(f"account {code!r} does not exist: `billing accounts list` shows them")
    return account
