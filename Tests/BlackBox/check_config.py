"""For the checks of --check-config: a file that is good, edits of it, and what proxyd says of a file."""

import os
import re
import subprocess
import time

from checks import expect

GOOD = """\
listen: 127.0.0.1:8180
state: ./state
upstreams:
  antigravity:
    url: http://localhost:8080
    dialect: anthropic
rules:
  - name: all
    models: ["*"]
    tiers: [antigravity]
"""


class Checked:
    """A file that was checked: the exit code, and its errors and warnings as (line, column, kind, message)."""

    def __init__(self, lab, text, *more, env=None, name="proxy.yaml", mode=0o600):
        self.folder = lab.folder
        path = lab.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        environment = {"PATH": os.environ["PATH"], "HOME": str(lab.folder), **(env or {})}
        self.begun = time.monotonic()
        done = subprocess.run(
            [lab.binary, "--check-config", "-c", str(path), *more],
            cwd=lab.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
        )
        self.seconds = time.monotonic() - self.begun
        self.code, self.stdout = done.returncode, done.stdout.decode("utf-8", "replace")
        self.text = self.stdout + done.stderr.decode("utf-8", "replace")
        self.found = [
            (int(line), int(column), kind, message)
            for line, column, kind, message in re.findall(r"proxy\.yaml:(\d+):(\d+): (error|warning): (.*)", self.text)
        ]
        self.errors = [f for f in self.found if f[2] == "error"]
        self.warnings = [f for f in self.found if f[2] == "warning"]

    def good(self):
        expect(self.code == 0 and not self.errors, "exit 0 and no errors", f"exit {self.code}: {self.text}")
        return self

    def bad(self):
        expect(self.code == 78, "exit 78", f"exit {self.code}: {self.text}")
        expect(self.errors, "errors as proxy.yaml:LINE:COL: error: …", self.text)
        return self


def edited(text, *edits):
    """The text with each (old, new) put in."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text
