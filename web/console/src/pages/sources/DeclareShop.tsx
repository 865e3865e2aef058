import {
  Button,
  Group,
  Modal,
  PasswordInput,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import { sources } from "../../api/queries";
import { Source } from "../../parts/Source";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";

const SHOPS = ["shopify", "woocommerce", "haravan"] as const;
type Shop = (typeof SHOPS)[number];

/** Declares a shop, and shows what is to be pasted there: the address, and a secret that was made here. */
export function DeclareShop() {
  const { t } = useWords();
  const [asking, ask] = useState(false);
  return (
    <>
      <Button onClick={() => ask(true)}>{t("sources.add")}</Button>
      <Modal
        opened={asking}
        onClose={() => ask(false)}
        title={t("sources.add")}
        closeButtonProps={{ "aria-label": t("act.close") }}
        centered
      >
        {asking && <Form close={() => ask(false)} />}
      </Modal>
    </>
  );
}

function Form({ close }: { close: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [kind, choose] = useState<Shop>("shopify");
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const [secret, setSecret] = useState("");
  const taken = useQuery(sources).data?.data.some((one) => one.id === id.trim()) ?? false;
  const put = useMutation({
    mutationFn: () => api.putSource(id.trim(), { kind, name: name.trim(), secret: secret.trim() }),
    onSuccess: () => client.invalidateQueries({ queryKey: sources.queryKey }),
  });
  const made = put.data;
  if (made && "id" in made) {
    return (
      <Stack>
        <Text size="sm">{t("sources.address")}</Text>
        <Source text={made.url ?? ""} />
        {made.secret && (
          <>
            <Text size="sm">{t("sources.made")}</Text>
            <Source text={made.secret} />
          </>
        )}
        {made.verify_token && (
          <>
            <Text size="sm">{t("sources.verify")}</Text>
            <Source text={made.verify_token} />
          </>
        )}
        <Text size="sm">{t("sources.topics")}</Text>
        <Source text={made.topics.join("\n")} />
        <Group justify="flex-end">
          <Button onClick={close}>{t("act.close")}</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        put.mutate();
      }}
    >
      <Stack>
        <SegmentedControl
          fullWidth
          aria-label={t("sources.kind")}
          value={kind}
          onChange={(value) => choose(value)}
          data={SHOPS.map((shop) => ({ value: shop, label: t(`sources.kind_${shop}`) }))}
        />
        <TextInput
          label={t("sources.id")}
          description={t("sources.id_what")}
          value={id}
          onChange={(event) => setId(event.currentTarget.value)}
          pattern="[A-Za-z0-9][A-Za-z0-9_\-]{0,59}"
          error={taken && t("sources.taken")}
          required
          data-autofocus
        />
        <TextInput
          label={t("sources.name")}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          maxLength={200}
        />
        <PasswordInput
          label={t("sources.secret")}
          description={t(kind === "woocommerce" ? "sources.secret_made" : "sources.secret_what")}
          value={secret}
          onChange={(event) => setSecret(event.currentTarget.value)}
          autoComplete="off"
          required={kind !== "woocommerce"}
        />
        {made && <Text size="sm">{t("sources.later")}</Text>}
        {put.error && <Trouble error={put.error} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            {t("act.cancel")}
          </Button>
          <Button type="submit" disabled={taken} loading={put.isPending}>
            {t("sources.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
