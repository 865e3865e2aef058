import type { Json } from "../api/types";

/** A trait's value as it is shown: text as it stands, anything else as it is written. */
export function valueText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
