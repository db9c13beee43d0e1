"""Nodes of proxyd that share a PostgreSQL."""

import threading

from checks import eventually
from harness import served
from records import ask, book, grouped, total

AWAY = "local"


def node(lab, postgres, name, more="", away=AWAY, url=None, limits=None, **keywords):
    """One node of a cluster, before a provider of its own."""
    more = f"""
cluster:
  node: {name}
  store: "{url or postgres.url()}"
  when_unreachable: {{store: {away}}}
  {f"limits: {limits}" if limits else ""}
{more}
"""
    return book(lab, more=more, **keywords)[0]


def nodes(lab, postgres, count=2, **keywords):
    return [node(lab, postgres, f"n{i}", **keywords) for i in range(1, count + 1)]


def state(p):
    return p.health()["services"].get("store")


def reaches(p, wanted, within=20):
    eventually(lambda: state(p) == wanted, f"the store is told as {wanted!r}", within, 0.1)


def requests(p):
    return total(grouped(p, "key"), "requests")


def ask_many(proxies, count, failures):
    """Asks all nodes at once, `count` times each; gives how many were answered whole."""
    done = [0] * len(proxies)

    def go(index):
        for _ in range(count):
            try:
                served(ask(proxies[index]))
                done[index] += 1
            except (AssertionError, OSError) as error:
                failures.append(error)

    threads = [threading.Thread(target=go, args=(i,)) for i in range(len(proxies))]
    for thread in threads:
        thread.start()
    return threads, done
