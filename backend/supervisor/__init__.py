"""`segloop up`: starts backend, model server and worker on one machine, watches them, and stops them together."""

from backend.supervisor.up import run_up

__all__ = ["run_up"]
