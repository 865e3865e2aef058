import { Text } from "@mantine/core";

import type { Json, JsonObject } from "../api/types";
import { isObject } from "../words/rule";

const DEEPEST = 4;

/** Names and values as they came, to be read rather than parsed: `page.path` for what is nested, `products.1.name` in a list. */
export function Properties({ title, values }: { title: string; values: JsonObject }) {
  const rows = flat(values, "", 1);
  if (rows.length === 0) return null;
  return (
    <div>
      <Text size="sm" mb={2}>
        {title}
      </Text>
      <dl className="properties">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="break">{said(value)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function flat(values: JsonObject, path: string, depth: number): [string, Json][] {
  return Object.entries(values).flatMap(([key, value]): [string, Json][] => {
    const name = path + key;
    const inner = within(value);
    return inner && depth < DEEPEST ? flat(inner, `${name}.`, depth + 1) : [[name, value]];
  });
}

/** What a value holds by name: the fields of an object, the objects of a list counted from one. */
function within(value: Json): JsonObject | null {
  if (isObject(value)) return value;
  if (!Array.isArray(value) || !value.some(isObject)) return null;
  return Object.fromEntries(value.map((one: Json, index) => [String(index + 1), one]));
}

function said(value: Json) {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) {
    return value.map(String).join(", ");
  }
  return <code>{JSON.stringify(value)}</code>;
}
