"""A PostgreSQL of a check's own: Debian's server on a port of loopback and a socket in a scratch folder, gone with the check."""

import glob
import multiprocessing.util
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from checks import Skip, eventually, expect
from ports import free_port

USER = "proxyd"
PASSWORD = "p4ssw0rd-of-the-store"


def binaries():
    """The folder of the newest server's programs; a check is skipped where there is none."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise Skip("no PostgreSQL here: Debian's package is postgresql")
    return pathlib.Path(found[-1]).parent


def template(encoding, made={}):  # noqa: B006 - made once for all checks of a worker
    """A cluster that was initialised once, to be copied: that is faster than to initialise one for each check."""
    if encoding not in made:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="proxyd-postgres-"))
        hand_over(folder)
        run("initdb", "-D", folder / "data", "-U", USER, "--auth=trust", "-E", encoding, "--locale=C", "--no-sync")
        multiprocessing.util.Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=1)
        made[encoding] = folder / "data"
    return made[encoding]


def owner():
    """PostgreSQL refuses to run as root."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else None


def hand_over(path):
    if owner():
        os.chown(path, owner().pw_uid, owner().pw_gid)


def as_owner():
    user = owner()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def run(program, *arguments):
    done = subprocess.run([binaries() / program, *map(str, arguments)], capture_output=True, text=True, cwd="/", **as_owner())
    expect(done.returncode == 0, f"{program} succeeds", done.stdout + done.stderr)
    return done.stdout


class Postgres:
    def __init__(self, lab, encoding="UTF8", auth="trust", settings=()):
        self.binaries = binaries()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="proxyd-postgres-"))
        hand_over(self.folder)
        lab.after(self.close)
        self.data, self.port, self.process, self.settings = self.folder / "data", free_port(), None, list(settings)
        run_copy(template(encoding), self.data)
        (self.data / "pg_hba.conf").write_text(f"local all all trust\nhost all all 127.0.0.1/32 {auth}\n")
        self.start()
        self.sql(f"CREATE DATABASE proxyd ENCODING '{encoding}' TEMPLATE template0", database="postgres")
        self.sql(f"ALTER USER {USER} PASSWORD '{PASSWORD}'")

    def start(self):
        options = [f"-c{line}" for line in ("fsync=off", "listen_addresses=127.0.0.1", "max_connections=60", *self.settings)]
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.data, "-k", self.folder, "-p", str(self.port), *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd="/", **as_owner(),
        )  # fmt: skip
        eventually(lambda: self.psql("SELECT 1", "postgres").returncode == 0, "PostgreSQL answers", 15, 0.05)
        return self

    def replace(self, encoding="UTF8"):
        """An empty database in the place of the one that was there; who was connected is thrown out."""
        self.sql("DROP DATABASE proxyd WITH (FORCE)", database="postgres")
        self.sql(f"CREATE DATABASE proxyd ENCODING '{encoding}' TEMPLATE template0", database="postgres")

    def url(self, user=USER, password=PASSWORD, database="proxyd"):
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def psql(self, text, database="proxyd"):
        return subprocess.run(
            [self.binaries / "psql", "-h", self.folder, "-p", str(self.port), "-U", USER, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text, database],
            capture_output=True, text=True,
        )  # fmt: skip

    def sql(self, text, database="proxyd"):
        """What a statement gives, as text."""
        done = self.psql(text, database)
        expect(done.returncode == 0, f"the statement {text!r} succeeds", done.stderr)
        return done.stdout.strip()

    def number(self, text):
        return int(self.sql(text) or 0)

    def kill(self):
        """As a crash: the server's processes end with the first."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        eventually(lambda: not self.children(), "its processes end", 10, 0.05)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def children(self):
        return subprocess.run(["pgrep", "-f", f"postgres.*{self.data}"], capture_output=True, text=True).stdout.split()

    def everybody(self, number):
        """Sends a signal to the server and all of its processes."""
        parent = self.process.pid
        children = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True).stdout.split()
        for pid in [parent, *map(int, children)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def close(self):
        if self.process and self.process.poll() is None:
            self.everybody(signal.SIGCONT)
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        time.sleep(0)
        shutil.rmtree(self.folder, ignore_errors=True)


def run_copy(source, target):
    done = subprocess.run(["cp", "-a", source, target], capture_output=True, text=True)
    expect(done.returncode == 0, "the data folder is copied", done.stderr)
