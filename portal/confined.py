"""What a process may use that reads somebody else's file: it opens, writes and outgrows nothing, and ends by itself."""

import resource


def confine(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Binds the process for the rest of its life: address space, time of the processor, no file written, no core."""
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
