import { Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import { Problem } from "../api/client";
import { useWords } from "../words";

/** An error's sentence: ours where we know the case, else the server's own. */
export function useTroubleText(): (error: Error) => string {
  const { t } = useWords();
  return (error) => {
    if (!(error instanceof Problem)) return t("trouble.unknown");
    if (error.status === 0) return t("trouble.unreachable");
    if (error.status === 404) return error.message || t("trouble.missing");
    return error.message || t("trouble.status", { status: String(error.status) });
  };
}

/** What went wrong and the next step, in the place where the answer would stand. */
export function Trouble({ error, retry }: { error: Error; retry?: () => void }) {
  const { t } = useWords();
  const text = useTroubleText();
  return (
    <div className="trouble" role="alert">
      <Group gap="sm" align="flex-start" wrap="nowrap">
        <IconAlertTriangle size={20} stroke={1.7} aria-hidden />
        <div>
          <Text>{text(error)}</Text>
          {error instanceof Problem && error.status > 0 && (
            <Text size="xs" c="dimmed" ff="monospace">
              {error.code}
            </Text>
          )}
        </div>
      </Group>
      {retry && (
        <Button variant="default" size="xs" onClick={retry}>
          {t("act.retry")}
        </Button>
      )}
    </div>
  );
}
