"""Who may ask: the bearer token, which web pages, and by which name of this server."""

import hashlib
import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from asr.serving.config import ServingConfig
from asr.serving.errors import RequestError
from asr.serving.uploads import refuse

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_token(given: str | None, config: ServingConfig) -> None:
    """Raise RequestError 401 unless the token, if one is asked for, is right (in constant time)."""
    if config.token is None:
        return
    if given is None:
        raise RequestError(401, "no token; send `Authorization: Bearer TOKEN`", code="missing_token")
    if not hmac.compare_digest(given.encode(errors="replace"), config.token.encode()):
        raise RequestError(401, "wrong token", code="invalid_token")


def bearer_token(connection: HTTPConnection) -> str | None:
    """The token of the Authorization header."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def owner_of(connection: HTTPConnection, config: ServingConfig) -> str:
    """Whose a job is: a digest of the token that came with the request; everybody's where the server asks for none."""
    token = bearer_token(connection)
    if config.token is None or token is None:
        return ""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def check_origin(connection: HTTPConnection, config: ServingConfig) -> None:
    """Raise RequestError 403 for a web page of another origin, unless it is allowed.

    A page anywhere may post forms and open sockets to 127.0.0.1 from its visitor's browser; browsers say
    so in the Origin header. Other clients send none.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in config.allowed_origins:
        return
    if urlsplit(origin).netloc.lower() != connection.headers.get("host", "").lower():
        raise RequestError(
            403, f"pages of {origin} may not use this server; start it with --allow-origin {origin}"
        )


def check_host(connection: HTTPConnection, config: ServingConfig) -> None:
    """Raise RequestError 421 for a request to a name that is not this server's.

    Someone's page may have its own name point to this machine once it is loaded (DNS rebinding): for the
    browser it then asks its own server, and may read the answers. The Host header tells, for it keeps the
    page's name. This server's are the loopback's, `host`, and `allowed_hosts`; where it listens on all addresses,
    also this machine's name, and every address, which is no name and cannot be pointed elsewhere. A client
    without a Host header is no browser.
    """
    given = connection.headers.get("host")
    if given is None:
        return
    name = _name_of(given)
    if name in _LOOPBACK or name in map(_name_of, config.allowed_hosts):
        return
    if config.listens_everywhere:
        if _is_address(name) or name == socket.gethostname().lower():
            return
    elif name == config.host.lower():
        return
    raise RequestError(
        421,
        f"host {name!r} is not a name of this server; if it shall be, start it with --allow-host {name}",
        code="unknown_host",
    )


class KnownHosts:
    """Answers requests to other names than this server's with 421; live sessions are checked by themselves."""

    def __init__(self, app: ASGIApp, *, config: ServingConfig) -> None:
        self.app = app
        self.config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            try:
                check_host(request, self.config)
            except RequestError as error:
                await (await refuse(request, error))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _name_of(host: str) -> str:
    """A Host header without its port, brackets, final dot and letter case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    if host.count(":") == 1:
        host = host.partition(":")[0]
    return host.removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
