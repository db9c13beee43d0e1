#!/usr/bin/env python3
"""Writes the tables of docs/metrics.md from Sources/ProxyCore/Telemetry/Metric+Names.swift. --check: says whether they are fresh."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "Sources/ProxyCore/Telemetry/Metric+Names.swift"
PAGE = ROOT / "docs/metrics.md"
BEGIN = "<!-- Made of Metric+Names.swift by `make catalog`. -->\n"
END = "<!-- The end of what is made. -->\n"
DECLARED = re.compile(
    r'static let \w+ = Metric\(\s*"(?P<name>[a-z0-9_]+)",\s*"(?P<help>[^"]+)",\s*\.(?P<kind>\w+)(?:\(\w+\))?'
    r"(?:,\s*labels: \[(?P<labels>[^\]]*)\])?(?:,\s*bound: [^)]*)?\s*\)"
)
SECTIONS = {"Exchanges": "Requests", "State": "State", "The process, by the names every Prometheus client uses": "The process"}


def tables():
    source = SOURCE.read_text()
    written, count = [], 0
    for section in re.split(r"// MARK: ", source)[1:]:
        title, _, body = section.partition("\n")
        written.append(f"### {SECTIONS[title.strip()]}\n\n| metric | kind | labels | |\n|---|---|---|---|\n")
        for metric in DECLARED.finditer(body):
            labels = ", ".join(f"`{label}`" for label in re.findall(r'"(\w+)"', metric["labels"] or "")) or "–"
            kind = "counter" if metric["kind"] == "sum" else metric["kind"]
            written.append(f"| `{metric['name']}` | {kind} | {labels} | {metric['help']} |\n")
            count += 1
        written.append("\n")
    declared = source.count("static let ") - source.count("static let durations") - source.count("static let magnitudes")
    if count != declared:
        sys.exit(f"{SOURCE.relative_to(ROOT)} declares {declared} metrics, {count} could be read")
    return "".join(written)


def made(page):
    head, found, rest = page.partition(BEGIN)
    _, also, tail = rest.partition(END)
    if not (found and also):
        sys.exit(f"{PAGE.relative_to(ROOT)} has no place for the tables")
    return head + BEGIN + "\n" + tables() + END + tail


def main():
    page = PAGE.read_text()
    if "--check" in sys.argv:
        sys.exit(0 if page == made(page) else f"{PAGE.relative_to(ROOT)} is not fresh: make catalog")
    PAGE.write_text(made(page))


if __name__ == "__main__":
    main()
