"""A real Prometheus before proxyd, and what its tools say. Who needs them is skipped, and says so, where they are missing."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from checks import Skip, eventually, expect
from ports import free_port

DEPLOY = pathlib.Path(__file__).resolve().parent.parent.parent / "deploy"


def program(name):
    found = shutil.which(name)
    if not found:
        raise Skip(f"no {name} here (apt-get install prometheus)")
    return found


def tool(*arguments, standard_input=""):
    """Runs promtool; gives its status and all that it printed."""
    ran = subprocess.run(
        [program("promtool"), *arguments], input=standard_input, capture_output=True, text=True, timeout=30, cwd=DEPLOY / "prometheus"
    )
    return ran.returncode, ran.stdout + ran.stderr


class Prometheus:
    """Scrapes proxyd four times a second."""

    def __init__(self, lab, p, key):
        self.url = f"http://127.0.0.1:{free_port()}"
        folder = p.folder / "prometheus"
        folder.mkdir()
        target = f"127.0.0.1:{p.admin_port or p.port}"
        (folder / "alerts.yaml").write_text((DEPLOY / "prometheus/alerts.yaml").read_text())
        # The file that is shipped, but for what differs here.
        text = (DEPLOY / "prometheus/scrape.yaml").read_text()
        text = text.replace("127.0.0.1:8180", target).replace("_interval: 15s", "_interval: 250ms")
        text = text.replace("# authorization: {type: Bearer, credentials_file: /etc/prometheus/proxyd.key}", f"authorization: {{credentials: {key}}}")
        (folder / "scrape.yaml").write_text(text)
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={folder / 'scrape.yaml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
            )
        lab.after(self.close)
        eventually(lambda: any(sample["value"][1] == "1" for sample in self.ask("up")), "a scrape that succeeded", 20)

    def close(self):
        self.process.kill()
        self.process.wait()

    def ask(self, query):
        """The samples of a query of this moment."""
        url = f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            expect(False, f"a query that Prometheus takes: {query}", error.read().decode())
        except OSError:
            return []

    def rules(self):
        """The alert rules, as far as they have been evaluated."""

        def evaluated():
            with urllib.request.urlopen(f"{self.url}/api/v1/rules", timeout=5) as answer:
                found = [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]
            return found and all(rule["health"] != "unknown" for rule in found) and found

        return eventually(evaluated, "rules that were evaluated")


def panels():
    """(board, panel, query) of all boards, with what Grafana would fill in."""
    found = []
    for path in sorted((DEPLOY / "grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$__rate_interval", "10s").replace("$__range", "1h").replace("$instance", ".*")
                expect(not re.search(r"\$\w", query), "a query without variables that the boards do not have", query)
                found.append((path.stem, panel["title"], query))
    return found
