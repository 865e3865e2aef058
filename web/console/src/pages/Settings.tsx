import { Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { overview, settings } from "../api/queries";
import type { Settings as AllSettings } from "../api/types";
import { Await } from "../parts/Await";
import { Page, Section } from "../parts/Page";
import { PauseSwitch } from "../parts/Pause";
import { useWords } from "../words";
import { OtherRules } from "./settings/OtherRules";
import { Sweep } from "./settings/Sweep";
import { channelWords, namespaceWords } from "../words/codes";

/** How the workspace is set, and what this server runs with. */
export default function Settings() {
  const { t, rich } = useWords();
  const query = useQuery({
    ...settings,
    refetchInterval: (known) => (known.state.data?.sweep?.running ? 2_000 : false),
  });
  const live = useQuery({ ...overview, refetchInterval: 15_000 });
  const waiting = live.data?.mails.waiting;
  return (
    <Page
      title={t("settings.title")}
      lead={rich("settings.lead", {
        file: <code>program/settings.yaml</code>,
        command: <code>duyen apply DIR</code>,
      })}
    >
      <Await query={query} rows={8}>
        {(data) => (
          <Stack gap="lg">
            <Section title={t("settings.sending")}>
              <Group justify="space-between" gap="md" mb="sm">
                <Text>{t(data.paused ? "settings.is_paused" : "settings.is_running")}</Text>
                {!data.paused && (
                  <PauseSwitch paused={false} {...(waiting === undefined ? {} : { waiting })} />
                )}
              </Group>
              <Sending data={data} />
            </Section>
            <Section title={t("settings.workspace")}>
              <Workspace data={data} />
            </Section>
            <Section title={t("settings.identity")}>
              <Identity data={data} />
              <Sweep data={data} />
              <OtherRules data={data} />
            </Section>
            <Section title={t("settings.server")}>
              <Server data={data} />
            </Section>
          </Stack>
        )}
      </Await>
    </Page>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Sending({ data }: { data: AllSettings }) {
  const words = useWords();
  const { t, f } = words;
  return (
    <dl className="settings">
      <Row label={t("settings.caps")}>
        {data.caps.length === 0 && t("settings.no_caps")}
        {data.caps.map(({ most, within, channel }) => (
          <div key={`${channel} ${within}`}>
            {t(channel === "*" ? "settings.cap_any" : "settings.cap", {
              n: most,
              within: f.duration(within),
              channel: channelWords(words, channel),
            })}
          </div>
        ))}
      </Row>
      <Row label={t("settings.quiet")}>
        {data.quiet_from === data.quiet_to
          ? t("settings.no_quiet_hours")
          : t("settings.quiet_hours", { from: data.quiet_from, to: data.quiet_to })}
      </Row>
      <Row label={t("settings.send_only_to")}>
        {data.send_only_to.length ? data.send_only_to.join(", ") : t("settings.everyone")}
      </Row>
      <Row label={t("settings.sender")}>{data.sender}</Row>
      <Row label={t("settings.reply_to")}>{data.reply_to || t("settings.as_sender")}</Row>
      <Row label={t("settings.postal_address")}>{data.postal_address || t("settings.unset")}</Row>
      <Row label={t("settings.mail")}>
        {data.server.mail === "catcher" ? t("settings.catcher") : data.server.mail}
      </Row>
    </dl>
  );
}

function Workspace({ data }: { data: AllSettings }) {
  const { t, f } = useWords();
  return (
    <dl className="settings">
      <Row label={t("settings.name")}>{data.name}</Row>
      <Row label={t("settings.timezone")}>{data.timezone}</Row>
      <Row label={t("settings.currency")}>{data.currency}</Row>
      <Row label={t("settings.language")}>{data.language}</Row>
      <Row label={t("settings.brands")}>{data.brands.join(", ")}</Row>
      <Row label={t("settings.hold_out")}>
        {t("settings.hold_out_share", { share: f.percent(data.hold_out) })}
      </Row>
      <Row label={t("settings.window")}>
        {t("settings.window_of", { window: f.duration(data.conversion_window) })}
      </Row>
      <Row label={t("settings.anonymous")}>
        {data.anonymous_days
          ? t("settings.anonymous_days", { n: data.anonymous_days })
          : t("settings.anonymous_kept")}
      </Row>
      <Row label={t("settings.burst")}>
        {data.burst_links
          ? t("settings.burst_of", { n: data.burst_links, within: f.duration(data.burst_within) })
          : t("settings.burst_off")}
      </Row>
      <Row label={t("settings.bots")}>{data.bots.length ? data.bots.join(", ") : t("settings.bots_usual")}</Row>
      {data.no_bots.length > 0 && <Row label={t("settings.no_bots")}>{data.no_bots.join(", ")}</Row>}
      {data.updated_at && (
        <Row label={t("settings.changed")}>
          {f.dateTime(data.updated_at)}
          {data.author && ` · ${data.author}`}
        </Row>
      )}
    </dl>
  );
}

interface NamespaceRule {
  limit: number;
  within?: string;
  protect?: "merges" | "anonymous";
  blocked?: string[];
}

function Identity({ data: { identity, blocked } }: { data: AllSettings }) {
  const words = useWords();
  const { t, f } = words;
  const rules = Object.entries(identity as Record<string, NamespaceRule>);
  return (
    <dl className="settings">
      {rules.map(([namespace, { limit, within, protect, blocked: own = [] }]) => (
        <Row key={namespace} label={namespaceWords(words, namespace)}>
          {within
            ? t("settings.identity_within", { n: limit, within: f.duration(within) })
            : t("settings.identity_limit", { n: limit })}
          {protect && <div>{t(`settings.protect_${protect}`)}</div>}
          {own.length > 0 && <div>{t("settings.identity_blocked", { values: own.join(", ") })}</div>}
        </Row>
      ))}
      <Row label={t("settings.identity_others")}>{t("settings.identity_usual")}</Row>
      <Row label={t("settings.blocked")}>{blocked.length ? blocked.join(", ") : t("settings.blocked_usual")}</Row>
    </dl>
  );
}

function Server({ data: { server } }: { data: AllSettings }) {
  const { t } = useWords();
  return (
    <dl className="settings">
      <Row label={t("settings.version")}>{server.version}</Row>
      <Row label={t("settings.base_url")}>{server.base_url}</Row>
      <Row label={t("settings.clock")}>{t(`settings.clock_${server.clock}`)}</Row>
      <Row label={t("settings.data")}>{server.data}</Row>
    </dl>
  );
}
