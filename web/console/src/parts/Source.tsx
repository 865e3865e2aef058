import { ActionIcon, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";

import { useWords } from "../words";

/** Text of a machine (YAML, JSON, a line to paste), as it is, with a button that copies it. */
export function Source({ text, tall = false }: { text: string; tall?: boolean }) {
  const { t } = useWords();
  const clipboard = useClipboard();
  const label = t(clipboard.copied ? "act.copied" : "act.copy");
  return (
    <div className="source">
      <pre className={tall ? "tall" : undefined} tabIndex={0}>
        {text}
      </pre>
      <Tooltip label={label}>
        <ActionIcon
          className="source-copy"
          variant="subtle"
          color="gray"
          aria-label={label}
          onClick={() => clipboard.copy(text)}
        >
          {clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
        </ActionIcon>
      </Tooltip>
    </div>
  );
}

/** JSON text with indents where it is JSON, and untouched where it is not. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
