#!/usr/bin/env python3
"""Writes Sources/ProxyCore/Models/ShippedPrices.generated.swift, which compiles etc/prices.yaml in. --check: says whether it is fresh.

What is compiled in is a table, since a start reads it: reading YAML took a quarter of one. A vendor's line has its name, the page, the
date, whether it reports costs, and further presets; under it are its models, the longest name first, each with the name and its
numbers: prices in nano-dollars, then tokens. What is not told is empty.
"""
import decimal
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "etc/prices.yaml"
TARGET = ROOT / "Sources/ProxyCore/Models/ShippedPrices.generated.swift"
HEAD = '''// Made of etc/prices.yaml by `make catalog`.
// swift-format-ignore-file

extension ShippedPrices {
    /// `etc/prices.yaml`, as Tools/prices.py writes it.
    static let table = ##"""
'''
PRICES = ["input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning"]
TOKENS = ["context", "max_output"]


def row(name, numbers):
    told = dict(re.fullmatch(r"([a-z_0-9]+): ([0-9.]+)", number.strip()).groups() for number in numbers.split(",") if number.strip())
    unknown = set(told) - set(PRICES) - set(TOKENS)
    if unknown:
        sys.exit(f"{name}: {unknown}")
    nano = [str(int(decimal.Decimal(told[key]) * 10**9)) if key in told else "" for key in PRICES]
    return "\t".join(["", name, *nano, *(told.get(key, "") for key in TOKENS)])


def table():
    """Each line of the file is one of five, so that no YAML has to be read for them."""
    vendors = []
    for line in SOURCE.read_text().splitlines():
        if not line.strip() or line.startswith("#") or line == "  models:":
            continue
        if vendor := re.fullmatch(r"([a-z-]+):", line):
            vendors.append({"name": vendor[1], "page": "", "date": "", "reports": "false", "also": "", "models": {}})
        elif fact := re.fullmatch(r"  (page|date|reports): (\S+)", line):
            vendors[-1][fact[1]] = fact[2]
        elif also := re.fullmatch(r"  also: \[(.*)\]", line):
            vendors[-1]["also"] = also[1].replace(" ", "")
        elif model := re.fullmatch(r'    "?([^\s"]+?)"?: \{(.*)\}', line):
            vendors[-1]["models"][model[1]] = row(model[1], model[2])
        else:
            sys.exit(f"etc/prices.yaml: a line that this script does not know: {line}")
    for vendor in vendors:
        yield "\t".join(vendor[fact] for fact in ("name", "page", "date", "reports", "also"))
        for name in sorted(vendor["models"], key=lambda name: (-len(name.encode()), name)):
            yield vendor["models"][name]


def made():
    return HEAD + "".join(f"        {line}\n" for line in table()) + '        """##\n}\n'


def main():
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.exists() and TARGET.read_text() == made() else f"{TARGET.relative_to(ROOT)} is not fresh: make catalog")
    TARGET.write_text(made())


if __name__ == "__main__":
    main()
