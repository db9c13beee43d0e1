"""Ports that nobody else takes: not another worker, not another run of the suite, not the kernel for a connection of its own.

A port that is looked for and bound later, by proxyd, can be taken in between. So each process takes a block of ports for itself,
below the range from which the kernel takes ports of its own accord. Holding the block's first port, without SO_REUSEADDR, is the
claim: it can be had once, and ends with the process. Within the block ports go round, so that one that was let go, and that
something may still ask, comes up again last.
"""

import errno
import os
import random
import socket
import struct

BLOCK = 200
_mine = None


class _Block:
    def __init__(self):
        self.owner = os.getpid()  # a forked child holds the parent's sockets too, and has to take a block of its own
        low, high = _range()
        blocks = list(range(low, high - BLOCK + 1, BLOCK))
        random.SystemRandom().shuffle(blocks)
        for first in blocks:
            self.claim = socket.socket()
            try:
                self.claim.bind(("127.0.0.1", first))
                self.first, self.next = first, 1
                return
            except OSError:
                self.claim.close()
        raise RuntimeError(f"no block of {BLOCK} ports is free between {low} and {high}")

    def take(self):
        """The next port of the block on which nobody listens, as a socket that does."""
        for _ in range(BLOCK - 1):
            port, self.next = self.first + self.next, self.next % (BLOCK - 1) + 1
            sock = _listening(port)
            if sock:
                return sock
        raise RuntimeError(f"no port is free between {self.first} and {self.first + BLOCK}")


def _range():
    """Where blocks may lie: beside the ports that the kernel gives to connections and to those who bind port 0."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as told:
            first, last = map(int, told.read().split())
    except (OSError, ValueError):
        first, last = 32768, 60999
    return (10000, first) if first - 10000 >= 65536 - last else (last + 1, 65536)


def _listening(port):
    """A socket that listens on this port, where nobody does on IPv6 either; None when that cannot be had.

    As servers do with SO_REUSEADDR: connections that have ended, but that the kernel still remembers, are no obstacle.
    """
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("::1", port))
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:  # anything else: there is no IPv6 here
            return None
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(512)
        return sock
    except OSError:
        sock.close()
        return None


def _block():
    global _mine
    if _mine is None or _mine.owner != os.getpid():
        _mine = _Block()
    return _mine


def free_port():
    """A port of this process's block, for somebody who binds it in a moment."""
    with _block().take() as sock:
        return sock.getsockname()[1]


def listening_socket():
    """A socket that listens on a port of this process's block: it is held from here on."""
    return _block().take()


def listening(port):
    """The inodes of the sockets that listen on this port, whosever they are; None where that cannot be known."""
    try:
        return _asked(port, socket.AF_INET) | _asked(port, socket.AF_INET6)
    except (AttributeError, OSError):
        return _looked_up(port)


def _asked(port, family):
    """The kernel's own answer. Its tables under /proc hold every connection that ended lately, and cost a hundred times as much."""
    found = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as asking:  # NETLINK_SOCK_DIAG
        # SOCK_DIAG_BY_FAMILY as a dump: TCP, the state LISTEN alone, this port, everything else of the address nothing.
        question = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 1 << 10) + struct.pack("!H", port) + bytes(46)
        asking.send(struct.pack("=IHHII", 16 + len(question), 20, 0x301, 1, 0) + question)
        while True:
            said = asking.recv(65536)
            while said:
                length, kind = struct.unpack_from("=IH", said)
                if kind == 3:  # the end
                    return found
                if kind != 20:
                    raise OSError("the kernel does not tell who listens")
                if struct.unpack_from("!H", said, 20)[0] == port:
                    found.add(struct.unpack_from("=I", said, 84)[0])
                said = said[length + 3 & ~3 :]


def _looked_up(port):
    found = None
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as told:
                rows = [line.split() for line in told][1:]
        except OSError:
            continue
        found = (found or set()) | {int(row[9]) for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
    return found
