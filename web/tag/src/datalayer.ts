/**
 * What a shop already tells its other tools: e-commerce events in a data layer, in the shape of Google Analytics 4 (pushed
 * as objects or by gtag) and of Universal Analytics before it, told on under the names and fields of the Segment
 * protocol's e-commerce events.
 *
 * A data layer holds anything: elements, functions, objects that hold themselves. Only the fields named here are read,
 * only numbers and texts are taken, and only so much of them.
 */
import { allowed, once } from "./privacy";
import { track, type JsonObject } from "./transport";
import { report } from "./trouble";

/** The event's name; "each": one event for each product, "all": one with all of them; and its other fields. */
type Meaning = [name: string, products: "each" | "all" | "", fields: string];

const LONGEST = 200;
const MOST_PUSHES = 500;
const MOST_EACH = 20;
const MOST_PRODUCTS = 100;
/** The server takes 32 KB of one event; a letter is up to three bytes, seldom all of them. */
const MOST_LETTERS = 15_000;

const PRODUCT = "product_id name brand category variant price quantity coupon position";
const ORDER = "order_id affiliation total revenue tax shipping coupon currency";
/** Where a field stands, if neither under its own name nor, in an item of Google Analytics 4, after `item_`. */
const SOURCES: Record<string, string> = {
  position: "index",
  order_id: "transaction_id id",
  total: "value revenue",
  revenue: "value",
  currency: "currencyCode",
  list_id: "item_list_name list",
  query: "search_term",
};
const MEANINGS = new Map<string, Meaning>(
  Object.entries({
    view_item: ["Product Viewed", "each", "currency"],
    select_item: ["Product Clicked", "each", "list_id"],
    add_to_cart: ["Product Added", "each", "currency"],
    remove_from_cart: ["Product Removed", "each", "currency"],
    add_to_wishlist: ["Product Added to Wishlist", "each", "currency"],
    view_item_list: ["Product List Viewed", "all", "list_id"],
    view_cart: ["Cart Viewed", "all", "value currency"],
    begin_checkout: ["Checkout Started", "all", "value coupon currency"],
    purchase: ["Order Completed", "all", ORDER],
    refund: ["Order Refunded", "all", ORDER],
    search: ["Products Searched", "", "query"],
    sign_up: ["Signed Up", "", "method"],
    login: ["Signed In", "", "method"],
  }),
);
/** Universal Analytics names what happened by a key of `ecommerce`. */
const OLD = Object.entries({
  impressions: "view_item_list",
  detail: "view_item",
  click: "select_item",
  add: "add_to_cart",
  remove: "remove_from_cart",
  checkout: "begin_checkout",
  purchase: "purchase",
  refund: "refund",
});

let heard: unknown = null;

/** Read what was pushed, and listen from now on; again where a page has put another array in its place. */
export function listen(name: string): void {
  try {
    const page = window as unknown as Record<string, unknown>;
    const layer = (page[name] ??= []);
    if (layer === heard || !Array.isArray(layer)) return;
    heard = layer;
    for (const pushed of layer.slice(-MOST_PUSHES)) read(pushed);
    const push = layer.push;
    layer.push = (...pushed: unknown[]): number => {
      const length = push.apply(layer, pushed);
      for (const each of pushed) read(each);
      return length;
    };
  } catch (problem) {
    report(problem);
  }
}

/** Tell what one push says; whatever it is, the page that pushed goes on. */
function read(push: unknown): void {
  try {
    // gtag pushes its arguments: ["event", name, parameters].
    const gtag = get(push, 0) === "event";
    const shop = !gtag && get(push, "ecommerce");
    const told = gtag ? get(push, 2) : shop || push;
    const items = get(told, "items");
    const old = OLD.filter(([key]) => typeof (get(shop, key) || "") === "object");
    if (!old.length || Array.isArray(items)) {
      tell(get(push, gtag ? 1 : "event"), [told], items);
      return;
    }
    for (const [key, meaning] of old) {
      const action = get(told, key);
      const about = get(action, "actionField");
      if (key === "checkout" && Number(get(about, "step") || 1) > 1) continue;
      const list = Array.isArray(action);
      tell(meaning, [about, told, list && action[0]], list ? action : get(action, "products"));
    }
  } catch (problem) {
    report(problem);
  }
}

function tell(called: unknown, sources: unknown[], listed: unknown): void {
  const meaning = MEANINGS.get(called as string);
  if (!meaning || !allowed()) return;
  const [event, kind, names] = meaning;
  const about = fields(names, sources);
  const found = Array.isArray(listed) ? listed.slice(0, kind === "all" ? MOST_PRODUCTS : MOST_EACH) : [];
  const products = found.map((item) => fields(PRODUCT, [item])).filter((product) => Object.keys(product).length);
  if (kind === "each") {
    for (const product of products) track(event, { ...about, ...product });
    return;
  }
  // An event without a word is somebody else's of the same name, but that somebody signed in needs none.
  if (!products.length && names !== "method" && !Object.keys(about).length) return;
  // The page of thanks may be loaded again: an order is told once.
  const order = about.order_id;
  if (called === "purchase" && order && !once("orders", order as string)) return;
  while (JSON.stringify(products).length > MOST_LETTERS) products.length >>= 1;
  track(event, kind ? { ...about, products } : about);
}

/** The fields of these names that the sources have, each from the first source and under the first key that has it. */
function fields(names: string, sources: unknown[]): JsonObject {
  const found: JsonObject = {};
  for (const name of names.split(" ")) {
    const own = name.replace("product_", "");
    const keys = `item_${own} ${own} ${SOURCES[name] || ""}`.split(" ");
    for (const value of sources.flatMap((source) => keys.map((key) => get(source, key)))) {
      const kept = typeof value === "string" ? value.trim().slice(0, LONGEST) : value;
      if (name in found || !(typeof kept === "string" ? kept : Number.isFinite(kept))) continue;
      found[name] = name.endsWith("_id") ? String(kept) : (kept as string | number);
    }
  }
  return found;
}

/** A field, or undefined where there is none or it cannot be read. */
function get(holder: unknown, key: string | number): unknown {
  try {
    return (holder as Record<string, unknown> | null | undefined)?.[key];
  } catch {
    return undefined;
  }
}
