"""Whose request it is: X-Forwarded-For and PROXY headers, and from whom they count."""

from checks import check, contains, equal, eventually
from dialects import ANTHROPIC
from harness import ADMIN_KEY, served

POLICY = "policies: {default: {allow_from: ['10.0.0.0/8', '2001:db8::/32']}}"


def forwarded(p, *values, peer_ok=False):
    answer = p.ask(headers=[("X-Forwarded-For", value) for value in values])
    return answer.status


@check(
    "behind a trusted proxy, X-Forwarded-For {values} is {expected}",
    rows=[
        (["10.1.2.3"], 200),
        (["10.1.2.3:4711"], 200),
        (["2001:db8::7"], 200),
        (["[2001:db8::7]"], 200),
        (["[2001:db8::7]:80"], 200),
        (["::ffff:10.1.2.3"], 200),
        (["192.0.2.1, 10.1.2.3"], 200),
        (["192.0.2.1", "10.1.2.3"], 200),
        (["192.0.2.1", "10.1.2.3, 127.0.0.9"], 200),
        (["10.1.2.3, 127.0.0.9,127.0.0.8"], 200),
        (["10.1.2.3, 192.0.2.1"], 403),
        (["10.1.2.3", "192.0.2.1"], 403),
        (["10.1.2.3, garbage"], 403),
        (["10.1.2.3, 127.0.0.9, garbage"], 403),
        (["10.1.2.3 127.0.0.1"], 403),
        (["10.1.2.3:99999"], 403),
        (["[10.1.2.3]"], 403),
        ([""], 403),
        ([], 403),
    ],
    together=True,
)
def _(lab, values, expected):
    p, _up = lab.simple(f"trusted_proxies: [127.0.0.0/8]\n{POLICY}")
    equal(forwarded(p, *values), expected, "the status")


@check("X-Forwarded-For of somebody who is not trusted counts for nothing ({head})", rows=["", "trusted_proxies: [192.0.2.0/24]"])
def _(lab, head):
    p, _up = lab.simple(f"{head}\n{POLICY}")
    equal(forwarded(p, "10.1.2.3"), 403, "the status")


@check("each request of a connection has its own client, in the policy, the rules and the log")
def _(lab):
    p, _up = lab.simple(
        "trusted_proxies: [127.0.0.1]",
        rules="""
            - {name: inside, when: 'cidr("10.0.0.0/8").containsIP(client.ip)', tiers: [claude]}
            - {name: outside, tiers: [claude]}""",
    )
    connection = p.connect()
    for value, rule in (("10.1.2.3", "inside"), ("192.0.2.7", "outside"), (None, "outside"), ("10.1.2.3", "inside"), ("10.9.9.9", "inside")):
        headers = p.headers(headers={"X-Forwarded-For": value} if value else {})
        answer = served(connection.ask("POST", ANTHROPIC.path, headers, ANTHROPIC.request()))
        equal(answer.header("x-proxyd-rule"), rule, f"the rule for {value}")
        p.wait_log(f"client={value or '127.0.0.1'}")


@check("trusted_proxies changes by saving, on open connections too")
def _(lab):
    p, _up = lab.simple(f"trusted_proxies: [127.0.0.1]\n{POLICY}")
    connection = p.connect()
    headers = p.headers(headers={"X-Forwarded-For": "10.1.2.3"})
    served(connection.ask("POST", ANTHROPIC.path, headers, ANTHROPIC.request()))
    p.replace(p.config.read_text().replace("trusted_proxies: [127.0.0.1]", "trusted_proxies: []"))
    eventually(lambda: connection.ask("POST", ANTHROPIC.path, headers, ANTHROPIC.request()).status == 403, "a 403")


@check("admin.allow_from asks for the client, not for the balancer")
def _(lab):
    p, _up = lab.simple(f"trusted_proxies: [127.0.0.1]\nadmin: {{key: {ADMIN_KEY}, allow_from: ['10.0.0.0/8']}}")
    equal(p.admin("GET", "/admin/keys").status, 403, "without X-Forwarded-For")
    equal(p.admin("GET", "/admin/keys", headers={"X-Forwarded-For": "10.0.0.5"}).status, 200, "from 10.0.0.5")
    equal(p.admin("GET", "/admin/keys", headers={"X-Forwarded-For": "10.0.0.5, 192.0.2.1"}).status, 403, "from 192.0.2.1")


@check("--check-config: {value} is no trusted proxy", rows=["10.0.0.0/33", "example.com", "10.0.0", "'*'"])
def _(lab, value):
    p, _up = lab.simple(f"trusted_proxies: [{value}]", start=False)
    p.spawn("--check-config", "-c", str(p.config))
    equal(p.wait(), 78, "the exit code")
    contains(p.output(), "trusted_proxies[0]", "the place")
