import type { JsonObject } from "../api/types";
import { eventTail, type Speaker } from "./rule";

/** What a computed trait can be worked out of, in the order in which it is offered. */
export const TRAIT_KINDS = [
  "count",
  "sum",
  "average",
  "days_since",
  "first",
  "last",
  "most_frequent",
  "unique",
  "formula",
] as const;
export type TraitKind = (typeof TRAIT_KINDS)[number];

export function kindOf(definition: JsonObject): TraitKind | null {
  return TRAIT_KINDS.find((kind) => kind in definition) ?? null;
}

/** A computed trait of the program, from its YAML form, as a sentence for people. */
export function traitWords(words: Speaker, definition: JsonObject): string {
  const kind = kindOf(definition);
  if (!kind) return JSON.stringify(definition);
  const said = String(definition[kind]);
  if (kind === "formula") return `= ${said}`;
  const tail = eventTail(words, definition);
  if ((kind === "first" || kind === "last") && definition.of === undefined)
    return words.t(`trait.says_${kind}_time`, { event: said, tail });
  const of = typeof definition.of === "string" ? definition.of : "";
  return words.t(`trait.says_${kind}`, { event: said, of, tail });
}
