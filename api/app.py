"""Builds the app, mounts the routes, and says which error is which status."""

import hmac
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from api import health, holds
from connectors.settings import settings
from domain.errors import BillingError, EngineUnavailable, IllegalTransition, InvalidInput, NotFound

STATUSES: tuple[tuple[type[BillingError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (IllegalTransition, 409),
    (EngineUnavailable, 503),
    (BillingError, 500),
)
"""The first that fits."""
_MESSAGE_MAX = 1_000


def create_app() -> FastAPI:
    """The app. It connects to its engines at the first question."""
    app = FastAPI(title="OTPless billing", version="1")
    app.add_exception_handler(BillingError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.include_router(holds.router, dependencies=[Depends(_authorised)])
    app.include_router(health.router)
    return app


async def _authorised(authorization: Annotated[str, Header()] = "") -> None:
    token = settings().api_token
    if token and not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
        raise HTTPException(401, "send the header Authorization: Bearer with the token of API_TOKEN")


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BillingError)  # noqa: S101 - what it is registered for
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    return JSONResponse({"code": error.code, "message": str(error)}, status_code=status)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    """What is wrong with a body, field by field, and nothing of the body: it may hold what JSON cannot say."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    faults = [f"{'.'.join(map(str, fault['loc'][1:])) or 'body'}: {fault['msg']}" for fault in error.errors()]
    message = "; ".join(faults)[:_MESSAGE_MAX].encode("ascii", "backslashreplace").decode()
    return JSONResponse({"code": InvalidInput.code, "message": message}, status_code=422)
