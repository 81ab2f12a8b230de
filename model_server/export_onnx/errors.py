"""Why there is no file, by name."""


class ExportError(Exception):
    """`code` is stable, `message` is for a person.

    Codes: onnx_missing, decoder_not_exportable, decoder_export_failed, decoder_parity_failed, decoder_disagrees,
    decoder_not_written, pictures_unusable.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
