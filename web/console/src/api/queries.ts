import { infiniteQueryOptions, QueryClient, queryOptions } from "@tanstack/react-query";

import { api, type PeopleFilters, Problem } from "./client";
import type { ImportDraft, ImportRow, JsonObject, Page } from "./types";

/** One refused call is not repeated: only a server that did not answer, or said "later", is asked again. */
function again(failures: number, failure: Error): boolean {
  const later = failure instanceof Problem && (failure.status === 0 || failure.status >= 502);
  return later && failures < 2;
}

/** What the console remembers of the server's answers. */
export function queryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: { queries: { retry: again, staleTime: 10_000, refetchOnWindowFocus: true } },
  });
}

const paged = {
  initialPageParam: null as string | null,
  getNextPageParam: (page: Page<unknown>) => page.next,
};

export const me = queryOptions({ queryKey: ["me"], queryFn: api.me, staleTime: 60_000 });
export const overview = queryOptions({
  queryKey: ["overview"],
  queryFn: ({ signal }) => api.overview({ signal }),
  refetchInterval: 2_000,
  staleTime: 0,
});
export const lift = queryOptions({ queryKey: ["report", "lift"], queryFn: api.lift });
export const journeysReport = queryOptions({
  queryKey: ["report", "journeys"],
  queryFn: api.journeysReport,
});
export const messagesReport = queryOptions({ queryKey: ["report", "messages"], queryFn: api.messagesReport });
export const decisionsReport = queryOptions({ queryKey: ["report", "decisions"], queryFn: api.decisionsReport });
export const settings = queryOptions({ queryKey: ["settings"], queryFn: api.settings });

export const people = (filters: PeopleFilters) =>
  infiniteQueryOptions({
    queryKey: ["people", filters],
    queryFn: ({ pageParam, signal }) => api.people(filters, pageParam, { signal }),
    ...paged,
  });
export const person = (key: string) =>
  queryOptions({ queryKey: ["person", key], queryFn: () => api.person(key) });
export const vetoes = (key: string) =>
  queryOptions({ queryKey: ["person", key, "vetoes"], queryFn: () => api.vetoes(key) });
export const events = (key: string, name: string) =>
  infiniteQueryOptions({
    queryKey: ["person", key, "events", name],
    queryFn: ({ pageParam }) => api.events(key, name, pageParam),
    ...paged,
  });
export const decisions = (key: string) =>
  infiniteQueryOptions({
    queryKey: ["person", key, "decisions"],
    queryFn: ({ pageParam }) => api.decisions(key, pageParam),
    ...paged,
  });
export const contacts = (key: string) =>
  infiniteQueryOptions({
    queryKey: ["person", key, "contacts"],
    queryFn: ({ pageParam }) => api.contacts(key, pageParam),
    ...paged,
  });
export const groups = (query: string) =>
  infiniteQueryOptions({
    queryKey: ["groups", query],
    queryFn: ({ pageParam, signal }) => api.groups(query, pageParam, { signal }),
    ...paged,
  });
export const group = (id: string) => queryOptions({ queryKey: ["group", id], queryFn: () => api.group(id) });
export const groupMembers = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["group", id, "members"],
    queryFn: ({ pageParam }) => api.groupMembers(id, pageParam),
    ...paged,
  });
export const mails = (query: string) =>
  infiniteQueryOptions({
    queryKey: ["mails", query],
    queryFn: ({ pageParam, signal }) => api.mails(query, pageParam, { signal }),
    refetchInterval: 5_000,
    ...paged,
  });
export const mail = (id: string) =>
  queryOptions({ queryKey: ["mail", id], queryFn: () => api.mail(id), staleTime: Infinity });

export const segments = infiniteQueryOptions({
  queryKey: ["program", "segments"],
  queryFn: ({ pageParam }) => api.segments(pageParam),
  ...paged,
});
export const journeys = infiniteQueryOptions({
  queryKey: ["program", "journeys"],
  queryFn: ({ pageParam }) => api.journeys(pageParam),
  ...paged,
});
export const messages = infiniteQueryOptions({
  queryKey: ["program", "messages"],
  queryFn: ({ pageParam }) => api.messages(pageParam),
  ...paged,
});
export const offers = infiniteQueryOptions({
  queryKey: ["program", "offers"],
  queryFn: ({ pageParam }) => api.offers(pageParam),
  ...paged,
});
export const placements = infiniteQueryOptions({
  queryKey: ["program", "placements"],
  queryFn: ({ pageParam }) => api.placements(pageParam),
  ...paged,
});
export const forms = infiniteQueryOptions({
  queryKey: ["program", "forms"],
  queryFn: ({ pageParam }) => api.forms(pageParam),
  ...paged,
});
export const traits = infiniteQueryOptions({
  queryKey: ["program", "traits"],
  queryFn: ({ pageParam }) => api.traits(pageParam),
  ...paged,
});
/** `asked` is the draft as JSON, so that the same one is asked once. */
export const traitPreview = (asked: string) =>
  queryOptions({
    queryKey: ["preview", "trait", asked],
    queryFn: () => {
      const { id, definition } = JSON.parse(asked) as { id: string; definition: JsonObject };
      return api.traitPreview(id, definition);
    },
    retry: false,
  });
export const vocabulary = queryOptions({
  queryKey: ["vocabulary"],
  queryFn: api.vocabulary,
  staleTime: 60_000,
});
export const messagePreview = (id: string) =>
  queryOptions({ queryKey: ["preview", id], queryFn: () => api.messagePreview(id) });
export const sources = queryOptions({
  queryKey: ["sources"],
  queryFn: api.sources,
  refetchInterval: 5_000,
});
export const rejected = infiniteQueryOptions({
  queryKey: ["rejected"],
  queryFn: ({ pageParam }) => api.rejected(pageParam),
  ...paged,
});

const SOON = 1_000;

export const imports = infiniteQueryOptions({
  queryKey: ["imports"],
  queryFn: ({ pageParam }) => api.imports(pageParam),
  refetchInterval: ({ state }) => (state.data?.pages.some((page) => page.data.some(isMoving)) ? SOON : false),
  ...paged,
});
export const oneImport = (id: string) =>
  queryOptions({
    queryKey: ["imports", id],
    queryFn: () => api.oneImport(id),
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? SOON : false),
  });
export const importLook = (id: string, draft: ImportDraft) =>
  queryOptions({ queryKey: ["look", id, draft], queryFn: () => api.importLook(id, draft), staleTime: 60_000 });

/** Whether an import still changes by itself. */
function isMoving({ state, applied }: Pick<ImportRow, "state" | "applied">): boolean {
  return state === "waiting" || state === "running" || (state === "done" && !applied);
}
