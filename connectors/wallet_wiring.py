"""Building what wallets' use cases need."""

from connectors.postgres.standings import PostgresStandings
from connectors.postgres.top_ups import PostgresTopUps
from connectors.postgres.wallet_statements import WalletStatements
from connectors.postgres.wallets import PostgresWallets
from connectors.wiring import database


def wallets() -> PostgresWallets:
    """Wallets with their lots, to be changed."""
    return PostgresWallets(database())


def top_ups() -> PostgresTopUps:
    """Payments to be applied, vouchers and bank transfers."""
    return PostgresTopUps(database())


def standings() -> PostgresStandings:
    """What accounts may do, by hand and to look at."""
    return PostgresStandings(database())


def statements() -> WalletStatements:
    """Wallets for people to look at."""
    return WalletStatements(database())
