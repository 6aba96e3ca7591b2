"""How what is refused, or failed, is put into HTTP: in OpenAI's form, one line each."""

from __future__ import annotations

import asyncio
import math

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vlrouterbench.serving.describing import REQUEST_ID
from vlrouterbench.serving.request_error import RequestError, unexpected


class Whole:
    """Begins when the server has read all that has come: what is no HTTP it has answered then, and nobody is there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As of any application."""
        await asyncio.sleep(0)
        await self._app(scope, receive, send)


async def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that was refused, or that failed for a reason nobody foresaw."""
    if isinstance(error, HTTPException):
        told = (
            f"expected one of this gateway's addresses and its method: {request.method} is none here ({error.detail})."
        )
        error = RequestError(error.status_code, told)
    answer = error_response(error if isinstance(error, RequestError) else unexpected(error))
    if name := getattr(request.state, "id", ""):
        answer.headers[REQUEST_ID] = name
    return answer


def error_response(error: RequestError) -> Response:
    """An error in OpenAI's form."""
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
    message = error.message.encode("utf-8", "replace").decode()  # half characters, which a request can bring
    content = {"error": {"message": message, "type": error.kind, "param": None, "code": error.status}}
    return JSONResponse(content, error.status, headers)
