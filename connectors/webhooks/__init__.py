"""Webhooks: signed posts to customers' endpoints, to public addresses only."""
