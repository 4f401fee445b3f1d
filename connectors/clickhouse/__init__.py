"""ClickHouse: the analysts' copy of rated usage."""
