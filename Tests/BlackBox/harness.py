"""What a check stands on: proxyd as a process of its own in a folder of its own, and upstreams beside it."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import wire
from checks import Failure, eventually, expect, fail, short
from dialects import DIALECTS, compact
from ports import free_port, listening
from upstream import Upstream

USER_KEY = "sk-user-0123456789abcdefghijklmnop"
ADMIN_KEY = "sk-admin-zyxwvutsrqponmlkjihgfedcba"

DEFAULTS = {  # what a configuration gets that does not say it itself
    "listen": "listen: 127.0.0.1:@PORT@",
    "admin": f"admin: {{key: {ADMIN_KEY}}}",
    "state": "state: '@DIR@/state'",
    "timezone": "timezone: Asia/Singapore",
    "keys": f"keys: [{{name: user, key: {USER_KEY}}}]",
}


class Lab:
    """Everything one check starts; `close` ends it all."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="proxyd-blackbox-"))
        self.proxies, self.upstreams, self._cleanups = [], [], []
        self._idle, self._unused = [], []  # what the rows before have left: of proxies, of upstreams
        wire.TRACE.clear()

    def renew(self):
        """For a further row: its upstreams are those there are, as if they were new, and so is a proxyd of the same configuration."""
        with contextlib.ExitStack() as ends:
            while self._cleanups:
                ends.callback(self._cleanups.pop())
        for up in self.upstreams:
            up.renew()
        self._idle, self._unused = [proxy for proxy in self.proxies if proxy.is_as_made], list(self.upstreams)
        wire.TRACE.clear()

    def upstream(self):
        if self._unused:
            return self._unused.pop(0)
        self.upstreams.append(Upstream())
        return self.upstreams[-1]

    def dead_url(self):
        """An address where nothing listens."""
        return f"http://127.0.0.1:{free_port()}"

    def proxyd(self, config, start=True, env=None, **places):
        """proxyd with this configuration; @PORT@, @DIR@ and the names in `places` are filled in."""
        for proxy in self._idle:
            if start and proxy.made == (config, env or {}, places):
                self._idle.remove(proxy)
                return proxy
        for proxy in self._idle:
            proxy.kill()
        self._idle = []
        proxy = Proxyd(self, config, env or {}, places)
        self.proxies.append(proxy)
        return proxy.start() if start else proxy

    def simple(self, more="", rules=None, **keywords):
        """proxyd before one provider that speaks every dialect: claude-*, gpt-* and gemini-* go where they belong."""
        up = self.upstream()
        rules = rules or """
            - {name: claude, models: ["claude-*"], tiers: [claude]}
            - {name: gpt, models: ["gpt-*"], tiers: [gpt]}
            - {name: gemini, models: ["gemini-*"], tiers: [gemini]}"""
        config = f"""
upstreams:
  claude: {up.declare("anthropic")}
  gpt: {up.declare("openai")}
  gemini: {up.declare("gemini")}
rules:{indented(rules, 2)}
{more}
"""
        return self.proxyd(config, **keywords), up

    def tiers(
        self, count=2, dialect="anthropic", fallback="", extra="", more="", accounts=("one",), rule="", tier="{0}/{1}", **keywords
    ):
        """proxyd with one rule over providers t1, t2, …; the tier tN asks its provider for model-N."""
        ups = [self.upstream() for _ in range(count)]
        declared = "".join(f"\n  t{i}: {up.declare(dialect, accounts, extra)}" for i, up in enumerate(ups, 1))
        named = ", ".join(tier.format(f"t{i}", f"model-{i}") for i in range(1, count + 1))
        config = f"""
upstreams:{declared}
fallback: {{{fallback}}}
rules:
  - {{name: all, models: ["*"], tiers: [{named}]{', ' + rule if rule else ''}}}
{more}
"""
        return (self.proxyd(config, **keywords), *ups)

    def after(self, cleanup):
        self._cleanups.append(cleanup)

    def expect_alive(self):
        for proxy in self.proxies:
            proxy.expect_alive()

    def story(self):
        """For a failure: whether proxyd died of it, and the last exchanges."""
        time.sleep(0.2)  # a process that crashed may still be ending
        deaths = [death for death in (proxy.death() for proxy in self.proxies) if death]
        return "".join(f"; {line}" for line in [*deaths, *wire.TRACE])

    def logs(self):
        return "\n".join(f"    | {line}" for proxy in self.proxies for line in proxy.output().splitlines()[-15:])

    def close(self):
        with contextlib.ExitStack() as ends:  # from the last to the first, each whatever comes of the others
            ends.callback(shutil.rmtree, self.folder)
            for up in self.upstreams:
                ends.callback(up.close)
            for proxy in self.proxies:
                ends.callback(proxy.kill)
            for cleanup in reversed(self._cleanups):
                ends.callback(cleanup)


