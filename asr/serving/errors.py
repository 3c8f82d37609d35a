"""What goes wrong over HTTP, in the shape that OpenAI's clients know."""

from starlette.responses import JSONResponse

RETRY_AFTER = 2  # seconds


class RequestError(Exception):
    """An answer other than 200.

    Args:
        status: HTTP status.
        message: where, got, wanted, next step.
        param: the form field that is to blame.
        code: one word for programs.
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    @property
    def body(self) -> dict[str, dict[str, str | None]]:
        """OpenAI's error object."""
        if self.status in (401, 403):
            kind = "authentication_error"
        else:
            kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self, *, ends_connection: bool = False) -> JSONResponse:
        """As an HTTP response; 503 and 429 say when to come back."""
        headers = {}
        if self.status in (429, 503):
            headers["Retry-After"] = str(RETRY_AFTER)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if ends_connection:
            headers["Connection"] = "close"
        return JSONResponse(self.body, self.status, headers=headers)
