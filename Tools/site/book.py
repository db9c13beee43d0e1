"""What MkDocs does not know of these pages: MkDocs calls the `on_…` functions, Tests/BlackBox/test_docs.py the others. No package needed.

A page is Markdown as it stands in the repository, and reads there as it does in the site. Two things are more than that:
a paragraph that is nothing but a link to a file under etc/ is the whole file; a comment is for those who test the pages, and is left out.
"""

import json
import os
import pathlib
import posixpath
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Pages of other folders, by their place in the site.
PLACES = {
    "README.md": "index.md",
    "deploy/README.md": "running.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
MANUAL, COMMANDS = "docs/reference/proxyd.1", "reference/command-line.md"
SHOWN = re.compile(r"^\[[^\]\n]*\]\(([^)\s]*etc/[\w./-]+\.yaml)\)$", re.M)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.M | re.S)


def place(path):
    """Where a file of the repository is in the site, by its path in docs; None where it is not."""
    if path in PLACES:
        return PLACES[path]
    if path == MANUAL:
        return COMMANDS
    return path[len("docs/"):] if path.startswith("docs/") else None  # fmt: skip


def pages():
    """The repository's paths of all pages."""
    return [*PLACES, *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]


def target(path, link):
    """What a link of the page at `path` means: the repository's path, and what is behind its #."""
    file, _, anchor = link.partition("#")
    return (posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path), anchor


def title(path):
    """A page's first heading."""
    if path == MANUAL:
        return "Command line"
    return next((line[2:].strip() for line in read(path).splitlines() if line.startswith("# ")), path)


def outside_fences(text, change):
    """The text with everything changed that is in no fence."""
    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[at : fence.start()]), fence.group(0)]
        at = fence.end()
    return "".join([*parts, change(text[at:])])


def shown(path, text):
    """The page with files of etc/ in the place of paragraphs that link to them."""

    def file(found):
        name = target(path, found.group(1))[0]
        return f"`{name}`:\n\n```yaml\n{(ROOT / name).read_text().rstrip()}\n```"

    return outside_fences(text, lambda part: SHOWN.sub(file, part))


def linked(path, text):
    """The page with links as they lead in the site; one to a file that the site does not have is its words alone."""
    here = posixpath.dirname(place(path))

    def link(found):
        picture, words, to = found.groups()
        if re.match(r"[a-z]+:|#", to):
            return found.group(0)
        file, anchor = target(path, to)
        there = place(file) if (ROOT / file).is_file() else None
        if there is None:
            return words if (ROOT / file).exists() else found.group(0)  # MkDocs tells of one that leads nowhere
        if words.endswith(".md") and not picture:
            words = title(file)
        return f"{picture}[{words}]({posixpath.relpath(there, here or '.')}{'#' + anchor if anchor else ''})"

    return outside_fences(text, lambda part: LINK.sub(link, part))


def uncommented(text):
    return outside_fences(text, lambda part: re.sub(r"<!--.*?-->\n?", "", part, flags=re.S))


def of_manual(text):
    """The manual page as Markdown: of roff's requests those that `proxyd reference man` writes."""
    out = ["# Command line", ""]

    def words(line):
        line = re.sub(r"([\\`*_<\[\]])", lambda m: m.group(0) if m.group(0) == "\\" else "\\" + m.group(0), line)
        line = re.sub(r"\\fB(.*?)\\fR", r"`\1`", line)
        line = re.sub(r"\\fI(.*?)\\fR", r"*\1*", line)
        for roff, text in (("\\-", "-"), ("\\(aq", "'"), ("\\(dq", '"'), ("\\&", ""), ("\\e", "\\")):
            line = line.replace(roff, text)
        # In code nothing is escaped.
        return re.sub(r"`[^`]*`", lambda m: re.sub(r"\\([`*_<\[\]])", r"\1", m.group(0)), line)

    term = defined = False
    for line in text.splitlines():
        request, _, rest = line.partition(" ") if line.startswith(".") else ("", "", line)
        rest = rest.strip('"')
        if request in ('.\\"', ".TH") or line == ".SH COMMANDS":
            continue
        if request == ".br":
            out += [""]
        elif request == ".SH":
            out += ["", f"## {rest.capitalize()}", ""]
            term = defined = False
        elif request == ".SS":
            out += ["", f"## {words(rest)}", ""]
            term = defined = False
        elif request == ".TP":
            out.append("")
            term, defined = True, False
        elif request == ".PP":
            out.append("")
            defined = False
        elif request in (".B", ".I", ""):
            line = f"`{rest}`" if request == ".B" else words(rest)
            line = line.replace("\\-", "-") if request == ".B" else line
            if term:
                out.append(line)
                term, defined = False, True
            else:
                out.append((":   " if defined else "") + line)
                defined = False
    return "\n".join(out) + "\n"


def read(path):
    return (ROOT / path).read_text()


# ---------------------------------------------------------------- what MkDocs calls


def on_config(config):
    """A page that is not written yet has no place."""

    def there(entries):
        kept = []
        for entry in entries:
            (title, value), = entry.items()  # fmt: skip
            if isinstance(value, list):
                kept.append({title: there(value)})
            elif value in PLACES.values() or value == COMMANDS or (ROOT / "docs" / value).exists():
                kept.append(entry)
        return kept

    config.nav = there(config.nav)
    return config


def on_files(files, config):
    from mkdocs.structure.files import File, InclusionLevel

    for path, there in PLACES.items():
        files.append(File.generated(config, there, content=read(path)))
    files.append(File.generated(config, COMMANDS, content=of_manual(read(MANUAL))))
    for file in files:
        if file.src_uri.startswith("decisions/"):  # found on the page of all
            file.inclusion = InclusionLevel.NOT_IN_NAV
    return files


def on_page_markdown(markdown, page, config, files):
    there = page.file.src_uri
    if there == COMMANDS:
        return markdown
    path = next((path for path, other in PLACES.items() if other == there), f"docs/{there}")
    return linked(path, uncommented(shown(path, markdown)))


def on_page_content(html, page, config, files):
    # A wide table scrolls by itself.
    return html.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


_sections = []


def on_page_context(context, page, config, nav):
    parts = re.split(r'<h([1-3]) id="([^"]*)">(.*?)</h\1>', page.content or "", flags=re.S)

    def plain(html):
        html = re.sub(r'<a class="headerlink".*?</a>', "", html)
        text = re.sub(r"<[^>]+>", " ", html)
        for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&")):
            text = text.replace(entity, sign)
        return " ".join(text.split())

    for at in range(1, len(parts), 4):
        _level, anchor, title, body = parts[at : at + 4]
        url = page.url + ("#" + anchor if at > 1 else "")
        _sections.append([url, page.title, plain(title), plain(body)])
    return context


def on_post_build(config):
    # A script, not JSON: a page that was opened from a folder may not fetch.
    file = pathlib.Path(config.site_dir) / "search-index.js"
    file.write_text("window.sections=" + json.dumps(_sections, ensure_ascii=False, separators=(",", ":")) + ";\n")
    _sections.clear()
    for name in ("sitemap.xml", "sitemap.xml.gz"):
        if (file.parent / name).exists():
            os.remove(file.parent / name)
