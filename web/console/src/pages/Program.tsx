import { Anchor, Badge, Group, Tabs, Text, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { IconChevronDown } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, Navigate, useLocation, useNavigate, useParams } from "react-router";

import { api } from "../api/client";
import {
  forms,
  journeys,
  journeysReport,
  messagePreview,
  messages,
  offers,
  placements,
  segments,
} from "../api/queries";
import type { JsonObject, Page as PageOf, Resource, SegmentResource } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { MailFrame } from "../parts/MailFrame";
import { More, rowsOf } from "../parts/More";
import { useProgramWords } from "../parts/names";
import { Page, Section } from "../parts/Page";
import { PersonLink } from "../parts/PersonLink";
import { Source } from "../parts/Source";
import { useWords } from "../words";
import { channelWords, purposeWords } from "../words/codes";
import { entryWords, isObject, ruleWords, stepWords } from "../words/rule";
import { Traits } from "./program/Traits";

const KINDS = ["segments", "journeys", "messages", "offers", "placements", "forms"] as const;
type ProgramKind = (typeof KINDS)[number];
const TABS = [...KINDS, "traits"] as const;
type Definition = Resource | SegmentResource;

/** Each kind has its own call; what they answer is read alike. */
function useList(kind: ProgramKind) {
  const lists = {
    segments: useInfiniteQuery({ ...segments, enabled: kind === "segments" }),
    journeys: useInfiniteQuery({ ...journeys, enabled: kind === "journeys" }),
    messages: useInfiniteQuery({ ...messages, enabled: kind === "messages" }),
    offers: useInfiniteQuery({ ...offers, enabled: kind === "offers" }),
    placements: useInfiniteQuery({ ...placements, enabled: kind === "placements" }),
    forms: useInfiniteQuery({ ...forms, enabled: kind === "forms" }),
  };
  return lists[kind];
}

