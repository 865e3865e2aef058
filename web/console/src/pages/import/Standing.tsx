import { Progress, Text } from "@mantine/core";

import type { ImportRow } from "../../api/types";
import { useWords } from "../../words";

/** The address of one import. */
export function importPath(id: string): string {
  return `/import/${encodeURIComponent(id)}`;
}

/** How far an import is, or what came of it, in a line. */
export function Standing({ row }: { row: ImportRow }) {
  const { t, f } = useWords();
  const label = t(`import.state_${row.cancelling ? "cancelling" : row.state}`);
  return (
    <div role="status">
      <Text size="sm">
        {label}
        {row.state === "running" && ` · ${f.percent(row.part, 0)}`}
        {row.state === "done" && !row.applied && ` · ${t("import.applying")}`}
      </Text>
      {row.state === "running" && <Progress value={row.part * 100} aria-label={label} mt={6} />}
      {row.rows !== null && (
        <Text size="sm" c="dimmed">
          {t("import.counts", {
            rows: f.number(row.rows),
            accepted: f.number(row.accepted ?? 0),
            rejected: f.number(row.rejected ?? 0),
          })}
        </Text>
      )}
      {row.error && (
        <Text size="sm" className="break">
          {row.error.message}
        </Text>
      )}
    </div>
  );
}
