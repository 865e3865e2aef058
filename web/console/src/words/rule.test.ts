import { expect, it } from "vitest";

import type { Json } from "../api/types";
import en from "./en.json";
import { wordsOf } from ".";
import { entryWords, ruleWords, stepWords } from "./rule";
import vi from "./vi.json";

const PLACE = { timezone: "Asia/Ho_Chi_Minh", currency: "VND" };
const english = wordsOf("en", en, PLACE);
const vietnamese = wordsOf("vi", vi, PLACE);

const RULES: [Json, string, string][] = [
  [{ trait: "city", is: "Hà Nội" }, "city is “Hà Nội”", "city là “Hà Nội”"],
  [
    { did: "Order Completed", at_least: 2, within: "90d" },
    "did “Order Completed” at least 2 times in the last 90 days",
    "có “Order Completed” ít nhất 2 lần trong 90 ngày qua",
  ],
  [
    { did: "Order Completed", at_least: 1, at_most: 1 },
    "did “Order Completed” exactly 1 time",
    "có “Order Completed” đúng 1 lần",
  ],
  [
    { did_not: "Order Completed", within: "30d" },
    "did not do “Order Completed” in the last 30 days",
    "không có “Order Completed” trong 30 ngày qua",
  ],
  [
    { did: "Product Viewed", where: { category: { is: "shoes" }, price: { gte: "100" } } },
    "did “Product Viewed” where category is “shoes” and price is at least 100",
    "có “Product Viewed” với category là “shoes” và price từ 100 trở lên",
  ],
  [
    { sum: "Order Completed", of: "revenue", within: "90d", gte: "2000000" },
    "sum of revenue over “Order Completed” in the last 90 days is at least 2,000,000",
    "tổng revenue của “Order Completed” trong 90 ngày qua từ 2.000.000 trở lên",
  ],
  [
    { group: { plan: "business", employees: { gte: 100 } } },
    "belongs to a company whose plan is “business” and employees is at least 100",
    "thuộc công ty có plan là “business” và employees từ 100 trở lên",
  ],
  [{ group: {} }, "belongs to some company", "thuộc một công ty nào đó"],
  [{ segment: "loyal" }, "is in the segment “loyal”", "thuộc phân khúc “loyal”"],
  [{ consent: "marketing" }, "consents to marketing by email", "đồng ý cho marketing qua email"],
  [{ trait: "vip", exists: false }, "vip is unknown", "vip chưa biết"],
  [{ trait: "tier", in: ["gold", "silver"] }, "tier is one of “gold”, “silver”", "tier là một trong “gold”, “silver”"],
  [{ all: [] }, "everybody", "mọi người"],
  [{ not: { segment: "loyal" } }, "not: is in the segment “loyal”", "không phải: thuộc phân khúc “loyal”"],
];

it.each(RULES)("says %j", (rule, inEnglish, inVietnamese) => {
  expect(ruleWords(english, rule)).toBe(inEnglish);
  expect(ruleWords(vietnamese, rule)).toBe(inVietnamese);
});

it("sets what belongs together in brackets", () => {
  const a = { trait: "a", is: 1 };
  const b = { trait: "b", is: 2 };
  expect(ruleWords(english, { all: [a, { any: [a, b] }] })).toBe("a is 1 and (a is 1 or b is 2)");
  expect(ruleWords(english, { any: [{ all: [a] }, b] })).toBe("a is 1 or b is 2");
});

it("calls segments and messages by their names where these are known", () => {
  const nameOf = (kind: string, id: string) => `the ${kind} ${id}`;
  expect(ruleWords({ ...english, nameOf }, { segment: "loyal" })).toBe("is in the segment “the segment loyal”");
  expect(stepWords({ ...english, nameOf }, { send: "browse-mail" })).toBe("Send “the message browse-mail”");
});

it("shows a rule it does not know as it is written", () => {
  expect(ruleWords(english, { near: "a shop" })).toBe('{"near":"a shop"}');
  expect(ruleWords(english, null)).toBe("null");
});

it("says how people enter a journey and what its steps do", () => {
  expect(entryWords(english, { event: "Product Viewed", where: { category: { is: "shoes" } } })).toBe(
    "“Product Viewed” happened where category is “shoes”",
  );
  expect(entryWords(vietnamese, { segment: "loyal" })).toBe("vào phân khúc “loyal”");
  expect(entryWords(english, { schedule: { at: "2026-11-21T07:05:00Z", every: "7d", segment: "loyal" } })).toBe(
    "scheduled every 7 days from 21 Nov 2026, 14:05, for the segment “loyal”",
  );
  expect(stepWords(vietnamese, { wait: "30m" })).toBe("Chờ 30 phút");
  expect(stepWords(english, { send: "browse-mail" })).toBe("Send “browse-mail”");
  expect(stepWords(english, "exit")).toBe("Leave the journey");
});
