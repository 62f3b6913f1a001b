# SPDX-License-Identifier: MIT
# asyncio_echo.py HOST PORT COUNT: so many connections at once, a line said and heard on each.
import asyncio
import sys


async def echo(host, port, number):
    reader, writer = await asyncio.open_connection(host, port)
    line = b'%d\n' % number
    writer.write(line)
    heard = await reader.readline()
    writer.close()
    return heard == line


async def main(host, port, count):
    heard = await asyncio.gather(*(echo(host, port, i) for i in range(count)))
    print(sum(heard), 'of', count)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
