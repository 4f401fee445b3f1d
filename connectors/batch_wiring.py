"""Building what the batch side needs: books, invoices, and Airflow to run them."""

from connectors.airflow.client import Airflow
from connectors.clickhouse.revenue import ClickHouseRevenue
from connectors.clickhouse.warehoused_usage import ClickHouseWarehousedUsage
from connectors.files.invoice_folder import InvoiceFolderOnDisk
from connectors.metering_wiring import balance_cache, clickhouse, insert_endpoint
from connectors.pdf.invoice_pdf import render
from connectors.postgres.booked_usage import PostgresBookedUsage
from connectors.postgres.books import PostgresBooks
from connectors.postgres.conservation import PostgresConservation
from connectors.postgres.fee_books import PostgresFeeBooks
from connectors.postgres.invoice_drafts import PostgresInvoiceDrafts
from connectors.postgres.invoice_issuing import PostgresInvoiceIssuing
from connectors.postgres.invoice_runs import PostgresInvoiceRuns
from connectors.postgres.invoices import PostgresInvoices
from connectors.redis.balances import RedisBalances
from connectors.settings import PROJECT_ROOT, settings
from connectors.wiring import database
from invoicing.invoice_ports import InvoiceBook, InvoicePrinter


def books() -> PostgresBooks:
    """The truth, with the checks of sql/checks/."""
    return PostgresBooks(database(), PROJECT_ROOT / "sql" / "checks")


def conservation() -> PostgresConservation:
    """Where every event went."""
    return PostgresConservation(database())


def warehouse() -> ClickHouseRevenue:
    """Revenue as ClickHouse has it."""
    return ClickHouseRevenue(clickhouse(settings().clickhouse_db))


def booked_usage() -> PostgresBookedUsage:
    """Rated usage as the books have it, for comparison with ClickHouse."""
    return PostgresBookedUsage(database())


def warehoused_usage() -> ClickHouseWarehousedUsage:
    """Rated usage as it lies in ClickHouse, for comparison with the books."""
    return ClickHouseWarehousedUsage(clickhouse(settings().clickhouse_db), insert_endpoint())


def balances() -> RedisBalances:
    """Balances in Redis."""
    return balance_cache()


def fee_books() -> PostgresFeeBooks:
    """Fees in force and booked."""
    return PostgresFeeBooks(database())


def invoice_book() -> InvoiceBook:
    """Runs, drafts, issuing and invoices."""
    engine = database()
    return InvoiceBook(
        runs=PostgresInvoiceRuns(engine),
        drafts=PostgresInvoiceDrafts(engine),
        issuing=PostgresInvoiceIssuing(engine),
        invoices=PostgresInvoices(engine),
    )


def invoice_printer() -> InvoicePrinter:
    """Draws PDFs."""
    return render


def invoice_folder() -> InvoiceFolderOnDisk:
    """Where PDFs lie."""
    return InvoiceFolderOnDisk(settings().invoice_folder)


def airflow() -> Airflow:
    """The configured Airflow, signed in. Raises EngineUnavailable when it does not answer."""
    chosen = settings()
    address = f"http://{chosen.airflow_host}:{chosen.airflow_port}"
    return Airflow.sign_in(address, user=chosen.airflow_user, password=chosen.airflow_password)
