# SPDX-License-Identifier: MIT
# selectors_echo.py SELECTOR ADDRESS PORT COUNT: the same with a selector (SelectSelector,
# PollSelector, EpollSelector) and non-blocking sockets.
import errno
import selectors
import socket
import sys

kind, address, port, count = sys.argv[1:]
selector = getattr(selectors, kind)()
for i in range(int(count)):
    s = socket.socket()
    s.setblocking(False)
    error = s.connect_ex((address, int(port)))
    assert error == errno.EINPROGRESS, errno.errorcode[error]
    selector.register(s, selectors.EVENT_WRITE, b'%d\n' % i)

heard = 0
while selector.get_map():
    for key, events in selector.select():
        s = key.fileobj
        if events & selectors.EVENT_WRITE:
            error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            assert error == 0, errno.errorcode[error]
            s.send(key.data)
            selector.modify(s, selectors.EVENT_READ, key.data)
        else:
            heard += s.recv(100) == key.data
            selector.unregister(s)
            s.close()
print(heard, 'of', count)
