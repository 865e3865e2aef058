import { Anchor } from "@mantine/core";
import { Link } from "react-router";

import type { PersonRef } from "../api/types";
import { useWords } from "../words";

const NAMESPACES_SHOWN_BARE = ["email", "phone"];

/** What to call a person: the name, else the value of the best identifier. */
export function usePersonName(): (person: PersonRef) => string {
  const { t } = useWords();
  return ({ name, key }) => {
    if (name) return name;
    const [namespace = "", ...rest] = key.split(":");
    const value = rest.join(":");
    if (NAMESPACES_SHOWN_BARE.includes(namespace)) return value;
    if (namespace === "anonymous_id") return t("person.anonymous", { id: value.slice(0, 8) });
    return value || key;
  };
}

export function personPath(key: string): string {
  return `/people/${encodeURIComponent(key)}`;
}

export function PersonLink({ person }: { person: PersonRef }) {
  const name = usePersonName();
  return (
    <Anchor component={Link} to={personPath(person.key)} className="name-link">
      {name(person)}
    </Anchor>
  );
}
