"""A real SMTP server on loopback that keeps what it is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.support.ports import free_port


@dataclass
class MailServer:
    """Where to send, and what has arrived. Addresses in `refused` are turned away for ever, `busy` ones for now."""

    port: int
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The address for the portal's settings."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        """Called by the server for each recipient."""
        if address in self.refused:
            return "550 no such mailbox"
        if address in self.busy:
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Called by the server for each mail."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        return "250 kept"


@contextmanager
def smtp_server() -> Iterator[MailServer]:
    """Runs the server while the block runs."""
    mail = MailServer(free_port())
    controller = Controller(mail, hostname="127.0.0.1", port=mail.port)
    controller.start()
    try:
        yield mail
    finally:
        controller.stop()
