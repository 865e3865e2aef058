import { useWords } from "../../words";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What a computed trait is of somebody, as the language writes it. */
export function TraitValueText({ value }: { value: string | number | boolean | null }) {
  const { t, f } = useWords();
  if (value === null) return <span className="dimmed">{t("trait.no_value")}</span>;
  if (typeof value === "number") return <span className="strong">{f.number(value, 6)}</span>;
  if (typeof value === "boolean") return <span className="strong">{t(value ? "trait.true" : "trait.false")}</span>;
  return <span className="strong break">{INSTANT.test(value) ? f.dateTime(value) : value}</span>;
}
