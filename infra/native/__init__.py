"""The engines on a machine without containers: `python -m infra.native up|down|status|logs|install`."""
