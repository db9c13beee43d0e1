"""Models: what is listed, in each dialect's shape, by pages; names of one's own; lists that upstreams give; prices and limits beside."""

import json
import time
from urllib.parse import quote

from checks import check, contains, equal, eventually, expect, lacks
from harness import USER_KEY, indented, served
from upstream import after, hang, status, whole

HEADERS = {"openai": {}, "anthropic": {"anthropic-version": "2023-06-01"}, "gemini": {}}
PATH = {"openai": "/v1/models", "anthropic": "/v1/models", "gemini": "/v1beta/models"}


def openai_list(*names, **more):
    return whole({"object": "list", "data": [{"id": name, "object": "model", "created": 1, "owned_by": "x", **more} for name in names]})


def anthropic_list(*names):
    data = [{"type": "model", "id": name, "display_name": f"Shown {name}", "created_at": "2026-01-01T00:00:00Z"} for name in names]
    return whole({"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]})


def gemini_list(*names):
    return whole({"models": [{"name": f"models/{name}", "displayName": name, "inputTokenLimit": 1000, "outputTokenLimit": 500,
                              "supportedGenerationMethods": ["generateContent"]} for name in names]})  # fmt: skip


class House:
    """Three vendors with lists of their own."""

    def __init__(self, lab, rules, more="", extra="models: {discover: true}", lists=True, **keywords):
        self.a, self.o, self.g = lab.upstream(), lab.upstream(), lab.upstream()
        if lists:
            self.a.reply(anthropic_list("claude-b", "claude-a"), path="/v1/models")
            self.o.reply(openai_list("gpt-5", "gpt-4o", "gpt-4o-audio-preview", "whisper-1"), path="/v1/models")
            self.g.reply(gemini_list("gemini-2", "gemini-1"), path="/v1beta/models")
        self.text = f"""
upstreams:
  a: {self.a.declare("anthropic", extra=extra)}
  o: {self.o.declare("openai", extra=extra)}
  g: {self.g.declare("gemini", extra=extra)}
rules:{indented(rules, 2)}
{more}
"""
        self.proxy = lab.proxyd(self.text, **keywords)

    def names(self, dialect="openai", query="", key=USER_KEY):
        answer = served(self.proxy.send("GET", PATH[dialect] + query, key=key, headers=HEADERS[dialect]))
        if dialect == "gemini":
            return [one["name"].partition("/")[2] for one in answer.json().get("models", [])]
        return [one["id"] for one in answer.json()["data"]]

    def wait(self, wanted, dialect="openai", **more):
        def there():
            found = self.names(dialect, **more)
            equal(found, wanted, "the list")
            return True

        eventually(there, f"the list {wanted}", 4)


EACH = """
- {name: c, models: ["claude-*"], tiers: [a]}
- {name: g, models: ["gpt-*"], tiers: [o]}
- {name: m, models: ["gemini-*"], tiers: [g]}"""


@check("an upstream of which the file says nothing is asked for its list once somebody looks at one")
def _(lab):
    house = House(lab, EACH, extra="models: {discover: false}")
    up = house.o
    p = lab.proxyd(f"upstreams: {{o: {{url: '{up.url}/v1', dialect: openai, key: k}}}}\nrules: [{{name: g, models: ['gpt-*'], tiers: [o]}}]\n")
    time.sleep(0.6)
    equal(len(up.lists), 0, "requests for lists before")
    house.proxy = p
    equal(house.names(), ["gpt-4o", "gpt-4o-audio-preview", "gpt-5"], "the first look")
    equal(len(up.lists), 1, "requests for lists after it")


@check("a list of models waits for no upstream that does not answer, but for a moment the first time")
def _(lab):
    silent = lab.upstream()
    silent.reply(hang, path="/v1/models")
    p = lab.proxyd(f"upstreams: {{o: {{url: '{silent.url}/v1', dialect: openai, key: k, models: {{list: [gpt-own]}}}}}}\nrules: [{{name: g, models: ['gpt-*'], tiers: [o]}}]\n")
    for _ in range(3):
        began = time.monotonic()
        equal([entry["id"] for entry in served(p.send("GET", PATH["openai"], headers=HEADERS["openai"])).json()["data"]], ["gpt-own"], "the list")
        expect(time.monotonic() - began < 5, "the time of a look", time.monotonic() - began)


@check("globs list what their upstreams list, as far as the globs reach, in {dialect}'s shape", rows=list(PATH))
def _(lab, dialect):
    house = House(lab, EACH)
    house.wait(["claude-a", "claude-b", "gemini-1", "gemini-2", "gpt-4o", "gpt-4o-audio-preview", "gpt-5"], dialect)
    first = served(house.proxy.send("GET", PATH[dialect], headers=HEADERS[dialect])).json()
    one = (first["data"] if "data" in first else first["models"])[0]
    if dialect == "openai":
        equal((first["object"], one["object"]), ("list", "model"), "OpenAI's shape")
        expect(isinstance(one["created"], int) and one["owned_by"], "created, owned_by", one)
        expect(isinstance(first.get("models"), list) or "models" not in first, "Codex' list", first)
    elif dialect == "anthropic":
        equal((one["type"], first["has_more"], first["first_id"]), ("model", False, "claude-a"), "Anthropic's shape")
        expect(one["display_name"] and one["created_at"], "display_name, created_at", one)
    else:
        contains(one["supportedGenerationMethods"], "generateContent", "methods")


@check("a credential of the account is shown where a list is asked for, never a client's key")
def _(lab):
    house = House(lab, EACH)
    house.wait(["claude-a", "claude-b", "gemini-1", "gemini-2", "gpt-4o", "gpt-4o-audio-preview", "gpt-5"])
    for up in (house.a, house.o, house.g):
        request = up.lists[0]
        equal((request.method, request.credential), ("GET", "provider-key-one"), "method, credential")
        lacks(request.raw_head, USER_KEY.encode(), "the head")


@check("a rule that maps a prefix lists what its upstream lists under that prefix")
def _(lab):
    house = House(lab, '- {name: p, models: ["openai/*"], tiers: ["o/*"]}\n- {name: q, models: ["x-*-y"], tiers: ["a/claude-*"]}')
    house.wait(["openai/gpt-4o", "openai/gpt-4o-audio-preview", "openai/gpt-5", "openai/whisper-1", "x-a-y", "x-b-y"])
    served(house.proxy.ask("openai", "openai/gpt-5"))
    equal(house.o.last.model, "gpt-5", "the model upstream")


@check("what a rule hides behind one model of its own, `reject` or an earlier rule is not listed as another's")
def _(lab):
    house = House(lab, """
- {name: no, models: ["gpt-5"], reject: {status: 403, message: no}}
- {name: fixed, models: ["gpt-4o", "best"], tiers: [a/claude-a]}
- {name: rest, models: ["gpt-*"], tiers: [o]}""")
    house.wait(["best", "gpt-4o", "gpt-4o-audio-preview"])


@check("rules with `when` count as reachable")
def _(lab):
    house = House(lab, '- {name: w, models: ["gpt-*"], when: request.stream, tiers: [o]}\n- {name: r, models: ["claude-*"], tiers: [a]}')
    house.wait(["claude-a", "claude-b", "gpt-4o", "gpt-4o-audio-preview", "gpt-5"])


@check("`hide`, `list` and `discover: false` of an upstream's models")
def _(lab):
    house = House(lab, EACH, extra='models: {hide: ["*-audio-*", "claude-b"], list: [gpt-mine]}')
    house.wait(["claude-a", "gemini-1", "gemini-2", "gpt-4o", "gpt-5", "gpt-mine"])
    quiet = House(lab, EACH, extra="models: {discover: false, list: [gpt-mine, gemini-x, claude-z]}")
    quiet.wait(["claude-z", "gemini-x", "gpt-mine"])
    equal(quiet.o.lists, [], "requests at the upstream")


@check("a policy's models and paths narrow the list; what is not allowed is a 404 alone")
def _(lab):
    key = "sk-narrow-key-for-the-black-box-suite-2"
    house = House(lab, EACH, f"""
policies: {{narrow: {{models: ["gpt-4*", "claude-a"]}}}}
keys: [{{name: user, key: "{USER_KEY}"}}, {{name: n, key: "{key}", policy: narrow}}]""")
    house.wait(["claude-a", "gpt-4o", "gpt-4o-audio-preview"], key=key)
    equal(house.proxy.send("GET", "/v1/models/gpt-5", key=key).status, 404, "another model alone")
    equal(house.proxy.send("GET", "/v1/models/gpt-4-never-listed", key=key).status, 200, "one that a POST would serve")


@check("a model whose name has a blank is told alone, as a POST serves it: {folder}", rows=["/v1/models/", "/models/", "/v1beta/models/"])
def _(lab, folder):
    house = House(lab, '\n- {name: b, models: ["my model"], tiers: [o/gpt-4o]}', lists=False)
    served(house.proxy.send("POST", "/v1/chat/completions", {"model": "my model", "messages": [{"role": "user", "content": "Hi"}]}))
    equal(house.proxy.send("GET", folder + "my%20model").status, 200, "the status")
    equal(house.proxy.send("GET", folder + "my%09model").status, 400, "a control character")


@check("a key whose policy names models sees them where nobody else tells a name: {upstream}", rows=["away", "of a preset"])
def _(lab, upstream):
    key = "sk-narrow-key-for-the-black-box-suite-3"
    up = lab.upstream()
    declared = up.declare("openai")
    if upstream == "of a preset":
        declared = f"{{preset: groq, url: '{up.url}/v1', key: k, models: {{discover: false}}}}"
    p = lab.proxyd(f"""
upstreams: {{o: {declared}}}
policies: {{narrow: {{models: [gpt-mine, "x-*"]}}}}
keys: [{{name: user, key: "{USER_KEY}"}}, {{name: n, key: "{key}", policy: narrow}}]
rules: [{{name: all, models: ["*"], tiers: [o]}}]
""")
    listed = served(p.send("GET", PATH["openai"], key=key)).json()["data"]
    equal([one["id"] for one in listed], ["gpt-mine"], "the list")
    equal(served(p.ask("openai", "gpt-mine", key=key)).status, 200, "the status of one that is listed")


@check("{dialect}: pages by its own parameters", rows=["anthropic", "gemini"])
def _(lab, dialect):
    house = House(lab, EACH)
    everything = ["claude-a", "claude-b", "gemini-1", "gemini-2", "gpt-4o", "gpt-4o-audio-preview", "gpt-5"]
    house.wait(everything, dialect)
    got, query = [], "limit=3" if dialect == "anthropic" else "pageSize=3"
    for _page in range(5):
        page = served(house.proxy.send("GET", f"{PATH[dialect]}?{query}", headers=HEADERS[dialect])).json()
        rows = page.get("data") or page.get("models") or []
        expect(len(rows) <= 3, "three at most", rows)
        got += [one.get("id") or one["name"].partition("/")[2] for one in rows]
        if dialect == "anthropic":
            equal((page["first_id"], page["last_id"]), (rows[0]["id"], rows[-1]["id"]), "first and last id")
            if not page["has_more"]:
                break
            query = f"limit=3&after_id={quote(page['last_id'])}"
        else:
            if not page.get("nextPageToken"):
                break
            query = f"pageSize=3&pageToken={quote(page['nextPageToken'])}"
    equal(got, everything, "all pages")
    if dialect == "anthropic":
        equal(house.names("anthropic", "?limit=2&before_id=gpt-4o"), ["gemini-1", "gemini-2"], "the page before")
    for odd in ("?limit=x", "?limit=0", "?limit=-1", "?pageSize=99999999999999999999", "?after_id=none-such", "?pageToken=%00"):
        expect(house.proxy.send("GET", PATH[dialect] + odd, headers=HEADERS[dialect]).status in (200, 400), f"200 or 400 of {odd}")


@check("{dialect}: a model alone is a 200 for whatever a POST would serve: {model}",
       rows=[(d, m) for d in PATH for m in ("gpt-4o", "gpt-not-listed", "team/gpt:free@1", "claude-x")
             if (d, m) != ("gemini", "team/gpt:free@1")])  # fmt: skip
def _(lab, dialect, model):
    house = House(lab, EACH + '\n- {name: s, models: ["team/*"], tiers: ["o/*"]}')
    for name in (model, quote(model, safe="")):
        answer = house.proxy.send("GET", f"{PATH[dialect]}/{name}", headers=HEADERS[dialect])
        equal(answer.status, 200, f"the status of {name}")
        equal(answer.json().get("id", answer.json().get("name", "").partition("/")[2]), model, "its name")
    equal(house.proxy.send("GET", f"{PATH[dialect]}/unknown-one", headers=HEADERS[dialect]).status, 404, "one that nothing serves")


@check("names of one's own: listed under their names, served by what they stand for, one step only")
def _(lab):
    house = House(lab, EACH, """
models:
  claude-fast: {to: o/gpt-4o, display_name: "Fast"}
  team: {to: gpt-5}
  twice: {to: team}""")
    eventually(lambda: {"claude-fast", "team"} <= set(house.names()), "the names", 4)
    served(house.proxy.ask("anthropic", "claude-fast"))
    equal((house.o.last.model, house.o.last.path), ("gpt-4o", "/v1/chat/completions"), "model and path of the upstream")
    served(house.proxy.ask("openai", "team"))
    equal(house.o.last.model, "gpt-5", "the model of the other")
    equal(house.proxy.ask("openai", "twice").status, 404, "an alias of an alias")
    listed = served(house.proxy.send("GET", "/v1/models", headers=HEADERS["anthropic"])).json()["data"]
    equal([one["display_name"] for one in listed if one["id"] == "claude-fast"], ["Fast"], "its shown name")
    equal(house.proxy.send("GET", "/v1/models/claude-fast").status, 200, "it alone")


@check("an alias: a policy sees the name that was asked for")
def _(lab):
    key = "sk-narrow-key-for-the-black-box-suite-3"
    house = House(lab, EACH, f"""
models: {{mine: {{to: o/gpt-4o}}}}
policies: {{narrow: {{models: [mine]}}}}
keys: [{{name: user, key: "{USER_KEY}"}}, {{name: n, key: "{key}", policy: narrow}}]""")
    served(house.proxy.ask("openai", "mine", key=key))
    equal(house.proxy.ask("openai", "gpt-4o", key=key).status, 403, "what it stands for")
    house.wait(["mine"], key=key)


@check("an alias to an upstream that there is not is an error of the file, with a suggestion")
def _(lab):
    from commands import run

    p = lab.proxyd("upstreams: {here: {url: 'http://127.0.0.1:9', dialect: openai, key: k}}\nmodels: {m: {to: hre/x}}\nrules: [{name: r, models: [a], tiers: [here]}]", start=False)
    made = run(lab, "--check-config", "-c", p.config)
    if made.code == 0:  # `hre/x` may also be a model's name that a rule matches: then none does, which is told
        contains(made.out + made.err, "hre/x", "what it says")
    else:
        contains(made.out + made.err, "models.m", "what it says")


@check("lists of upstreams: {what} is not waited for, and told in GET /admin/fallback", rows=["a slow one", "a silent one", "one that fails", "nonsense", "one that is away"])
def _(lab, what):
    house = House(lab, EACH, lists=False, start=False)
    if what == "one that is away":
        house.o.close()
        lab.upstreams.remove(house.o)
    else:
        house.o.reply({"a slow one": after(1.5, openai_list("gpt-5")), "a silent one": hang, "one that fails": status(500), "nonsense": whole(b"{nonsense")}[what], path="/v1/models")
    house.a.reply(anthropic_list("claude-a"), path="/v1/models")
    house.g.reply(gemini_list("gemini-1"), path="/v1beta/models")
    house.proxy.start()
    house.wait(["claude-a", "gemini-1"])
    told = {one.get("name"): one for one in house.proxy.get("/admin/fallback").get("upstreams", [])}
    expect({"a", "o", "g"} <= set(told), "the upstreams of GET /admin/fallback", told)
    equal(told["a"]["models"]["count"], 1, "how many the first lists")
    expect(told["a"]["models"]["fetched_at"], "when", told["a"])
    if what in ("one that fails", "nonsense", "one that is away"):
        eventually(lambda: {o["name"]: o for o in house.proxy.get("/admin/fallback")["upstreams"]}["o"]["models"].get("error"), "the error", 4)
        lacks(json.dumps(house.proxy.get("/admin/fallback")), "provider-key", "GET /admin/fallback")


@check("a list is kept over a restart, and shown when the upstream is away")
def _(lab):
    house = House(lab, '- {name: g, models: ["gpt-*"], tiers: [o]}')
    house.wait(["gpt-4o", "gpt-4o-audio-preview", "gpt-5"])
    house.o.reply(status(503), path="/v1/models")
    house.proxy.restart()
    house.wait(["gpt-4o", "gpt-4o-audio-preview", "gpt-5"])


@check("a list that was fetched is shown no more once `discover` is false, after a restart too, nor for another address")
def _(lab):
    first, second = lab.upstream(), lab.upstream()
    first.reply(openai_list("gpt-x", "gpt-y"), path="/v1/models")
    second.reply(status(503), path="/v1/models")

    def text(up, models):
        return f"upstreams: {{o: {up.declare('openai', extra='models: ' + models)}}}\nrules: [{{name: g, models: ['gpt-*'], tiers: [o]}}]\n"

    p = lab.proxyd(text(first, "{discover: true, list: [gpt-own]}"))

    def shows(*wanted):
        eventually(lambda: tuple(one["id"] for one in served(p.send("GET", "/v1/models")).json()["data"]) == wanted, f"the list {wanted}", 4)

    shows("gpt-own", "gpt-x", "gpt-y")
    p.write(text(first, "{discover: false, list: [gpt-own]}"))
    shows("gpt-own")
    p.restart()
    shows("gpt-own")
    p.write(text(first, "{discover: true, list: [gpt-own]}"))
    shows("gpt-own", "gpt-x", "gpt-y")
    p.write(text(second, "{discover: true, list: [gpt-own]}"))
    shows("gpt-own")
    p.restart()
    shows("gpt-own")


@check("where no list can be had, the well-known names of the upstream's format stand in for `*`: {dialect}",
       rows=["anthropic", "openai", "gemini"])  # fmt: skip
def _(lab, dialect):
    up = lab.upstream()
    up.reply(status(404), path="/v1/models")
    up.reply(status(404), path="/v1beta/models")
    p = lab.proxyd(f"upstreams: {{a: {up.declare(dialect)}}}\nrules: [{{name: g, models: ['*'], tiers: [a]}}]\n")
    names = [one["id"] for one in served(p.send("GET", "/v1/models")).json()["data"]]
    own = {"anthropic": "claude-", "openai": "gpt-", "gemini": "gemini-"}[dialect]
    expect(any(name.startswith(own) for name in names), f"names that begin with {own}", names)
    others = {"claude-", "gpt-", "gemini-"} - {own}
    expect(not any(name.startswith(tuple(others)) for name in names), "none of other vendors", names)


@check("so they do for `*` before a preset of which no names are shipped: {preset}", rows=["vllm", "litellm", "proxyd", "github-models"])
def _(lab, preset):
    p = lab.proxyd(
        f"upstreams: {{a: {{preset: {preset}, url: '{lab.dead_url()}', key: k}}}}\nrules: [{{name: g, models: ['*'], tiers: [a]}}]\n"
    )
    names = [one["id"] for one in served(p.send("GET", "/v1/models")).json()["data"]]
    expect(names, "names to ask for", names)


@check("hostile lists: {what}", rows=["a million names", "names that are no text", "a name with control characters", "a name of 300 letters"])
def _(lab, what):
    names = {"a million names": [f"gpt-{i}" for i in range(60_000)], "names that are no text": [1, None, {"a": 1}, "gpt-ok"],
             "a name with control characters": ["gpt-\n\x00", "gpt-ok"], "a name of 300 letters": ["gpt-" + "x" * 300, "gpt-ok"]}[what]  # fmt: skip
    house = House(lab, '- {name: g, models: ["gpt-*"], tiers: [o]}', lists=False, start=False)
    house.o.reply(whole({"data": [{"id": name} for name in names]}), path="/v1/models")
    house.proxy.start()
    if what == "a million names":
        eventually(lambda: house.o.lists, "the question", 4)
        served(house.proxy.ask("openai", "gpt-1"))
        expect(len(house.names()) <= 60_000, "a list")
    else:
        house.wait(["gpt-ok"])


@check("limits, prices and modalities that an upstream tells are told on")
def _(lab):
    house = House(lab, '- {name: g, models: ["gpt-*"], tiers: [o]}', lists=False, start=False)
    pricing = {"prompt": "0.000003", "completion": "0.000015"}
    house.o.reply(openai_list("gpt-x", context_length=123456, pricing=pricing), path="/v1/models")
    house.proxy.start()
    house.wait(["gpt-x"])
    one = served(house.proxy.send("GET", "/v1/models")).json()["data"][0]
    equal(one.get("context_window", one.get("context_length")), 123456, "the context window")


@check("after a reload the list is the new file's")
def _(lab):
    house = House(lab, '- {name: g, models: ["gpt-*"], tiers: [o]}')
    house.wait(["gpt-4o", "gpt-4o-audio-preview", "gpt-5"])
    house.proxy.write(house.text.replace('["gpt-*"]', '["gpt-5*", plain]'))
    house.wait(["gpt-5", "plain"])


@check("the list beside what clients send: {target}", rows=["/models", "/v1/models/", "/openai/v1/models", "/v1/models?limit=1000", "/v1/models?client_version=0.163.0"])
def _(lab, target):
    house = House(lab, '- {name: g, models: [gpt-mine], tiers: [o]}')
    contains([one["id"] for one in served(house.proxy.send("GET", target)).json()["data"]], "gpt-mine", "the list")
