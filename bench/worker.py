"""One operation of one peer, in a process of its own: ``python -m bench.worker PEER ...``.

Prints one line of JSON. Only the operation itself is timed: not the interpreter's start, not the
imports, not opening the database (an operation of its own), not the check of the answer.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import peers
from bench.data import LONGEST, SHORTEST, Plan, digest, fasta_digest, meta_digest, read_fasta
from bench.errors import NotInstalled

# Single calls for headers are repeated until all are made or so much time is gone.
_CALLS_S = 2.0


def describe(name: str) -> dict[str, Any]:
    """Return version and features of a peer, or why it is missing."""
    try:
        peer = peers.load(name)
        return {"version": peer.version(), "largest": peer.largest, "scaling": peer.scaling}
    except NotInstalled as error:
        return {"missing": str(error)}


def run(name: str, operation: str, plan_path: Path, directory: Path) -> dict[str, Any]:
    """Do and check one operation.

    Parameters
    ----------
    name : str
        The peer.
    operation : str
        One of :data:`bench.measure.OPERATIONS`, or ``<gets|batch>-<threads|processes>-<number>``.
    plan_path : Path
        What to ask.
    directory : Path
        The peer's database.

    Returns
    -------
    dict
        ``value`` (seconds, MiB or bytes) by figure, and ``error`` if the answer was wrong; empty
        if the peer cannot do this.
    """
    peer: Any = peers.load(name)(directory)
    if operation == "build":
        fasta = directory.parent / "seqs.fasta"  # no plan in memory, which is measured
        seconds = _time(lambda: peer.build(fasta))
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        peak = max(each.ru_maxrss for each in used) / 1024
        cpu = sum(each.ru_utime + each.ru_stime for each in used)
        return {"build": seconds, "cpu": cpu, "peak": peak, "disk": peer.size(fasta)}
    plan = Plan.load(plan_path)
    opening = _time(peer.open)
    if operation == "open":
        return {"open": opening} if type(peer).open is not peers.Peer.open else {}
    kind, *scaling = operation.split("-")
    if not hasattr(peer, kind):
        return {}
    if scaling:
        return {operation: _scaling(name, peer, plan, kind, *scaling)}
    if kind == "dump":
        return _dump(peer, plan)
    answer: list[Any] = []
    if kind == "get":
        keys = _keys(peer, plan.gets)
        seconds = _time(lambda: answer.extend(map(peer.get, keys)))
        return _checked("get", seconds, digest(answer), plan.right["gets"])
    if kind == "batch":
        keys = _keys(peer, plan.batch)
        seconds = _time(lambda: answer.append(peer.batch(keys)))
        return _checked("batch", seconds, digest(answer[0]), plan.right["batch"])
    if kind == "lengths":
        seconds = _time(lambda: answer.append(peer.lengths(SHORTEST, LONGEST)))
        found = sorted(answer[0])
        by = "name" if found and isinstance(found[0], str) else "gid"
        return _checked("lengths", seconds, digest(found), plan.right[f"lengths by {by}"])
    if kind == "header":
        return _repeated("header", peer, peer.header, plan)
    keys = _keys(peer, plan.batch)
    seconds = _time(lambda: answer.append(peer.meta(keys)))
    figures = _checked("meta", seconds, meta_digest(answer[0]), plan.right["meta"])
    if hasattr(peer, "header"):  # else each call starts a program
        figures |= _repeated("meta1", peer, lambda key: peer.meta([key])[0], plan)
    return figures


def _keys(peer: peers.Peer, keys: list[Any]) -> list[Any]:
    return [getattr(key, peer.key) for key in keys]


def _time(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _checked(figure: str, seconds: float, found: str, right: str) -> dict[str, Any]:
    return {figure: seconds} if found == right else {"error": f"{figure}: the answer is wrong"}


def _repeated(figure: str, peer: Any, call: Callable[[Any], Any], plan: Plan) -> dict[str, Any]:
    """Return the mean time of single calls for header and length."""
    answers: list[Any] = []
    start = time.perf_counter()
    for key in _keys(peer, plan.gets):
        answers.append(call(key))
        if time.perf_counter() - start > _CALLS_S:
            break
    seconds = (time.perf_counter() - start) / len(answers)
    right = plan.headers[: len(answers)]
    return _checked(figure, seconds, meta_digest(answers), meta_digest(right))


def _dump(peer: Any, plan: Plan) -> dict[str, Any]:
    path = peer.directory.parent / f"{peer.directory.name}.dump.fasta"
    try:
        seconds = _time(lambda: peer.dump(path))
        return _checked("dump", seconds, fasta_digest(read_fasta(path)), plan.right["dump"])
    finally:
        path.unlink(missing_ok=True)


def _scaling(name: str, peer: Any, plan: Plan, kind: str, how: str, number: str) -> float:
    """Return sequences per second of several readers that read the same at once."""
    workers: list[Any] = []
    if how == "threads":
        ready: Any = threading.Barrier(int(number))
        results: Any = []
        for _ in range(int(number)):
            workers.append(
                threading.Thread(target=_read, args=(peer, plan, kind, ready, results.append))
            )
    else:
        context = multiprocessing.get_context("spawn")
        ready, queue = context.Barrier(int(number)), context.Queue()
        for _ in range(int(number)):
            args = (name, peer.directory, plan, kind, ready, queue)
            workers.append(context.Process(target=_read_in_process, args=args))
    for worker in workers:
        worker.start()
    if how == "processes":
        results = [queue.get() for _ in workers]
    for worker in workers:
        worker.join()
    starts, ends, right = zip(*results, strict=True)
    if not all(right):
        return 0.0
    keys = plan.gets if kind == "get" else plan.batch
    rate: float = len(keys) * len(workers) / (max(ends) - min(starts))
    return rate


def _read_in_process(
    name: str, directory: Path, plan: Plan, kind: str, ready: Any, queue: Any
) -> None:
    peer = peers.load(name)(directory)
    peer.open()
    _read(peer, plan, kind, ready, queue.put)


def _read(peer: Any, plan: Plan, kind: str, ready: Any, put: Callable[[Any], None]) -> None:
    keys = _keys(peer, plan.gets if kind == "get" else plan.batch)
    ready.wait()
    start = time.perf_counter()
    try:
        answer = list(map(peer.get, keys)) if kind == "get" else peer.batch(keys)
    except Exception as error:  # what it says is the result
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        answer = []
    end = time.perf_counter()
    put((start, end, digest(answer) == plan.right["gets" if kind == "get" else "batch"]))


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    if arguments[0] == "describe":
        print(json.dumps(describe(arguments[1])))
    else:
        name, operation, plan, directory = arguments
        print(json.dumps(run(name, operation, Path(plan), Path(directory))))


if __name__ == "__main__":
    os.environ.setdefault("BENCH_CACHE", ".")
    main(sys.argv[1:])
