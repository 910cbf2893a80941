"""Celery on Redis, for the bench of tasks (bench/tasks): `python tasks_celery.py fill <count>` or `drip <count>`, and
`python -m celery -A tasks_celery worker`.

Tuned: two processes, one for each core, or for I/O one with 100 threads; a hundred messages are fetched ahead; no gossip, no
mingle, no events. As ours does: acknowledged late, so that a worker that dies loses nothing; results where the case keeps them. What differs:
nothing keeps duplicates out, messages are not validated or encrypted, and nothing is published.
"""

import json
import os
import random
import sys
import time

from celery import Celery, signals

CASE = os.environ["BENCH_CASE"]
FOLDER = os.environ["BENCH_FOLDER"]
REDIS = os.environ["REDIS_URL"]

app = Celery("tasks_celery", broker=REDIS, backend=REDIS if CASE == "output" else None)
app.conf.update(
    task_default_queue=os.environ["BENCH_NAME"],
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=CASE != "output",
    result_expires=86_400,
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "50")),
    worker_send_task_events=False,
    task_send_sent_event=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="task", max_retries=3)
def task(message):
    if CASE == "io":
        time.sleep(0.01)
    elif CASE == "idle":
        with open(os.path.join(FOLDER, "late.txt"), "a") as late:
            late.write(f"{time.time() * 1000 - message['at']:.1f}\n")
    elif CASE == "output":
        return {"n": message["n"]}


told = {"count": 0, "first": 0.0}


@signals.task_prerun.connect
def began(**_):
    told["first"] = told["first"] or time.time()


@signals.task_postrun.connect
def ended(**_):
    told["count"] += 1
    line = f"{told['count']} {told['first'] * 1000:.0f} {time.time() * 1000:.0f}\n"
    file = told.get("file") or os.open(
        os.path.join(FOLDER, f"told.{os.getpid()}"), os.O_CREAT | os.O_WRONLY
    )
    told["file"] = file
    os.pwrite(file, line.encode(), 0)


def message(n):
    body = {"n": n, "at": time.time() * 1000, "poison": False, "text": ""}
    body["text"] = "x" * max(0, 250 - len(json.dumps(body)))
    return body


def fill(count):
    with app.producer_pool.acquire() as producer:
        for n in range(count):
            task.apply_async((message(n),), producer=producer)


def drip(count):
    for n in range(count):
        task.apply_async((message(n),))
        time.sleep(0.25 + random.random() * 0.25)


if __name__ == "__main__":
    {"fill": fill, "drip": drip}[sys.argv[1]](int(sys.argv[2]))
