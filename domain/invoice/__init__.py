"""Invoices: what is on one, how it adds up, how it is numbered."""
