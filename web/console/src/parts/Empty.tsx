import { Text } from "@mantine/core";
import type { ReactNode } from "react";

/** An empty place teaches with one sentence and one action. */
export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <Text maw={520}>{children}</Text>
      {action}
    </div>
  );
}
