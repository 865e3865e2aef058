import { Group, Kbd, Modal, Stack, Text } from "@mantine/core";
import { useEffect } from "react";
import { useNavigate } from "react-router";

import { PLACES } from "../places";
import { useWords } from "../words";

const FOLLOW_WITHIN = 1_500;

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}

/** `/` goes to the page's search, `g` and a letter to a page, `?` shows the list. */
export function useShortcuts(showHelp: () => void) {
  const navigate = useNavigate();
  useEffect(() => {
    let pressedG = -Infinity;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      const place = PLACES.find((one) => one.key === event.key);
      if (event.timeStamp - pressedG < FOLLOW_WITHIN && place) void navigate(place.path);
      else if (event.key === "/") focusSearch(event);
      else if (event.key === "?") showHelp();
      pressedG = event.key === "g" ? event.timeStamp : -Infinity;
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [navigate, showHelp]);
}

function focusSearch(event: KeyboardEvent) {
  const field = document.querySelector<HTMLInputElement>("input[data-search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}

export function Shortcuts({ opened, close }: { opened: boolean; close: () => void }) {
  const { t } = useWords();
  const rows: [string[], string][] = [
    [["/"], t("keys.search")],
    ...PLACES.map(({ key, label }): [string[], string] => [["g", key], t(label)]),
    [["?"], t("keys.title")],
  ];
  return (
    <Modal opened={opened} onClose={close} title={t("keys.title")} closeButtonProps={{ "aria-label": t("act.close") }}>
      <Stack gap="xs">
        {rows.map(([keys, what]) => (
          <Group key={what} justify="space-between">
            <Text size="sm">{what}</Text>
            <Group gap={4}>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </Group>
          </Group>
        ))}
      </Stack>
    </Modal>
  );
}
