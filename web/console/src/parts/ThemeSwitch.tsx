import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "@tabler/icons-react";

import { useWords } from "../words";

/** From light to dark and back. */
export function ThemeSwitch() {
  const { t } = useWords();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  const label = t(other === "dark" ? "nav.theme_dark" : "nav.theme_light");
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        onClick={() => setColorScheme(other)}
        aria-label={label}
      >
        {other === "dark" ? (
          <IconMoon size={18} stroke={1.6} />
        ) : (
          <IconSun size={18} stroke={1.6} />
        )}
      </ActionIcon>
    </Tooltip>
  );
}
