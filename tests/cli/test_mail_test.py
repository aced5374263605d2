"""`portal mail test`: one real mail, at once, and what the mail server says to it."""

from tests.cli.conftest import Shell
from tests.support.mail import MailServer


def test_a_mail_is_sent_at_once_and_says_where_links_lead(empty_shell: Shell, smtp: MailServer) -> None:
    empty_shell.environment.update(PORTAL_SMTP_URL=smtp.url, PORTAL_MAIL_FROM="portal@agency.example")
    told = empty_shell("mail", "test", "ada@agency.example").out
    assert told == f"127.0.0.1:{smtp.port} took the mail to ada@agency.example from portal@agency.example.\n"
    (mail,) = smtp.messages
    assert (smtp.recipients, str(mail["From"])) == (
        ["ada@agency.example"],
        "Project portal <portal@agency.example>",
    )
    assert mail.get_content().splitlines()[0].endswith("Links in its mails lead to http://127.0.0.1:8000")


def test_without_a_mail_server_it_says_where_the_mail_lies(empty_shell: Shell) -> None:
    told = empty_shell("mail", "test", "ada@agency.example").out
    assert told.startswith("PORTAL_SMTP_URL is not set: the mail lies in ")
    assert len(list((empty_shell.folder / "mail").glob("*.eml"))) == 1


def test_an_address_that_is_none_is_refused_by_a_sentence(empty_shell: Shell) -> None:
    told = empty_shell("mail", "test", "Ada <ada@agency.example>", code=1).err
    assert told.startswith("ADDRESS: An address is needed, such as ada@agency.example.")


def test_a_mail_server_that_is_away_is_told(empty_shell: Shell) -> None:
    empty_shell.environment["PORTAL_SMTP_URL"] = "smtp://127.0.0.1:9"
    assert empty_shell("mail", "test", "a@b.example", code=1).err == (
        "127.0.0.1:9 cannot be reached: Connection refused.\n"
    )
