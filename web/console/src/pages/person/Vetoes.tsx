import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import { vetoes } from "../../api/queries";
import type { Profile, VetoRow } from "../../api/types";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";
import { namespaceWords } from "../../words/codes";

/** What was decided never to be this person, by whom and when; each can be taken back. */
export function Vetoes({ person }: { person: Profile }) {
  const { t } = useWords();
  const query = useQuery(vetoes(person.key));
  if (query.error) return <Trouble error={query.error} />;
  if (!query.data?.data.length) return null;
  return (
    <>
      <Text mt="md" fw={600}>
        {t("vetoes.title")}
      </Text>
      <ul className="bare">
        {query.data.data.map((veto) => (
          <li key={veto.id}>
            <Veto person={person} veto={veto} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Veto({ person, veto }: { person: Profile; veto: VetoRow }) {
  const { t, f } = useWords();
  const client = useQueryClient();
  const [asking, ask] = useState(false);
  const change = useMutation({
    mutationFn: () => api.liftVeto(person.key, veto.id),
    onSuccess: () => {
      ask(false);
      void client.invalidateQueries({ queryKey: ["person"] });
    },
  });
  return (
    <>
      <Names names={veto.never} />
      <Text size="xs" c="dimmed">
        {t("vetoes.by", { author: veto.author, when: f.dateTime(veto.time) })}
      </Text>
      {veto.lifted ? (
        <Text size="xs" c="dimmed">
          {t("vetoes.lifted", { author: veto.lifted.author, when: f.dateTime(veto.lifted.time) })}
        </Text>
      ) : (
        <Button variant="default" size="compact-xs" mt={4} onClick={() => ask(true)}>
          {t("vetoes.lift")}
        </Button>
      )}
      <Modal
        opened={asking}
        onClose={() => ask(false)}
        title={t("vetoes.ask")}
        closeButtonProps={{ "aria-label": t("act.close") }}
        centered
      >
        <Stack>
          <Text>{t("vetoes.what")}</Text>
          <div>
            <Names names={veto.identifiers} />
            <Names names={veto.never} />
          </div>
          {change.error && <Trouble error={change.error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={() => ask(false)}>
              {t("act.cancel")}
            </Button>
            <Button loading={change.isPending} onClick={() => change.mutate()}>
              {t("vetoes.do")}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function Names({ names }: { names: string[] }) {
  const words = useWords();
  return names.map((name) => {
    const at = name.indexOf(":");
    return (
      <Text key={name} size="sm" className="break">
        <Text span size="xs" c="dimmed">
          {namespaceWords(words, name.slice(0, at))}{" "}
        </Text>
        {name.slice(at + 1)}
      </Text>
    );
  });
}
