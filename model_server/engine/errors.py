"""What can go wrong between a request and the device, by name."""


class EngineError(Exception):
    """`code` is stable, `message` is for a person.

    Codes: unknown_model_version, unknown_image, image_size_mismatch, overloaded, shutting_down.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Overloaded(EngineError):
    """Too much is waiting; try again after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("overloaded", f"The model server is busy; try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds
