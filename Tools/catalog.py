#!/usr/bin/env python3
"""Writes what is data into Swift files that are compiled in: `make catalog`. With --check, says which are not fresh.

A preset is a file Sources/ProxyCore/Configuration/Presets/NAME.yaml; adding one takes no more than that and this script.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRESETS = ROOT / "Sources/ProxyCore/Configuration/Presets"
HEAD = "// Made by `make catalog` from {source}; edit that instead.\n// swift-format-ignore-file\n\n"


def literal(text, indent):
    """A Swift literal of several lines that stands for the text, whatever it holds."""
    marks = "#"
    while f'"""{marks}' in text or f"\\{marks}" in text:
        marks += "#"
    lines = [f'{marks}"""'] + text.split("\n") + [f'"""{marks}']
    return ("\n" + " " * indent).join(line if line else "" for line in lines).replace(" " * indent + "\n", "\n")


def presets():
    files = sorted(PRESETS.glob("*.yaml"))
    entries = "".join(
        f'        (\n            "{file.stem}",\n            {literal(file.read_text(), 12)}\n        ),\n' for file in files)
    return (
        HEAD.format(source="the files in Presets/")
        + "/// The presets' files, by name.\nenum EmbeddedPresets {\n"
        + "    static let texts: [(name: String, text: String)] = [\n" + entries + "    ]\n}\n")


# What is made, and of what.
FILES = {
    ROOT / "Sources/ProxyCore/Configuration/EmbeddedPresets.generated.swift": presets,
}


def main():
    stale = 0
    for path, make in FILES.items():
        text = make()
        if path.exists() and path.read_text() == text:
            continue
        if "--check" in sys.argv[1:]:
            print(f"stale: {path.relative_to(ROOT)} (make catalog)")
            stale = 1
        else:
            path.write_text(text)
            print(f"written: {path.relative_to(ROOT)}")
    return stale


if __name__ == "__main__":
    sys.exit(main())
