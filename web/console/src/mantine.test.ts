import { expect, it } from "vitest";

const OURS = import.meta.glob<string>("./**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
const STYLES = Object.keys(import.meta.glob("../../node_modules/@mantine/core/styles/*.css"));

/** The names that our files import from Mantine. */
function used(): string[] {
  return Object.values(OURS).flatMap((text) => {
    const found = /import \{([^}]*)\} from "@mantine\/core"/.exec(text);
    return (found?.[1] ?? "").split(",").map((name) => name.trim());
  });
}

it("brings the style of every Mantine component that is used", () => {
  const brought = OURS["./mantine.ts"] ?? "";
  const wanted = [...new Set(used())].filter((name) => STYLES.some((path) => path.endsWith(`/${name}.css`)));
  expect(wanted.length).toBeGreaterThan(15);
  expect(wanted.filter((name) => !brought.includes(`/${name}.css`))).toEqual([]);
});
