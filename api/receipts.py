"""Receipts of answers: the signed proof that anybody can check, the same file that the client gets."""

import json

from fastapi import Request
from pydantic import ConfigDict

from api.deps import ReadScope, ReadSession, settings_of
from api.doors import router as door
from api.openapi import answers
from api.shapes import Outgoing, PathNumber
from portal.decisions import queries
from portal.ledger import receipt_files

router = door("decisions", "/projects/{key}/decisions/{decision}/receipts")


class ReceiptOut(Outgoing):
    """A receipt as it is kept in receipt.json: `portal verify` and the page /verify check it.

    `receipt` is a JWS (RFC 7515), `timestamp` an RFC 3161 token over it in base64, null while there is none.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "receipt": "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoi…",
                    "keys_url": "https://portal.example/.well-known/portal-keys.json",
                    "timestamp": None,
                }
            ]
        }
    )

    receipt: str
    keys_url: str
    timestamp: str | None


@router.get("/{seq}", responses=answers(ReceiptOut, "The receipt."))
async def read_receipt(
    request: Request, scope: ReadScope, db: ReadSession, decision: PathNumber, seq: PathNumber
) -> ReceiptOut:
    """The receipt of an answer; `seq` is the answer's."""
    receipt = await queries.receipt(db, scope, decision, seq)
    document = json.loads(receipt_files.receipt_json(receipt, settings_of(request).base_url))
    return ReceiptOut(**{"timestamp": None} | document)
