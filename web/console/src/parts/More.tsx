import { Button, Text } from "@mantine/core";

import type { Page } from "../api/types";
import { useWords } from "../words";

interface Paged<T> {
  data: { pages: Page<T>[] } | undefined;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** All rows loaded so far. */
export function rowsOf<T>(pages: Page<T>[]): T[] {
  return pages.flatMap((page) => page.data);
}

/** How far the list has been read, and the button for the next page. */
export function More<T>({ list }: { list: Paged<T> }) {
  const { t, f } = useWords();
  const pages = list.data?.pages ?? [];
  const shown = pages.reduce((sum, page) => sum + page.data.length, 0);
  const total = pages[0]?.total ?? null;
  if (shown === 0 || (total === null && !list.hasNextPage)) return null;
  return (
    <div className="more">
      <Text size="sm" c="dimmed" role="status">
        {total === null
          ? t("list.shown", { n: shown })
          : t("list.shown_of", { shown: f.number(shown), total: f.number(total) })}
      </Text>
      {list.hasNextPage && (
        <Button
          variant="default"
          loading={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          {t("list.more")}
        </Button>
      )}
    </div>
  );
}
