"""Write and end contracts: checked as a whole, stored once, never edited, audited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.contracts import ContractDocument, read_contract
from domain.errors import FieldError, Invalid, InvalidInput, NotFound
from invoicing.administration_ports import AdministrationStore, Author


def write_contract(store: AdministrationStore, document: Mapping[str, Any], *, author: Author) -> ContractDocument:
    """Store a contract. Raises Invalid with every fault and NotFound for its party.

    The same contract written again changes nothing; another one under the same code is refused.
    """
    with store.begin() as transaction:
        transaction.hold_configuration()
        contracts, plans = transaction.contracts, transaction.plans
        plans.hold()
        published = plans.meters()
        priced = contracts.usage_codes(document) if isinstance(document, Mapping) else ()
        contract = read_contract(document, published=published, priced=priced)
        present = contracts.find(contract.code)
        if present is not None:
            _refuse_other(present.document, document, code=contract.code)
            return contract
        _refuse_unfit(contract, contracts.currencies(account=contract.account, customer=contract.customer))
        overlapping = contracts.overlapping(contract)
        if overlapping:
            reason = (
                f"holds at the same time with the same priority as {', '.join(overlapping)}: end that, or choose another"
            )
            raise Invalid([FieldError("priority", reason)])
        plans.add_meters([meter for meter in contract.prices.new_meters if meter.code not in published])
        contracts.add(contract, document, written_at=author.at)
        transaction.audit(action="contract.written", subject=contract.code, actor=author.name, after=document, at=author.at)
    return contract


def end_contract(store: AdministrationStore, code: str, *, at: datetime, author: Author) -> None:
    """Let a contract end at an instant, earlier than it says; the plan holds from then on.

    Raises NotFound, and InvalidInput for an instant outside of the contract.
    """
    with store.begin() as transaction:
        transaction.hold_configuration()
        contracts = transaction.contracts
        present = contracts.find(code)
        if present is None:
            raise NotFound(f"contract {code!r} does not exist: `billing contracts list` shows them")
        if (present.start is not None and at <= present.start) or (present.end is not None and at > present.end):
            until = "without end" if present.end is None else f"to {present.end:%Y-%m-%d %H:%M} UTC"
            raise InvalidInput(
                f"at: contract {code} holds from {present.start:%Y-%m-%d %H:%M} UTC {until}: end it in between"
            )
        contracts.end(code, at=at)
        transaction.audit(
            action="contract.ended",
            subject=code,
            actor=author.name,
            before={"to": None if present.end is None else present.end.isoformat()},
            after={"to": at.isoformat()},
            at=author.at,
        )


def _refuse_other(present: Mapping[str, Any], document: Mapping[str, Any], *, code: str) -> None:
    if dict(present) != document:
        reason = f"{code!r} is the code of another contract: choose a new one; a signed contract is never edited"
        raise Invalid([FieldError("code", reason)])


def _refuse_unfit(contract: ContractDocument, currencies: Mapping[str, Any]) -> None:
    others = sorted(code for code, currency in currencies.items() if currency is not contract.currency)
    if len(others) == len(currencies) and others:
        reason = f"the contract is in {contract.currency} and account {others[0]} in {currencies[others[0]]}"
        raise Invalid([FieldError("currency", f"{reason}: write it in the account's currency")])
