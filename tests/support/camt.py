"""Bank statements written in the test: camt.053 of any version, an entry at a time."""

IBAN = "DE89370400440532013000"


def entry(
    words: str = "",
    *,
    amount: str = "4760.00",
    currency: str = "EUR",
    way: str = "CRDT",
    status: str = "<Cd>BOOK</Cd>",
    ref: str = "B-1",
    name: str = "Acme",
    day: str = "<Dt>2026-11-20</Dt>",
) -> str:
    """One line of a statement, with one payment in it. `status` and `day` are XML, `ref` is what the bank calls it."""
    reference = f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts>{status}</Sts>'
        f"<BookgDt>{day}</BookgDt>{reference}<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>{name}</Nm></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def statement(*entries: str, account: str = f"<IBAN>{IBAN}</IBAN>", version: str = "08", before: str = "") -> bytes:
    """A file with one statement. `account` is XML, `before` stands before the document."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt><Stmt>'
        f"<Acct><Id>{account}</Id></Acct>{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()
