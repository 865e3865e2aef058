import { expect, it } from "vitest";

import { type Entry, merge, type Read } from "./timeline";

const entry = (kind: Entry["kind"], second: number): Entry =>
  ({ kind, id: `${kind} ${second}`, time: new Date(second * 1000).toISOString(), row: {} }) as Entry;
const read = (kind: Entry["kind"], seconds: number[], whole: boolean): Read => ({
  entries: seconds.map((second) => entry(kind, second)),
  whole,
});
const seconds = (entries: Entry[]) => entries.map(({ time }) => Date.parse(time) / 1000);

it("tells everything newest first once all lists are read to their end", () => {
  const lists = [read("event", [9, 5, 1], true), read("decision", [8, 2], true), read("contact", [], true)];
  expect(seconds(merge(lists))).toEqual([9, 8, 5, 2, 1]);
});

it("stops where a list that goes on has been read to: something may still come in between", () => {
  const lists = [read("event", [9, 5], false), read("decision", [8, 2, 1], true)];
  expect(seconds(merge(lists))).toEqual([9, 8, 5]);
});

it("shows nothing while a list has not answered", () => {
  expect(merge([read("event", [9, 5], true), { entries: [], whole: false }])).toEqual([]);
});
