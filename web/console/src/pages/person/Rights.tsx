import { Button, Group, Modal, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";

import { api, exportPath } from "../../api/client";
import type { Profile } from "../../api/types";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";

/** What a person may ask for by law: their data as a file, and to be erased. */
export function Rights({ person }: { person: Profile }) {
  const { t } = useWords();
  return (
    <section className="fact-block">
      <Title order={2} size="h3">{t("rights.title")}</Title>
      <Text size="sm" c="dimmed">
        {t("rights.what")}
      </Text>
      <Group gap="sm" mt="sm">
        <Button variant="default" size="xs" component="a" href={exportPath(person.key)} download>
          {t("rights.export")}
        </Button>
        <Erase person={person} />
      </Group>
    </section>
  );
}

/** Erases after the profile's key was typed: there is no way back. */
function Erase({ person }: { person: Profile }) {
  const { t } = useWords();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asking, ask] = useDisclosure();
  const [typed, type] = useState("");
  const erase = useMutation({
    mutationFn: () => api.erase(person.key),
    onSuccess: () => {
      client.removeQueries({ queryKey: ["person"] });
      void client.invalidateQueries({ queryKey: ["people"] });
      void navigate("/people");
    },
  });
  return (
    <>
      <Button variant="outline" size="xs" onClick={ask.open}>
        {t("erase.open")}
      </Button>
      <Modal
        opened={asking}
        onClose={ask.close}
        title={t("erase.title")}
        closeButtonProps={{ "aria-label": t("act.close") }}
        centered
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (typed.trim() === person.key) erase.mutate();
          }}
        >
          <Stack>
            <Text>{t("erase.what")}</Text>
            <TextInput
              label={t("erase.type")}
              description={<span className="break">{person.key}</span>}
              value={typed}
              onChange={(event) => type(event.currentTarget.value)}
              autoComplete="off"
              spellCheck={false}
              data-autofocus
            />
            {erase.error && <Trouble error={erase.error} />}
            <Group justify="flex-end" gap="sm">
              <Button variant="default" onClick={ask.close}>
                {t("act.cancel")}
              </Button>
              <Button type="submit" loading={erase.isPending} disabled={typed.trim() !== person.key}>
                {t("erase.do")}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
