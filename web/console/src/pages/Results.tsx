import { Tabs } from "@mantine/core";
import { Navigate, useNavigate, useParams } from "react-router";

import { Page } from "../parts/Page";
import { useWords } from "../words";
import { DecisionResults } from "./results/Decisions";
import { Effect } from "./results/Effect";
import { JourneyResults } from "./results/Journeys";
import { MessageResults } from "./results/Messages";

const VIEWS = ["effect", "messages", "journeys", "decisions"] as const;

/** What it changed: the effect first, then where it came from. */
export default function Results() {
  const { t } = useWords();
  const navigate = useNavigate();
  const { view = "effect" } = useParams();
  const current = VIEWS.find((one) => one === view);
  if (!current) return <Navigate to="/results" replace />;
  return (
    <Page title={t("results.title")} lead={t(`results.${current}_lead`)}>
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
          <MessageResults />
        </Tabs.Panel>
        <Tabs.Panel value="journeys" pt="lg">
          <JourneyResults />
        </Tabs.Panel>
        <Tabs.Panel value="decisions" pt="lg">
          <DecisionResults />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
