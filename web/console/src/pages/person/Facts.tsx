import { Anchor, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import type { Profile } from "../../api/types";
import { valueText } from "../../parts/value";
import { useWords } from "../../words";
import { channelWords, namespaceWords, outcomeWords, purposeWords } from "../../words/codes";
import { stepNumber } from "../../words/rule";
import { companyPath } from "../Companies";
import { TraitValueText } from "../program/TraitValueText";
import { Rights } from "./Rights";
import { Unmerge } from "./Unmerge";
import { Vetoes } from "./Vetoes";

function Block({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="fact-block">
      <Title order={2} size="h3">{title}</Title>
      {children}
    </section>
  );
}

/** What is known of a person, and since when. */
export function Facts({ person }: { person: Profile }) {
  return (
    <div className="facts">
      <Identifiers person={person} />
      <Consent person={person} />
      <Companies person={person} />
      <Segments person={person} />
      <Journeys person={person} />
      <Traits person={person} />
      <Rights person={person} />
    </div>
  );
}

function Identifiers({ person }: { person: Profile }) {
  const words = useWords();
  const { t, f } = words;
  return (
    <Block title={t("person.identifiers")}>
      <dl className="pairs">
        {person.identifiers.map(({ namespace, value, since }) => (
          <div key={`${namespace}:${value}`}>
            <dt title={namespace}>{namespaceWords(words, namespace)}</dt>
            <dd>
              <span className="break">{value}</span>
              <Text size="xs" c="dimmed">
                {t("person.since", { when: f.date(since) })}
              </Text>
            </dd>
          </div>
        ))}
      </dl>
      {!person.verified && (
        <Text size="sm" c="dimmed">
          {t("person.unverified")}
        </Text>
      )}
      <Unmerge person={person} />
      <Vetoes person={person} />
    </Block>
  );
}

function Consent({ person }: { person: Profile }) {
  const words = useWords();
  const { t, f } = words;
  const everything = (code: string, said: string) => (code === "*" ? t("person.any") : said);
  return (
    <Block title={t("person.consent")}>
      {person.consent.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("person.no_consent")}
        </Text>
      )}
      <dl className="pairs">
        {person.consent.map(({ brand, purpose, channel, state, time, proof, where, text }) => (
          <div key={`${brand}/${purpose}/${channel}`}>
            <dt>
              {everything(purpose, purposeWords(words, purpose))}
              {" × "}
              {everything(channel, channelWords(words, channel))}
              {brand !== "default" && brand !== "*" && <> · {brand}</>}
            </dt>
            <dd>
              <span className={state === "granted" ? "positive" : "warning"}>
                {t(`consent.${state}`)}
              </span>
              <Text size="xs" c="dimmed">
                {f.dateTime(time)}
                {proof && ` · ${proof}`}
              </Text>
              {(where || text) && (
                <Text size="xs" c="dimmed" className="break">
                  {[where, text && t("consent.text", { text })].filter(Boolean).join(" · ")}
                </Text>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Block>
  );
}

function Companies({ person }: { person: Profile }) {
  const { t, f } = useWords();
  if (person.groups.length === 0) return null;
  return (
    <Block title={t("person.companies")}>
      <ul className="bare">
        {person.groups.map(({ id, name, since }) => (
          <li key={id}>
            <Anchor component={Link} to={companyPath(id)} size="sm" className="break">
              {name}
            </Anchor>
            <Text size="xs" c="dimmed">
              {t("person.since", { when: f.date(since) })}
            </Text>
          </li>
        ))}
      </ul>
    </Block>
  );
}

function Segments({ person }: { person: Profile }) {
  const { t, f } = useWords();
  return (
    <Block title={t("person.segments")}>
      {person.segments.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("person.no_segments")}
        </Text>
      )}
      <ul className="bare">
        {person.segments.map(({ id, name, since, until }) => (
          <li key={id}>
            <Anchor component={Link} to={`/people?segment=${encodeURIComponent(id)}`} size="sm">
              {name}
            </Anchor>
            <Text size="xs" c="dimmed">
              {since && t("person.since", { when: f.date(since) })}
              {since && until && " · "}
              {until && t("person.until", { when: f.dateTime(until) })}
            </Text>
          </li>
        ))}
      </ul>
    </Block>
  );
}

function Journeys({ person }: { person: Profile }) {
  const words = useWords();
  const { t, f } = words;
  if (person.places.length === 0) return null;
  return (
    <Block title={t("person.journeys")}>
      <ul className="bare">
        {person.places.map((place) => (
          <li key={place.run}>
            <Anchor
              component={Link}
              to={`/program/journeys#${encodeURIComponent(place.journey)}`}
              size="sm"
            >
              {place.journey_name}
            </Anchor>
            <Text size="xs" c="dimmed">
              {t("person.entered", { when: f.dateTime(place.entered) })}
              {" · "}
              {place.done
                ? t("person.left", { outcome: outcomeWords(words, place.outcome) || "–" })
                : t("person.at_step", { step: stepNumber(place.step) })}
              {place.next && !place.done && (
                <>
                  {" · "}
                  {t("person.goes_on", { when: f.dateTime(place.next) })}
                </>
              )}
            </Text>
          </li>
        ))}
      </ul>
    </Block>
  );
}

function Traits({ person }: { person: Profile }) {
  const { t, f } = useWords();
  return (
    <Block title={t("person.traits")}>
      {person.traits.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("person.no_traits")}
        </Text>
      )}
      <dl className="pairs">
        {person.traits.map(({ name, value, time, source, source_name }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {source === COMPUTED ? (
                <>
                  <TraitValueText value={value as string | number | boolean} />
                  <Text size="xs" c="dimmed">
                    <Anchor component={Link} to={`/program/traits#${encodeURIComponent(name)}`} size="xs" c="dimmed">
                      {t("person.computed")}
                    </Anchor>
                  </Text>
                </>
              ) : (
                <>
                  <span className="break">{valueText(value)}</span>
                  <Text size="xs" c="dimmed">
                    {f.dateTime(time)}
                    {source_name && ` · ${source_name}`}
                  </Text>
                </>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Block>
  );
}

/** The source of a trait that nobody wrote: it is worked out, as of now. */
const COMPUTED = "computed";
