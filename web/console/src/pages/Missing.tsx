import { Button } from "@mantine/core";
import { Link } from "react-router";

import { Empty } from "../parts/Empty";
import { Page } from "../parts/Page";
import { useWords } from "../words";

export default function Missing() {
  const { t } = useWords();
  return (
    <Page title={t("missing.title")}>
      <Empty
        action={
          <Button component={Link} to="/" variant="default">
            {t("missing.action")}
          </Button>
        }
      >
        {t("missing.what")}
      </Empty>
    </Page>
  );
}
