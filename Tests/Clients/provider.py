"""A provider that speaks one format: it reads a request as strictly as the vendor would, and plays the scene it was asked for."""

import base64
import binascii
import itertools
import json

from story import Refused, demand, play
from upstream import Upstream, status, stream, whole

CLIENT_KEY_START = "sk-user-"
KEY = "provider-key-one"  # what `Upstream.declare` writes into the configuration


class Provider(Upstream):
    """The server; a format fills in `read`, `whole`, `stream`, `error`, `inband` and what it is asked besides."""

    dialect = None

    def __init__(self):
        super().__init__()
        self._answers = itertools.count(1)

    def _pick(self, request):
        self.requests.append(request)
        try:
            return self.answer(request)
        except Refused as refused:
            return self.refusal(request, refused)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            # A vendor's 400 for a body of another shape than the documented one.
            return self.refusal(request, Refused(400, f"malformed request: {type(error).__name__}: {error}"))

    def answer(self, request):
        if (answer := self.besides(request)) is not None:
            return whole(answer)
        self.authenticate(request)
        ask = self.read(request, json.loads(request.body))
        played = play(ask)
        self.serial = next(self._answers)  # so that no two calls have the same id
        if ask.streamed:
            events = self.stream(ask, played)
            if played.ending == "whole":
                return stream(events)
            begun = events[: len(events) // 2]
            return stream(begun, ends=False, then="close") if played.ending == "cut" else stream([*begun, self.inband()])
        return whole(self.whole(ask, played), headers=[("x-request-id", "req_provider")])

    def refusal(self, request, refused):
        after = 7 if refused.status == 429 else None
        return status(refused.status, json.dumps(self.error(refused.status, refused.text, refused.kind)).encode(), after)

    def besides(self, request):
        """The answer to a request that is no question, None for a question."""
        return None

    def authenticate(self, request):
        if request.credential != KEY:
            raise Refused(401, f"this is no key of ours: {str(request.credential)[:8]}…")
        demand(CLIENT_KEY_START.encode() not in request.raw_head, "the client's key reached the provider")
        demand(
            request.header(
                "content-type",
            ).startswith("application/json"),
            "the content type is not JSON",
        )


def known(body, *names):
    """A vendor's complaint about members that its format does not have."""
    extra = sorted(set(body) - set(names))
    demand(not extra, f"Unrecognized request arguments supplied: {', '.join(extra)}")


def picture(data, kind):
    """(media type, size) of an image in base64."""
    try:
        return kind, len(base64.b64decode(data, validate=True))
    except binascii.Error:
        raise Refused(400, "the image is not valid base64") from None


def data_url(url):
    demand(url.startswith("data:"), f"not a data URL: {url[:40]}")
    head, _, data = url[5:].partition(",")
    demand(head.endswith(";base64"), "the data URL is not base64")
    return picture(data, head[:-7])


def arguments(value, slack=""):
    """The arguments of a call: a string that holds a JSON object."""
    demand(isinstance(value, str), f"the arguments are no string{slack}")
    demand(isinstance(json.loads(value), dict), f"the arguments hold no object{slack}")


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sse(value, name=None):
    return (f"event: {name}\n" if name else "").encode() + f"data: {compact(value)}\n\n".encode()
