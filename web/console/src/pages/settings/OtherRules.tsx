import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import type { Foreseen, ForeseenRow, JsonObject, Settings } from "../../api/types";
import { PersonLink } from "../../parts/PersonLink";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";

/** Tries other rules of identity: what they would do to people is shown before they can be saved. */
export function OtherRules({ data }: { data: Settings }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [asking, ask] = useState(false);
  const [text, write] = useState("");
  const read = readRules(text);
  const look = useMutation({ mutationFn: api.foresee });
  const save = useMutation({
    mutationFn: api.saveSettings,
    onSuccess: () => {
      ask(false);
      void client.invalidateQueries({ queryKey: ["settings"] });
    },
  });
  const trouble = look.error ?? save.error;
  const begin = () => {
    write(JSON.stringify({ identity: data.identity, blocked: data.blocked }, null, 2));
    look.reset();
    save.reset();
    ask(true);
  };
  return (
    <>
      <Button variant="default" size="xs" mt="sm" onClick={begin}>
        {t("rules.open")}
      </Button>
      <Modal
        opened={asking}
        onClose={() => ask(false)}
        title={t("rules.title")}
        closeButtonProps={{ "aria-label": t("act.close") }}
        size="lg"
        centered
      >
        <Stack>
          <Text size="sm">{t("rules.what")}</Text>
          <Textarea
            label={t("rules.label")}
            value={text}
            onChange={(event) => {
              write(event.currentTarget.value);
              look.reset(); // what was foreseen was of another text
            }}
            error={read ? undefined : t("rules.no_json")}
            rows={14}
            spellCheck={false}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          />
          {look.data && <Found found={look.data} />}
          {trouble && <Trouble error={trouble} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={() => ask(false)}>
              {t("act.cancel")}
            </Button>
            <Button
              variant={look.data ? "default" : "filled"}
              disabled={!read}
              loading={look.isPending}
              onClick={() => read && look.mutate(read)}
            >
              {t("rules.look")}
            </Button>
            {look.data && (
              <Button disabled={!read} loading={save.isPending} onClick={() => read && save.mutate(read)}>
                {t("rules.save")}
              </Button>
            )}
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function readRules(text: string): JsonObject | null {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as JsonObject) : null;
  } catch {
    return null;
  }
}

function Found({ found: { merged, split, aside, exact, samples } }: { found: Foreseen }) {
  const { t, f } = useWords();
  const numbers = { merged: f.number(merged), split: f.number(split), aside: f.number(aside) };
  return (
    <div role="status">
      <Text fw={600}>{t("rules.found", numbers)}</Text>
      {!exact && (
        <Text size="sm" className="warning">
          {t("rules.estimate")}
        </Text>
      )}
      <ul className="bare">
        {samples.map((sample, place) => (
          <li key={place}>
            <Example sample={sample} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Example({ sample: { kind, people, becomes } }: { sample: ForeseenRow }) {
  const { t } = useWords();
  return (
    <>
      <Text size="sm">
        {t(`rules.${kind}`)}{" "}
        {people.map((person, place) => (
          <span key={person.id}>
            {place > 0 && ", "}
            <PersonLink person={person} />
          </span>
        ))}
      </Text>
      {becomes.map((names) => (
        <Text key={names.join()} size="xs" c="dimmed" className="break">
          {names.join(" · ")}
        </Text>
      ))}
    </>
  );
}
