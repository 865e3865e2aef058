/** The whole console on answers at the level of fetch, as a person meets it. */
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { vi } from "vitest";

import { queryClient } from "../api/queries";
import { App } from "../App";
import { theme } from "../theme";
import { WordsProvider } from "../words";
import { ANSWERS } from "./answers";

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

type Answer = { status: number; body: unknown } | "down";
type Answers = Record<string, unknown>;

export const refused = (status: number, code: string, message: string): Answer => ({
  status,
  body: { error: { code, message, docs: `/docs/errors#${code}` } },
});

/** Mark of an answer that says its status. */
function isAnswer(answer: unknown): answer is Answer {
  return answer === "down" || (typeof answer === "object" && answer !== null && "status" in answer && "body" in answer);
}

/** Opens the console at an address. `answers` stand before the usual ones, by path or by `POST path`. */
export function open(address: string, answers: Answers = {}, language: "en" | "vi" = "en") {
  localStorage.setItem("duyen.language", language);
  const asked: Asked[] = [];
  const given: Answers = { ...ANSWERS, ...answers };
  vi.stubGlobal("fetch", async (request: Request) => {
    const text = await request.clone().text();
    return reply(request, text ? JSON.parse(text) : null);
  });
  const reply = (request: Request, body: unknown): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    asked.push({
      method: request.method,
      path: pathname,
      query: searchParams,
      headers: request.headers,
      body,
    });
    const found = given[request.method === "GET" ? pathname : `${request.method} ${pathname}`];
    const answer: Answer =
      found === undefined
        ? refused(404, "request.unknown_path", `There is nothing at ${pathname}.`)
        : isAnswer(found)
          ? found
          : { status: 200, body: found };
    if (answer === "down") return Promise.reject(new TypeError("Failed to fetch"));
    return Promise.resolve(Response.json(answer.body, { status: answer.status }));
  };
  const view = render(
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={queryClient()}>
        <WordsProvider>
          <MemoryRouter initialEntries={[address]}>
            <App />
          </MemoryRouter>
        </WordsProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { ...view, asked, given };
}
