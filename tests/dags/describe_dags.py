"""Run by Airflow's Python: what the DAG folder given on the command line holds, as one JSON line."""

import json
import sys

from airflow.dag_processing.dagbag import DagBag


def main() -> None:
    folder = sys.argv[1]
    sys.path.insert(0, folder)
    bag = DagBag(folder)
    dags = {
        dag_id: {
            "file": dag.fileloc.rsplit("/", 1)[-1],
            "doc": dag.doc_md,
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "tags": sorted(dag.tags),
            "schedule": [getattr(dag.timetable, "expression", None), str(getattr(dag.timetable, "timezone", None))],
            "params": {name: dag.params.get_param(name).schema for name in dag.params},
            "tasks": {
                task.task_id: {
                    "owner": task.owner,
                    "retries": task.retries,
                    "retry_delay_seconds": task.retry_delay.total_seconds(),
                    "upstream": sorted(task.upstream_task_ids),
                    "mapped": task.is_mapped,
                }
                for task in dag.tasks
            },
        }
        for dag_id, dag in bag.dags.items()
    }
    print(json.dumps({"import_errors": bag.import_errors, "dags": dags, "loaded": sorted(sys.modules)}))


if __name__ == "__main__":
    main()
