import { Center, Loader } from "@mantine/core";
import { type Query, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Navigate, Route, Routes } from "react-router";

import { Problem } from "./api/client";
import { me } from "./api/queries";
import { Trouble } from "./parts/Trouble";
import { Login } from "./pages/Login";
import { Shell } from "./Shell";
import { useWords } from "./words";

const Overview = lazy(() => import("./pages/Overview"));
const People = lazy(() => import("./pages/People"));
const Person = lazy(() => import("./pages/Person"));
const Companies = lazy(() => import("./pages/Companies"));
const Company = lazy(() => import("./pages/Company"));
const Mail = lazy(() => import("./pages/Mail"));
const Results = lazy(() => import("./pages/Results"));
const Program = lazy(() => import("./pages/Program"));
const Rejected = lazy(() => import("./pages/Rejected"));
const Sources = lazy(() => import("./pages/Sources"));
const Import = lazy(() => import("./pages/Import"));
const Settings = lazy(() => import("./pages/Settings"));
const Missing = lazy(() => import("./pages/Missing"));

/** Who is asking comes first; then the page that the address names. */
export function App() {
  const session = useQuery(me);
  const { setPlace } = useWords();
  useEndOfSession();
  useEffect(() => {
    if (session.data) setPlace(session.data.workspace);
  }, [session.data, setPlace]);

  if (isSignedOut(session.error)) return <Login />;
  if (session.data === undefined) {
    return (
      <Center mih="100dvh" p="lg">
        {session.error ? (
          <Trouble error={session.error} retry={() => void session.refetch()} />
        ) : (
          <Loader type="dots" />
        )}
      </Center>
    );
  }
  return (
    <Shell me={session.data}>
      <Suspense fallback={<Loader type="dots" />}>
        <Routes>
          <Route index element={<Overview />} />
          <Route path="people" element={<People />} />
          <Route path="people/:key" element={<Person />} />
          <Route path="companies" element={<Companies />} />
          <Route path="companies/:id" element={<Company />} />
          <Route path="mail/:id?" element={<Mail />} />
          <Route path="results/:view?" element={<Results />} />
          <Route path="program" element={<Navigate to="/program/segments" replace />} />
          <Route path="program/:kind" element={<Program />} />
          <Route path="sources" element={<Sources />} />
          <Route path="rejected" element={<Rejected />} />
          <Route path="import/:id?" element={<Import />} />
          <Route path="settings" element={<Settings />} />
          <Route path="*" element={<Missing />} />
        </Routes>
      </Suspense>
    </Shell>
  );
}

function isSignedOut(error: Error | null): boolean {
  return error instanceof Problem && error.status === 401;
}

/** Whatever call learns that the session is over, the gate is asked again and shows the sign-in. */
function useEndOfSession() {
  const client = useQueryClient();
  useEffect(
    () =>
      client.getQueryCache().subscribe((change) => {
        if (change.type !== "updated" || change.action.type !== "error") return;
        const { queryKey, state } = change.query as Query;
        if (isSignedOut(state.error) && queryKey[0] !== "me") {
          void client.invalidateQueries(me);
        }
      }),
    [client],
  );
}
