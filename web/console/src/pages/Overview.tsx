import { Anchor, Button, SimpleGrid, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { me, overview } from "../api/queries";
import type { Happened, LiftReport, Overview } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { Figure, Figures } from "../parts/Figure";
import { LiftSentence } from "../parts/Lift";
import { Lines } from "../parts/Lines";
import { Page, Section } from "../parts/Page";
import { PauseSwitch } from "../parts/Pause";
import { PersonLink } from "../parts/PersonLink";
import { Source } from "../parts/Source";
import { Trouble } from "../parts/Trouble";
import { useWords } from "../words";
import { eventWords, reasonWords, stateWords } from "../words/codes";

const MINUTE = 60_000;
const LINES_SHOWN = 20;

/** What happens now, and what it comes to today. */
export default function OverviewPage() {
  const { t, f, place } = useWords();
  const live = useQuery(overview);
  const now = live.data;
  return (
    <Page
      title={t("overview.title")}
      lead={now && t("overview.now", { now: f.dateTime(now.now), zone: place.timezone })}
      actions={now && !now.paused && <PauseSwitch paused={false} waiting={now.mails.waiting} />}
    >
      {live.data && live.error && <Trouble error={live.error} />}
      <Await query={live} rows={6}>
        {(data) => (isUntouched(data) ? <Untouched /> : <Living data={data} />)}
      </Await>
    </Page>
  );
}

function isUntouched({ people, events, latest }: Overview): boolean {
  return people.total === 0 && events.today === 0 && latest.length === 0;
}

/** Nothing has come yet: one sentence, one action. */
function Untouched() {
  const { t } = useWords();
  const session = useQuery(me);
  const origin = window.location.origin;
  return (
    <Section>
      <Empty
        action={
          session.data?.demo ? (
            <Button component="a" href="/shop">
              {t("overview.open_shop")}
            </Button>
          ) : (
            <Source text={`<script src="${origin}/tag.js" data-write-key="wk_…"></script>`} />
          )
        }
      >
        {t(session.data?.demo ? "overview.empty_demo" : "overview.empty")}
      </Empty>
    </Section>
  );
}

function Living({ data }: { data: Overview }) {
  const { t } = useWords();
  return (
    <>
      <TodayFigures data={data} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" verticalSpacing="lg">
        <Section title={t("overview.effect")} actions={<MoreLink to="/results" />}>
          <EffectSummary report={data.lift} />
        </Section>
        <Section title={t("overview.per_minute")} note={t("overview.per_minute_note")}>
          <PerMinute series={data.per_minute} />
        </Section>
      </SimpleGrid>
      <Section title={t("overview.latest")} note={t("overview.latest_note")}>
        <Ticker lines={data.latest} />
      </Section>
    </>
  );
}

function MoreLink({ to }: { to: string }) {
  const { t } = useWords();
  return (
    <Anchor component={Link} to={to} size="sm">
      {t("overview.all_results")}
    </Anchor>
  );
}

function TodayFigures({ data }: { data: Overview }) {
  const { t, f } = useWords();
  const { people, events, mails, orders, decisions } = data;
  return (
    <Figures>
      <Figure label={t("overview.people")} value={f.number(people.total)}>
        {t("overview.groups", {
          treated: f.number(people.treated),
          held_out: f.number(people.held_out),
        })}
        {people.forgotten > 0 && (
          <>
            {" · "}
            {t("overview.forgotten", { n: people.forgotten })}
          </>
        )}
      </Figure>
      <Figure
        label={t("overview.events_now")}
        value={f.number(events.per_second, events.per_second < 10 ? 1 : 0)}
        unit={t("unit.per_second")}
      >
        {t("overview.events_today", { n: events.today })}
        {" · "}
        {t("overview.decisions_today", { n: decisions.today })}
        {events.rejected_today > 0 && (
          <>
            {" · "}
            <Anchor component={Link} to="/rejected" inherit>
              {t("overview.rejected_today", { n: events.rejected_today })}
            </Anchor>
          </>
        )}
      </Figure>
      <Figure label={t("overview.mails_today")} value={f.number(mails.sent_today)}>
        {t("overview.mails_opened", {
          opened: f.number(mails.opened_today),
          clicked: f.number(mails.clicked_today),
        })}
        <br />
        {t("overview.mails_waiting", {
          waiting: f.number(mails.waiting),
          refused: f.number(mails.refused_today),
        })}
      </Figure>
      <Figure label={t("overview.orders_today")} value={f.number(orders.today)}>
        {f.money(orders.revenue_today, data.currency)}
      </Figure>
    </Figures>
  );
}

function EffectSummary({ report }: { report: LiftReport | null }) {
  const { t, f } = useWords();
  if (!report) return <Text c="dimmed">{t("lift.none")}</Text>;
  const arms = [
    { label: t("arm.treated"), totals: report.treated, colour: "first" },
    { label: t("arm.held_out"), totals: report.held_out, colour: "rest" },
  ];
  return (
    <>
      <LiftSentence report={report} />
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t("lift.arm")}</th>
            <th scope="col">{t("lift.people")}</th>
            <th scope="col">{t("lift.orders")}</th>
            <th scope="col">{t("lift.revenue")}</th>
          </tr>
        </thead>
        <tbody>
          {arms.map(({ label, totals, colour }) => (
            <tr key={colour}>
              <th scope="row">
                <span className={`swatch ${colour}`} aria-hidden /> {label}
              </th>
              <td>{f.number(totals.people)}</td>
              <td>{f.number(totals.orders)}</td>
              <td>{f.money(totals.revenue, report.currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function PerMinute({ series }: { series: Overview["per_minute"] }) {
  const { t, f } = useWords();
  const start = Date.parse(series.from);
  const minute = (index: number) => f.time(new Date(start + index * MINUTE).toISOString());
  return (
    <Lines
      at={minute}
      rows={[
        { label: t("overview.events"), values: series.events, look: "first" },
        { label: t("overview.sends"), values: series.sends, look: "second" },
      ]}
    />
  );
}

function Ticker({ lines }: { lines: Happened[] }) {
  const { t, f } = useWords();
  if (lines.length === 0) return <Text c="dimmed">{t("overview.quiet")}</Text>;
  return (
    <ol className="ticker">
      {lines.slice(0, LINES_SHOWN).map((line) => (
        <li key={line.id} className={line.kind}>
          <time dateTime={line.time}>{f.seconds(line.time)}</time>
          <span className="ticker-what">
            <PersonLink person={line.person} /> <TickerSentence line={line} />
          </span>
        </li>
      ))}
    </ol>
  );
}

function TickerSentence({ line }: { line: Happened }) {
  const words = useWords();
  const { t } = words;
  const subject = line.subject_name ?? line.subject;
  if (line.kind === "event") {
    return (
      <>
        {eventWords(words, line.subject)}
        {line.detail && <span className="dimmed"> · {line.detail}</span>}
      </>
    );
  }
  if (line.kind === "decision") {
    const chosen = line.state === "chosen";
    return (
      <>
        {chosen && line.detail
          ? t("ticker.chosen", { placement: subject, what: line.detail })
          : t("ticker.not_chosen", { placement: subject, why: reasonWords(words, line.state ?? "") })}
      </>
    );
  }
  return (
    <>
      {t("ticker.contact", { message: subject, state: stateWords(words, line.state ?? "") })}
      {line.reason && <span className="dimmed"> · {reasonWords(words, line.reason)}</span>}
    </>
  );
}
