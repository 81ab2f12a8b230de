"""The page's decoder is tested against decoding.json; here is that the file says what the model server does today."""

import json

from tests.golden.make_decoding import FILE, as_text, build


def test_the_golden_file_is_what_the_model_server_does() -> None:
    assert json.loads(FILE.read_text()) == json.loads(as_text(build()))
