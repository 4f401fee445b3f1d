#!/bin/sh
# Runs once, when the PostgreSQL container makes its data folder: Airflow's metadata gets a database of its own.
set -eu
createdb --username "$POSTGRES_USER" "$AIRFLOW_DB"
