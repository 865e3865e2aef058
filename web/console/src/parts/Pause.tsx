import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api } from "../api/client";
import { overview, settings } from "../api/queries";
import { useWords } from "../words";
import { Trouble } from "./Trouble";

/** The pause-all switch: says what it does before it does it. */
export function PauseSwitch({ paused, waiting }: { paused: boolean; waiting?: number }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [asking, ask] = useDisclosure();
  const change = useMutation({
    mutationFn: () => (paused ? api.resume() : api.pause()),
    onSuccess: (now) => {
      client.setQueryData(overview.queryKey, (old) => old && { ...old, paused: now.paused });
      void client.invalidateQueries({ queryKey: settings.queryKey });
      ask.close();
    },
  });
  return (
    <>
      <Button
        variant="default"
        leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
        onClick={ask.open}
      >
        {t(paused ? "pause.resume" : "pause.pause")}
      </Button>
      <Modal
        opened={asking}
        onClose={ask.close}
        title={t(paused ? "pause.resume_title" : "pause.pause_title")}
        closeButtonProps={{ "aria-label": t("act.close") }}
        centered
      >
        <Stack>
          <Text>{t(paused ? "pause.resume_what" : "pause.pause_what")}</Text>
          {waiting !== undefined && waiting > 0 && <Text>{t("pause.waiting", { n: waiting })}</Text>}
          {change.error && <Trouble error={change.error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={ask.close}>
              {t("act.cancel")}
            </Button>
            <Button loading={change.isPending} onClick={() => change.mutate()} data-autofocus>
              {t(paused ? "pause.resume" : "pause.pause")}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

/** Stands on every page while nothing leaves. */
export function PausedBanner({ waiting }: { waiting: number }) {
  const { t } = useWords();
  return (
    <div className="paused" role="status">
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <IconPlayerPause size={20} aria-hidden />
        <div>
          <Text fw={600}>{t("pause.now")}</Text>
          <Text size="sm">{t("pause.now_what")}</Text>
        </div>
      </Group>
      <PauseSwitch paused waiting={waiting} />
    </div>
  );
}
