"""Turns the PNGs that `screens.bench.ts` has taken into small WebP files, for the documentation."""

from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "screens"


def main() -> None:
    """Replaces each PNG by a WebP of the same name."""
    for picture in sorted(FOLDER.glob("*.png")):
        with Image.open(picture) as image:
            image.convert("RGB").save(picture.with_suffix(".webp"), quality=82, method=6)
        picture.unlink()


if __name__ == "__main__":
    main()
