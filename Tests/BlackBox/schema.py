"""JSON Schema, as far as `proxyd reference schema` uses it, and files made to compare it with the checker."""

import copy
import random
import re

KEYWORDS = {
    "$schema", "title", "description", "default", "definitions", "$ref", "type", "enum", "pattern", "minimum", "maximum", "anyOf",
    "oneOf", "allOf", "not", "properties", "patternProperties", "additionalProperties", "propertyNames", "required", "dependencies",
    "items", "maxProperties", "minItems", "minProperties",
}  # fmt: skip


class Validator:
    def __init__(self, schema):
        self.root = schema
        self.patterns = {}

    def unknown_keywords(self):
        """Keywords that it would pass over in silence."""
        found = set()

        def walk(schema):
            if not isinstance(schema, dict):
                return
            found.update(set(schema) - KEYWORDS)
            for name in ("items", "not", "propertyNames", "additionalProperties"):
                walk(schema.get(name))
            for name in ("anyOf", "oneOf", "allOf"):
                for part in schema.get(name, []):
                    walk(part)
            for name in ("properties", "patternProperties", "definitions"):
                for part in schema.get(name, {}).values():
                    walk(part)

        walk(self.root)
        return found

    def takes(self, value, schema=None):
        schema = self.root if schema is None else schema
        if isinstance(schema, bool):
            return schema
        if "$ref" in schema:
            return self.takes(value, self.root["definitions"][schema["$ref"].rsplit("/", 1)[1]])
        return all(getattr(self, "_" + name, self._any)(value, part, schema) for name, part in schema.items())

    def _any(self, value, part, schema):
        return True

    def _type(self, value, part, schema):
        return any(self._is(value, name) for name in (part if isinstance(part, list) else [part]))

    @staticmethod
    def _is(value, name):
        if isinstance(value, bool):
            return name == "boolean"
        if isinstance(value, (int, float)):
            return name == "number" or name == "integer" and value == int(value)
        return {"string": str, "object": dict, "array": list, "null": type(None)}.get(name, ()) and isinstance(
            value, {"string": str, "object": dict, "array": list, "null": type(None)}[name]
        )

    def _search(self, pattern, text):
        if pattern not in self.patterns:
            # Python's `$` takes a newline at the end, ECMA's does not.
            end = pattern[:-1] + r"\Z" if pattern.endswith("$") and not pattern.endswith("\\$") else pattern
            self.patterns[pattern] = re.compile(end)
        return self.patterns[pattern].search(text) is not None

    def _pattern(self, value, part, schema):
        return not isinstance(value, str) or self._search(part, value)

    def _enum(self, value, part, schema):
        return any(value == other and type(value) is type(other) for other in part)

    def _minimum(self, value, part, schema):
        return isinstance(value, bool) or not isinstance(value, (int, float)) or value >= part

    def _maximum(self, value, part, schema):
        return isinstance(value, bool) or not isinstance(value, (int, float)) or value <= part

    def _anyOf(self, value, part, schema):
        return any(self.takes(value, one) for one in part)

    def _oneOf(self, value, part, schema):
        return sum(self.takes(value, one) for one in part) == 1

    def _allOf(self, value, part, schema):
        return all(self.takes(value, one) for one in part)

    def _not(self, value, part, schema):
        return not self.takes(value, part)

    def _required(self, value, part, schema):
        return not isinstance(value, dict) or all(name in value for name in part)

    def _dependencies(self, value, part, schema):
        return not isinstance(value, dict) or all(name not in value or all(n in value for n in more) for name, more in part.items())

    def _propertyNames(self, value, part, schema):
        return not isinstance(value, dict) or all(self.takes(name, part) for name in value)

    def _properties(self, value, part, schema):
        return not isinstance(value, dict) or all(self.takes(value[name], one) for name, one in part.items() if name in value)

    def _additionalProperties(self, value, part, schema):
        if not isinstance(value, dict):
            return True
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        others = [name for name in value if name not in known and not any(self._search(p, name) for p in patterns)]
        return all(self.takes(value[name], part) for name in others)

    def _items(self, value, part, schema):
        return not isinstance(value, list) or all(self.takes(item, part) for item in value)

    def _minItems(self, value, part, schema):
        return not isinstance(value, list) or len(value) >= part

    def _maxProperties(self, value, part, schema):
        return not isinstance(value, dict) or len(value) <= part

    def _minProperties(self, value, part, schema):
        return not isinstance(value, dict) or len(value) >= part


