"""An OpenID Connect issuer on loopback: discovery, keys, token endpoint; and the browser that goes there and back.

It is as strict as one must be (PKCE, redirect URI, the client's secret, each code once), signs with RS256 or ES256 by the
standard library alone, and can be told to say or sign the wrong thing."""

import base64
import hashlib
import json
import time
from urllib.parse import parse_qs, unquote, urlencode, urlparse

from checks import equal, expect
from upstream import whole


class RSAKey:
    """2048 bits, for tests alone."""

    def __init__(self, kid, modulus, private):
        self.kid, self.alg, self.n, self.d = kid, "RS256", int(modulus, 16), int(private, 16)

    def sign(self, data):
        info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(data).digest()
        padded = b"\x00\x01" + b"\xff" * (256 - 3 - len(info)) + b"\x00" + info
        return pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(256, "big")

    def jwk(self):
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": url64(self.n.to_bytes(256, "big")), "e": "AQAB"}


class ECKey:
    """P-256 (FIPS 186-4 D.1.2.3)."""

    P = 2**256 - 2**224 + 2**192 + 2**96 - 1
    N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    G = (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    )

    def __init__(self, kid, private):
        self.kid, self.alg, self.d = kid, "ES256", private
        self.point = self.times(private, self.G)

    def add(self, a, b):
        if a is None or b is None:
            return a or b
        if a[0] == b[0] and (a[1] + b[1]) % self.P == 0:
            return None
        if a == b:
            slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, self.P)
        else:
            slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, self.P)
        x = (slope * slope - a[0] - b[0]) % self.P
        return x, (slope * (a[0] - x) - a[1]) % self.P

    def times(self, number, point):
        total = None
        while number:
            if number & 1:
                total = self.add(total, point)
            number, point = number >> 1, self.add(point, point)
        return total

    def sign(self, data):
        digest = hashlib.sha256(data).digest()
        k = int.from_bytes(hashlib.sha256(digest + self.d.to_bytes(32, "big")).digest(), "big") % self.N
        r = self.times(k, self.G)[0] % self.N
        s = pow(k, -1, self.N) * (int.from_bytes(digest, "big") + r * self.d) % self.N
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def jwk(self):
        x, y = (url64(part.to_bytes(32, "big")) for part in self.point)
        return {"kty": "EC", "use": "sig", "crv": "P-256", "kid": self.kid, "x": x, "y": y}


