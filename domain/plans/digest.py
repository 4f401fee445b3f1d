"""The digest of a plan document: equal for documents that mean the same, however they are written."""

import hashlib
import json
from typing import Any

from domain.plans.document import PlanDocument


def plan_digest(plan: PlanDocument) -> str:
    """64 hexadecimal digits: SHA-256 over the canonical form, as UTF-8 JSON without spaces, names in order."""
    text = json.dumps(canonical_form(plan), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_form(plan: PlanDocument) -> dict[str, Any]:
    """The normal form with everything in one order whose order means nothing: meters, charges, rows of a matrix.

    Adjustments keep theirs, for they are made in it; so do tiers and the meters of a charge, whose first gives its name.
    """
    form = plan.normal_form()
    for name in ("meters", "charges"):
        if name in form:
            form[name] = [_canonical(part) for part in sorted(form[name], key=lambda part: part["code"])]
    return form


def _canonical(part: dict[str, Any]) -> dict[str, Any]:
    price = part.get("price", {})
    if "rows" not in price:
        return part
    rows = sorted(price["rows"], key=lambda row: sorted(row.get("when", {}).items()))
    return {**part, "price": {**price, "rows": rows}}
