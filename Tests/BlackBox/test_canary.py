"""A new file on trial: some keys go by it first; then all, or it takes itself back and says why."""

import json
import threading
import time

from checks import Failure, check, contains, equal, eventually, expect, lacks, stays
from dialects import ANTHROPIC
from harness import ADMIN_KEY, served
from upstream import status, whole

KEYS = 20


class Bench:
    """Two upstreams and twenty keys; `share` of the keys try a saved file for `time`."""

    def __init__(self, lab, share="25%", time="60s", more="", rollback=""):
        self.lab = lab
        self.good, self.other = lab.upstream(), lab.upstream()
        for name, up in (("good", self.good), ("other", self.other)):
            up.reply(whole(ANTHROPIC.whole("m", name)), streamed=False)
        rollback = f", rollback_if: '{rollback}'" if rollback else ""
        self.canary = f"reload: {{canary: {{share: {share}, for: {time}, by: key}}{rollback}}}\n" if share else ""
        self.more = more
        self.p = lab.proxyd(self.text())

    def text(self, url=None, rules=None, key="provider-key-one", price=500, policy="['*']", more=None, tail="", keys=""):
        good = self.good.declare().replace("provider-key-one", key)
        if url:
            good = good.replace(self.good.url, url)
        rules = rules or '[{name: all, models: ["*"], tiers: [good]}]'
        listed = "".join(f"  - {{name: k{n}, key: {self.key(n)}}}\n" for n in range(KEYS))
        return (
            f"{self.canary if more is None else more}upstreams:\n  good: {good}\n  other: {self.other.declare()}\n"
            f"rules: {rules}\npolicies: {{default: {{models: {policy}}}}}\n"
            f"prices: {{'*': {{input: {price}, output: {price}}}}}\n"
            f"keys:\n{listed}{keys}{self.more}{tail}"
        )

    @staticmethod
    def key(number):
        return f"sk-canary-0123456789abcdef-{number:02}"

    def ask(self, number):
        return self.p.ask(key=self.key(number), model="m")

    def ask_all(self, rounds=1):
        """Who asked and what came of it."""
        return [(n, self.ask(n)) for _ in range(rounds) for n in range(KEYS)]

    def save(self, text):
        self.p.replace(text)
        answer = self.p.admin("POST", "/admin/reload")
        return answer

    def begins(self, text):
        answer = self.save(text)
        equal(answer.status, 200, "the status of the reload")
        equal(answer.json()["status"], "canary", "what the reload says")
        return answer.json()

    def history(self):
        return self.p.get("/admin/config/history")["history"]

    def is_on_trial(self):
        return "canary" in self.p.health()["config"]

    def taken_back(self, most=500):
        """Asks for all keys, over and over, until the file was taken back; who saw what meanwhile."""
        seen, asked = {}, 0
        while self.is_on_trial():
            expect(asked < most, f"taken back within {most} requests", self.p.get("/admin/config")["canary"])
            for n, answer in self.ask_all():
                seen.setdefault(n, []).append(answer)
                asked += 1
        return seen


def text_of(answer):
    return ANTHROPIC.text_of(answer.body)


OTHER = '[{name: all, models: ["*"], tiers: [other]}]'


@check("a new file serves a share of the keys, always the same, then all of them", seconds=60)
def _(lab):
    b = Bench(lab, time="4s")
    began = b.begins(b.text(rules=OTHER))
    equal(began["canary"]["share"], 0.25, "the share in the answer")
    first = {n for n, answer in b.ask_all() if text_of(served(answer)) == "other"}
    equal(len(first), 5, "keys that go by the new file")
    again = {n for n, answer in b.ask_all() if text_of(served(answer)) == "other"}
    equal(again, first, "the same keys again")
    health = b.p.health()["config"]
    equal((health["generation"], health["error"]), (1, None), "generation and error meanwhile")
    equal(b.history()[0]["state"], "canary", "the history meanwhile")
    figures = b.p.get("/admin/config")["canary"]
    equal((figures["new"]["requests"], figures["old"]["requests"]), (10, 30), "requests of both files")
    eventually(lambda: not b.is_on_trial(), "the end of the trial", 8)
    equal({text_of(served(answer)) for _, answer in b.ask_all()}, {"other"}, "answers afterwards")
    health = b.p.health()["config"]
    equal((health["generation"], health["error"]), (2, None), "generation and error afterwards")
    equal(b.history()[0]["state"], "applied", "the history afterwards")


