import createClient, { type Middleware } from "openapi-fetch";

import type { ApiError, Done, ImportDraft, Mail, PageEventRow, paths, Replay, SourceStored, TraitResource } from "./schema";
import type { JsonObject } from "./types";

/** What the server refused, in its own words; `code` is stable, `status` 0 means that it did not answer. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Says what went wrong even where the answer is not ours (a proxy's page, an empty body). */
async function problemOf(response: Response): Promise<Problem> {
  try {
    const { error } = (await response.json()) as ApiError;
    return new Problem(response.status, error.code, error.message);
  } catch {
    return new Problem(response.status, "http", response.statusText);
  }
}

const problems: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
  },
  onError({ error }) {
    if (error instanceof Error && error.name === "AbortError") return error;
    return new Problem(0, "unreachable", "");
  },
};

const client = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  // No other site can make a browser send this header: it stands against forged requests.
  headers: { "X-Duyen": "1" },
  fetch: (request) => fetch(request),
});
client.use(problems);

/** The body of an answer; what was refused has been thrown by then. */
async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

/** Only the filters that say something. */
function said<T extends Record<string, string | number | null>>(filters: T): { [K in keyof T]?: T[K] } {
  const given = Object.entries(filters).filter(([, value]) => value !== "" && value !== null);
  return Object.fromEntries(given) as { [K in keyof T]?: T[K] };
}

const part = encodeURIComponent;

export interface PeopleFilters {
  query: string;
  segment: string;
  arm: "" | "treated" | "held_out";
}

type Cursor = string | null;
type Signal = { signal?: AbortSignal };
type ArmGiven = { arm?: "treated" | "held_out" };

/** Every call the console makes. */
/** Where everything that is kept of a person can be downloaded. */
export const exportPath = (key: string) => `/v1/profiles/${part(key)}/export`;

