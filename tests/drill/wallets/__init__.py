"""The wallets of a drill: what moves, holds and suspends them while everything is killed, and what must have come of it."""
