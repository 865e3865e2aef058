import { SegmentedControl, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useParams } from "react-router";

import { person } from "../api/queries";
import type { Profile } from "../api/types";
import { Await } from "../parts/Await";
import { Figure, Figures } from "../parts/Figure";
import { Page } from "../parts/Page";
import { usePersonName } from "../parts/PersonLink";
import { useWords } from "../words";
import { Facts } from "./person/Facts";
import { Timeline } from "./person/Timeline";

/** One person: what is known of them, what happened, and why each thing was said. */
export default function Person() {
  const { key = "" } = useParams();
  const { t } = useWords();
  const name = usePersonName();
  const query = useQuery(person(key));
  // Beside each other where there is room, else one of the two.
  const [side, show] = useState<"timeline" | "facts">("timeline");
  return (
    <Page
      title={query.data ? name(query.data) : key}
      lead={query.data && <span className="break">{query.data.email ?? query.data.key}</span>}
      back={{ to: "/people", label: t("people.title") }}
    >
      <Await query={query} rows={6}>
        {(data) => (
          <>
            <PersonFigures person={data} />
            <SegmentedControl
              className="phone-only"
              fullWidth
              aria-label={t("timeline.show")}
              value={side}
              onChange={show}
              data={[
                { value: "timeline", label: t("timeline.title") },
                { value: "facts", label: t("person.facts") },
              ]}
            />
            <div className={side === "facts" ? "person facts-shown" : "person"}>
              <Facts person={data} />
              <Timeline key={data.key} person={data.key} />
            </div>
          </>
        )}
      </Await>
    </Page>
  );
}

function PersonFigures({ person: { events, first, last, cells, outcome } }: { person: Profile }) {
  const { t, f } = useWords();
  const cell = cells.find(({ experiment }) => experiment === "global");
  return (
    <Figures>
      <Figure label={t("person.events")} value={f.number(events)}>
        {events > 0
          ? t("person.from_to", { first: f.date(first), last: f.dateTime(last) })
          : t("person.no_events")}
      </Figure>
      <Figure label={t("person.orders")} value={cell ? f.number(outcome.orders) : "–"}>
        {cell ? (
          <>
            {f.money(outcome.revenue, outcome.currency)} ·{" "}
            {t("person.since", { when: f.dateTime(cell.since) })}
          </>
        ) : (
          t("person.not_measured")
        )}
      </Figure>
      <Figure label={t("person.group")} value={<Group arm={cell?.arm} />}>
        {cell ? t("person.since", { when: f.dateTime(cell.since) }) : t("person.no_group")}
        {cell?.crossed && (
          <Text span className="warning">
            {" · "}
            {t("person.crossed")}
          </Text>
        )}
      </Figure>
    </Figures>
  );
}

function Group({ arm }: { arm: "treated" | "held_out" | undefined }) {
  const { t } = useWords();
  return <span className="figure-word">{arm ? t(`arm.${arm}`) : "–"}</span>;
}
