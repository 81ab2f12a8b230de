// Twelve hues of one lightness (OKLCH), none near the accent, which marks the mask being made. They are ordered so that
// neighbours in the list also differ for red-green and blue-yellow colour blindness. Never the only sign: masks have
// outlines, numbers and a place in the list too.

export type Rgb = readonly [red: number, green: number, blue: number];

const LIGHTNESS = 0.76;
const CHROMA = 0.115;
/** Orange, magenta, green, red, teal, violet, ...: far hues follow each other. */
const HUES_DEGREES = [58, 312, 137, 5, 190, 285, 85, 338, 163, 32, 212, 111];

/** OKLCH to sRGB, 0..255 (B. Ottosson, "A perceptual color space for image processing", 2020). */
export function oklch(lightness: number, chroma: number, hueDegrees: number): Rgb {
  const hue = (hueDegrees * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    toByte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    toByte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    toByte(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function toByte(linear: number): number {
  const clipped = Math.min(1, Math.max(0, linear));
  const encoded = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
  return Math.round(encoded * 255);
}

export const PALETTE: readonly Rgb[] = HUES_DEGREES.map((hue) => oklch(LIGHTNESS, CHROMA, hue));

/** The accent for what is being made now; look.md's #3b9eff. */
export const ACCENT: Rgb = [59, 158, 255];

export function paletteColour(position: number): Rgb {
  return PALETTE[((position % PALETTE.length) + PALETTE.length) % PALETTE.length] ?? ACCENT;
}

export const cssColour = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;