/** What the company has decided, as it is live now. */
export default function Program() {
  const { t, rich } = useWords();
  const navigate = useNavigate();
  const { kind = "segments" } = useParams();
  const current = TABS.find((one) => one === kind);
  if (!current) return <Navigate to="/program/segments" replace />;
  return (
    <Page
      title={t("program.title")}
      lead={rich("program.lead", {
        command: <code>duyen apply DIR</code>,
        diff: <code>duyen diff DIR</code>,
      })}
    >
      <Tabs
        value={current}
        onChange={(value) => void navigate(`/program/${value ?? ""}`)}
        keepMounted={false}
      >
        <Tabs.List>
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {t(`program.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={current} pt="lg">
          {current === "traits" ? <Traits /> : <Kind key={current} kind={current} />}
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Kind({ kind }: { kind: ProgramKind }) {
  const { t } = useWords();
  const list = useList(kind);
  return (
    <Section flush>
      <Await<{ pages: PageOf<Definition>[] }> query={list} rows={6}>
        {({ pages }) => {
          const rows = rowsOf(pages);
          if (rows.length === 0) {
            return (
              <Empty>
                {t(`program.no_${kind}`)} <code>{`program/${kind}/*.yaml`}</code>
              </Empty>
            );
          }
          return (
            <ul className="resources">
              {rows.map((row) => (
                <One key={row.id} kind={kind} resource={row} />
              ))}
            </ul>
          );
        }}
      </Await>
      <More list={list} />
    </Section>
  );
}

/** One definition: its sentence, and opened, all of it with its YAML. An address ending in #id opens it. */
function One({ kind, resource }: { kind: ProgramKind; resource: Definition }) {
  const { t, f } = useWords();
  const { hash } = useLocation();
  const named = decodeURIComponent(hash.slice(1)) === resource.id;
  const [open, setOpen] = useState(named);
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (named) item.current?.scrollIntoView({ block: "start" });
  }, [named]);
  const panel = `panel-${resource.id}`;
  return (
    <li ref={item}>
      <UnstyledButton
        className="resource"
        onClick={() => setOpen(!open)}
        aria-expanded={open}
        aria-controls={panel}
      >
        <span className="resource-name">
          <span className="strong">{resource.name}</span>
          {resource.problem && (
            <Badge variant="light" className="still-badge">
              {t("program.still")}
            </Badge>
          )}
          {kind !== "segments" && !resource.problem && (
            <Badge variant={resource.live ? "light" : "default"} color="gray">
              {t(resource.live ? "program.live" : "program.draft")}
            </Badge>
          )}
        </span>
        <span className="resource-says dimmed">
          <Says kind={kind} definition={resource.definition} />
        </span>
        {"count" in resource && (
          <span className="resource-count">{t("program.people", { n: resource.count })}</span>
        )}
        <IconChevronDown size={16} className="chevron" aria-hidden />
      </UnstyledButton>
      <div id={panel} hidden={!open} className="resource-more">
        {open && (
          <>
            {resource.problem && (
              <div className="still" role="note">
                <Text fw={600}>{t("program.still_title")}</Text>
                <Text>{resource.problem}</Text>
              </div>
            )}
            {kind === "segments" && <SegmentPeople id={resource.id} />}
            {kind === "journeys" && <Steps id={resource.id} />}
            {kind === "messages" && <Preview id={resource.id} />}
            {kind === "forms" && resource.live && !resource.problem && <FormPage id={resource.id} />}
            <Text size="sm" c="dimmed">
              {t("program.changed", {
                id: resource.id,
                version: String(resource.version),
                when: f.dateTime(resource.updated_at),
                author: resource.author || "–",
              })}
            </Text>
            <Source text={resource.yaml} />
          </>
        )}
      </div>
    </li>
  );
}

/** What a definition means, in one sentence. */
function Says({ kind, definition }: { kind: ProgramKind; definition: JsonObject }): ReactNode {
  const words = useProgramWords();
  const { t, f } = words;
  const said = (value: unknown) => (typeof value === "string" ? value : "");
  switch (kind) {
    case "segments":
      return ruleWords(words, definition.rule ?? null);
    case "journeys":
      return isObject(definition.entry) ? entryWords(words, definition.entry) : "";
    case "messages":
      return t("program.message_says", {
        channel: channelWords(words, said(definition.channel) || "email"),
        purpose: purposeWords(words, said(definition.purpose) || "marketing"),
        subject: said(definition.subject),
      });
    case "offers": {
      const places = Array.isArray(definition.placements) ? definition.placements.map(said) : [];
      const rule = definition.eligible ?? { all: [] };
      return t("program.offer_says", { places: f.list(places), rule: ruleWords(words, rule) });
    }
    case "placements":
      return definition.fill === "items"
        ? t("program.items_says", { recommender: said(definition.recommender) || "popular" })
        : t("program.offers_says");
    case "forms": {
      const asked = Array.isArray(definition.fields) ? definition.fields : [];
      const fields = f.list(asked.map((field) => (isObject(field) ? said(field.trait) : "")));
      return typeof definition.ask === "number" && definition.ask > 0
        ? t("program.form_says_few", { n: definition.ask, fields })
        : t("program.form_says", { fields });
    }
  }
}

function SegmentPeople({ id }: { id: string }) {
  const { t } = useWords();
  return (
    <Anchor component={Link} to={`/people?segment=${encodeURIComponent(id)}`} size="sm">
      {t("program.see_people")}
    </Anchor>
  );
}

function FormPage({ id }: { id: string }) {
  const { t } = useWords();
  return (
    <Anchor href={`/f/${encodeURIComponent(id)}`} target="_blank" rel="noreferrer" size="sm">
      {t("program.see_form")}
    </Anchor>
  );
}

function Steps({ id }: { id: string }) {
  const words = useProgramWords();
  const { t, f } = words;
  const query = useQuery(journeysReport);
  return (
    <Await query={query}>
      {({ data }) => {
        const journey = data.find((one) => one.id === id);
        if (!journey) return null;
        return (
          <ol className="steps" aria-label={t("program.steps")}>
            {journey.steps.map(({ path, kind, step, people }) => (
              <li key={path.join(".")} style={{ marginInlineStart: `${(path.length - 1) * 14}px` }}>
                <span className={`step-kind ${kind}`}>{path.map((index) => index + 1).join(".")}</span>
                <span>{stepWords(words, step)}</span>
                <span className="right dimmed" title={t("program.standing")}>
                  {people > 0 ? t("program.people", { n: people }) : f.number(0)}
                </span>
              </li>
            ))}
          </ol>
        );
      }}
    </Await>
  );
}

function Preview({ id }: { id: string }) {
  const { t } = useWords();
  const query = useQuery(messagePreview(id));
  return (
    <Await query={query}>
      {({ subject, person }) => (
        <>
          <Group gap="xs">
            <Text fw={600}>{subject}</Text>
            {person && (
              <Text size="sm" c="dimmed">
                {t("program.as_for")} <PersonLink person={person} />
              </Text>
            )}
          </Group>
          <MailFrame src={api.messagePreviewHtml(id)} title={subject} />
        </>
      )}
    </Await>
  );
}