class Proxyd:
    def __init__(self, lab, config, env, places):
        self.lab, self.process, self.meant_to_end = lab, None, False
        self.folder = lab.folder / f"proxyd{len(lab.proxies)}"
        self.folder.mkdir()
        self.port, self.admin_port = free_port(), None
        self.places = {"PORT": self.port, "DIR": self.folder, **places}
        self.state = self.folder / "state"
        self.config = self.folder / "proxy.yaml"
        self.env = env
        self.write(config)
        self.made = (config, dict(env), places)

    # ------------------------------------------------------------ configuration

    def compose(self, text):
        """The configuration with what it leaves out, placeholders filled in."""
        given = set(re.findall(r"^(\w+):", text, re.M))
        text = "".join(f"{line}\n" for key, line in DEFAULTS.items() if key not in given) + text
        for name, value in self.places.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    def write(self, text):
        """Saves the configuration in place."""
        self.made = None
        self.config.write_text(self.compose(text))

    def replace(self, text):
        """Saves the configuration as careful editors do: a new file, renamed over the old one."""
        self.made = None
        fresh = self.folder / ".proxy.yaml.new"
        fresh.write_text(self.compose(text))
        os.replace(fresh, self.config)

    # ------------------------------------------------------------ the process

    def spawn(self, *arguments, env=None):
        """Starts the binary with these arguments; its output goes to stdout.log and stderr.log."""
        environment = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        # A backtrace takes seconds in which a crash looks like silence; set the variable to have it.
        environment["SWIFT_BACKTRACE"] = os.environ.get("SWIFT_BACKTRACE", "enable=no")
        with open(self.folder / "stdout.log", "ab") as out, open(self.folder / "stderr.log", "ab") as err:
            self.process = subprocess.Popen(
                [self.lab.binary, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**environment, **self.env, **(env or {})},
                cwd=self.folder,
            )
        self.meant_to_end = False
        return self

    def start(self):
        self.spawn("--config", str(self.config))
        self.wait_ready()
        return self

    def wait_ready(self, within=20.0):
        deadline = time.monotonic() + within
        time.sleep(0.03)  # it never takes less
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.meant_to_end = True
                fail(f"proxyd ended with {self.process.returncode} instead of starting: {short(self.output()[-600:], 600)}")
            try:
                with wire.Connection(self.port, timeout=2) as connection:
                    if connection.ask("GET", "/healthz").status == 200 and self.owns(self.port):
                        wire.TRACE.clear()
                        return
            except (OSError, Failure):
                pass
            time.sleep(0.01)
        fail(f"expected 200 of GET /healthz within {within:g} s of the start; output: {short(self.output()[-600:], 600)}")

    def owns(self, port):
        """Whether it is this process that listens there: another one's answers would be taken for its own."""
        sockets = listening(port)
        try:
            held = {os.readlink(entry.path) for entry in os.scandir(f"/proc/{self.process.pid}/fd")}
        except OSError:  # a descriptor was closed meanwhile, or the process ended
            return sockets is None
        return sockets is None or any(f"socket:[{inode}]" in held for inode in sockets)

    def wait_listening(self, port, host="127.0.0.1"):
        """Waits until a further listener takes connections."""

        def connects():
            try:
                wire.Connection(port, host, timeout=1).close()
                return True
            except OSError:
                return False

        eventually(connects, f"a listener at {host}:{port}")

    def death(self):
        """What there is to say when it ended although nothing here ended it."""
        if self.process and not self.meant_to_end and self.process.poll() is not None:
            return f"proxyd died with {self.process.returncode}: {short(self.output()[-600:], 600)}"
        return None

    def expect_alive(self):
        if self.death():
            fail(self.death())

    @property
    def is_as_made(self):
        """Whether it runs, and nobody has given it another configuration or a signal."""
        return self.made and self.process and self.process.poll() is None

    def signal(self, number):
        self.made = None
        self.process.send_signal(number)

    def wait(self, within=20.0):
        """Waits until the process ended, and gives its exit code."""
        self.meant_to_end = True
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            fail(f"expected proxyd to end within {within:g} s")

    def stop(self, within=20.0):
        """SIGTERM; gives the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(within)

    def kill(self):
        """SIGKILL, nothing left to chance."""
        self.meant_to_end = True
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart(self, hard=False):
        self.kill() if hard else self.stop()
        return self.start()

    def resident(self):
        """Resident memory in bytes."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024

    def output(self):
        return "".join(
            (self.folder / name).read_text("utf-8", "replace")
            for name in ("stdout.log", "stderr.log")
            if (self.folder / name).exists()
        )

    def written(self):
        """Everything it wrote: its output and all of its state, as bytes."""
        files = [
            self.folder / "stdout.log",
            self.folder / "stderr.log",
            *(path for path in self.state.rglob("*") if path.is_file()),
        ]
        return {path.name: path.read_bytes() for path in files if path.exists()}

    # ------------------------------------------------------------ requests

    def connect(self, **keywords):
        connection = wire.Connection(self.port, **keywords)
        self.lab.after(connection.close)
        return connection

    def headers(self, key=USER_KEY, headers=()):
        more = list(headers.items()) if isinstance(headers, dict) else list(headers)
        return ([("Authorization", f"Bearer {key}")] if key else []) + more

    def send(self, method, target, body=None, key=USER_KEY, headers=(), port=None, timeout=15):
        """One request on a connection of its own."""
        body = compact(body) if isinstance(body, (dict, list)) else body
        with wire.Connection(port or self.port, timeout=timeout) as connection:
            return connection.ask(method, target, self.headers(key, json_type(headers, body)), body)

    def ask(self, dialect="anthropic", model=None, stream=False, key=USER_KEY, headers=(), **fields):
        """A model request in this dialect, streamed or whole; the body is read to its end."""
        dialect = DIALECTS[dialect] if isinstance(dialect, str) else dialect
        return self.send("POST", dialect.path, dialect.request(model, stream, **fields), key, headers)

    def open_stream(self, dialect="anthropic", model=None, **fields):
        """A streamed request whose answer is read event by event."""
        dialect = DIALECTS[dialect] if isinstance(dialect, str) else dialect
        connection = self.connect()
        body = dialect.request(model, True, **fields)
        connection.request("POST", dialect.path, self.headers(headers=json_type((), body)), body)
        return connection.stream()

    def admin(self, method, path, body=None, key=ADMIN_KEY, headers=()):
        return self.send(method, path, body, key, headers, port=self.admin_port)

    def get(self, path):
        """An admin call that must succeed, as JSON."""
        answer = self.admin("GET", path)
        expect(answer.status == 200, f"200 of GET {path}", repr(answer))
        return answer.json()

    def health(self):
        return self.send("GET", "/health", key=None).json()

    def create_key(self, name="made", **more):
        answer = self.admin("POST", "/admin/keys", {"name": name, **more})
        expect(answer.status in (200, 201), "200 or 201 of POST /admin/keys", repr(answer))
        return answer.json()

    def wait_polled(self, *ups, more=1, total=None):
        """Waits until each upstream's /health was asked again (or `total` times) and what it said can be in force."""
        goals = [(up, total or len(up.polls) + more) for up in ups]
        for up, goal in goals:
            eventually(lambda: len(up.polls) >= goal, "a poll of the upstream's /health", 8)
        time.sleep(0.25)  # the answer still has to be read and put in force

    def wait_log(self, part, within=5.0):
        eventually(lambda: part in self.output(), f"{part!r} in the log", within)


def json_type(headers, body):
    """The headers with a content type for a body that has none."""
    headers = list(headers.items()) if isinstance(headers, dict) else list(headers)
    if body is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return headers


def indented(text, by):
    """The lines of `text` moved to that indentation, a line break first."""
    lines = [line for line in text.splitlines() if line.strip()]
    least = min(len(line) - len(line.lstrip()) for line in lines)
    return "".join("\n" + " " * by + line[least:] for line in lines)


def served(answer, what="the answer"):
    """The answer is a 200 and whole."""
    expect(answer.status == 200, f"{what} is a 200", repr(answer))
    expect(answer.complete, f"{what} is whole", repr(answer))
    return answer
