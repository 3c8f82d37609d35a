"""Who may ask: the bearer token, and which web pages."""

import hmac
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from asr.serving.config import ServingConfig
from asr.serving.errors import RequestError


def check_token(given: str | None, config: ServingConfig) -> None:
    """Raise RequestError 401 unless the token, if one is asked for, is right (in constant time)."""
    if config.token is None:
        return
    if given is None:
        raise RequestError(401, "no token; send `Authorization: Bearer TOKEN`", code="missing_token")
    if not hmac.compare_digest(given.encode(), config.token.encode()):
        raise RequestError(401, "wrong token", code="invalid_token")


def bearer_token(connection: HTTPConnection) -> str | None:
    """The token of the Authorization header."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


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
