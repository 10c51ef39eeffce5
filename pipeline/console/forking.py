"""Commands in processes forked from one that has imported the slow libraries; see `pipeline.running.commands`.

It is here as it changes no result: a training run's identity has the code of each module of other rooms that is loaded;
a stage must find loaded what it would find after `python -m`. For the same reason it is no `forkserver` of
`multiprocessing`, which imports the caller's main module into every child.

`python -m pipeline.console.forking FD [MODULE ...]` imports the modules, and serves the socket FD. What it reads is a
request, 4 bytes of length and so much JSON, a job's with a file descriptor for both its outputs:
    {"job": 3, "module": "stages.train", "arguments": ["fc_vae"], "folder": "/...", "environment": {...}}
    {"job": 4, "command": ["/bin/sh", "-c", "..."], "folder": "/...", "environment": {...}}
    {"signal": 2}    to all processes of all jobs
What it writes are lines of JSON:
    {"started": 3, "process": 12345}    the leader of a process group of its own
    {"ended": 3, "status": 0, "cpu_seconds": 12.5}    status: as a shell's child has it, -N for signal N
When the socket closes, however the other side ended, it kills all jobs and ends.
"""

import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any


def main() -> None:
    """Serves; returns in each job's process, and there runs it as `python -m` does, to the interpreter's own end."""
    for name in sys.argv[2:]:
        with suppress(ImportError):
            importlib.import_module(name)
    job = _Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    if job is not None:
        if "command" in job:
            os.execvp(job["command"][0], job["command"])
        sys.argv = [job["module"], *job["arguments"]]
        runpy.run_module(job["module"], run_name="__main__", alter_sys=True)


class _Server:
    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.woken, self.wake = socket.socketpair()
        self.jobs: dict[int, int] = {}  # by process
        self.wake.setblocking(False)
        signal.set_wakeup_fd(self.wake.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)  # the default would not wake

    def serve(self) -> dict[str, Any] | None:
        """None in the server, at its end; in a job's process what it has to do."""
        try:
            while True:
                ready, _, _ = select.select([self.link, self.woken], [], [])
                if self.woken in ready:
                    self.woken.recv(4096)
                    self._reap()
                if self.link in ready:
                    request, output = self._receive()
                    if "signal" in request:
                        self._signal(request["signal"])
                    elif not self._fork(request["job"], output):
                        self._become(request, output)
                        return request
        except (EOFError, ConnectionError):
            self._signal(signal.SIGKILL)
            return None

    def _receive(self) -> tuple[dict[str, Any], int]:
        head, outputs, _, _ = socket.recv_fds(self.link, 4, 1)
        if not head:
            raise EOFError
        size, body = int.from_bytes(head), b""
        while len(body) < size:
            more = self.link.recv(size - len(body))
            if not more:
                raise EOFError
            body += more
        return json.loads(body), outputs[0] if outputs else -1

    def _fork(self, job: int, output: int) -> bool:
        """True in the server, False in the new process."""
        process = os.fork()
        if not process:
            return False
        with suppress(PermissionError, ProcessLookupError):  # both sides do it, whichever comes first
            os.setpgid(process, process)
        os.close(output)
        self.jobs[process] = job
        self._tell({"started": job, "process": process})
        return True

    def _become(self, request: dict[str, Any], output: int) -> None:
        """Makes the new process what a command's is, in a group of its own, with nothing on its input."""
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # where the server's own parent ignores it
        for end in (self.link, self.woken, self.wake):
            end.close()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.close(nothing)
        os.close(output)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])

    def _reap(self) -> None:
        while self.jobs:
            process, status, used = os.wait4(-1, os.WNOHANG)
            if not process:
                return
            ended = {"ended": self.jobs.pop(process), "status": os.waitstatus_to_exitcode(status)}
            self._tell({**ended, "cpu_seconds": used.ru_utime + used.ru_stime})

    def _tell(self, message: dict[str, Any]) -> None:
        self.link.sendall(json.dumps(message).encode() + b"\n")

    def _signal(self, number: int) -> None:
        for process in self.jobs:
            with suppress(PermissionError, ProcessLookupError):
                os.killpg(process, number)


if __name__ == "__main__":
    main()