KEYS = {
    "first": RSAKey(
        "first",
        "a6dee1883a671548131d49ce97b5f45a80b8600c081939fd2910ac5ef5dc9687d138899a48ed311e7b7e664b98d05619ce129541d0ad1f7e"
        "930627796358587ddbff93cb3051d52853775ee5a790a0950f22490b3b68bd1e21c36cb3c7c5fc7615c4f0e1d352caadea192c804741771e"
        "e0de2d7201e05909b52bd3d589894bde5f18ca9b12f2ee7304977848ac572668cbbfc1895c68a08315e19237bc87b72e396084086f79f210"
        "5764695cdce60cef333235bde28e843171acca9b2e7b630689c46df400fba4763fda986e33ee38a1b6bfc6dc3eef529327475fcd24f397a2"
        "8916f5b22acdfd51e990ecb11cc67d3412afbe381d2517222725d0291d5ac89f",
        "09e749684ddb0752cf3b9a414614b8eb541f5d27e9a521a16a3a0098e42b92cd7db7c6c6ded420e9a7b7a137945aacf97c16f33fc4343a1d"
        "c7790287bc43268155b8addb4dc3558cbea36380eab87527538e1bdaac4c7388e1c518e2f494c5fe761d49948577b0eab06d8d0c11ee8b34"
        "cc70b32ec478bda00b5e0e04ead438a9e1d392c7055a7ceb62642b91a0140111e2bc1a9bf74edc4e7bf9504b65a9c8ea37a2ed09805e765c"
        "37a6882e5106d00a12ae174304270832c588482f6c545771674eda5f5769118df5c5347017b3e0cbc8ed722f2183e64abddccc9887f32af3"
        "a334b86c3b88e9f7d72adfc83816368c28722e84c34736d72f7594458fc4a915",
    ),
    "second": RSAKey(
        "second",
        "d19e784d2cc55afde9c5cdf2021d4e3896042067cb069beea862a3b673182667dc04046ec8721552c2816c251034b098e5a9a6e9b9de6ed8"
        "eac393463503d975202173362b6a42814887ac89e11033f1924691200275a9ffdc44d03e2fc48865ffbb47214d3c78809d5f188d8e0ad907"
        "9b102193e7ab647881b28d233b18b23fd73a7d7ba1b93e0c159fa773819f374d4d1b58e7ef734d49440776fbd68c2fc47ef843d88e556cf1"
        "89084656f1fd8b17f0926639c932336fdddd67fb47f7be0ad5cfe09e47fefc4b8fcf77c04931ac8e4e039d342b8fc4e732b2060445d02445"
        "cca186f1c1825589c64be0f210315a2b69525b8f199ca298fd61788cad1c3c99",
        "192118edb29071c33711612a322df274c6ea357acfec69c8e37b98c1fc7c008daaa2fa279044d9f0cf13ce23c6d4b4378e2fc78c653d88d7"
        "1d14c75cef29d819ca196c7b09db1e202ad266012cffa0e484cb4c2654d927813e762aeb4b95715f1df864f375738a842ba98cf35a5c0b4e"
        "d5bc6a34159db6c89a0ece4bf30f97bda722dc17e34bb0a3c8ce2161f8d3603b6eb0cbf4fce0449a1612e67200dc88aaae6a2b1c3e34c5ff"
        "9ba70e9e8349d40252afcfb301857ce19888af6869f366a48dd63fef45ab55f2f970221d32124412b0ee10ba7d9e704f8924a6e158816db2"
        "54563da7166d5d0cb5d2f7cc8170d005fcb9844ab75e2d223a714cbab7675121",
    ),
    "curve": ECKey("curve", 0x5A6B7C8D9EAFB0C1D2E3F405162738495A6B7C8D9EAFB0C1D2E3F40516273849),
}


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """`published` are the keys that it shows, `key` the one that it signs with; `claims` go into every token."""

    def __init__(self, lab, path="", secret="private client secret: +/", method="client_secret_basic"):
        self.server, self.secret, self.method, self.client = lab.upstream(), secret, method, "proxyd at work"
        self.url = self.server.url + path
        self.key, self.published = KEYS["first"], [KEYS["first"]]
        self.claims = {"sub": "u-1", "email": "ann@example.com", "groups": ["staff", "ops"]}
        self.header, self.raw_token, self.document, self.failure = {}, None, {}, None
        self.codes, self.tokens, self.asked = {}, [], {"discovery": 0, "keys": 0, "token": 0}
        self.server.reply(self._discovery, path=path + "/.well-known/openid-configuration")
        self.server.reply(self._keys, path=path + "/keys")
        self.server.reply(self._token, path=path + "/token")

    def section(self, roles, more=""):
        """`admin.oidc` for this issuer, on one line."""
        return (
            f"oidc: {{issuer: '{self.url}', client_id: '{self.client}', client_secret: '{self.secret}', "
            f"roles: {json.dumps(roles)}{', ' + more if more else ''}}}"
        )

    def _discovery(self, request, wire):
        self.asked["discovery"] += 1
        document = {
            "issuer": self.url,
            "authorization_endpoint": self.url + "/authorize",
            "token_endpoint": self.url + "/token",
            "jwks_uri": self.url + "/keys",
            "token_endpoint_auth_methods_supported": [self.method],
            **self.document,
        }
        whole(document)(request, wire)

    def _keys(self, request, wire):
        self.asked["keys"] += 1
        whole({"keys": [{"kty": "oct", "k": "AAAA"}, *(key.jwk() for key in self.published)]})(request, wire)

    def authorize(self, location):
        """What the issuer does with the browser: it says yes. Gives the target that the browser is sent back to."""
        url = urlparse(location)
        expect(location.startswith(self.url + "/authorize?"), "the issuer's authorization endpoint", location)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        equal(query["response_type"], "code", "response_type")
        equal(query["client_id"], self.client, "client_id")
        equal(query["code_challenge_method"], "S256", "code_challenge_method")
        expect("openid" in query["scope"].split(" "), "the scope openid", query)
        code = f"private-code/{len(self.codes)}"
        self.codes[code] = query
        back = urlparse(query["redirect_uri"])
        return f"{back.path}?{urlencode({'code': code, 'state': query['state']})}"

    def _token(self, request, wire):
        self.asked["token"] += 1
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        login = self.codes.pop(form.get("code"), None)
        problem = self.failure or self._problem(request, form, login)
        if problem:
            return whole({"error": "invalid_grant", "error_description": problem}, code=400)(request, wire)
        token = self.raw_token or self.sign(login["nonce"])
        self.tokens.append(token)
        whole({"access_token": "private-access", "token_type": "Bearer", "id_token": token})(request, wire)

    def _problem(self, request, form, login):
        if login is None:
            return "no such code"
        if url64(hashlib.sha256(form.get("code_verifier", "").encode()).digest()) != login["code_challenge"]:
            return "the verifier does not fit"
        if form.get("redirect_uri") != login["redirect_uri"]:
            return "another redirect_uri"
        if self.method == "client_secret_basic":
            said = base64.b64decode((request.header("authorization") or "Basic ").split(" ")[1]).decode()
            given = tuple(unquote(part.replace("+", " ")) for part in said.split(":"))
        else:
            given = (form.get("client_id"), form.get("client_secret"))
        return None if given == (self.client, self.secret) else "not this client"

    def sign(self, nonce):
        now = int(time.time())
        claims = {"iss": self.url, "aud": self.client, "iat": now, "exp": now + 300, "nonce": nonce, **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.key.alg, "kid": self.key.kid, "typ": "JWT", **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        signed = url64(json.dumps(header).encode()) + "." + url64(json.dumps(claims).encode())
        return signed + "." + url64(self.key.sign(signed.encode()))


class Browser:
    """Keeps cookies by name and path, as far as the admin plane needs it, and says where it comes from."""

    def __init__(self, p, host=None):
        self.p, self.cookies, self.set = p, {}, []
        self.host = host or f"127.0.0.1:{p.admin_port or p.port}"

    def go(self, target, method="GET", body=None, headers=(), own=True):
        sent = [("Host", self.host), *headers]
        if self.cookies and target.startswith("/admin"):
            sent.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        if method != "GET" and own:
            sent.append(("Origin", f"http://{self.host}"))
        answer = self.p.admin(method, target, body, key=None, headers=sent)
        for value in answer.all("set-cookie"):
            self.set.append(value)
            pair, *attributes = [part.strip() for part in value.split(";")]
            name, _, content = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = content
        return answer

    def login(self, issuer):
        """There and back; gives the answer of the callback."""
        answer = self.go("/admin/oidc/login")
        equal(answer.status, 302, "the status of /admin/oidc/login")
        return self.go(issuer.authorize(answer.header("location")))
