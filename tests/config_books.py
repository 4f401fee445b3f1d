"""What config events did to the books, as tests look at it."""

from tests.metering_books import Books


def answers(books: Books) -> list[tuple[str, str, list[str]]]:
    """Type, outcome and named fields of every event, in the order they were decided."""
    joined = "config_result r JOIN config_event e USING (event_key)"
    rows = books.rows(f"SELECT e.type, r.outcome, r.errors FROM {joined} ORDER BY config_result_id")
    return [(type_, outcome, [error["field"] for error in errors]) for type_, outcome, errors in rows]


def last_errors(books: Books) -> dict[str, str]:
    """Fields and reasons of the last event that was refused."""
    ((errors,),) = books.rows("SELECT errors FROM config_result ORDER BY config_result_id DESC LIMIT 1")
    return {error["field"]: error["reason"] for error in errors}


def state(books: Books) -> dict[str, list[tuple]]:
    """Everything config events may change but their own records."""
    tables = ("customer", "account", "alias", "subscription", "wallet", "plan", "plan_version", "charge", "audit_record")
    tables += (
        "account_threshold",
        "customer_contact",
        "customer_address",
        "config_change",
        "config_version",
        "wallet_purpose",
    )
    return {table: books.rows(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables}
