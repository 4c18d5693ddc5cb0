"""The load generator, a process of its own: `python -m kit.bench.load.generator`, a Plan as JSON on stdin.

It prints two lines of JSON: the window it measures (two moments of the monotonic clock, which all processes share)
when that is known, and its tally at the end.

What it costs a request, beside others that were tried against one server (2 cores, 8 clients, 100 kB pictures):

    wrk 4.1                    36 µs   not on PyPI, no open loop, no single latencies
    sockets and selectors      65 µs   two hundred lines more for TLS, unix sockets and connecting
    asyncio protocols         100 µs   taken: 2 % of a core at 200 answers a second
    httpx, asynchronous     1,810 µs   36 % of a core: it would measure itself

Standard library only, so that it is there at once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path

from kit.bench.load.connection import Connection, request
from kit.bench.load.plan import LoadPlan, Sample, arrivals, tally

# A client that was refused tries again a little later. Without this pause a full queue's refusals, at full speed,
# would be all that is measured.
PAUSE_AFTER_ERROR = 0.1
# More open-loop requests than this wait for a connection, which counts as their latency (1024 files may be open).
MOST_CONNECTIONS = 512


class Generator:
    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        prepared = {file: request(plan.url, plan.path, plan.headers, Path(file).read_bytes()) for file in plan.pictures}
        self.requests = itertools.cycle([prepared[file] for file in plan.pictures])
        self.samples: list[Sample] = []
        self.ends = math.inf
        self.unanswered = plan.clients
        self.full = asyncio.Event()

    async def run(self) -> None:
        begin = asyncio.get_running_loop().time()
        load = self.open_loop(begin) if self.plan.rate else self.closed_loop()
        opens, cpu_seconds = (await asyncio.gather(self.window(begin), load))[0]
        counted = tally(self.samples, opens, self.ends, bool(self.plan.rate))
        print(json.dumps({**asdict(counted), "cpu_seconds": cpu_seconds}), flush=True)

    async def window(self, begin: float) -> tuple[float, float]:
        """When it opened, and the seconds of processor time that this process took in it.

        A closed loop's opens only when every client has had an answer: with a slow server, the warm-up may end while
        the queue before it is still filling, and its first answers come quicker than any later ones.
        """
        loop = asyncio.get_running_loop()
        opens = begin + self.plan.warm_up
        await asyncio.sleep(opens - loop.time())
        if self.plan.clients:
            await self.full.wait()
            opens = loop.time()
        self.ends = opens + self.plan.seconds
        print(json.dumps([opens, self.ends]), flush=True)
        before = time.process_time()
        await asyncio.sleep(self.ends - loop.time())
        return opens, time.process_time() - before

    async def ask(self, connection: Connection, due: float) -> str:
        error = await connection.ask(next(self.requests))
        self.samples.append(Sample(due, asyncio.get_running_loop().time(), error))
        return error

    async def closed_loop(self) -> None:
        await asyncio.gather(*(self.client() for _ in range(self.plan.clients)))

    async def client(self) -> None:
        """One client. The answer that is still out at the end is waited for, so that the server is idle afterwards."""
        connection = Connection(self.plan.url)
        loop = asyncio.get_running_loop()
        answered = False
        while (due := loop.time()) < self.ends:
            error = await self.ask(connection, due)
            if not answered:
                answered = True
                self.unanswered -= 1
                if not self.unanswered:
                    self.full.set()
            if error:
                await asyncio.sleep(PAUSE_AFTER_ERROR)
        connection.close()

    async def open_loop(self, begin: float) -> None:
        idle: list[Connection] = []
        free = asyncio.Semaphore(MOST_CONNECTIONS)

        async def one(due: float) -> None:
            async with free:
                connection = idle.pop() if idle else Connection(self.plan.url)
                await self.ask(connection, due)
                idle.append(connection)

        loop = asyncio.get_running_loop()
        asked = []
        for moment in arrivals(self.plan.rate, self.plan.warm_up + self.plan.seconds, self.plan.seed):
            await asyncio.sleep(begin + moment - loop.time())
            asked.append(asyncio.create_task(one(begin + moment)))
        await asyncio.gather(*asked)
        for connection in idle:
            connection.close()


async def main() -> None:
    await Generator(LoadPlan(**json.load(sys.stdin))).run()


if __name__ == "__main__":
    asyncio.run(main())
