"""Moves rows from a Kafka topic into a MySQL table with mq-bridge (PyPI, a Rust core under Python), until it is ended.

Called by `cargo bench -p weir-bench --bench sql`, which fills the topic with a JSON object per row, counts what arrives in
the table and ends this program. No Python runs per record: both endpoints are mq-bridge's own. It writes a batch of the
topic's rows with one statement of many rows.

What it does not do, and Weir does: compare a row with what was written of it before, keep the offset beside the rows, find
the row that a statement failed on, write a dead letter that names the column.
"""

import argparse
import logging

import mq_bridge

BATCH = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("brokers", "topic", "group", "database", "table", "key", "columns"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--verb", choices=["REPLACE", "INSERT"], required=True)
    parser.add_argument("--concurrency", type=int, default=4)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    mq_bridge.init_logging("warn")
    target = {"url": arguments.database, "table": arguments.table}
    if arguments.verb == "INSERT":
        target |= {"columns": "auto", "key": arguments.key}
    else:
        columns = arguments.columns.split(",")
        values = ", ".join(f"${{payload:{column}}}" for column in columns)
        target["insert_query"] = f"REPLACE INTO {arguments.table} ({', '.join(columns)}) VALUES ({values})"
    route = mq_bridge.Route.from_config({
        "input": {
            "kafka": {
                "url": arguments.brokers,
                "topic": arguments.topic,
                "group_id": arguments.group,
                "consumer_options": [["auto.offset.reset", "earliest"]],
            }
        },
        "output": {"sqlx": target},
        "concurrency": arguments.concurrency,
        "batch_size": BATCH,
    })
    route.run()


if __name__ == "__main__":
    main()