BAD = {
    "a wrong credential": dict(key="provider-key-wrong"),
    "a dead address": dict(url="http://127.0.0.1:9"),
    "a dead tier before a live one": dict(dead=True),
    "a model that nobody has": dict(rules='[{name: all, models: ["*"], tiers: [good/nobody]}]'),
    "a tenfold price": dict(price=5000),
    "a policy that allows nothing": dict(policy="[]"),
    "a rule that refuses": dict(rules='[{name: all, models: ["*"], reject: {status: 403, message: "no"}}]'),
    "rules for another model": dict(rules='[{name: all, models: ["other-*"], tiers: [good]}]'),
    "a timeout that is too short": dict(rules='[{name: all, models: ["*"], tiers: [{upstream: good, timeouts: {first_byte: 1ms}}]}]', slow=True),
    "a limit of one request a day": dict(limits=True),
}


@check("a valid but wrong file is taken back within 500 requests, other keys untouched: {what}", rows=list(BAD), seconds=90)
def _(lab, what):
    b = Bench(lab)
    bad, on_trial = dict(BAD[what]), threading.Event()

    def reply(request, wire):
        if request.credential != "provider-key-one":
            return status(401)(request, wire)
        if "nobody" in request.body.decode():
            return status(404)(request, wire)
        if bad.get("slow") and on_trial.is_set():
            time.sleep(0.15)  # deadlines are looked at ten times a second
        whole(ANTHROPIC.whole("m", "good"))(request, wire)

    b.good.reply(reply, streamed=False)
    for _, answer in b.ask_all():
        served(answer)
    arguments = {name: value for name, value in bad.items() if name not in ("dead", "slow", "limits")}
    text = b.text(**arguments)
    if bad.get("dead"):
        text = text.replace("upstreams:\n", "upstreams:\n  dead: {url: 'http://127.0.0.1:9', dialect: anthropic, models: {discover: false}}\n")
        text = text.replace("tiers: [good]", "tiers: [dead, good]")
    if bad.get("limits"):
        text = text.replace("default: {", "default: {requests_per_day: 1, ")
    b.begins(text)
    on_trial.set()
    seen = b.taken_back()
    on_trial.clear()
    ill = {n for n, answers in seen.items() if any(answer.status != 200 for answer in answers)}
    expect(len(ill) <= 5, "no other keys than those of the share saw an error", ill)
    error = b.p.health()["config"]["error"]
    contains(error or "", "taken back", "the error in /health")
    step = b.history()[0]
    equal(step["state"], "taken_back", "the state in the history")
    contains(step["why"], "rollback_if", "why, in the history")
    eventually(lambda: "configuration taken back" in b.p.output(), "a warning of it")
    equal(b.p.output().count("configuration taken back"), 1, "warnings of it")
    contains(b.p.config.read_text(), text[-200:].strip()[:50], "the file, as it was saved")
    for _, answer in b.ask_all(2):
        served(answer)
    equal(b.p.health()["config"]["generation"], 1, "the generation")
    # Nobody tries it again unasked.
    stays(lambda: not b.is_on_trial(), "no second trial of the same file", 1.0)


@check("a file that was taken back and is mended is tried anew; the old text put back ends it", seconds=60)
def _(lab):
    b = Bench(lab, time="3s")
    b.begins(b.text(policy="[]"))
    b.taken_back()
    b.begins(b.text(rules=OTHER))
    equal(b.p.health()["config"]["error"], None, "the error while the mended file is on trial")
    b.p.replace(b.text())
    eventually(lambda: not b.is_on_trial(), "the end of the trial when the old file is back")
    equal({text_of(served(answer)) for _, answer in b.ask_all()}, {"good"}, "answers of the old file")
    equal(b.p.health()["config"]["error"], None, "the error with the old file")
    equal(b.history()[0]["state"], "replaced", "the history")
    b.begins(b.text(rules=OTHER))
    eventually(lambda: not b.is_on_trial(), "the end of the trial", 8)
    equal({text_of(served(answer)) for _, answer in b.ask_all()}, {"other"}, "answers in the end")


