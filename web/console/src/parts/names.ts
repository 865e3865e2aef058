import { useInfiniteQuery } from "@tanstack/react-query";

import { messages, segments } from "../api/queries";
import { useWords, type Words } from "../words";
import type { Speaker } from "../words/rule";
import { rowsOf } from "./More";

/** The words, knowing besides what segments and messages are called. */
export function useProgramWords(): Words & Speaker {
  const words = useWords();
  const lists = {
    segment: useInfiniteQuery(segments).data,
    message: useInfiniteQuery(messages).data,
  };
  const nameOf = (kind: "segment" | "message", id: string) => {
    const known: { id: string; name: string }[] = rowsOf<{ id: string; name: string }>(
      lists[kind]?.pages ?? [],
    );
    return known.find((one) => one.id === id)?.name ?? id;
  };
  return { ...words, nameOf };
}
