"""The pages: every block is run, checked or has its reason; every link leads somewhere; every page has its place in the site."""

import functools
import json
import re
import subprocess

from checks import Skip, check, equal, expect, fail
from pages import REFUSED, ROOT, Reader, blocks, book, completed

PAGES = [page for page in book.pages() if not re.match(r"docs/decisions/|ARCHITECTURE|CONTRIBUTING|CHANGELOG", page)]
# Pages whose commands a check of their own runs, with what comes of each.
ELSEWHERE = {
    "docs/fire-drills.md": "test_accounts_drills.py",
    "docs/replay.md": "test_replay.py",
    "docs/saving.md": "test_canary.py",
    **dict.fromkeys(("docs/cluster.md", "docs/cluster-limits.md", "docs/cluster-store.md"), "test_cluster.py"),
}
NOT_RUN = 30  # blocks at most that nothing here runs


@functools.lru_cache(maxsize=None)
def schema(binary):
    return json.loads(subprocess.run([binary, "reference", "schema"], capture_output=True, text=True).stdout)


@check("docs: {page}, followed as it stands", rows=PAGES, seconds=60)
def _(lab, page):
    reader = Reader(lab, schema(lab.binary))
    found = blocks(page)
    for block, after in zip(found, [*found[1:], None]):
        if block.comment("not run:") or block.comment("try ") or block.comment("a picture") is not None or block.language == "promql":
            continue
        reader.play(block)
        if block.language == "yaml":
            reader.check(block)
        elif block.language == "json":
            json.loads(re.sub(r"…", "x", block.text))
        elif block.language == "python":
            compile(block.text, block.place, "exec")
        elif block.language == "sh" and page not in ELSEWHERE:
            reader.run(block)
            if after is None or after.language != "text" or not REFUSED.search(after.text):
                reader.served(block)
        elif block.language == "console" and page not in ELSEWHERE:
            reader.talk(block)
        elif block.language == "text" and page not in ELSEWHERE:
            reader.printed(block)
        elif block.language == "sh":
            done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
            equal(done.returncode, 0, f"{block.place}: {done.stderr}")
        elif block.language == "nginx":
            nginx(lab, block)
        elif block.language == "toml":
            toml(block)
        elif block.language == "ini":
            for line in block.text.splitlines():
                expect(re.match(r"\[\w+\]$|[\w]+=.|#|$", line), f"{block.place}: a line of a unit", line)


def nginx(lab, block):
    """A server of nginx, as nginx itself reads it where it is there, with certificates of the tests."""
    expect(block.text.count("{") == block.text.count("}"), f"{block.place}: braces fit")
    import shutil

    if not shutil.which("nginx"):
        return
    folder = lab.folder / "nginx"
    folder.mkdir(exist_ok=True)
    text = re.sub(r"/etc/letsencrypt/live/[\w.]+/fullchain.pem", str(ROOT / "Tests/Certificates/server.pem"), block.text)
    text = re.sub(r"/etc/letsencrypt/live/[\w.]+/privkey.pem", str(ROOT / "Tests/Certificates/server.key"), text)
    file = folder / "nginx.conf"
    file.write_text(f"pid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{text}\n}}\n")
    done = subprocess.run(["nginx", "-t", "-q", "-p", folder, "-c", file], capture_output=True, text=True)
    equal(done.returncode, 0, f"{block.place}: nginx -t: {done.stderr}")


def toml(block):
    try:
        import tomllib
    except ImportError:  # Python before 3.11
        return
    tomllib.loads(block.text)


@check("docs: what is run nowhere has its reason, and is not much")
def _(lab):
    reasons = [(block.place, block.comment("not run:")) for page in PAGES for block in blocks(page) if block.comment("not run:") is not None]
    equal([place for place, reason in reasons if not reason], [], "blocks without a reason")
    expect(len(reasons) <= NOT_RUN, f"{NOT_RUN} blocks at most that are not run", "\n".join(map(str, reasons)))


@check("docs: every link leads to a page and a heading, and every page and picture has its place in the site")
def _(lab):
    nav = set(re.findall(r": ([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    places = {book.place(page) for page in book.pages()} | {book.COMMANDS}
    equal({place for place in places - nav if not place.startswith("decisions/0")}, set(), "pages without a place in mkdocs.yml")
    shown = set()
    for page in [*book.pages()]:
        text = book.FENCE.sub("", (ROOT / page).read_text())
        text = re.sub(r"`[^`\n]*`", "", text)
        for _picture, _words, link in book.LINK.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            file, anchor = book.target(page, link)
            expect((ROOT / file).exists(), f"{page}: the link {link} leads somewhere")
            shown.add(file)
            if anchor and file.endswith(".md"):
                expect(anchor in anchors(file), f"{page}: {link} is a heading", sorted(anchors(file)))
    pictures = {str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "images").iterdir()}
    equal(pictures - shown, set(), "pictures that no page shows")
    examples = {str(path.relative_to(ROOT)) for path in (ROOT / "etc" / "examples").iterdir()}
    equal(examples - shown, set(), "examples that no page shows")


def anchors(page):
    """What headings are called in the site and at the forge alike."""
    text = book.FENCE.sub("", (ROOT / page).read_text())
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in re.findall(r"^#{1,6} (.+)$", text, re.M)}


@check("docs: the tests of pages see a block that lacks a fence, one of an unknown kind, and complete a fragment")
def _(lab):
    one, two = blocks("docs/odd.md", "Text\n\n    proxyd check\n\n- a\n\n    b\n\nText\n\n    $ true\n    x\n")
    equal((one.language, one.comment("not run:"), two.language, two.text), ("text", "it stands in no fence", "console", "$ true\nx\n"), "indented blocks")
    for text, what in (("```bash\nx\n```\n", "a block is one of"), ("- a\n\n  ```sh\n  x\n  ```\n", "at the beginning")):
        try:
            blocks("docs/odd.md", text)
        except AssertionError as failure:
            expect(what in str(failure), what, str(failure))
        else:
            fail(f"expected an error for {text!r}")
    for text, part in (("alerts: {webhook: x}\n", "upstreams:"), ("  kimi: {preset: moonshot}\n", "  kimi: {preset"), ("capabilities:\n  x: {}\n", "    capabilities:"),
                       ("  cooldown: 5s\n", "fallback:\n  cooldown")):  # fmt: skip
        whole = completed(text, schema(lab.binary))
        expect(part in whole, f"{part} in the completed {text!r}", whole)


@check("docs: the site is built without a warning, loads nothing from elsewhere, and has every page", seconds=90)
def _(lab):
    if not (ROOT / ".build/docs-venv/installed").exists():
        raise Skip("MkDocs is not here: make docs installs it")
    done = subprocess.run([ROOT / "Tools/site/build"], capture_output=True, text=True)
    equal(done.returncode, 0, f"make docs: {done.stdout}{done.stderr}")
    site = ROOT / ".build/site"
    built = {str(path.relative_to(site)) for path in site.rglob("*.html")}
    wanted = {book.place(page).removesuffix(".md").replace("README", "index") + ".html" for page in book.pages()}
    equal(wanted - built, set(), "pages that are not in the site")
    for path in site.rglob("*.html"):
        text = path.read_text()
        loads = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"(\w+:[^\"]*|//[^\"]*)\"", text)
        equal(loads, [], f"what {path.name} loads from elsewhere")
        expect("<!--" not in text, f"{path.name} has no comment for testers")
    sections = json.loads((site / "search-index.js").read_text().removeprefix("window.sections=").strip().removesuffix(";"))
    expect(any("stop button" in title for _url, _page, title, _text in sections), "headings in the search's index", len(sections))
