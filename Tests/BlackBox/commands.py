"""For the checks of the command line: running proxyd's subcommands beside a proxyd that runs."""

import os
import subprocess

from checks import expect
from harness import ADMIN_KEY


class Ran:
    """A command that ended: its exit code, what it printed, what it said beside."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8", "replace")
        self.err = done.stderr.decode("utf-8", "replace")

    def __repr__(self):
        return f"exit {self.code}: {self.out[-400:]!r} {self.err[-400:]!r}"

    def good(self):
        expect(self.code == 0, "exit 0", repr(self))
        return self


def run(lab, *arguments, env=None, stdin=b""):
    environment = {"PATH": os.environ["PATH"], "HOME": str(lab.folder), "SWIFT_BACKTRACE": "enable=no", **(env or {})}
    return Ran(
        subprocess.run(
            [lab.binary, *map(str, arguments)], cwd=lab.folder, env=environment, input=stdin, capture_output=True, timeout=40
        )
    )


def remote(proxy, *arguments, key=ADMIN_KEY):
    """A command that asks this proxyd."""
    env = {"PROXYD_ADMIN_KEY": key} if key else {}
    address = f"http://127.0.0.1:{proxy.admin_port or proxy.port}"
    return run(proxy.lab, *arguments, "--admin", address, env=env)
