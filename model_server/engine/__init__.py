"""One device thread that answers clicks before it looks ahead, and the caches around it. No web framework."""

from model_server.engine.engine import Engine, require_size
from model_server.engine.errors import EngineError, Overloaded
from model_server.engine.requests import Answer
from model_server.engine.workers import Priority

__all__ = ["Answer", "Engine", "EngineError", "Overloaded", "Priority", "require_size"]
