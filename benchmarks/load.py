"""A load of equal GET requests over connections that stay open: bounded, and on loopback only."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measurement import percentile

_HOST = "127.0.0.1"
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """How a server bore a load.

    :ivar rate: Answers a second.
    :ivar seconds: How long each answer took, in no order.
    """

    rate: float
    seconds: Sequence[float]

    @property
    def p50(self) -> float:
        """Seconds that half of the answers did not pass."""
        return percentile(self.seconds, 0.50)

    @property
    def p99(self) -> float:
        """Seconds that 99 of 100 answers did not pass."""
        return percentile(self.seconds, 0.99)


def put_load(
    port: int, path: str, headers: Mapping[str, str], *, connections: int, seconds: float
) -> Load:
    """Ask a local server the same thing over and over.

    :param port: Port of the loopback address.
    :param path: Path and query.
    :param headers: Further headers of each request.
    :param connections: How many requests are under way at once.
    :param seconds: For how long.
    :raises RuntimeError: If an answer is not 200.
    """
    lines = [f"GET {path} HTTP/1.1", f"Host: {_HOST}:{port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join([*lines, "", ""]).encode()
    return asyncio.run(_put_load(port, request, connections, seconds))


async def _put_load(port: int, request: bytes, connections: int, seconds: float) -> Load:
    started = time.perf_counter()
    ends_at = started + seconds
    taken = await asyncio.gather(*(_ask_until(port, request, ends_at) for _ in range(connections)))
    duration = time.perf_counter() - started
    latencies = [latency for one in taken for latency in one]
    return Load(len(latencies) / duration, latencies)


async def _ask_until(port: int, request: bytes, ends_at: float) -> list[float]:
    reader, writer = await asyncio.open_connection(_HOST, port)
    latencies = []
    try:
        while (asked_at := time.perf_counter()) < ends_at:
            writer.write(request)
            head = await reader.readuntil(_HEAD_END)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the server answered {head.splitlines()[0].decode()}")
            await reader.readexactly(_content_length(head))
            latencies.append(time.perf_counter() - asked_at)
    finally:
        writer.close()
        await writer.wait_closed()
    return latencies


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError("the answer has no length")
