"""`portal mail`: what mail servers pipe in, and what they are told by the exit code."""

import sqlite3
import subprocess

from tests.cli.conftest import Shell


def piped(shell: Shell, content: bytes, *arguments: str) -> tuple[int, str, str]:
    """Runs a command as a mail server does: the message on standard input."""
    process = shell.process("mail", *arguments, stdin=subprocess.PIPE)
    out, err = process.communicate(content.decode("utf-8", "surrogateescape"), timeout=120)
    return process.returncode, out, err


def bounced(mail: str, address: str) -> bytes:
    """A delivery report about a mail."""
    return f"""Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1

--B
Content-Type: text/rfc822-headers

Message-ID: <{mail}@127.0.0.1>
--B--
""".encode()


def test_a_bounce_marks_the_address_and_nothing_else_is_ever_answered(bridge: Shell) -> None:
    bridge("invite", "ada@example.com", "--project", "BRIDGE")
    database = sqlite3.connect(bridge.database)
    ((mail,),) = database.execute("SELECT lower(id) FROM mail_outbox").fetchall()
    named = f"{mail[:8]}-{mail[8:12]}-{mail[12:16]}-{mail[16:20]}-{mail[20:]}" if "-" not in mail else mail
    assert piped(bridge, b"Subject: hello\n\nI am away.", "bounce") == (0, "Addresses refused: 0.\n", "")
    assert piped(bridge, bounced(named, "ada@example.com"), "bounce") == (0, "Addresses refused: 1.\n", "")
    assert database.execute("SELECT address, status FROM mail_refused").fetchall() == [("ada@example.com", "5.1.1")]


def test_a_reply_to_nothing_is_refused_and_an_absence_note_is_not_answered(bridge: Shell) -> None:
    head = f"From: ada@example.com\nTo: reply+{'0' * 40}@r.example\n".encode()
    code, out, err = piped(bridge, head + b"\nYes!", "reply")
    assert (code, out) == (1, "")
    assert "Please write in the portal." in err
    assert "Yes!" not in err
    assert piped(bridge, head + b"Auto-Submitted: auto-replied\n\nAway.", "reply")[0] == 0


def test_a_database_that_is_away_makes_the_mail_server_try_again(bridge: Shell) -> None:
    bridge.database.rename(bridge.folder / "elsewhere.sqlite")
    bridge.database.mkdir()
    head = f"From: ada@example.com\nTo: reply+{'0' * 40}@r.example\n".encode()
    assert piped(bridge, head + b"\nYes!", "reply")[0] == 75
