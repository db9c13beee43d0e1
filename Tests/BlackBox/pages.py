"""The documentation's pages as those who follow them meet them: blocks, commands that are run as they stand, files that are checked.

A page says three things to this file, in comments before a block that no reader sees:
    <!-- not run: why -->     it takes what is not here (a package manager, a browser, somebody else's server)
    <!-- try NAME -->         deploy/packaging/try runs it, in a bare Debian
    <!-- ends with 78 -->     its last command fails, and so
    <!-- a picture -->        text that nothing prints
    <!-- play: commands -->   run before the block: what the page takes for granted has come to pass
"""

import contextlib
import dataclasses
import itertools
import os
import pathlib
import re
import subprocess
import sys
import textwrap
import time

from checks import equal, eventually, expect, fail, short
from harness import ADMIN_KEY, USER_KEY
from ports import free_port
from test_examples import PROGRAMS, SERVERS, Example

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tools" / "site"))
import book  # noqa: E402

LANGUAGES = ("sh", "console", "text", "yaml", "json", "python", "promql", "ini", "nginx", "toml", "cel")
FRAME = {  # what a fragment of proxy.yaml is completed with
    "listen": "listen: 127.0.0.1:8180",
    "admin": 'admin: {key: "${PROXYD_ADMIN_KEY}"}',
    "upstreams": "upstreams:\n  anthropic: {url: http://127.0.0.1:9180, dialect: anthropic}\n"
    "  openai: {url: http://127.0.0.1:9181/v1, dialect: openai}",
    "rules": 'rules:\n  - {name: claude, models: ["claude-*"], tiers: [anthropic]}\n  - {name: everything else, tiers: [openai]}',
    "keys": 'keys: [{name: me, key: "${MY_KEY}"}]',
}
# Lines that stay in the foreground of a terminal of their own.
STAYS = re.compile(r"^\s*(?:\S*/)?proxyd (?:simulate|run|--config)\b(?!.*--check-config).*$")
# What a line is run as: what stands for the machine that the page speaks of.
LINES = [
    (r"^make (build|test)\b.*", "true"),
    (r"^systemctl reload proxyd\b", "proxyd reload"),
    (r"-o root -g proxyd ", ""),
    (r"^sudo (-u proxyd )?", ""),
]


# What curl prints and ends well all the same.
REFUSED = re.compile(r'(HTTP/1\.1 [45]\d\d|\{"type":"error"|\{"error":\{)')


@dataclasses.dataclass
class Block:
    page: str
    line: int
    language: str
    text: str
    before: str  # the paragraph above it
    comments: list

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    def comment(self, start):
        """What a comment that begins so goes on with."""
        return next((text[len(start) :].strip() for text in self.comments if text.startswith(start)), None)


def blocks(page, text=None):
    """All blocks of a page, files of etc/ that it shows with them. A block that is none of ours is an error."""
    found, comments, last, fence, comment = [], [], "", None, None
    lines = book.shown(page, text or (ROOT / page).read_text()).splitlines()
    for number, line in enumerate(lines, 1):
        if fence is not None:
            if line.startswith("```"):
                found[-1].text, fence = "\n".join(fence) + "\n", None
            else:
                fence.append(line)
            continue
        if comment is not None or line.startswith("<!--"):
            comment = [*(comment or []), line]
            if line.endswith("-->"):
                comments.append("\n".join(comment).removeprefix("<!--").removesuffix("-->").strip())
                comment = None
            continue
        if line.startswith("```"):
            language = line[3:].strip()
            expect(language in LANGUAGES, f"{page}:{number}: a block is one of {', '.join(LANGUAGES)}", line)
            found.append(Block(page, number, language, "", last, comments))
            comments, fence = [], []
            continue
        expect("```" not in line and "~~~" not in line, f"{page}:{number}: a fence stands at the beginning of its line", line)
        if line.startswith("    ") and not lines[number - 2].strip() and not in_list(lines, number - 1):
            found.append(indented(page, number, lines))
        if line.strip():
            last, comments = line, []
        elif not comments and not (number < len(lines) and lines[number].startswith("```")):
            last = ""
    expect(fence is None, f"{page}: the last fence has an end")
    return found


