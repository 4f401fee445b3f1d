"""Building what wallets' use cases need."""

from connectors.postgres.further_wallets import WalletList
from connectors.postgres.settlements import Settlements
from connectors.postgres.standings import PostgresStandings
from connectors.postgres.top_up_rules import TopUpRules
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


def top_up_rules() -> TopUpRules:
    """Rules of automatic top-ups, to be set and looked at."""
    return TopUpRules(database())


def settlements() -> Settlements:
    """What of invoices was paid."""
    return Settlements(database())


def standings() -> PostgresStandings:
    """What accounts may do, by hand and to look at."""
    return PostgresStandings(database())


def wallet_list() -> WalletList:
    """Which wallets accounts have, and what each pays for."""
    return WalletList(database())


def statements() -> WalletStatements:
    """Wallets for people to look at."""
    return WalletStatements(database())
