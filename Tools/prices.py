#!/usr/bin/env python3
"""Writes Sources/ProxyCore/Models/ShippedPrices.generated.swift, which compiles etc/prices.yaml in. --check: says whether it is fresh."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "etc/prices.yaml"
TARGET = ROOT / "Sources/ProxyCore/Models/ShippedPrices.generated.swift"
HEAD = '''// Made of etc/prices.yaml by `make catalog`.
// swift-format-ignore-file

extension ShippedPrices {
    /// `etc/prices.yaml`.
    static let source = ##"""
'''


def made():
    lines = [line for line in SOURCE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return HEAD + "".join(f"        {line}\n" for line in lines) + '        """##\n}\n'


def main():
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.exists() and TARGET.read_text() == made() else f"{TARGET.relative_to(ROOT)} is not fresh: make catalog")
    TARGET.write_text(made())


if __name__ == "__main__":
    main()
