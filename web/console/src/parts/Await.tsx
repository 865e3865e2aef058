import { Skeleton, Stack } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Trouble } from "./Trouble";

/** Shows what came, a quiet shape while it comes, or what went wrong. Old data stays while new is asked for. */
export function Await<T>({
  query,
  rows = 3,
  children,
}: {
  query: Pick<UseQueryResult<T>, "data" | "error" | "refetch">;
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Trouble error={query.error} retry={() => void query.refetch()} />;
  return <Waiting rows={rows} />;
}

/** The quiet shape of what is on its way. */
export function Waiting({ rows }: { rows: number }) {
  return (
    <Stack gap="sm" aria-hidden>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={row === 0 ? 28 : 18} width={`${92 - row * 11}%`} />
      ))}
    </Stack>
  );
}
