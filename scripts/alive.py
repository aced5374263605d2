"""The image's health check: asks the portal in this container whether it is alive. Exit code 0 or 1."""

import http.client
import os
import sys


def main() -> int:
    """Asks /healthz on this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=4)
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == 200 else 1
    except OSError:
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
