import {
  ActionIcon,
  Anchor,
  AppShell,
  Burger,
  Group,
  NavLink,
  SegmentedControl,
  Stack,
  Text,
  Tooltip,
  UnstyledButton,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconKeyboard,
  IconLogout,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, type RefObject, useEffect, useRef } from "react";
import { Link, useLocation } from "react-router";

import { api } from "./api/client";
import { overview } from "./api/queries";
import type { Me } from "./api/types";
import { Mark } from "./Mark";
import { PausedBanner } from "./parts/Pause";
import { StillBanner } from "./parts/Still";
import { Shortcuts, useShortcuts } from "./parts/Shortcuts";
import { ThemeSwitch } from "./parts/ThemeSwitch";
import { isHere, PLACES } from "./places";
import { useWords } from "./words";

/** What stands around every page: the way to the others, the language, the theme, and whether sending is paused. */
export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const { t } = useWords();
  const [open, menu] = useDisclosure();
  const [help, helpShown] = useDisclosure();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const live = useQuery({ ...overview, refetchInterval: 15_000 });
  useShortcuts(helpShown.open);
  useArrival(main, menu.close);

  return (
    <>
      <a className="skip" href="#main">
        {t("nav.skip")}
      </a>
      <AppShell
        header={{ height: { base: 52, sm: 0 } }}
        navbar={{ width: 228, breakpoint: "sm", collapsed: { mobile: !open } }}
        padding={{ base: "md", sm: "xl" }}
      >
        <AppShell.Header hiddenFrom="sm" px="md">
          <Group h="100%" justify="space-between" wrap="nowrap">
            <Brand name={me.workspace.name} />
            <Burger opened={open} onClick={menu.toggle} size="sm" aria-label={t("nav.menu")} />
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="sm" aria-label={t("nav.label")}>
          <AppShell.Section visibleFrom="sm" px="xs" pt="xs" pb="lg">
            <Brand name={me.workspace.name} />
          </AppShell.Section>
          <AppShell.Section grow className="places">
            {PLACES.map(({ path, label, Icon }) => (
              <NavLink
                key={path}
                component={Link}
                to={path}
                label={t(label)}
                leftSection={<Icon size={18} stroke={1.6} aria-hidden />}
                active={isHere(path, pathname)}
                {...(isHere(path, pathname) ? { "aria-current": "page" as const } : {})}
              />
            ))}
          </AppShell.Section>
          <AppShell.Section>
            <Foot me={me} showHelp={helpShown.open} />
          </AppShell.Section>
        </AppShell.Navbar>
        <AppShell.Main id="main" ref={main} tabIndex={-1}>
          <div className="sheet">
            {live.data?.engine.still && <StillBanner waiting={live.data.engine.waiting} />}
            {live.data?.paused && <PausedBanner waiting={live.data.mails.waiting} />}
            {children}
          </div>
        </AppShell.Main>
      </AppShell>
      <Shortcuts opened={help} close={helpShown.close} />
    </>
  );
}

/** On a new page the phone's menu closes, the page starts at its top, and the keyboard starts in it. */
function useArrival(main: RefObject<HTMLElement | null>, closeMenu: () => void) {
  const { pathname } = useLocation();
  const section = pathname.split("/").slice(0, 3).join("/");
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    closeMenu();
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only arriving counts
  }, [section]);
}

function Brand({ name }: { name: string }) {
  const { t } = useWords();
  return (
    <UnstyledButton component={Link} to="/" className="brand">
      <Mark size={26} quiet />
      <span className="brand-name">
        <Text fw={600} lh={1.3} truncate>
          {name}
        </Text>
        {name !== t("app.name") && (
          <Text size="xs" c="dimmed" lh={1.3}>
            {t("app.name")}
          </Text>
        )}
      </span>
    </UnstyledButton>
  );
}

function Foot({ me, showHelp }: { me: Me; showHelp: () => void }) {
  const { t, language, setLanguage } = useWords();
  const client = useQueryClient();
  const leave = useMutation({
    mutationFn: api.logout,
    onSettled: () => {
      client.clear();
      window.location.assign("/");
    },
  });
  return (
    <Stack gap="xs" px="xs" pt="sm" className="foot">
      <Group gap="xs" justify="space-between" wrap="nowrap">
        <SegmentedControl
          size="xs"
          aria-label={t("nav.language")}
          value={language}
          onChange={(value) => setLanguage(value)}
          data={[
            { value: "vi", label: <span title="Tiếng Việt">VI</span> },
            { value: "en", label: <span title="English">EN</span> },
          ]}
        />
        <Group gap={4} wrap="nowrap">
          <Tooltip label={t("keys.title")}>
            <ActionIcon
              variant="subtle"
              color="gray"
              visibleFrom="sm"
              onClick={showHelp}
              aria-label={t("keys.title")}
            >
              <IconKeyboard size={18} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
          <ThemeSwitch />
        </Group>
      </Group>
      <Group gap="xs" justify="space-between" wrap="nowrap">
        <Text size="xs" c="dimmed" truncate title={me.email}>
          {me.email}
        </Text>
        <Tooltip label={t("nav.sign_out")}>
          <ActionIcon
            variant="subtle"
            color="gray"
            loading={leave.isPending}
            onClick={() => leave.mutate()}
            aria-label={t("nav.sign_out")}
          >
            <IconLogout size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Group>
      <Group gap="sm">
        <Anchor size="xs" c="dimmed" href="/v1/docs">
          {t("nav.api")}
        </Anchor>
        {me.demo && (
          <Anchor size="xs" c="dimmed" href="/shop">
            {t("nav.shop")}
          </Anchor>
        )}
        <Text size="xs" c="dimmed">
          {me.version}
        </Text>
      </Group>
    </Stack>
  );
}