# A file with nearly every key that needs nothing of the machine.
FULL = {
    "listen": ["127.0.0.1:8180", {"address": "127.0.0.1:8181", "headers": {"proxyd": True}, "proxy_protocol": False, "cors": ["https://a.example"]}],
    "trusted_proxies": ["10.0.0.0/8", "unix"],
    "admin": {
        "key": "4f9a6b2c4d8e1f3a5b7c9d2e", "allow_from": ["127.0.0.0/8", "::1"], "metrics": "open", "listen": "127.0.0.1:8182",
        "keys": [{"name": "ops", "key": "5f9a6b2c4d8e1f3a5b7c9d2e", "role": "viewer"}],
        "oidc": {"issuer": "https://login.example", "client_id": "a", "client_secret": "b", "roles": "\"admin\"", "scopes": ["openid"],
                 "redirect_url": "https://proxy.example/admin/oidc/callback"},
    },
    "state": "./state",
    "timezone": "Asia/Singapore",
    "timeouts": {"head": "30s", "connect": "5s", "first_byte": "120s", "idle": "120s", "drain": "85s"},
    "limits": {"body": "32MiB", "headers": 32768, "connections": "10k", "waiting": 256},
    "https_proxy": "http://proxy:3128",
    "no_proxy": ["localhost", "10.0.0.0/8"],
    "upstreams": {
        "a": {
            "url": "http://localhost:8080", "dialect": "anthropic", "choose": "weighted", "affinity": "key", "threshold": "5%",
            "accounts": [{"name": "one", "key": "k1", "weight": 2, "quota": {"declared": {"tokens_per_day": "5M", "budget_per_day": "5 USD"}}}],
            "quota": {"poll": "/health", "interval": "30s", "timeout": "5s", "headers": True, "models": {"m": "n"}, "header_names": {"tokens": {"remaining": "x-left"}}},
            "timeouts": {"connect": "1s", "idle": "60s"}, "headers": {"x-a": "b"}, "key_header": "x-key", "proxy": "none",
            "models": {"discover": False, "every": "1h", "list": ["m"], "hide": ["*-audio-*"]},
            "lossy": "strict", "drop": ["user"], "web_search": True, "expose_rate_limits": False,
        },
        "b": {"preset": "openai", "key": "k2"},
        "c": {"url": "https://x.openai.azure.com", "dialect": "azure", "deployments": {"gpt-4o": "mine"}, "api_version": "2024-10-21", "key": "k3"},
    },
    "fallback": {"enabled": True, "threshold": 0.05, "on": [429, "5xx", "exhausted"], "cooldown": "60s", "max_cooldown": "1h", "wait": "0s"},
    "rules": [
        {"name": "no", "models": ["x-*"], "when": "request.size > 5", "reject": {"status": 403, "message": "no"}},
        {"name": "long", "models": ["y-*"], "paths": ["/v1/files/**"], "tiers": ["a/m", {"upstream": "b", "model": "n", "max_tokens": 8192, "threshold": "10%", "weight": 1, "timeouts": {"idle": "30s"}}],
         "fallback": {"threshold": "3%", "on": ["timeout"]}, "set": {"temperature": 0.5}, "tags": {"team": "x"}},
        {"models": ["*"], "tiers": [{"any": ["a", {"upstream": "c", "weight": 2}], "choose": "fastest", "affinity": "none"}]},
    ],
    "models": {"fast": {"to": "a/m", "display_name": "Fast"}, "slow": "a/m"},
    "usage_limits": [{"name": "team", "per": "key.tags[\"team\"]", "when": "request.size > 1", "budget_per_month": "20 USD", "on_exhausted": {"tiers": ["b"]}}],
    "policies": {"team": {"models": ["*"], "paths": ["/v1/files"], "requests_per_minute": 120, "tokens_per_day": "20M", "budget_per_month": "200 USD",
                          "concurrent_requests": 16, "allow_from": ["10.0.0.0/8"], "count_cached": True, "reserve": "typical"}},
    "keys": [{"name": "ci", "key": "6f9a6b2c4d8e1f3a5b7c9d2e", "policy": "team", "tags": {"team": "build"}, "enabled": True},
             {"name": "al", "hash": "sha256:" + "9f" * 32}],
    "prices": {"m": {"input": 15, "output": 75.5, "cache_read": "1.5"}, "unknown": "warn"},
    "log": {"level": "info", "format": "text", "requests": True, "admin": False},
    "usage": {"on_storage_failure": "refuse", "assumed_output": 4096, "keep_requests": "30d", "durability": "crash"},
    "lark": {"app_id": "a", "app_secret": "b", "token_file": "t.json", "forward_cards_to": "http://127.0.0.1:1/x", "check_state": True,
             "verification_token": "v", "encrypt_key": "e", "api": "https://open.larksuite.com"},
    "alerts": {"webhook": "https://h.example/x", "format": "slack", "budgets": ["80%", 1], "certificate": "14d"},
    "events": {"webhook": "https://h.example/x"},
    "telemetry": {"otlp": "http://127.0.0.1:4318", "protocol": "http/json", "sample": "50%", "headers": {"x-b": "c"}},
}  # fmt: skip

