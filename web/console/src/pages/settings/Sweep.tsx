import { Progress, Text } from "@mantine/core";

import type { Settings } from "../../api/types";
import { useWords } from "../../words";

/** How far everybody is looked at under changed rules, or what the last change did. */
export function Sweep({ data: { sweep } }: { data: Settings }) {
  const { t, f } = useWords();
  if (!sweep) return null;
  const { running, part, since, merged, split, aside } = sweep;
  const done = { merged: f.number(merged), split: f.number(split), aside: f.number(aside) };
  return (
    <div role="status">
      <Text size="sm" mt="sm">
        {running
          ? t("sweep.running", { part: f.percent(part), when: f.dateTime(since) })
          : t("sweep.done", { when: f.dateTime(since) })}
      </Text>
      {running && <Progress value={part * 100} my={4} aria-label={t("sweep.progress")} />}
      <Text size="xs" c="dimmed">
        {t("sweep.became", done)}
      </Text>
    </div>
  );
}
