"""Saving the file: whatever an editor, a script or a volume does to put a new text there, it is in force once, soon, and never half.

PROXYD_SAVES= (4) is how often each way is gone."""

import os
import pathlib
import shutil
import subprocess
import time

from checks import check, equal, eventually, expect
from harness import ADMIN_KEY
from test_reload import Switch

ROUNDS = int(os.environ.get("PROXYD_SAVES", "4"))  # of each way


class Saved:
    """A configuration in a folder of its own, and how long it takes until a text that was put there is in force."""

    def __init__(self, lab, place=lambda folder: folder / "proxy.yaml", prepare=None):
        self.s = Switch(lab, start=False)
        self.folder = self.s.p.folder / "etc"
        self.folder.mkdir()
        if prepare:
            prepare(self)
        else:
            place(self.folder).write_text(self.text("a", 0))
        self.s.p.config = place(self.folder)
        self.s.p.start()
        equal(self.s.now(), "a", "the answer before")

    def text(self, name, number):
        return self.s.full(name, f"# save {number} {'padding ' * 300}")

    def rounds(self, save):
        for number in range(1, ROUNDS + 1):
            name = "ba"[number % 2 == 0]
            before = self.s.p.health()["config"]["generation"]
            save(self, self.text(name, number), number)
            written = time.monotonic()
            # Twice the second that it may take: the machine has others to serve too.
            self.s.becomes(name, 2.0)
            expect(time.monotonic() - written < 2.0, "in force within two seconds", time.monotonic() - written)
            time.sleep(0.35)
            health = self.s.p.health()["config"]
            equal((health["generation"], health["error"]), (before + 1, None), f"generation and error after save {number}")


def in_place(saved, text, _number):
    (saved.folder / "proxy.yaml").write_text(text)


def in_pieces(saved, text, _number):
    with open(saved.folder / "proxy.yaml", "w") as out:
        for at in range(0, len(text), 700):
            out.write(text[at : at + 700])
            out.flush()
            time.sleep(0.02)


def without_truncation(saved, text, _number):
    """As `dd conv=notrunc` does: over the old text, then cut to length."""
    with open(saved.folder / "proxy.yaml", "r+") as out:
        out.write(text)
        out.truncate()


def renamed_over(saved, text, _number):
    fresh = saved.folder / ".proxy.yaml.tmp"
    fresh.write_text(text)
    os.replace(fresh, saved.folder / "proxy.yaml")


def renamed_from_elsewhere(saved, text, _number):
    fresh = saved.folder.parent / "fresh.yaml"
    fresh.write_text(text)
    os.replace(fresh, saved.folder / "proxy.yaml")


def deleted_and_created(saved, text, _number):
    (saved.folder / "proxy.yaml").unlink()
    (saved.folder / "proxy.yaml").write_text(text)


def deleted_and_created_later(saved, text, _number):
    (saved.folder / "proxy.yaml").unlink()
    time.sleep(0.05)
    (saved.folder / "proxy.yaml").write_text(text)


