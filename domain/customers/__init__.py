"""Customers: who is billed, where they are, what tax takes them for, whom to tell what, and what their accounts agreed."""