def indented(page, number, lines):
    """A block without a fence: a talk with a shell, or one that nothing here runs."""
    own = list(itertools.takewhile(lambda line: line.startswith("    ") or not line.strip(), lines[number - 1 :]))
    talk = own[0].startswith("    $ ")
    text = "\n".join(line[4:] for line in own).strip() + "\n"
    return Block(page, number, "console" if talk else "text", text, "", [] if talk else ["not run: it stands in no fence"])


def in_list(lines, at):
    """Whether the indented line belongs to an item above it."""
    for line in reversed(lines[:at]):
        if line.strip() and not line.startswith(" "):
            return bool(re.match(r"([-*]|\d+\.) |:   ", line))
    return False


# ---------------------------------------------------------------- YAML


def keys_of(text):
    return re.findall(r"^\"?([\w.*-]+)\"?:", text, re.M)


def completed(text, schema):
    """A fragment as a whole file: what is missing is the frame's; parts of an upstream or of a section get one around them."""
    indent = min(len(line) - len(line.lstrip()) for line in text.splitlines() if line.strip())
    text = "\n".join(line[indent:] for line in text.splitlines()) + "\n"
    names = keys_of(text)
    if names and all(name in schema["properties"] for name in names):
        frame = dict(FRAME)
        if "upstreams" in names:
            first = re.search(r"^upstreams:\n(?: *#.*\n)*  ([\w-]+):", text, re.M)
            frame["rules"] = f"rules: [{{name: everything, tiers: [{first.group(1)}]}}]"
        return "\n".join(line for name, line in frame.items() if name not in names) + "\n" + text
    inner = "\n".join("  " + line for line in text.splitlines())
    upstream = schema["properties"]["upstreams"]["additionalProperties"]["properties"]
    around = [key for key, section in schema["properties"].items() if names and set(names) <= set(section.get("properties", {}))]
    if indent and around and not set(names) <= set(upstream):
        return completed(f"{around[0]}:\n{inner}\n", schema)
    if all(re.search(rf"^  {re.escape(name)}:.*(\{{|$)", inner, re.M) for name in names) and re.search(r"\b(preset|url):", inner):
        body, first = f"upstreams:\n{inner}\n", names[0]
    else:
        inner = "\n".join("  " + line for line in inner.splitlines())
        body = "upstreams:\n  anthropic:\n    url: http://127.0.0.1:9180\n    dialect: anthropic\n" + inner + "\n"
        first = "anthropic"
    rest = [line for name, line in FRAME.items() if name not in ("upstreams", "rules")]
    return "\n".join(rest) + "\n" + body + f"rules: [{{name: everything, tiers: [{first}]}}]\n"


def is_whole(text):
    return {"upstreams", "rules"} <= set(keys_of(text))


class Named:
    """A text with the name that a file would have."""

    def __init__(self, name, text):
        self.name, self.text = name, text

    def read_text(self):
        return self.text


# ---------------------------------------------------------------- a page that is followed


