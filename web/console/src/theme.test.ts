import { expect, it } from "vitest";

import { theme, variables } from "./theme";

const TEXT = ["--mantine-color-dimmed", "--mantine-color-placeholder", "--mantine-color-anchor"];
const MEANINGS = ["--accent", "--positive", "--warning", "--series-1", "--series-2", "--series-rest"];
const GROUNDS = ["--mantine-color-body", "--surface"];
const AA = 4.5;

/** Relative luminance of `#rrggbb` (WCAG 2.2). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

it.each(["light", "dark"] as const)("can be read in the %s theme, text and meanings alike", (scheme) => {
  const colours: Record<string, string> = variables(theme as never)[scheme];
  for (const ground of GROUNDS) {
    for (const name of [...TEXT, ...MEANINGS]) {
      expect(contrast(colours[name] ?? "", colours[ground] ?? ""), `${name} on ${ground}`).toBeGreaterThan(AA);
    }
  }
  const banner = contrast(colours["--warning"] ?? "", colours["--warning-soft"] ?? "");
  expect(banner, "the banner of a pause").toBeGreaterThan(AA);
});

it("has one accent, lacquer red, on which white can be read", () => {
  const accent = theme.colors?.lacquer?.[6] ?? "";
  expect(accent).toBe("#b5342c");
  expect(contrast("#ffffff", accent)).toBeGreaterThan(AA);
});
