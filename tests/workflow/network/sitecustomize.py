"""Python reads this before anything else: whatever asks for the network is written down.

Sockets between processes of one machine have a path as address, not a host and a port. A socket
that is only bound, as libraries do to see whether there is IPv6, sends nothing.
"""

import os
import sys

RESOLVE = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
CONNECT = {"socket.connect", "socket.sendto", "socket.sendmsg"}


def note(event: str, arguments: tuple[object, ...]) -> None:
    remote = event in CONNECT and isinstance(arguments[1], tuple)
    if event in RESOLVE or remote:
        with open(os.environ["NETWORK_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123
            log.write(f"{sys.argv[:3]}: {event} {arguments[-1] if remote else arguments}\n")


sys.addaudithook(note)
