import { Anchor, Group, Tabs, Text, Title } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, NavLink, useParams, useSearchParams } from "react-router";

import { api } from "../api/client";
import { mail, mails } from "../api/queries";
import type { Mail, MailRow } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { MailFrame } from "../parts/MailFrame";
import { More, rowsOf } from "../parts/More";
import { Page, Section } from "../parts/Page";
import { PersonLink } from "../parts/PersonLink";
import { Search } from "../parts/Search";
import { Source } from "../parts/Source";
import { useWords } from "../words";

/** The mail catcher: every mail that left while no SMTP server is set, as the customer would see it. */
export default function MailPage() {
  const { t } = useWords();
  const { id } = useParams();
  const [parameters, setParameters] = useSearchParams();
  const query = parameters.get("query") ?? "";
  const list = useInfiniteQuery(mails(query));
  return (
    <Page title={t("mail.title")} lead={t("mail.lead")}>
      <div className={id ? "mailbox reading" : "mailbox"}>
        <Section flush>
          <div className="filters">
            <Search
              label={t("mail.search")}
              value={query}
              onSearch={(text) => setParameters(text ? { query: text } : {}, { replace: true })}
            />
          </div>
          <Await query={list} rows={6}>
            {({ pages }) => {
              const rows = rowsOf(pages);
              if (rows.length > 0) return <MailList rows={rows} query={query} />;
              return <Empty>{t(query ? "mail.none_found" : "mail.none")}</Empty>;
            }}
          </Await>
          <More list={list} />
        </Section>
        {id ? (
          <OneMail key={id} id={id} />
        ) : (
          <div className="mail-pick">
            <Text c="dimmed">{t("mail.pick")}</Text>
          </div>
        )}
      </div>
    </Page>
  );
}

function MailList({ rows, query }: { rows: MailRow[]; query: string }) {
  const { f } = useWords();
  const search = query ? `?query=${encodeURIComponent(query)}` : "";
  return (
    <ul className="mails">
      {rows.map((row) => (
        <li key={row.id}>
          <NavLink to={`/mail/${encodeURIComponent(row.id)}${search}`}>
            <Group justify="space-between" wrap="nowrap" gap="sm">
              <Text size="sm" c="dimmed" truncate>
                {row.to}
              </Text>
              <Text size="xs" c="dimmed" className="nowrap">
                {f.date(row.time)} {f.time(row.time)}
              </Text>
            </Group>
            <Text fw={600} lineClamp={2}>
              {row.subject}
            </Text>
            {row.message && (
              <Text size="sm" c="dimmed" truncate>
                {row.message.name}
              </Text>
            )}
          </NavLink>
        </li>
      ))}
    </ul>
  );
}

function OneMail({ id }: { id: string }) {
  const { t } = useWords();
  const query = useQuery(mail(id));
  const [parameters] = useSearchParams();
  return (
    <Section>
      <Anchor
        component={Link}
        to={`/mail?${parameters.toString()}`}
        size="sm"
        className="back phone-only"
      >
        {t("mail.back")}
      </Anchor>
      <Await query={query} rows={7}>
        {(data) => <MailBody data={data} />}
      </Await>
    </Section>
  );
}

function MailBody({ data }: { data: Mail }) {
  const { t, f } = useWords();
  return (
    <>
      <Title order={2}>{data.subject}</Title>
      <dl className="envelope">
        <div>
          <dt>{t("mail.to")}</dt>
          <dd>
            {data.person && <PersonLink person={data.person} />} <span>{data.to}</span>
          </dd>
        </div>
        <div>
          <dt>{t("mail.from")}</dt>
          <dd>{data.from}</dd>
        </div>
        <div>
          <dt>{t("mail.time")}</dt>
          <dd>
            {f.dateTime(data.time)} · {f.bytes(data.size)}
            {data.message && (
              <>
                {" · "}
                <Anchor
                  component={Link}
                  inherit
                  to={`/program/messages#${encodeURIComponent(data.message.id)}`}
                >
                  {data.message.name}
                </Anchor>
              </>
            )}
          </dd>
        </div>
      </dl>
      <Tabs defaultValue={data.has_html ? "html" : "text"} keepMounted={false}>
        <Tabs.List>
          {data.has_html && <Tabs.Tab value="html">{t("mail.html")}</Tabs.Tab>}
          <Tabs.Tab value="text">{t("mail.text")}</Tabs.Tab>
          <Tabs.Tab value="links">{t("mail.links", { n: data.links.length })}</Tabs.Tab>
          <Tabs.Tab value="headers">{t("mail.headers")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="html" pt="md">
          <MailFrame src={api.mailHtml(data.id)} title={data.subject} />
        </Tabs.Panel>
        <Tabs.Panel value="text" pt="md">
          <Source text={data.text || t("mail.no_text")} tall />
        </Tabs.Panel>
        <Tabs.Panel value="links" pt="md">
          <MailLinks data={data} />
        </Tabs.Panel>
        <Tabs.Panel value="headers" pt="md">
          <Source text={data.headers.map(([name, value]) => `${name}: ${value}`).join("\n")} tall />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function MailLinks({ data }: { data: Mail }) {
  const { t } = useWords();
  if (data.links.length === 0) return <Text c="dimmed">{t("mail.no_links")}</Text>;
  return (
    <>
      <Text size="sm" c="dimmed">
        {t("mail.links_count")}
      </Text>
      <ul className="mail-links">
        {data.links.map(({ text, url, target }, index) => (
          <li key={index}>
            <Anchor href={safe(url)} target="_blank" rel="noreferrer">
              {text || t("mail.unnamed_link")}
            </Anchor>
            <Text size="xs" c="dimmed" className="break">
              {target ?? url}
            </Text>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Only web addresses are followed from the console; a template's `javascript:` is not. */
function safe(url: string): string | undefined {
  return /^https?:\/\//i.test(url) ? url : undefined;
}
