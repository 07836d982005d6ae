"""The one route of functions/llm: a reserved call in, its answer out as JSON lines."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request

from functions.edge.streaming import ReaderGoneError, Streamed, Write
from shared.generation.wire import pack_error, pack_piece, read_request
from shared.kernel.context import set_tenant
from shared.kernel.errors import KontorError
from shared.wiring import app as wired

router = APIRouter(tags=["llm"])
logger = logging.getLogger(__name__)


@router.post("/", include_in_schema=False)
async def answer(request: Request) -> Streamed:
    """Answer a call that was reserved; its id is the right to make it, once."""
    tenant_id, call_id, asked = read_request(await request.body())

    def work(write: Write) -> None:
        set_tenant(str(tenant_id))
        pieces = wired().switchboard.answer(tenant_id, call_id, asked)
        try:
            for piece in pieces:
                write(pack_piece(piece))
        except KontorError as error:
            logger.info("call failed", extra={"code": error.code, "call_id": str(call_id)})
            write(pack_error(error))
        except ReaderGoneError:
            raise
        except Exception:
            logger.exception("call broke")
            write(pack_error(KontorError("The language model's function failed.")))
        finally:
            pieces.close()  # type: ignore[attr-defined]

    return Streamed(work, media_type="application/x-ndjson")
