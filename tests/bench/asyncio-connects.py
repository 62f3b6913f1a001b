#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# asyncio-connects.py HOST PORT COUNT: COUNT connections at once through asyncio, a byte there and
# back on each. Prints how many were good, and the time it took.
import asyncio
import sys
import time

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def echo():
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b'x')
    byte = await reader.readexactly(1)
    writer.close()
    return byte == b'x'


async def main():
    began = time.monotonic()
    answers = await asyncio.gather(*(echo() for _ in range(count)), return_exceptions=True)
    print(f'good={sum(a is True for a in answers)} wall={time.monotonic() - began:.9f}')


asyncio.run(main())
