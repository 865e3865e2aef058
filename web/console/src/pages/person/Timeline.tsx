import { Button, SegmentedControl, Select, Text, Title, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { IconBolt, IconChevronDown, IconMail, IconMailX, IconTargetArrow } from "@tabler/icons-react";
import { useId, useState } from "react";

import { contacts, decisions, events } from "../../api/queries";
import type { ContactRow, DecisionRow, EventRow, JsonObject } from "../../api/types";
import { Waiting } from "../../parts/Await";
import { Empty } from "../../parts/Empty";
import { rowsOf } from "../../parts/More";
import { Section } from "../../parts/Page";
import { Properties } from "../../parts/Properties";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";
import { eventWords, reasonWords, stateWords } from "../../words/codes";
import { Goods } from "./Goods";
import { type Entry, type Kind, merge, readContacts, readDecisions, readEvents } from "./timeline";
import { WhyContact, WhyDecision } from "./Why";

type Shown = Kind | "all";

/** Everything that happened to one person and everything that was said to them, in one line of time. */
export function Timeline({ person }: { person: string }) {
  const { t } = useWords();
  const [shown, show] = useState<Shown>("all");
  const [name, setName] = useState("");
  const lists = {
    event: useInfiniteQuery(events(person, name)),
    decision: useInfiniteQuery(decisions(person)),
    contact: useInfiniteQuery(contacts(person)),
  };
  const kinds = (Object.keys(lists) as Kind[]).filter((kind) => shown === "all" || shown === kind);
  const read = {
    event: readEvents(lists.event.data?.pages),
    decision: readDecisions(lists.decision.data?.pages),
    contact: readContacts(lists.contact.data?.pages),
  };
  const entries = merge(kinds.map((kind) => read[kind]));
  const used = kinds.map((kind) => lists[kind]);
  const failed = used.find((list) => list.error);
  const more = used.filter((list) => list.hasNextPage);
  const names = [...new Set(rowsOf(lists.event.data?.pages ?? []).map((event) => event.name))];

  return (
    <Section
      title={t("timeline.title")}
      actions={
        <SegmentedControl
          size="xs"
          aria-label={t("timeline.show")}
          value={shown}
          onChange={(value) => show(value)}
          data={(["all", "event", "decision", "contact"] as const).map((value) => ({
            value,
            label: t(`timeline.${value}`),
          }))}
        />
      }
    >
      {(shown === "event" || name) && <NameFilter names={names} name={name} onChange={setName} />}
      {failed?.error && <Trouble error={failed.error} retry={() => void failed.refetch()} />}
      {entries.length > 0 ? (
        <Days entries={entries} />
      ) : used.some((list) => list.isPending) ? (
        <Waiting rows={6} />
      ) : (
        !failed && <Empty>{t("timeline.empty")}</Empty>
      )}
      {more.length > 0 && (
        <Button
          variant="default"
          mt="md"
          loading={more.some((list) => list.isFetchingNextPage)}
          onClick={() => more.forEach((list) => void list.fetchNextPage())}
        >
          {t("timeline.older")}
        </Button>
      )}
    </Section>
  );
}

function NameFilter({
  names,
  name,
  onChange,
}: {
  names: string[];
  name: string;
  onChange: (name: string) => void;
}) {
  const words = useWords();
  const { t } = words;
  const [known, setKnown] = useState<string[]>([]);
  const unseen = names.filter((one) => !known.includes(one));
  // Narrowed to one name, the list would forget the others.
  if (unseen.length > 0) setKnown([...known, ...unseen]);
  return (
    <Select
      mb="sm"
      aria-label={t("timeline.event_name")}
      placeholder={t("timeline.every_event")}
      data={known.map((value) => ({ value, label: eventWords(words, value) }))}
      value={name || null}
      onChange={(value) => onChange(value ?? "")}
      searchable
      clearable
      className="segment-select"
    />
  );
}

function Days({ entries }: { entries: Entry[] }) {
  const { f } = useWords();
  const days = new Map<string, Entry[]>();
  for (const entry of entries) {
    const day = f.dayKey(entry.time);
    days.set(day, [...(days.get(day) ?? []), entry]);
  }
  return (
    <div className="timeline">
      {[...days.entries()].map(([day, ofDay]) => (
        <section key={day}>
          <Title order={3}>{f.day(ofDay[0]?.time ?? "")}</Title>
          <ol>
            {ofDay.map((entry) => (
              <li key={entry.id} className={entry.kind}>
                <Line entry={entry} />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

function Line({ entry }: { entry: Entry }) {
  const { f } = useWords();
  const [open, setOpen] = useState(false);
  const panel = useId();
  return (
    <>
      <UnstyledButton
        className="line"
        onClick={() => setOpen(!open)}
        aria-expanded={open}
        aria-controls={panel}
      >
        <time dateTime={entry.time}>{f.seconds(entry.time)}</time>
        <span className="dot" aria-hidden>
          <Icon entry={entry} />
        </span>
        <span className="line-what">
          <Headline entry={entry} />
        </span>
        <IconChevronDown size={16} className="chevron" aria-hidden />
      </UnstyledButton>
      <div id={panel} hidden={!open} className="line-more">
        {open && <Details entry={entry} />}
      </div>
    </>
  );
}

function Icon({ entry }: { entry: Entry }) {
  const look = { size: 15, stroke: 1.8 };
  if (entry.kind === "event") return <IconBolt {...look} />;
  if (entry.kind === "decision") return <IconTargetArrow {...look} />;
  return spoken(entry.row) ? <IconMail {...look} /> : <IconMailX {...look} />;
}

function spoken({ state }: ContactRow): boolean {
  return state === "sent" || state === "queued";
}

function Headline({ entry }: { entry: Entry }) {
  if (entry.kind === "event") return <EventHeadline event={entry.row} />;
  if (entry.kind === "decision") return <DecisionHeadline decision={entry.row} />;
  return <ContactHeadline contact={entry.row} />;
}

function EventHeadline({ event }: { event: EventRow }) {
  const words = useWords();
  const detail = eventDetail(event, words.f.money);
  return (
    <>
      <span className="strong">{eventWords(words, event.name)}</span>
      {event.quality && <span className="state machine">{words.t(`event.quality.${event.quality}`)}</span>}
      {detail && <span className="dimmed">{detail}</span>}
    </>
  );
}

function ContactHeadline({ contact }: { contact: ContactRow }) {
  const words = useWords();
  const { t } = words;
  const { journey, step } = contact.why;
  return (
    <>
      <span className="strong">{contact.message.name}</span>
      <span className={`state ${contact.state}`}>{stateWords(words, contact.state)}</span>
      {contact.reason && <span>{reasonWords(words, contact.reason)}</span>}
      {journey && (
        <span className="dimmed">
          {t(step ? "timeline.because_step" : "timeline.because", {
            journey: journey.name,
            step: step ? step.map((index) => index + 1).join(".") : "",
          })}
        </span>
      )}
    </>
  );
}

function DecisionHeadline({ decision }: { decision: DecisionRow }) {
  const words = useWords();
  const { t, f } = words;
  const what = decision.chosen?.name ?? f.list(decision.items.map(({ name }) => name));
  return (
    <>
      <span className="strong">{decision.placement.name}</span>
      {what ? <span>{what}</span> : <span className="dimmed">{t("timeline.fallback")}</span>}
      <span className="dimmed">
        {decision.reason !== "chosen"
          ? reasonWords(words, decision.reason)
          : decision.fill === "offers" &&
            t("timeline.drawn", { share: f.percent(decision.propensity) })}
      </span>
    </>
  );
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** The one thing worth reading beside an event's name. */
function eventDetail(event: EventRow, money: (amount: string, currency?: string) => string): string {
  const { properties, goods } = event;
  if (goods?.total) return money(goods.total, goods.currency);
  const total = text(properties.total) || text(properties.revenue);
  if (total && !Number.isNaN(Number(total))) return money(total, text(properties.currency) || undefined);
  for (const key of ["name", "title", "query", "subject", "message", "placement", "path", "url"]) {
    const said = text(properties[key]);
    if (said) return said;
  }
  return text((event.context.page as JsonObject | undefined)?.path);
}

function Details({ entry }: { entry: Entry }) {
  if (entry.kind === "decision") return <WhyDecision decision={entry.row} />;
  if (entry.kind === "contact") return <WhyContact contact={entry.row} />;
  return <EventDetails event={entry.row} />;
}

function EventDetails({ event }: { event: EventRow }) {
  const { t, f } = useWords();
  return (
    <>
      <Text size="sm" c="dimmed" className="break">
        {event.name} · {event.source_name} ·{" "}
        {t(event.imported ? "event.imported" : event.trusted ? "event.trusted" : "event.claimed")} ·{" "}
        {t("event.received", { when: f.dateTime(event.received) })}
      </Text>
      <Text size="sm" c="dimmed" className="break">
        {event.identifiers.map((identifier) => identifier.join(":")).join(" · ")}
      </Text>
      {event.goods && <Goods goods={event.goods} />}
      <Properties title={t("event.properties")} values={event.properties} />
      <Properties title={t("event.traits")} values={event.traits} />
      <Properties title={t("event.context")} values={event.context} />
    </>
  );
}
