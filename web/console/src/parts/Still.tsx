import { Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import { useWords } from "../words";

/** Stands on every page while the engine applies nothing of what waits. */
export function StillBanner({ waiting }: { waiting: number }) {
  const { t } = useWords();
  return (
    <div className="paused" role="status">
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <IconAlertTriangle size={20} aria-hidden />
        <div>
          <Text fw={600}>{t("engine.still")}</Text>
          <Text size="sm">{t("engine.still_what", { n: waiting })}</Text>
        </div>
      </Group>
    </div>
  );
}