@check("a cooldown that a new file brings about does not reach the keys of the old one", seconds=60)
def _(lab):
    b = Bench(lab, rollback="new.error_rate > 2.0")

    def reply(request, wire):
        (status(429, retry_after=600) if request.credential != "provider-key-one" else whole(ANTHROPIC.whole("m", "good")))(request, wire)

    b.good.reply(reply, streamed=False)
    b.begins(b.text(key="provider-key-poor"))
    seen = b.ask_all(3)
    poor = {n for n, answer in seen if answer.status != 200}
    equal(len(poor), 5, "keys that meet the cooldown")
    equal({n for n, answer in seen if answer.status == 200}, set(range(KEYS)) - poor, "all the others served")


@check("a key that only the new file has is served by it, and one that it removes stays with the others' file", seconds=60)
def _(lab):
    b = Bench(lab, share="1%", rollback="new.requests > 100000.0")
    b.begins(b.text(rules=OTHER, keys="  - {name: fresh, key: sk-canary-fresh-0123456789}\n"))
    answer = served(b.p.ask(key="sk-canary-fresh-0123456789", model="m"))
    equal(text_of(answer), "other", "the answer for the new key")
    equal(len([n for n, answer in b.ask_all() if text_of(served(answer)) == "other"]), 1, "at least one key tries it")


@check("reload --now ends the trial of a file at once, and lets the next one be in force without one", seconds=60)
def _(lab):
    b = Bench(lab)
    b.begins(b.text(rules=OTHER))
    answer = b.p.admin("POST", "/admin/reload?now=true").json()
    equal((answer["status"], answer["generation"]), ("reloaded", 2), "what the reload says")
    equal((b.is_on_trial(), b.p.health()["config"]["generation"]), (False, 2), "whether a file is on trial, and the generation")
    equal({text_of(served(answer)) for _, answer in b.ask_all()}, {"other"}, "answers")


@check("a version that everybody went by once is in force again without a trial", seconds=60)
def _(lab):
    b = Bench(lab)
    b.begins(b.text(rules=OTHER))
    b.p.admin("POST", "/admin/reload?now=true")
    equal(b.p.health()["config"]["generation"], 2, "the generation")
    answer = b.save(b.text()).json()
    expect(answer["status"] in ("reloaded", "unchanged"), "the reload says that it is in force", answer)
    equal(b.is_on_trial(), False, "whether a file is on trial")
    equal({text_of(served(answer)) for _, answer in b.ask_all()}, {"good"}, "answers of the version before")


@check("an expression of one's own sees the figures as they are, from the first request on", seconds=60)
def _(lab):
    b = Bench(lab, share="100%", rollback="new.refusals == 1.0 && new.requests <= 3.0")
    b.begins(b.text(policy="[]"))
    equal(b.ask(0).status, 403, "the status of a request")
    eventually(lambda: not b.is_on_trial(), "the end of the trial after one request", 5)
    contains(b.history()[0]["why"], "refusals 1.000 against", "the figures that were compared")


@check("one bad request of many takes nothing back", seconds=60)
def _(lab):
    b = Bench(lab, share="50%", time="3s")
    b.begins(b.text(tail="log: {level: info}\n", rules='[{name: renamed, models: ["*"], tiers: [good]}]'))
    for _ in range(2):
        b.ask_all()
    once = threading.Event()

    def reply(request, wire):
        if not once.is_set():
            once.set()
            return status(400)(request, wire)
        whole(ANTHROPIC.whole("m", "good"))(request, wire)

    b.good.reply(reply, streamed=False)
    b.ask_all(2)
    eventually(lambda: not b.is_on_trial(), "the end of the trial", 8)
    equal(b.p.health()["config"]["generation"], 2, "the generation: the file was taken over")


