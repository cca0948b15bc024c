"""Maps the refunds of a file with mq-bridge (PyPI, a Rust core under Python) and prints how long that took, as JSON.

Called by `cargo bench -p weir-bench --bench peer`, which makes the virtual environment and the file. No Python runs per
record: route, transform and both endpoints are mq-bridge's own. Three routes over the same file, each to the end:

  read       nothing is done to a record: what the file alone costs
  paths      `transform.mapping`: 51 paths into a flat and nested head; the list of lines is copied as it is
  expression `transform.expression`: the whole nested document, lines mapped one by one, two conditions, a division a line

What it does not do, and Weir does: look the shop up, read dates in a zone, write decimals with the scale they came with,
check types and required fields, filter by the record's own fields, name the field of a refused record, give a business key.
"""

import argparse
import json
import pathlib
import resource
import time

import mq_bridge

HEAD_FIELDS = 43
LINE_FIELDS = 7


def paths() -> dict:
    """Output key -> source path; a dot nests."""
    rules = {
        "FBillNo": "refund_no",
        "FCustId.FNumber": "shop_no",
        "FShop": "shop_name",
        "FDate": "created",
        "FModified": "modified",
        "FRefund": "refund_amount",
        "FStatus": "status",
        "FEntity": "refund_order_list",
    }
    rules.update({f"FHead{field:02}": f"head_{field:02}" for field in range(HEAD_FIELDS)})
    return {"mapping": rules}


def expression() -> dict:
    """One expression of the Zen language that builds the document."""
    line = ["FMaterialId: {FNumber: #.goods_no}", "FRecId: #.rec_id", "FQty: #.num", "FPrice: number(#.l0) / #.num"]
    line += [f"FL{field}: number(#.l{field})" for field in range(LINE_FIELDS)]
    head = [
        "FBillTypeID: {FNumber: 'XSTHD01_SYS'}",
        "FBillNo: shop_no == '' ? 'TK2402291737' : refund_no",
        "FCustId: {FNumber: shop_no}",
        "FShop: shop_no + '-' + shop_name",
        "FDate: created",
        "FModified: modified",
        "FRefund: number(refund_amount)",
        "FStatus: status == 5 ? 'done' : 'open'",
    ]
    head += [f"FHead{field:02}: head_{field:02}" for field in range(HEAD_FIELDS)]
    head.append("FEntity: map(refund_order_list, {" + ", ".join(line) + "})")
    return {"expression": "{" + ", ".join(head) + "}"}


def route(records: str, transform: dict | None, output: dict, concurrency: int) -> mq_bridge.Route:
    middlewares = [{"transform": transform}] if transform else []
    return mq_bridge.Route.from_config({
        "input": {"file": {"path": records, "mode": "consume"}},
        "output": {"middlewares": middlewares, **output},
        "concurrency": concurrency,
        "batch_size": 1024,
        "exit_on_empty": True,
        "empty_batch_delay_ms": 0,
    })


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(records: str, transform: dict | None, concurrency: int) -> dict:
    running = route(records, transform, {"null": None}, concurrency)
    cpu, wall = cpu_seconds(), time.monotonic()
    running.run()
    wall, cpu = time.monotonic() - wall, cpu_seconds() - cpu
    return {"wall_us": round(wall * 1e6), "cpu_us": round(cpu * 1e6)}


def documents(records: str, transform: dict, written: str) -> list:
    """The documents of a small file, to see that the transform does what is claimed."""
    pathlib.Path(written).unlink(missing_ok=True)  # mq-bridge appends
    route(records, transform, {"file": {"path": written, "format": "raw"}}, 1).run()
    with open(written, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", help="JSON lines to be measured")
    parser.add_argument("--sample", required=True, help="a few of the same JSON lines, mapped first and checked")
    parser.add_argument("--concurrency", type=int, required=True)
    arguments = parser.parse_args()
    routes = {"read": None, "paths": paths(), "expression": expression()}
    with open(arguments.sample, encoding="utf-8") as lines:
        expected = [json.loads(line) for line in lines]
    for name, transform in routes.items():
        if transform:
            made = documents(arguments.sample, transform, f"{arguments.sample}.{name}")
            assert [document["FBillNo"] for document in made] == [record["refund_no"] for record in expected], made[:1]
            assert all(len(document["FEntity"]) == 2 for document in made), made[:1]
            assert name == "paths" or made[0]["FEntity"][1]["FMaterialId"] == {"FNumber": "P-101"}, made[:1]
    measured = {name: measure(arguments.records, transform, arguments.concurrency) for name, transform in routes.items()}
    print(json.dumps({"version": mq_bridge.__version__, **measured}))


if __name__ == "__main__":
    main()