def with_a_pause(saved, text, _number):
    """A new file, of which half is there for longer than any quiet moment takes."""
    (saved.folder / "proxy.yaml").unlink()
    with open(saved.folder / "proxy.yaml", "w") as out:
        out.write(text[: len(text) // 2])
        out.flush()
        time.sleep(0.3)
        os.chmod(saved.folder / "proxy.yaml", 0o600)
        time.sleep(0.3)
        out.write(text[len(text) // 2 :])


def vim(saved, text, _number):
    """backupcopy=no: a backup by rename, a new file, the backup gone; and the number 4913 that tries whether one may write there."""
    probe = saved.folder / "4913"
    probe.touch()
    probe.unlink()
    os.rename(saved.folder / "proxy.yaml", saved.folder / "proxy.yaml~")
    (saved.folder / "proxy.yaml").write_text(text)
    (saved.folder / "proxy.yaml~").unlink()


def vim_copying(saved, text, _number):
    """backupcopy=yes: a backup by copy, then in place."""
    shutil.copy(saved.folder / "proxy.yaml", saved.folder / "proxy.yaml~")
    (saved.folder / "proxy.yaml").write_text(text)
    (saved.folder / "proxy.yaml~").unlink()


def emacs(saved, text, _number):
    lock = saved.folder / ".#proxy.yaml"
    lock.symlink_to("somebody@somewhere.1")
    os.rename(saved.folder / "proxy.yaml", saved.folder / "proxy.yaml~")
    (saved.folder / "proxy.yaml").write_text(text)
    lock.unlink()


def sed(saved, text, _number):
    """sed -i: a new file of another name, renamed over."""
    fresh = saved.folder / "sedXYZ"
    fresh.write_text(text)
    shutil.copymode(saved.folder / "proxy.yaml", fresh)
    os.rename(fresh, saved.folder / "proxy.yaml")


def copied(saved, text, _number):
    fresh = saved.folder / "new"
    fresh.write_text(text)
    subprocess.run(["cp", str(fresh), str(saved.folder / "proxy.yaml")], check=True)


def installed(saved, text, _number):
    fresh = saved.folder / "new"
    fresh.write_text(text)
    subprocess.run(["install", "-m", "600", str(fresh), str(saved.folder / "proxy.yaml")], check=True)


def linked(saved, text, number):
    """link(2) under a name of its own, renamed over: what some package managers do."""
    fresh = saved.folder.parent / f"version{number}"
    fresh.write_text(text)
    os.link(fresh, saved.folder / "link")
    os.rename(saved.folder / "link", saved.folder / "proxy.yaml")


WAYS = {
    "in place": in_place,
    "in place, in pieces": in_pieces,
    "in place without truncation": without_truncation,
    "by rename": renamed_over,
    "by rename from another folder": renamed_from_elsewhere,
    "by deletion and creation": deleted_and_created,
    "by deletion, and creation a moment later": deleted_and_created_later,
    "by creation with a pause in the midst": with_a_pause,
    "as vim does": vim,
    "as vim does with backupcopy=yes": vim_copying,
    "as emacs does": emacs,
    "as sed -i does": sed,
    "by cp": copied,
    "by install": installed,
    "by a hard link, renamed over": linked,
}


@check("a file saved {way} is in force within a second or two, once, each time", rows=list(WAYS), seconds=60 + 5 * ROUNDS)
def _(lab, way):
    Saved(lab).rounds(WAYS[way])


@check("a file written through another hard link in another folder is in force", seconds=60)
def _(lab):
    saved = Saved(lab)
    other = saved.folder.parent / "elsewhere"
    other.mkdir()
    os.link(saved.folder / "proxy.yaml", other / "same.yaml")
    # The link count has changed, nothing else: no reload.
    time.sleep(0.3)
    saved.rounds(lambda saved, text, _number: (other / "same.yaml").write_text(text))


@check("a folder that is replaced with the file in it is in force: {how}", rows=["its own", "the one above"], seconds=60)
def _(lab, how):
    deep = how == "the one above"

    def prepare(saved):
        first = saved.folder / "conf" / ("inner" if deep else "")
        first.mkdir(parents=True)
        (first / "proxy.yaml").write_text(saved.text("a", 0))

    def save(saved, text, number):
        fresh = saved.folder / f"conf{number}"
        inner = fresh / ("inner" if deep else "")
        inner.mkdir(parents=True)
        (inner / "proxy.yaml").write_text(text)
        os.rename(saved.folder / "conf", saved.folder / f"old{number}")
        os.rename(fresh, saved.folder / "conf")

    Saved(lab, lambda folder: folder / "conf" / ("inner" if deep else "") / "proxy.yaml", prepare).rounds(save)


@check("a symbolic link that is pointed elsewhere is in force: {how}", rows=["of the file", "of its folder"], seconds=60)
def _(lab, how):
    folder = how == "of its folder"

    def prepare(saved):
        first = saved.folder / "version0"
        first.mkdir()
        (first / "proxy.yaml").write_text(saved.text("a", 0))
        if folder:
            (saved.folder / "current").symlink_to("version0")
        else:
            (saved.folder / "proxy.yaml").symlink_to("version0/proxy.yaml")

    def save(saved, text, number):
        fresh = saved.folder / f"version{number}"
        fresh.mkdir()
        (fresh / "proxy.yaml").write_text(text)
        (saved.folder / "link").symlink_to(fresh if folder else fresh / "proxy.yaml")
        os.replace(saved.folder / "link", saved.folder / ("current" if folder else "proxy.yaml"))

    Saved(lab, lambda at: at / "current" / "proxy.yaml" if folder else at / "proxy.yaml", prepare).rounds(save)


@check("Kubernetes' swap of ..data is in force, once, each time", seconds=60)
def _(lab):
    def fill(saved, text, number):
        fresh = saved.folder / f"..2026_{number}"
        fresh.mkdir()
        (fresh / "proxy.yaml").write_text(text)
        (saved.folder / "..data_tmp").symlink_to(fresh.name)
        os.replace(saved.folder / "..data_tmp", saved.folder / "..data")
        for old in saved.folder.glob("..2026_*"):
            if old != fresh:
                shutil.rmtree(old)

    def prepare(saved):
        fill(saved, saved.text("a", 0), 0)
        (saved.folder / "proxy.yaml").symlink_to("..data/proxy.yaml")

    Saved(lab, prepare=prepare).rounds(fill)


@check("a save that ends while another begins is in force: the last one counts", seconds=60)
def _(lab):
    saved = Saved(lab)
    for number in range(1, 31):
        renamed_over(saved, saved.text("ab"[number % 2], number), number)
        time.sleep(0.04)
    last = saved.text("b", 99)
    renamed_over(saved, last, 99)
    saved.s.becomes("b", 2.0)
    time.sleep(0.5)
    equal(saved.s.now(), "b", "the answer in the end")
    equal(saved.s.p.health()["config"]["error"], None, "the error in the end")


@check("fifty reloads with streams open and requests on their way: none failed, none cut", seconds=90)
def _(lab):
    import threading

    from checks import Failure
    from dialects import ANTHROPIC
    from harness import served
    from upstream import stream

    saved = Saved(lab)
    s = saved.s
    pieces = [ANTHROPIC.begin("m"), *[ANTHROPIC.words("x")] * 30, ANTHROPIC.end()]
    for up in (s.a, s.b):
        up.reply(stream(pieces, pause=0.03), streamed=True)
    stop, bad, streams = threading.Event(), [], [0]

    def load(streamed):
        while not stop.is_set():
            try:
                answer = served(s.p.ask(stream=streamed))
                if streamed:
                    equal(answer.body, b"".join(pieces), "a stream")
                    streams[0] += 1
            except (Failure, OSError) as failure:
                bad.append(str(failure))
                return
            time.sleep(0.002)

    threads = [threading.Thread(target=load, args=(n < 6,)) for n in range(8)]
    for thread in threads:
        thread.start()
    try:
        for number in range(50):
            renamed_over(saved, saved.text("ab"[number % 2], number), number)
            equal(s.p.send("POST", "/admin/reload", key=ADMIN_KEY).status, 200, f"the status of reload {number}")
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    equal(bad[:1], [], f"requests that failed ({len(bad)})")
    expect(streams[0] > 6, "streams that ended whole", streams[0])
