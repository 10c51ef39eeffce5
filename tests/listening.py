"""On which addresses a process and all it started listen, as the kernel tells it (Linux)."""

import ipaddress
from pathlib import Path

LISTEN = "0A"  # https://docs.kernel.org/networking/proc_net_tcp.html


def family(root: int) -> set[int]:
    """A process and all below it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def listening(processes: set[int]) -> set[tuple[str, int]]:
    """Addresses and ports on which any of these processes listens."""
    sockets = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN:
                host, _, port = fields[1].partition(":")
                words = [bytes.fromhex(host[place : place + 8])[::-1] for place in range(0, len(host), 8)]
                sockets[f"socket:[{fields[9]}]"] = (str(ipaddress.ip_address(b"".join(words))), int(port, 16))
    found = set()
    for process in processes:
        for handle in Path(f"/proc/{process}/fd").glob("*"):
            try:
                found.add(sockets.get(str(handle.readlink())))
            except OSError:
                continue
    return {each for each in found if each}
