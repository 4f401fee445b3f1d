# Airflow, and beside it the billing environment: a DAG's task calls /opt/billing/.venv/bin/billing.
FROM apache/airflow:3.3.2-python3.11
USER root
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o airflow -g 0 -m 775 /opt/billing /opt/billing/invoices
USER airflow
WORKDIR /opt/billing
COPY --chown=airflow:0 requirements-billing.lock ./
# The image tells pip to install for the user, which an environment of its own refuses.
RUN python -m venv .venv \
    && PIP_USER=false .venv/bin/python -m pip install --no-cache-dir --require-hashes -r requirements-billing.lock
COPY --chown=airflow:0 pyproject.toml README.md ./
COPY --chown=airflow:0 domain domain
COPY --chown=airflow:0 invoicing invoicing
COPY --chown=airflow:0 connectors connectors
COPY --chown=airflow:0 streams streams
COPY --chown=airflow:0 cli cli
COPY --chown=airflow:0 sql sql
COPY --chown=airflow:0 dags dags
RUN PIP_USER=false .venv/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation --editable .
