"""Requirements: what was asked for, confirmed by the client, and traced to what came of it."""
