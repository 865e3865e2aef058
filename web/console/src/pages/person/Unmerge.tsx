import { Button, Checkbox, Group, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import type { Profile } from "../../api/types";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";
import { namespaceWords } from "../../words/codes";

/** Takes a profile apart that was two people: asks which identifiers belong to somebody else, and says what follows. */
export function Unmerge({ person }: { person: Profile }) {
  const words = useWords();
  const { t } = words;
  const client = useQueryClient();
  const [asking, ask] = useDisclosure();
  const [apart, choose] = useState<string[]>([]);
  const names = person.identifiers
    .filter(({ namespace }) => !namespace.startsWith("claimed."))
    .map(({ namespace, value }) => ({ namespace, value, name: `${namespace}:${value}` }));
  const kept = names.find(({ name }) => !apart.includes(name));
  const change = useMutation({
    mutationFn: () => api.unmerge(kept?.name ?? person.key, apart),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["person"] });
      choose([]);
      ask.close();
    },
  });
  if (names.length < 2) return null;
  return (
    <>
      <Button variant="default" size="xs" mt="sm" onClick={ask.open}>
        {t("unmerge.open")}
      </Button>
      <Modal
        opened={asking}
        onClose={ask.close}
        title={t("unmerge.title")}
        closeButtonProps={{ "aria-label": t("act.close") }}
        centered
      >
        <Stack>
          <Text>{t("unmerge.what")}</Text>
          <Checkbox.Group label={t("unmerge.choose")} value={apart} onChange={choose}>
            <Stack gap="xs" mt="xs">
              {names.map(({ namespace, value, name }) => (
                <Checkbox
                  key={name}
                  value={name}
                  label={value}
                  description={namespaceWords(words, namespace)}
                />
              ))}
            </Stack>
          </Checkbox.Group>
          {!kept && <Text className="warning">{t("unmerge.all")}</Text>}
          {change.error && <Trouble error={change.error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={ask.close}>
              {t("act.cancel")}
            </Button>
            <Button
              loading={change.isPending}
              disabled={apart.length === 0 || !kept}
              onClick={() => change.mutate()}
            >
              {t("unmerge.do")}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
