import type { Json, JsonObject } from "../api/types";
import type { Key, Values, Words } from ".";

/** `nameOf` says what people call a segment or a message; without it they are called by their ids. */
export type Speaker = Pick<Words, "t" | "f"> & {
  nameOf?: (kind: "segment" | "message", id: string) => string;
};

const COMPARED = ["gt", "gte", "lt", "lte"];

const OPERATORS = [
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

/** A rule of the program, from its YAML form, as a sentence for people. What we do not know is shown as written. */
export function ruleWords(words: Speaker, rule: Json, nested = false): string {
  if (!isObject(rule)) return JSON.stringify(rule);
  const { t } = words;
  if (Array.isArray(rule.all)) return joined(words, "rule.and", "rule.everybody", rule.all, nested);
  if (Array.isArray(rule.any)) return joined(words, "rule.or", "rule.nobody", rule.any, nested);
  if (rule.not !== undefined) return t("rule.not", { rule: ruleWords(words, rule.not, true) });
  if (typeof rule.trait === "string") return test(words, rule.trait, rule);
  if (typeof rule.did === "string") return did(words, rule.did, rule);
  if (typeof rule.did_not === "string")
    return t("rule.did_not", { event: rule.did_not, tail: eventTail(words, rule) });
  if (typeof rule.sum === "string") {
    const what = t("rule.sum", { of: text(rule.of), event: rule.sum, tail: eventTail(words, rule) });
    return test(words, what, rule);
  }
  if (typeof rule.segment === "string") return t("rule.segment", { segment: named(words, "segment", rule.segment) });
  if (isObject(rule.group)) return group(words, rule.group);
  if (typeof rule.consent === "string")
    return t("rule.consent", { purpose: rule.consent, channel: text(rule.channel ?? "email") });
  return JSON.stringify(rule);
}

/** A journey's entry as a sentence. */
export function entryWords(words: Speaker, entry: JsonObject): string {
  const { t, f } = words;
  if (typeof entry.event === "string")
    return t("entry.event", { event: entry.event, tail: where(words, entry.where) });
  if (typeof entry.segment === "string") return t("entry.segment", { segment: named(words, "segment", entry.segment) });
  if (isObject(entry.schedule)) {
    const { at, every, segment } = entry.schedule;
    const values: Values = { at: f.dateTime(text(at)), every: f.duration(text(every ?? "")) };
    const when = t(every ? "entry.repeated" : "entry.once", values);
    return segment ? t("entry.schedule_of", { when, segment: named(words, "segment", text(segment)) }) : when;
  }
  return JSON.stringify(entry);
}

/** A step of a journey as a sentence. */
export function stepWords(words: Speaker, step: Json): string {
  const { t, f } = words;
  if (step === "exit") return t("step.exit");
  if (!isObject(step)) return JSON.stringify(step);
  if (step.wait !== undefined) return t("step.wait", { duration: f.duration(text(step.wait)) });
  if (step.send !== undefined) return t("step.send", { message: named(words, "message", text(step.send)) });
  if (step.if !== undefined) return t("step.if", { rule: ruleWords(words, step.if) });
  if ("exit" in step) return t("step.exit");
  return JSON.stringify(step);
}

/** Where a step stands, counted from one: [1] is "2", [2, 0, 0] is "3.1.1". */
export function stepNumber(path: number[]): string {
  return path.map((index) => index + 1).join(".");
}

function joined(words: Speaker, by: Key, none: Key, rules: Json[], nested: boolean): string {
  const [first, ...others] = rules;
  if (first === undefined) return words.t(none);
  if (others.length === 0) return ruleWords(words, first, nested);
  const sentence = rules.map((rule) => ruleWords(words, rule, true)).join(` ${words.t(by)} `);
  return nested ? `(${sentence})` : sentence;
}

function did(words: Speaker, event: string, rule: JsonObject): string {
  const { t } = words;
  const least = typeof rule.at_least === "number" ? rule.at_least : 1;
  const most = typeof rule.at_most === "number" ? rule.at_most : null;
  const values = { event, tail: eventTail(words, rule) };
  if (most !== null && least === most) return t("rule.did_exactly", { ...values, n: most });
  if (most !== null) return t("rule.did_between", { ...values, least: String(least), n: most });
  return least === 1 ? t("rule.did", values) : t("rule.did_least", { ...values, n: least });
}

/** ` in the last 90 days where total is at least 100`, or nothing. */
export function eventTail(words: Speaker, rule: JsonObject): string {
  const within = rule.within
    ? ` ${words.t("rule.within", { duration: words.f.duration(text(rule.within)) })}`
    : "";
  return within + where(words, rule.where);
}

function where(words: Speaker, conditions: Json): string {
  if (!isObject(conditions)) return "";
  const tests = testsOf(words, conditions);
  return tests.length ? ` ${words.t("rule.where", { tests: words.f.list(tests) })}` : "";
}

function testsOf(words: Speaker, conditions: JsonObject): string[] {
  return Object.entries(conditions).map(([property, condition]) =>
    test(words, property, isObject(condition) ? condition : { is: condition }),
  );
}

function group(words: Speaker, conditions: JsonObject): string {
  const tests = testsOf(words, conditions);
  return tests.length ? words.t("rule.group", { tests: words.f.list(tests) }) : words.t("rule.any_group");
}

function test(words: Speaker, what: string, rule: JsonObject): string {
  const tests = OPERATORS.filter((operator) => rule[operator] !== undefined).map((operator) => {
    const operand = rule[operator];
    if (operator === "exists") return words.t(operand === false ? "rule.missing" : "rule.exists", { what });
    const value = Array.isArray(operand)
      ? operand.map(quoted).join(", ")
      : COMPARED.includes(operator)
        ? amount(words, operand)
        : quoted(operand);
    return words.t(`rule.${operator}`, { what, value });
  });
  return tests.length ? tests.join(` ${words.t("rule.and")} `) : what;
}

function named({ nameOf }: Speaker, kind: "segment" | "message", id: string): string {
  return nameOf ? nameOf(kind, id) : id;
}

/** A number that is compared, as the language writes numbers. */
function amount({ f }: Speaker, value: Json): string {
  const number = Number(value);
  return Number.isFinite(number) ? f.number(number, 6) : text(value);
}

function quoted(value: Json): string {
  return typeof value === "string" && !/^-?\d+(\.\d+)?$/.test(value) ? `“${value}”` : text(value);
}

function text(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

export function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
