"""Airflow's REST API: starting a DAG run, watching it, answering its approvals."""
