import { SegmentedControl, Tabs } from "@mantine/core";
import { Navigate, useNavigate, useParams, useSearchParams } from "react-router";

import { Page } from "../parts/Page";
import { useWords } from "../words";
import { DecisionResults } from "./results/Decisions";
import { Effect } from "./results/Effect";
import { JourneyResults } from "./results/Journeys";
import { MessageResults } from "./results/Messages";

const VIEWS = ["effect", "messages", "journeys", "decisions"] as const;
const SPANS = ["7", "30", "90"];

/** What it changed: the effect first, then where it came from. */
export default function Results() {
  const { t } = useWords();
  const navigate = useNavigate();
  const { view = "effect" } = useParams();
  const [parameters, setParameters] = useSearchParams();
  const days = SPANS.includes(parameters.get("days") ?? "") ? Number(parameters.get("days")) : 30;
  const current = VIEWS.find((one) => one === view);
  if (!current) return <Navigate to="/results" replace />;
  return (
    <Page
      title={t("results.title")}
      lead={t(`results.${current}_lead`)}
      actions={
        (current === "messages" || current === "decisions") && (
          <SegmentedControl
            aria-label={t("results.span")}
            value={String(days)}
            onChange={(value) => setParameters({ days: value }, { replace: true })}
            data={SPANS.map((span) => ({
              value: span,
              label: t("results.days", { n: Number(span) }),
            }))}
          />
        )
      }
    >
      <Tabs
        value={current}
        onChange={(value) => void navigate(`/results/${value ?? ""}`)}
        keepMounted={false}
      >
        <Tabs.List>
          {VIEWS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {t(`results.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="effect" pt="lg">
          <Effect />
        </Tabs.Panel>
        <Tabs.Panel value="messages" pt="lg">
          <MessageResults days={days} />
        </Tabs.Panel>
        <Tabs.Panel value="journeys" pt="lg">
          <JourneyResults />
        </Tabs.Panel>
        <Tabs.Panel value="decisions" pt="lg">
          <DecisionResults days={days} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
