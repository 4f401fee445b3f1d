"""Milliseconds a page of an invoice PDF, one process."""

import statistics
import time
from io import BytesIO

from pypdf import PdfReader

from connectors.pdf.invoice_pdf import render
from domain.invoice.model import Invoice
from tests.bench.figures import Figure, at_most
from tests.builders import a_line, an_invoice

REPEATS = 100


def measure() -> list[Figure]:
    """A one-page invoice and one of several pages; medians of CPU and wall time."""
    figures = []
    for name, lines in (("one_page", 6), ("long", 120)):
        invoice = an_invoice(*(a_line() for _ in range(lines)))
        pages, wall_ms, cpu_ms = _time(invoice)
        conditions = f"{lines} lines on {pages} page(s), median of {REPEATS}, CPU {cpu_ms / pages:.1f} ms a page"
        figures.append(at_most(f"pdf_ms_per_page_{name}", wall_ms / pages, "ms", 10, conditions=conditions))
    return figures


def _time(invoice: Invoice) -> tuple[int, float, float]:
    pages = len(PdfReader(BytesIO(render(invoice))).pages)
    wall, cpu = [], []
    for _ in range(REPEATS):
        began, cpu_began = time.perf_counter(), time.process_time()
        render(invoice)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - cpu_began)
    return pages, statistics.median(wall) * 1000, statistics.median(cpu) * 1000
