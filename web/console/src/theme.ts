import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

/** Lacquer red, the one accent; index 6 is #B5342C. */
const lacquer: MantineColorsTuple = [
  "#fdf0ef",
  "#f6dbd9",
  "#f0bab5",
  "#e98f88",
  "#e0756d",
  "#c74a41",
  "#b5342c",
  "#9c2a23",
  "#82211b",
  "#681914",
];

/** Greys with a little of the accent's warmth, so that nothing looks blue beside it. */
const gray: MantineColorsTuple = [
  "#faf7f4",
  "#f3eeea",
  "#e7e1db",
  "#dbd3cc",
  "#c9bfb7",
  "#a89e96",
  "#70675f",
  "#5e554f",
  "#3a332f",
  "#211c19",
];

const dark: MantineColorsTuple = [
  "#f1ece8",
  "#cfc6bf",
  "#aaa098",
  "#8d837b",
  "#453d38",
  "#37302c",
  "#211d1a",
  "#171412",
  "#120f0e",
  "#0c0a09",
];

export const theme = createTheme({
  primaryColor: "lacquer",
  primaryShade: { light: 6, dark: 6 },
  colors: { lacquer, gray, dark },
  black: "#211c19",
  fontFamily: "'Be Vietnam Pro', system-ui, sans-serif",
  headings: {
    fontFamily: "'Be Vietnam Pro', system-ui, sans-serif",
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.5rem", lineHeight: "1.4" },
      h2: { fontSize: "1.0625rem", lineHeight: "1.5" },
      h3: { fontSize: "0.9375rem", lineHeight: "1.5" },
    },
  },
  fontSizes: { xs: "0.75rem", sm: "0.8438rem", md: "0.9375rem", lg: "1.0625rem", xl: "1.25rem" },
  // Stacked Vietnamese marks (ễ, ợ) need room above and below the line.
  lineHeights: { xs: "1.5", sm: "1.55", md: "1.6", lg: "1.6", xl: "1.5" },
  defaultRadius: 6,
  focusRing: "auto",
  cursorType: "pointer",
});

/** Meanings that differ by theme; every text colour here reaches AA on the page and on a surface. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#faf7f4",
    "--mantine-color-dimmed": "#6b625b",
    "--mantine-color-placeholder": "#746a62",
    "--mantine-color-anchor": "#a52e27",
    "--surface": "#ffffff",
    "--sunken": "#f3eeea",
    "--line": "#e7e1db",
    "--accent": "#b5342c",
    "--accent-soft": "#fbeceb",
    "--positive": "#1d734a",
    "--positive-soft": "#e6f3ec",
    "--warning": "#8a5a00",
    "--warning-soft": "#fbf1dc",
    "--series-1": "#0072b2",
    "--series-2": "#ad4b12",
    "--series-rest": "#70675f",
  },
  dark: {
    "--mantine-color-body": "#171412",
    "--mantine-color-dimmed": "#aaa098",
    "--mantine-color-placeholder": "#8d837b",
    "--mantine-color-anchor": "#e98f88",
    "--surface": "#211d1a",
    "--sunken": "#1b1816",
    "--line": "#37302c",
    "--accent": "#e0756d",
    "--accent-soft": "#3a211e",
    "--positive": "#66c596",
    "--positive-soft": "#1c3127",
    "--warning": "#e3b25a",
    "--warning-soft": "#382c17",
    "--series-1": "#56b4e9",
    "--series-2": "#f0924f",
    "--series-rest": "#aaa098",
  },
});
