#!/usr/bin/env python3
"""Compiles the dashboard's page in: Sources/Admin/Dashboard/web -> Dashboard+Web.generated.swift. --check: says whether it is fresh.

What follows `//` or stands between `/*` and `*/` on a line of its own, and the white space before a line, is for its readers alone.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEB = ROOT / "Sources/Admin/Dashboard/web"
TARGET = ROOT / "Sources/Admin/Dashboard/Dashboard+Web.generated.swift"
# In the order in which they need each other; main.js begins.
SCRIPTS = ["tools", "charts", "live", "limits", "spending", "requests", "keys", "accounts", "explain", "try", "nodes", "configuration", "alerts", "main"]
HEAD = "// Made of the files in web/ by `make catalog`; edit those instead.\n// swift-format-ignore-file\n\nextension Dashboard {\n"


def lines(name):
    for line in (WEB / name).read_text().splitlines():
        bare = line.strip()
        if bare and not bare.startswith("//") and not (bare.startswith("/*") and bare.endswith("*/")):
            yield bare


def literal(name, doc, text):
    body = "\n".join("        " + line for line in text)
    if '"""##' in body or "\\##(" in body:
        sys.exit(f"{name} holds what ends the literal")
    return f'    /// {doc}\n    static let {name} = ##"""\n{body}\n        """##\n'


def made():
    missing = sorted({f"{name}.js" for name in SCRIPTS} ^ {path.name for path in WEB.glob("*.js")})
    if missing:
        sys.exit(f"Tools/dashboard.py and {WEB.relative_to(ROOT)} differ in {', '.join(missing)}")
    script = [line for name in SCRIPTS for line in lines(name + ".js")]
    return (
        HEAD + literal("style", "`style.css`.", lines("style.css")) + "\n" + literal("markup", "`page.html`.", lines("page.html"))
        + "\n" + literal("script", "The scripts, in the order in which they need each other.", script) + "}\n")


def main():
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.exists() and TARGET.read_text() == made() else f"{TARGET.relative_to(ROOT)} is not fresh: make catalog")
    TARGET.write_text(made())


if __name__ == "__main__":
    main()