# What stands in the place of a value.
OTHERS = [
    None, True, False, 0, 1, 5, -1, 0.5, 429, 10**13, "", " ", "x", "5", "0.5", "5s", "10%", "150%", "400k", "1.5", "32MiB", "5 USD", "5USD", "true",
    "True", "yes", "a,b", "a/b", "/v1/x", "http://h.example", "https://h.example/v1?x=1", "ftp://h", "10.0.0.0/8", "10.0.0.0/99", "::1",
    "127.0.0.1:80", "localhost:99999", ":1", "INFO", "sha256:zz", "é", "a b", "tab\there", [], {}, ["x"], [5], ["5%"], [None], {"x": 1}, {"name": "x"}, [[]],
    {"tiers": ["a"]}, {"upstream": "a"}, "${NOBODY:-5s}",
]  # fmt: skip


def places(value, path=()):
    """Every value of a file by its path."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from places(one, (*path, name))


def at(value, path):
    for name in path:
        value = value[name]
    return value


def mutations(seed, count):
    """(what was done, the file) of `count` files, each with one change."""
    random_ = random.Random(seed)
    paths = [path for path in places(FULL) if path]
    for _ in range(count):
        path = random_.choice(paths)
        changed = copy.deepcopy(FULL)
        parent, name = at(changed, path[:-1]), path[-1]
        old = parent[name]
        kind = random_.randrange(10)
        if kind == 0:
            del parent[name]
            what = "gone"
        elif kind == 1 and isinstance(old, dict):
            old[random_.choice(["nonsense", "x-own", "name", "key", "models", "5"])] = random_.choice(OTHERS)
            what = "one key more"
        elif kind == 2:
            parent[name] = [old]
            what = "in a list"
        elif kind == 3 and isinstance(old, list) and old:
            parent[name] = old[0]
            what = "the first of its list"
        elif kind == 4 and not isinstance(old, (dict, list)):
            parent[name] = str(old).lower() if isinstance(old, bool) else str(old)
            what = "as text"
        elif kind == 5 and isinstance(old, str):
            parent[name] = old.upper()
            what = "in upper case"
        else:
            parent[name] = random_.choice(OTHERS)
            what = f"{parent[name]!r}"
        yield f"{'.'.join(map(str, path))}: {what}", changed