@check("without `canary` a file is in force at once, and so is one that changes nothing about requests")
def _(lab):
    b = Bench(lab)
    b.p.replace(b.text(tail="log: {level: debug}\n"))
    answer = b.p.admin("POST", "/admin/reload").json()
    expect(answer["status"] in ("reloaded", "unchanged"), "the reload says that it is in force", answer)
    equal(b.p.health()["config"]["generation"], 2, "the generation")
    plain = Bench(lab, share="")
    equal(plain.save(plain.text(rules=OTHER)).json()["status"] in ("reloaded", "unchanged"), True, "what the reload says")
    equal(plain.is_on_trial(), False, "whether a file is on trial")


@check("streams and reloads while files are on trial: nothing is cut", seconds=60)
def _(lab):
    b = Bench(lab, time="1s", rollback="new.error_rate > 0.0 && new.requests > 1000000.0")
    stop, bad = threading.Event(), []

    def load(n):
        while not stop.is_set():
            try:
                served(b.ask(n))
            except (Failure, OSError) as failure:
                bad.append(str(failure))
                return

    threads = [threading.Thread(target=load, args=(n,)) for n in range(0, KEYS, 3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(12):
            b.save(b.text(rules=OTHER if number % 2 == 0 else None, tail=f"# {number}\n"))
            time.sleep(0.25 if number % 4 else 1.3)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    equal(bad[:1], [], f"requests that failed ({len(bad)})")


WRONG = {
    "a member that there is not": ("new.error_rat > 0.1", "error_rat"),
    "a number where yes or no is asked for": ("new.error_rate", "true or false"),
    "a whole number times a fraction": ("new.error_rate > 2 * old.error_rate", "fraction"),
    "no expression": ("new.error_rate >", ""),
    "another variable": ("now.error_rate > 0.1", "now"),
}


@check("rollback_if with {what} is refused with its place", rows=list(WRONG))
def _(lab, what):
    source, part = WRONG[what]
    b = Bench(lab)
    b.p.replace(b.text(more=f"reload: {{canary: {{share: 5%}}, rollback_if: '{source}'}}\n"))
    answer = b.p.admin("POST", "/admin/reload")
    equal(answer.status, 422, "the status of the reload")
    message = answer.json()["error"]["message"]
    contains(message, "reload.rollback_if", "the message")
    contains(message, part, "the message")


@check("an account that an operator drains, {when} a trial, gets no request by the file on trial either, until it is freed", rows=["before", "during"])
def _(lab, when):
    b = Bench(lab)

    def operate(word):
        equal(b.p.admin("POST", f"/admin/accounts/good/one/{word}").status, 200, f"the status of /{word}")

    if when == "before":
        operate("drain")
    b.begins(b.text(key="provider-key-new"))
    if when == "during":
        equal({answer.status for _, answer in b.ask_all()}, {200}, "statuses before the drain")
        operate("drain")
    asked = len(b.good.requests)
    equal({answer.status for _, answer in b.ask_all()}, {502}, "statuses while it is drained")
    equal(len(b.good.requests), asked, "requests at the account")
    operate("free")
    equal({answer.status for _, answer in b.ask_all()}, {200}, "statuses after it was freed")
    equal({r.credential for r in b.good.requests[-20:]}, {"provider-key-one", "provider-key-new"}, "who was asked")


@check("a request is explained by the file that its key goes by: {how}", rows=["described", "x-proxyd-explain"])
def _(lab, how):
    b = Bench(lab)
    b.begins(b.text(rules=OTHER))
    upstreams = {n: answer.header("x-proxyd-upstream") for n, answer in b.ask_all()}
    equal(set(upstreams.values()), {"good", "other"}, "upstreams that serve")
    for n, upstream in upstreams.items():
        if how == "described":
            answer = b.p.admin("POST", "/admin/explain", json.dumps({"model": "m", "key": f"k{n}"}).encode())
        else:
            shown = [("x-api-key", b.key(n)), ("Authorization", f"Bearer {ADMIN_KEY}"), ("x-proxyd-explain", "true")]
            answer = b.p.send("POST", "/v1/messages", ANTHROPIC.request("m"), key=None, headers=shown)
        told = answer.json()
        equal((answer.status, told["attempts"][0]["upstream"]), (200, upstream), f"the status, who is asked for the key {n}")
        equal("the key goes by the file that is on trial" in told["notes"], upstream == "other", f"the note for the key {n}")
