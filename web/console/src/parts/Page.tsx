import { Anchor, Group, Stack, Text, Title } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { useWords } from "../words";

interface Props {
  title: string;
  /** One sentence that says what the page answers. */
  lead?: ReactNode;
  actions?: ReactNode;
  /** The list this page came from. */
  back?: { to: string; label: string };
  children: ReactNode;
}

/** A page: its title (also the browser's), a sentence, what can be done, and the content. */
export function Page({ title, lead, actions, back, children }: Props) {
  const { t } = useWords();
  return (
    <Stack gap="lg">
      <title>{t("app.title", { page: title })}</title>
      <div>
        {back && (
          <Anchor component={Link} to={back.to} size="sm" className="back">
            <IconArrowLeft size={15} aria-hidden /> {back.label}
          </Anchor>
        )}
        <Group justify="space-between" align="flex-start" gap="sm">
          <div className="page-title">
            <Title order={1}>{title}</Title>
            {lead && (
              <Text c="dimmed" maw={680}>
                {lead}
              </Text>
            )}
          </div>
          {actions}
        </Group>
      </div>
      {children}
    </Stack>
  );
}

/** A part of a page with its own heading, on a surface of its own. */
export function Section({
  title,
  note,
  actions,
  children,
  flush = false,
}: {
  title?: ReactNode;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Without padding, for tables that reach the edges. */
  flush?: boolean;
}) {
  return (
    <section className={flush ? "section flush" : "section"}>
      {(title ?? actions) !== undefined && (
        <div className="section-head">
          <div>
            {title !== undefined && <Title order={2}>{title}</Title>}
            {note !== undefined && (
              <Text size="sm" c="dimmed">
                {note}
              </Text>
            )}
          </div>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}
