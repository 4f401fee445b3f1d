# The billing environment: the metering worker, the notifier, the API, and the `billing` command for schemas and topics.
FROM python:3.11-slim
# The font that vouchers are printed with.
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 billing \
    && install -d -o billing -g billing /opt/billing /opt/billing/invoices
USER billing
WORKDIR /opt/billing
ENV PATH=/opt/billing/.venv/bin:$PATH PYTHONUNBUFFERED=1
COPY --chown=billing requirements-billing.lock ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-billing.lock
COPY --chown=billing pyproject.toml README.md ./
COPY --chown=billing domain domain
COPY --chown=billing invoicing invoicing
COPY --chown=billing connectors connectors
COPY --chown=billing streams streams
COPY --chown=billing cli cli
COPY --chown=billing api api
COPY --chown=billing sql sql
COPY --chown=billing infra/kafka infra/kafka
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .
CMD ["faust", "-L", "uvloop", "-A", "streams.app", "worker"]
