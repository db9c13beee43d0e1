"""`transformers serve` with the tiny Llama, and a proxyd before it: a server of OpenAI's formats that nobody here wrote."""

import importlib.util
import os
import subprocess
import sys
import time
import urllib.request

from checks import Skip, fail
from ports import free_port

NEEDED = ("transformers", "torch", "tokenizers", "fastapi", "uvicorn")
UPSTREAMS = {"serve": "openai", "serve-responses": "responses"}


class Serve:
    """Started once, when the first check asks for it; what it lacks is told to every check that does."""

    def __init__(self, stage):
        self.stage, self.process, self.proxy, self.missing = stage, None, None, None

    def ready(self):
        """The proxyd before it, or a check that is skipped."""
        if self.missing is None and self.proxy is None:
            self.missing = self._lacks()
            if self.missing is None:
                self._start()
        if self.missing:
            raise Skip(self.missing)
        return self.proxy

    @staticmethod
    def _lacks():
        absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if absent:
            return f"not installed: {', '.join(absent)}"
        if not os.path.exists(Serve.command()):
            return "the command `transformers` is not installed"
        return None

    @staticmethod
    def command():
        return os.path.join(os.path.dirname(sys.executable), "transformers")

    def _start(self):
        folder, here = self.stage.folder, os.path.dirname(os.path.abspath(__file__))
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "huggingface"), "OMP_NUM_THREADS": "1"}
        self.log = open(folder / "serve.log", "ab")
        to_log = {"stdin": subprocess.DEVNULL, "stdout": self.log, "stderr": self.log, "cwd": folder, "env": environment}
        made = subprocess.run([sys.executable, os.path.join(here, "tiny_llama.py"), "tiny-llama"], **to_log)
        if made.returncode != 0:
            self.missing = f"the tiny Llama could not be made: {self.tail()}"
            return
        port = free_port()
        asked = [self.command(), "serve", "tiny-llama", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
        self.process = subprocess.Popen(asked, **to_log)
        self._await(f"http://127.0.0.1:{port}/health")
        declared = [f"  {name}: {{url: 'http://127.0.0.1:{port}/v1', dialect: {dialect}}}" for name, dialect in UPSTREAMS.items()]
        rules = [f"  - {{models: [{name}], tiers: [{name}/tiny-llama]}}" for name in UPSTREAMS]
        rules += [f"  - {{models: [{name}-other], tiers: [{name}/other-llama]}}" for name in UPSTREAMS]
        self.proxy = self.stage.proxyd(
            "\n".join(["fallback: {enabled: false}", "upstreams:", *declared, "rules:", *rules]) + "\n"
        )

    def _await(self, url, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                fail(f"`transformers serve` ended with {self.process.returncode}: {self.tail()}")
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.2)
        fail(f"`transformers serve` did not start within {seconds} s: {self.tail()}")

    def tail(self):
        self.log.flush()
        return (self.stage.folder / "serve.log").read_text("utf-8", "replace")[-600:]

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if getattr(self, "log", None):
            self.log.close()
