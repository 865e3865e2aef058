import { Button, Group, PasswordInput, SegmentedControl, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useState } from "react";

import { api, Problem } from "../api/client";
import { me } from "../api/queries";
import { Mark } from "../Mark";
import { useTroubleText } from "../parts/Trouble";
import { ThemeSwitch } from "../parts/ThemeSwitch";
import { useWords } from "../words";

/** The way in: e-mail and password of an administrator. */
export function Login() {
  const { t, language, setLanguage } = useWords();
  const client = useQueryClient();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const enter = useMutation({
    mutationFn: () => api.login(email.trim(), password),
    onSuccess: (session) => {
      // What another account was shown is forgotten; the gate's own question must stay to be answered.
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== me.queryKey[0] });
      client.setQueryData(me.queryKey, session);
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    enter.mutate();
  };
  return (
    <main className="login">
      <title>{t("app.title", { page: t("login.title") })}</title>
      <Stack gap="lg" className="login-box">
        <Stack gap={6}>
          <Mark size={44} />
          <Title order={1}>{t("login.title")}</Title>
          <Text c="dimmed">{t("app.purpose")}</Text>
        </Stack>
        <form onSubmit={submit}>
          <Stack gap="md">
            <TextInput
              label={t("login.email")}
              type="email"
              name="email"
              autoComplete="username"
              required
              withAsterisk={false}
              data-autofocus
              autoFocus
              value={email}
              onChange={({ currentTarget }) => setEmail(currentTarget.value)}
            />
            <PasswordInput
              label={t("login.password")}
              name="password"
              autoComplete="current-password"
              required
              withAsterisk={false}
              value={password}
              onChange={({ currentTarget }) => setPassword(currentTarget.value)}
              visibilityToggleButtonProps={{ "aria-label": t("login.show_password") }}
            />
            {enter.error && <LoginTrouble error={enter.error} />}
            <Button type="submit" loading={enter.isPending} fullWidth>
              {t("login.enter")}
            </Button>
          </Stack>
        </form>
        <Text size="sm" c="dimmed">
          {t("login.first")} <code>duyen admin create</code>
        </Text>
        <Group justify="space-between">
          <SegmentedControl
            size="xs"
            aria-label={t("nav.language")}
            value={language}
            onChange={(value) => setLanguage(value)}
            data={[
              { value: "vi", label: "Tiếng Việt" },
              { value: "en", label: "English" },
            ]}
          />
          <ThemeSwitch />
        </Group>
      </Stack>
    </main>
  );
}

function LoginTrouble({ error }: { error: Error }) {
  const { t } = useWords();
  const text = useTroubleText();
  const refused = error instanceof Problem && (error.status === 401 || error.status === 403);
  return (
    <Text role="alert" size="sm" className="login-trouble">
      {refused ? t("login.refused") : text(error)}
    </Text>
  );
}
