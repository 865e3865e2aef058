import { Table, Text } from "@mantine/core";

import type { GoodsRow } from "../../api/types";
import { useWords } from "../../words";

/** An order or a cart as it is counted: its products, what comes to them, and what could not be read. */
export function Goods({ goods }: { goods: GoodsRow }) {
  const { t, f } = useWords();
  const money = (amount: string | null) =>
    amount === null ? <span className="dimmed">{t("goods.unknown")}</span> : f.money(amount, goods.currency);
  const sums = (["shipping", "tax", "discount", "total"] as const).filter((name) => goods[name] !== null);
  const hidden = goods.products - goods.lines.length;
  return (
    <div>
      {goods.lines.length + sums.length > 0 && (
        <div className="scroll-x" tabIndex={0}>
          <Table className="goods">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("goods.item")}</Table.Th>
                <Table.Th className="right">{t("goods.quantity")}</Table.Th>
                <Table.Th className="right">{t("goods.price")}</Table.Th>
                <Table.Th className="right">{t("goods.amount")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {goods.lines.map((line, index) => (
                <Table.Tr key={index}>
                  <Table.Td className="break">
                    {line.name || line.item || "–"}
                    {line.name && line.item && <div className="dimmed">{line.item}</div>}
                  </Table.Td>
                  <Table.Td className="right">
                    {line.quantity === null ? money(null) : f.number(Number(line.quantity), 6)}
                  </Table.Td>
                  <Table.Td className="right nowrap">{money(line.price)}</Table.Td>
                  <Table.Td className="right nowrap">{money(line.amount)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
            {sums.length > 0 && (
              <Table.Tfoot>
                {sums.map((name) => (
                  <Table.Tr key={name}>
                    <Table.Th scope="row" colSpan={3}>
                      {t(`goods.${name}`)}
                    </Table.Th>
                    <Table.Td className={name === "total" ? "right nowrap strong" : "right nowrap"}>
                      {money(goods[name])}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tfoot>
            )}
          </Table>
        </div>
      )}
      {hidden > 0 && (
        <Text size="sm" c="dimmed" mt={4}>
          {t("goods.more", { n: hidden })}
        </Text>
      )}
      {goods.part && goods.problem && (
        <Text size="sm" mt={4}>
          {t(`goods.problem.${goods.problem}`)}
        </Text>
      )}
    </div>
  );
}
