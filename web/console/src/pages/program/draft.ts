/** A computed trait while it is written: what the form's fields hold, and the definition they make. */
import type { Json, JsonObject } from "../../api/types";
import { isObject } from "../../words/rule";
import { kindOf, type TraitKind } from "../../words/trait";

export const OPERATORS = [
  "is",
  "is_not",
  "in",
  "exists",
  "gt",
  "gte",
  "lt",
  "lte",
  "contains",
  "starts_with",
  "before",
  "after",
] as const;
export type Operator = (typeof OPERATORS)[number];
export const UNITS = ["m", "h", "d", "w"] as const;

export interface Condition {
  property: string;
  operator: Operator;
  /** As it is typed: a number, true, false, text; text that looks like another stands in quotation marks. */
  value: string;
}

export interface Draft {
  id: string;
  name: string;
  description: string;
  kind: TraitKind;
  event: string;
  of: string;
  /** Length of the window; "" is all time. */
  length: string;
  /** One of UNITS; "" where the length says its own, as in 1d 12h. */
  unit: string;
  conditions: Condition[];
  formula: string;
}

export const EMPTY: Draft = {
  id: "",
  name: "",
  description: "",
  kind: "count",
  event: "",
  of: "",
  length: "",
  unit: "d",
  conditions: [],
  formula: "",
};

const PROPERTY: TraitKind[] = ["sum", "average", "first", "last", "most_frequent", "unique"];
const REQUIRED: TraitKind[] = ["sum", "average", "most_frequent", "unique"];
const TEXTS: Operator[] = ["contains", "starts_with", "before", "after", "gt", "gte", "lt", "lte"];
const NUMBER = /^-?\d+(\.\d+)?$/;

export const hasProperty = (kind: TraitKind) => PROPERTY.includes(kind);
export const needsProperty = (kind: TraitKind) => REQUIRED.includes(kind);
export const hasWindow = (kind: TraitKind) => kind !== "formula" && kind !== "days_since";

/** Whether enough is written for the server to judge it. */
export function isWhole(draft: Draft): boolean {
  if (draft.id === "") return false;
  if (draft.kind === "formula") return draft.formula.trim() !== "";
  if (needsProperty(draft.kind) && draft.of.trim() === "") return false;
  return draft.event.trim() !== "" && draft.conditions.every(({ property }) => property.trim() !== "");
}

/** Two conditions that say the same of one property: only one of them could be kept. */
export function repeated({ conditions }: Draft): Condition | null {
  const same = (a: Condition, b: Condition) => a.property.trim() === b.property.trim() && a.operator === b.operator;
  return conditions.find((one, at) => conditions.slice(0, at).some((other) => same(one, other))) ?? null;
}

/** An id that rules, formulas and messages can write: letters, digits and _. */
export function idOf(name: string): string {
  const plain = name
    .replace(/[đĐ]/g, "d")
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^\d/.test(plain) ? `t_${plain}` : plain;
}

/** A trait's name as a formula writes it. */
export function inFormula(trait: string): string {
  return /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}\p{N}_]+)*$/u.test(trait) && trait !== "or" ? trait : `"${trait}"`;
}

export function definitionOf(draft: Draft): JsonObject {
  const { kind, name, id } = draft;
  const described: JsonObject = { name: name.trim() || id };
  if (draft.description.trim()) described.description = draft.description.trim();
  if (kind === "formula") return { ...described, formula: draft.formula.trim() };
  const definition: JsonObject = { ...described, [kind]: draft.event.trim() };
  if (hasProperty(kind) && draft.of.trim()) definition.of = draft.of.trim();
  if (hasWindow(kind) && draft.length.trim()) definition.within = `${draft.length.trim()}${draft.unit}`;
  if (draft.conditions.length) {
    const where: Record<string, JsonObject> = {};
    for (const { property, operator, value } of draft.conditions) {
      where[property.trim()] = { ...where[property.trim()], [operator]: operand(operator, value) };
    }
    definition.where = where;
  }
  return definition;
}

export function draftOf(id: string, definition: JsonObject): Draft {
  const kind = kindOf(definition) ?? "count";
  const text = (value: Json) => (typeof value === "string" ? value : "");
  const [, length, unit] = /^\s*(\d+)\s*([mhdw])\s*$/.exec(text(definition.within)) ?? [];
  const where = isObject(definition.where) ? definition.where : {};
  return {
    ...EMPTY,
    id,
    kind,
    name: text(definition.name) || id,
    description: text(definition.description),
    event: kind === "formula" ? "" : text(definition[kind]),
    formula: kind === "formula" ? text(definition.formula) : "",
    of: text(definition.of),
    length: length ?? text(definition.within),
    unit: length === undefined && definition.within !== undefined ? "" : (unit ?? "d"),
    conditions: Object.entries(where).flatMap(([property, tests]) =>
      Object.entries(isObject(tests) ? tests : { is: tests }).map(([operator, value]) => ({
        property,
        operator: operator as Operator,
        value: typed(operator as Operator, value),
      })),
    ),
  };
}

/** What a condition is compared with, of what was typed. */
function operand(operator: Operator, value: string): Json {
  const text = value.trim();
  if (operator === "exists") return text !== "false";
  if (operator === "in") return text.split(",").map((each) => scalar(each.trim()));
  if (TEXTS.includes(operator)) return unquoted(text);
  return scalar(text);
}

function scalar(text: string): Json {
  if (text === "true" || text === "false") return text === "true";
  return NUMBER.test(text) ? Number(text) : unquoted(text);
}

function unquoted(text: string): string {
  return /^"(.*)"$/s.exec(text)?.[1] ?? text;
}

function typed(operator: Operator, value: Json): string {
  if (Array.isArray(value)) return value.map((each) => shown(each)).join(", ");
  if (TEXTS.includes(operator)) return String(value);
  return shown(value);
}

function shown(value: Json): string {
  const looksOther = typeof value === "string" && (NUMBER.test(value) || value === "true" || value === "false");
  return looksOther ? `"${value}"` : String(value);
}
