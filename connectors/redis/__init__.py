"""Redis: balances as a versioned cache of the wallets."""
