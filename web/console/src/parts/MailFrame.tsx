import { SegmentedControl, Stack } from "@mantine/core";
import { useState } from "react";

import { useWords } from "../words";

/** A mail's HTML, shut off from the console: no scripts, no forms, no navigation, its own policy from the server. */
export function MailFrame({ src, title }: { src: string; title: string }) {
  const { t } = useWords();
  const [width, setWidth] = useState("wide");
  return (
    <Stack gap="sm" align="center">
      <SegmentedControl
        size="xs"
        value={width}
        onChange={setWidth}
        aria-label={t("mail.width")}
        visibleFrom="sm"
        data={[
          { value: "wide", label: t("mail.desktop") },
          { value: "phone", label: t("mail.phone") },
        ]}
      />
      <iframe
        className={width === "phone" ? "mail-frame phone" : "mail-frame"}
        src={src}
        title={title}
        sandbox=""
        referrerPolicy="no-referrer"
      />
    </Stack>
  );
}
