/** What the page knows of this moment: where it is, on what device, and what its own words say. */
import type { Json, JsonObject } from "./transport";
import { report } from "./trouble";

const NAME = "data-duyen-context";
/** Addresses and titles are cut, so that a long one never makes a question too large. */
const LONGEST = 1_000;

/** The page and its reader's language and clock. */
export function here(): { page: JsonObject; locale: string; timezone: string } {
  const page: JsonObject = {};
  const told = { url: location.href, path: location.pathname, title: document.title, referrer: document.referrer };
  for (const [name, text] of Object.entries(told)) page[name] = text.slice(0, LONGEST);
  return { page, locale: navigator.language, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone };
}

/** The context of a question; what comes later wins: the page, its `data-duyen-context`, what its script told. */
export function moment(told: JsonObject): JsonObject {
  const type = /Mobi/.test(navigator.userAgent) ? "mobile" : "desktop";
  const written = [...document.querySelectorAll(`[${NAME}]`)].map(read);
  return Object.assign({ ...here(), device: { type } }, ...written, told) as JsonObject;
}

/** A map in the attribute, or in the text of `<script type="application/json" data-duyen-context>`. */
function read(element: Element): JsonObject {
  try {
    const value = JSON.parse(element.getAttribute(NAME) || element.textContent || "{}") as Json;
    return value && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch (problem) {
    report(problem);
    return {};
  }
}
