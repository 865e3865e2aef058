"""Make the tabular figures: the digits of Be Vietnam Pro, each on the same width.

The family has proportional digits only, and numbers that change or stand below each other must not dance. Run it when
the family changes, in an environment with `fonttools` and `brotli`, from the folder `web`:

    python console/src/fonts/make_figures.py

The files are derived from Be Vietnam Pro and stand, as it does, under the SIL Open Font License (OFL.txt).
"""

from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

HERE = Path(__file__).resolve().parent
FAMILY = HERE.parents[2] / "node_modules/@fontsource/be-vietnam-pro/files"
DIGITS = "0123456789"
WIDTHS = {400: 656, 600: 672}
NAME = "Duyen Figures"


def make(weight: int, width: int) -> None:
    """Keep the digits alone and centre each on `width`."""
    font = TTFont(FAMILY / f"be-vietnam-pro-latin-{weight}-normal.woff2")
    options = Options(layout_features=[], notdef_outline=True, hinting=False, flavor="woff2")
    subsetter = Subsetter(options)
    subsetter.populate(text=DIGITS)
    subsetter.subset(font)
    for digit in DIGITS:
        centre(font, font.getBestCmap()[ord(digit)], width)
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            record.string = NAME if record.nameID != 6 else NAME.replace(" ", "")
    font.flavor = "woff2"
    font.save(HERE / f"figures-{weight}.woff2")


def centre(font: TTFont, name: str, width: int) -> None:
    """Give a glyph the width, with its outline in the middle."""
    glyph = font["glyf"][name]
    shift = round((width - (glyph.xMax - glyph.xMin)) / 2) - glyph.xMin
    if glyph.isComposite():
        for component in glyph.components:
            component.x += shift
    else:
        glyph.coordinates.translate((shift, 0))
    glyph.recalcBounds(font["glyf"])
    font["hmtx"][name] = (width, glyph.xMin)


if __name__ == "__main__":
    for weight, width in WIDTHS.items():
        make(weight, width)