export const api = {
  me: () => body(client.GET("/v1/me")),
  login: (email: string, password: string) =>
    body(client.POST("/v1/login", { body: { email, password } })),
  logout: () => body(client.POST("/v1/logout")),
  pause: () => body(client.POST("/v1/pause")),
  resume: () => body(client.POST("/v1/resume")),

  overview: (options: Signal) => body(client.GET("/v1/reports/overview", options)),
  lift: () => body(client.GET("/v1/reports/lift")),
  messagesReport: () => body(client.GET("/v1/reports/messages")),
  journeysReport: () => body(client.GET("/v1/reports/journeys")),
  decisionsReport: () => body(client.GET("/v1/reports/decisions")),

  people: ({ arm, ...filters }: PeopleFilters, cursor: Cursor, options: Signal) => {
    const only: ArmGiven = arm ? { arm } : {};
    const query = { ...said({ ...filters, cursor }), ...only };
    return body(client.GET("/v1/profiles", { params: { query }, ...options }));
  },
  person: (key: string) => body(client.GET("/v1/profiles/{key}", { params: { path: { key } } })),
  unmerge: (key: string, apart: string[]) =>
    body(
      client.POST("/v1/profiles/{key}/unmerge", { params: { path: { key } }, body: { apart } }),
    ),
  foresee: (part: JsonObject) => body(client.POST("/v1/settings/preview", { body: part })),
  saveSettings: (part: JsonObject) => body(client.PUT("/v1/settings", { body: part })),
  vetoes: (key: string) => body(client.GET("/v1/profiles/{key}/vetoes", { params: { path: { key } } })),
  liftVeto: (key: string, veto: string) =>
    body(client.DELETE("/v1/profiles/{key}/vetoes/{veto}", { params: { path: { key, veto } } })),
  erase: (key: string) => body(client.DELETE("/v1/profiles/{key}", { params: { path: { key } } })),
  // openapi-fetch forgets that pairs are pairs.
  events: (key: string, name: string, cursor: Cursor) =>
    body(
      client.GET("/v1/profiles/{key}/events", {
        params: { path: { key }, query: said({ name, cursor }) },
      }),
    ) as Promise<PageEventRow>,
  decisions: (key: string, cursor: Cursor) =>
    body(
      client.GET("/v1/profiles/{key}/decisions", {
        params: { path: { key }, query: said({ cursor }) },
      }),
    ),
  contacts: (key: string, cursor: Cursor) =>
    body(
      client.GET("/v1/profiles/{key}/contacts", {
        params: { path: { key }, query: said({ cursor }) },
      }),
    ),

  groups: (query: string, cursor: Cursor, options: Signal) =>
    body(client.GET("/v1/groups", { params: { query: said({ query, cursor }) }, ...options })),
  group: (id: string) => body(client.GET("/v1/groups/{id}", { params: { path: { id } } })),
  groupMembers: (id: string, cursor: Cursor) =>
    body(
      client.GET("/v1/groups/{id}/members", { params: { path: { id }, query: said({ cursor }) } }),
    ),

  mails: (query: string, cursor: Cursor, options: Signal) =>
    body(client.GET("/v1/mail", { params: { query: said({ query, cursor }) }, ...options })),
  mail: (id: string) =>
    body(client.GET("/v1/mail/{id}", { params: { path: { id } } })) as Promise<Mail>,
  mailHtml: (id: string) => `/v1/mail/${part(id)}/html`,

  segments: (cursor: Cursor) =>
    body(client.GET("/v1/segments", { params: { query: { limit: 200, ...said({ cursor }) } } })),
  journeys: (cursor: Cursor) =>
    body(client.GET("/v1/journeys", { params: { query: said({ cursor }) } })),
  messages: (cursor: Cursor) =>
    body(client.GET("/v1/messages", { params: { query: said({ cursor }) } })),
  offers: (cursor: Cursor) =>
    body(client.GET("/v1/offers", { params: { query: said({ cursor }) } })),
  placements: (cursor: Cursor) =>
    body(client.GET("/v1/placements", { params: { query: said({ cursor }) } })),
  forms: (cursor: Cursor) =>
    body(client.GET("/v1/forms", { params: { query: said({ cursor }) } })),
  traits: (cursor: Cursor) =>
    body(client.GET("/v1/traits", { params: { query: { limit: 200, ...said({ cursor }) } } })),
  putTrait: (id: string, definition: JsonObject) =>
    body(
      client.PUT("/v1/traits/{id}", { params: { path: { id } }, body: definition }),
    ) as Promise<TraitResource | Done>,
  deleteTrait: (id: string) =>
    body(client.DELETE("/v1/traits/{id}", { params: { path: { id } } })) as Promise<Done>,
  undoTrait: (id: string) =>
    body(client.POST("/v1/traits/{id}/undo", { params: { path: { id } } })) as Promise<
      TraitResource | Done
    >,
  traitPreview: (id: string, definition: JsonObject) =>
    body(client.POST("/v1/traits/preview", { body: { id, definition } })),
  vocabulary: () => body(client.GET("/v1/vocabulary")),
  messagePreview: (id: string) =>
    body(client.GET("/v1/messages/{id}/preview", { params: { path: { id } } })),
  messagePreviewHtml: (id: string) => `/v1/messages/${part(id)}/preview/html`,

  sources: () => body(client.GET("/v1/sources")),
  putSource: (id: string, definition: JsonObject) =>
    body(
      client.PUT("/v1/sources/{id}", { params: { path: { id } }, body: definition }),
    ) as Promise<SourceStored | Done>,
  replay: (which: Replay) => body(client.POST("/v1/rejected/replay", { body: which })),
  rejected: (cursor: Cursor) =>
    body(client.GET("/v1/rejected", { params: { query: said({ cursor }) } })),
  settings: () => body(client.GET("/v1/settings")),

  imports: (cursor: Cursor) => body(client.GET("/v1/imports", { params: { query: said({ cursor }) } })),
  oneImport: (id: string) => body(client.GET("/v1/imports/{id}", { params: { path: { id } } })),
  importLook: (id: string, draft: ImportDraft) =>
    body(client.POST("/v1/imports/{id}/preview", { params: { path: { id } }, body: draft })),
  startImport: (id: string, mapping: JsonObject) =>
    body(client.POST("/v1/imports/{id}/start", { params: { path: { id } }, body: { mapping } })),
  cancelImport: (id: string) => body(client.POST("/v1/imports/{id}/cancel", { params: { path: { id } } })),
  forgetImport: (id: string) => body(client.DELETE("/v1/imports/{id}", { params: { path: { id } } })),
  rejectsOf: (id: string) => `/v1/imports/${part(id)}/rejects`,
};