class Reader:
    """Somebody who follows a page in a folder of his own: a shell, a proxyd, simulated vendors; ports and places are put in others' place."""

    def __init__(self, lab, schema):
        self.lab, self.schema, self.started, self.told = lab, schema, False, ""
        self.folder = lab.folder / "page"
        for name in ("bin", "etc/proxyd", "run/secrets/proxyd", "var/lib/proxyd", "var/log/proxyd", "var/backups", ".build/release", "credentials", "tls"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.ports = {number: free_port() for number in (8180, 8181, 9180, 9181, 443)}
        self.places = {path: f"{self.folder}{path}" for path in ("/run/secrets/proxyd", "/etc/proxyd", "/var/lib/proxyd", "/var/log/proxyd", "/var/backups", "/etc/letsencrypt/live")}
        self.env = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": str(self.folder), "LANG": "C.UTF-8", "SWIFT_BACKTRACE": "enable=no",
            "PROXYD_ADMIN_KEY": ADMIN_KEY, **PROGRAMS, **SERVERS, "CREDENTIALS_DIRECTORY": f"{self.folder}/credentials",
            "STATE_DIRECTORY": f"{self.folder}/var/lib/proxyd",
        }  # fmt: skip
        self.tools()
        self.secrets("tls/server.pem tls/fullchain.pem tls/privkey.pem")
        self.file(FRAME_FILE, "proxy.yaml")
        (self.folder / "new.yaml").write_text((self.folder / "proxy.yaml").read_text())
        self.shell = subprocess.Popen(
            ["bash", "--norc", "-O", "expand_aliases"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self.folder, env=self.env, start_new_session=True,
        )  # fmt: skip
        lab.after(self.end)

    def end(self):
        # Of its session alone, in which all is that it started.
        os.killpg(self.shell.pid, 9)
        self.shell.wait()
        with contextlib.suppress(BrokenPipeError):
            self.shell.stdin.close()

    def tools(self):
        """proxyd, and what stands for the service manager's tools."""
        binary, log = self.lab.binary, self.folder / "proxyd.log"
        asks = "audit|backup|explain|keys|ledger|limits|models|reload|usage"
        self.tool(
            "proxyd",
            f'case "$1" in {asks}) case "$*" in *--admin*|*--config*|*" -c "*|*--state*) ;; '
            f'*) set -- "$@" --admin http://127.0.0.1:{self.ports[8180]} ;; esac ;; '
            f'health) [ $# -gt 1 ] || set -- "$@" --url http://127.0.0.1:{self.ports[8180]} ;; esac\nexec {binary} "$@"',
        )
        self.tool(
            "journalctl",
            'level=; words=\nwhile [ $# -gt 0 ]; do case "$1" in -p) level=" (warning|error|critical) "; shift;; -g) words="$2"; shift;; '
            f'-u) shift;; esac; shift; done\ngrep -E "$level" {log} | grep -E "$words" || true',
        )
        self.tool("systemctl", "exit 0")
        (self.folder / ".build/release/proxyd").symlink_to(self.folder / "bin/proxyd")

    def tool(self, name, script):
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def here(self, text):
        """The text with this folder's places and ports."""
        for path, place in self.places.items():
            text = re.sub(rf"(?<![\w.}}]){re.escape(path)}\b", place, text)
        for number, port in self.ports.items():
            text = re.sub(rf"(?<=:){number}\b|(?<=port ){number}\b", str(port), text)
        return text

    def there(self, text):
        """The text with the page's."""
        for path, place in self.places.items():
            text = text.replace(place, path)
        for number, port in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(number), text)
        return text.replace(f"{self.folder}/", "")

    # ------------------------------------------------------------ files

    def file(self, text, name):
        """A file of the page, with vendors on loopback in the place of others; what its references name is there."""
        if is_whole(text):
            text = self.lead(text) if "127.0.0.1:918" not in text else text
            text = text if "listen" in keys_of(text) else FRAME["listen"] + "\n" + text
        text = self.here(text)
        self.secrets(text)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        if name == "proxy.yaml":
            (self.folder / "etc/proxyd/proxy.yaml").write_text(text)
        return path

    def lead(self, text):
        example = Example.__new__(Example)
        example.lab, example.providers, example.ups = self.lab, {}, {}
        self.example = example
        return example.upstreams(text, self.folder)

    def secrets(self, text):
        for name in re.findall(r"\$\{([A-Z][A-Z0-9_]*)\}", text):
            self.env.setdefault(name, "http://127.0.0.1:9/" if "HOOK" in name else f"provider-key-{name.lower()}")
        for name in re.findall(r"\$\{credential:([^}]+)\}", text):
            (self.folder / "credentials" / name).write_text("provider-key-of-a-credential")
        for name in re.findall(r"\$\{file:([^}]+)\}", text):
            place = self.folder / name
            expect(str(place).startswith(str(self.folder)), "a file of this folder", name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("provider-key-of-a-file-" + place.name)
        for name in re.findall(r"[\w./-]+\.pem", text):
            kind = "server.key" if "privkey" in name else "root.pem" if "ca" in name.rpartition("/")[2] else "server.pem"
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((ROOT / "Tests" / "Certificates" / kind).read_bytes())

    def check(self, block):
        """proxyd check of a block of YAML, whole or a fragment; gives the file where it is whole."""
        whole = is_whole(block.text)
        text = block.text if whole else completed(block.text, self.schema)
        named = re.findall(r"`([\w.-]+\.yaml)`[^`]*:$", block.before)
        path = self.file(text, (named[-1] if named else "proxy.yaml") if whole else "fragment.yaml")
        done = subprocess.run([self.lab.binary, "check", path], capture_output=True, text=True, env=self.env, cwd=self.folder)
        equal(done.returncode, 0, f"{block.place}: proxyd check: {done.stdout}{done.stderr}\n{text}")
        # What the page's next commands meet.
        if whole or ("upstreams" in keys_of(block.text) and not self.started):
            self.config, self.started = path, False
            self.export()

    def export(self):
        for name, value in self.env.items():
            if name not in ("PATH", "HOME"):
                self.shell.stdin.write(f"export {name}='{value}'\n".encode())

    # ------------------------------------------------------------ commands

    def start(self):
        """proxyd with the page's last file, where the page does not start it itself."""
        if not self.started:
            if not hasattr(self, "config"):
                self.config = self.folder / "proxy.yaml"
            if "127.0.0.1:918" in self.here_not(self.config.read_text()):
                self.type(f"{self.alone('simulate')} proxyd simulate --port {self.ports[9180]} > simulated.log 2>&1 &", "simulate")
                self.type(f"proxyd simulate --port {self.ports[9181]} --name spare > spare.log 2>&1 &", "simulate")
                self.answers(self.ports[9180], "/health")
                self.answers(self.ports[9181], "/health")
            self.type(f"{self.alone('run')} proxyd --config {self.config} > proxyd.log 2>&1 &\nrun=$!", "start")
            self.started = True
            self.answers(self.ports[8180], "/healthz")

    def here_not(self, text):
        return self.there(text)

    def alone(self, kind):
        """What ends the one before it, as somebody does who begins anew in the same terminal."""
        return '[ -z "$run" ] || { kill $run; wait $run; }; ' if kind == "run" else ""

    def answers(self, port, path):
        import wire

        def there():
            try:
                with wire.Connection(port, timeout=2) as connection:
                    return connection.ask("GET", path).status == 200
            except OSError:
                return False

        eventually(there, f"something that answers {path} at port {port}; {self.log()}", 15)

    def log(self):
        path = self.folder / "proxyd.log"
        return path.read_text("utf-8", "replace")[-1500:] if path.exists() else ""

    def type(self, text, what, may_fail=None):
        """Lines into the shell; gives what they print once they are done."""
        script, out, done = (self.folder / name for name in (".lines", ".out", ".done"))
        script.write_text(text + "\n")
        done.unlink(missing_ok=True)
        trap = "set -E; trap 'echo \"$? $BASH_COMMAND\" >> .failed' ERR; "
        (self.folder / ".failed").unlink(missing_ok=True)
        self.shell.stdin.write(f"{trap} . ./.lines > .out 2>&1 < /dev/null; trap - ERR; echo > .done\n".encode())
        self.shell.stdin.flush()
        deadline = time.monotonic() + 25
        while not done.exists():
            if self.shell.poll() is not None or time.monotonic() > deadline:
                fail(f"{what} does not end: {short(out.read_text() if out.exists() else '')}")
            time.sleep(0.005)
        told = out.read_text("utf-8", "replace")
        failed = self.folder / ".failed"
        if may_fail is not None:
            expect(failed.exists() and failed.read_text().split()[0] == may_fail, f"{what} ends with {may_fail}", told)
        elif failed.exists():
            fail(f"{what} failed: {failed.read_text().strip()}; {short(self.there(told), 900)}; {self.log()}")
        return told

    def play(self, block):
        """What came to pass before the block, by its comments."""
        if block.comment("play:"):
            self.run(dataclasses.replace(block, text=block.comment("play:"), comments=[]))

    def run(self, block):
        """The lines of a block, as they stand."""
        for name in set(re.findall(r"(?<![\w/.])etc/[\w/-]+\.yaml", block.text)):
            self.file((ROOT / name).read_text(), name)
            self.export()
        lines = []
        for line in block.text.splitlines():
            if re.match(r"make run\b|proxyd demo\b", line):
                self.demo()
                continue
            stays = STAYS.match(line)
            for pattern, instead in LINES:
                line = re.sub(pattern, instead, line)
            line = self.here(line)
            if stays:
                self.started = True
                log = "proxyd.log" if "simulate" not in line else f"simulated-{len(lines)}.log"
                line = line.partition("  #")[0].rstrip(" &")
                kind = "simulate" if "simulate" in line else "run"
                lines.append(f"{self.alone(kind)}{line} > {log} 2>&1 &\n" + ("run=$!" if kind == "run" else "true"))
                lines.append(f"for _ in $(seq 300); do curl -fso /dev/null http://127.0.0.1:{self.port_of(line)}/health && break; sleep 0.05; done")
            else:
                lines.append(line)
        if not self.started and re.search(r":8180/|BASE_URL|proxyd (keys|limits|usage|audit|explain|models|reload|health|backup|ledger)|journalctl", block.text):
            self.start()
        self.told = self.there(self.type("\n".join(lines), block.place, block.comment("ends with")))
        return self.told

    def demo(self):
        """What `proxyd demo` starts, at ports of its own: its file, and the vendors that it pretends."""
        source = (ROOT / "Sources/ProxyCore/Configuration/EmbeddedDefaults.swift").read_text()
        text = textwrap.dedent(re.search(r'example = """\n(.*?)"""', source, re.S).group(1))
        named = dict(re.findall(r'static let (\w+) = "(.*)"', source))
        text = re.sub(r"\\\((\w+)\)", lambda found: named[found.group(1)], text)
        self.env.pop("PROXYD_ADMIN_KEY", None)
        self.type("unset PROXYD_ADMIN_KEY", "demo")
        self.config = self.file(text, "proxy.yaml")
        self.start()

    def served(self, block):
        """No answer that the commands got is an error, where the page shows none."""
        refused = [line for line in self.told.splitlines() if REFUSED.match(line)]
        expect(not refused, f"{block.place}: answers that are no errors", refused)

    def port_of(self, line):
        found = re.search(r"--port (\d+)", line)
        return found.group(1) if found else self.ports[8180]

    def talk(self, block):
        """Commands behind a $, each with what it prints."""
        for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
            command, _, told = part.partition("\n")
            self.run(dataclasses.replace(block, text=command))
            self.printed(dataclasses.replace(block, text=told))

    def printed(self, block):
        """The lines of a block of text are what the commands before it printed, in order; … is anything."""
        rest = [" ".join(line.split()) for line in self.told.replace("\r", "").splitlines()]
        for line in block.text.splitlines():
            wanted = " ".join(line.split())
            if not wanted or wanted == "…":
                continue
            pattern = ".*".join(map(re.escape, wanted.split("…")))
            at = next((i for i, given in enumerate(rest) if re.fullmatch(pattern, given)), None)
            if at is None:
                fail(f"{block.place}: the commands before print {line!r}; got: {short(self.told, 1500)}; {self.log()}")
            rest = rest[at + 1 :]


FRAME_FILE = "\n".join(FRAME.values()) + "\n"
