import { expect, it } from "vitest";

import type { JsonObject } from "../../api/types";
import { definitionOf, draftOf, EMPTY, idOf, inFormula, isWhole, repeated } from "./draft";

const DEFINITIONS: JsonObject[] = [
  { name: "A", count: "Order Completed" },
  { name: "A", sum: "Order Completed", of: "total", within: "90d" },
  { name: "A", average: "Order Completed", of: "total", within: "36h", description: "What they pay" },
  { name: "A", days_since: "Order Completed", where: { total: { gt: "0" } } },
  { name: "A", first: "Page Viewed", of: "utm.campaign" },
  { name: "A", last: "Order Completed" },
  { name: "A", most_frequent: "Order Completed", of: "category", within: "1d 12h" },
  {
    name: "A",
    unique: "Product Viewed",
    of: "category",
    where: {
      price: { gte: "100", lt: "1e3" },
      vip: { is: true },
      size: { is: 5 },
      code: { is: "5", is_not: "true" },
      city: { in: ["Huế", 7, "7", false] },
      note: { exists: false },
      born: { before: "2000-01-01" },
      name: { contains: "true", starts_with: "5" },
    },
  },
  { name: "A", formula: '("số đơn" or 0) * 2' },
];

it.each(DEFINITIONS)("keeps what %j says", (definition) => {
  const draft = draftOf("a", definition);
  expect(definitionOf(draft)).toEqual(definition);
  expect(isWhole(draft)).toBe(true);
});

it("reads a bare value as is, and gives back what means the same", () => {
  expect(definitionOf(draftOf("a", { count: "E", where: { x: "y" } })).where).toEqual({ x: { is: "y" } });
});

it("drops what the chosen kind cannot have", () => {
  const draft = { ...draftOf("a", { sum: "E", of: "total", within: "9d" }), kind: "days_since" as const };
  expect(definitionOf(draft)).toEqual({ name: "a", days_since: "E" });
});

it.each([
  ["Danh mục yêu thích", "danh_muc_yeu_thich"],
  ["Đơn hàng 90 ngày!", "don_hang_90_ngay"],
  ["90 days", "t_90_days"],
  ["🌸", ""],
])("makes an id of %s", (name, id) => {
  expect(idOf(name)).toBe(id);
});

it("writes a trait into a formula so that it can be read", () => {
  expect(["spent", "card.points", "số_đơn", "số đơn", "or", "a-b", "9x"].map(inFormula)).toEqual([
    "spent",
    "card.points",
    "số_đơn",
    '"số đơn"',
    '"or"',
    '"a-b"',
    '"9x"',
  ]);
});

it("is not whole before the server could judge it", () => {
  const written = { ...EMPTY, id: "a", event: "E" };
  expect(isWhole(written)).toBe(true);
  expect(isWhole({ ...written, id: "" })).toBe(false);
  expect(isWhole({ ...written, event: " " })).toBe(false);
  expect(isWhole({ ...written, kind: "unique" })).toBe(false);
  expect(isWhole({ ...written, kind: "first" })).toBe(true);
  expect(isWhole({ ...written, kind: "formula" })).toBe(false);
  const twice = { property: "x", operator: "is" as const, value: "1" };
  expect(isWhole({ ...written, conditions: [{ ...twice, property: "" }] })).toBe(false);
  expect(repeated({ ...written, conditions: [twice, { ...twice, operator: "gt" }] })).toBeNull();
  expect(repeated({ ...written, conditions: [twice, { ...twice, value: "2" }] })?.value).toBe("2");
});
