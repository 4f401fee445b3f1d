"""The `billing` command: how people and DAG tasks enter."""
