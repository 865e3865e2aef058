/**
 * The API's shapes. `schema.d.ts` is written from the server's own description:
 *
 *     make docs        (writes docs/reference/openapi.json, then api/schema.d.ts)
 *
 * Its conventions: an instant is RFC 3339 in UTC; a total of money is a decimal string, its currency stands once
 * in the answer; an estimate is plain numbers; a rate is a fraction; null where nothing is known; lists are newest first.
 */
export type * from "./schema";

/** One page of any list. */
export interface Page<T> {
  data: T[];
  next: string | null;
  total: number | null;
}

/** Whatever a company put into a trait, a property or a definition. */
export type Json = unknown;
export type JsonObject = Record<string, unknown>;
