import { Kbd, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";

const WAIT_FOR_TYPING = 250;

/** The page's search field; `/` on the keyboard comes here. Reports when the typing rests. */
export function Search({
  label,
  value,
  onSearch,
}: {
  label: string;
  value: string;
  onSearch: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  const [reported, setReported] = useState(value);
  const [given, setGiven] = useState(value);
  const report = useDebouncedCallback((typed: string) => {
    setReported(typed);
    onSearch(typed);
  }, WAIT_FOR_TYPING);
  // What the page itself changes shows here; what was typed here comes back and changes nothing.
  if (value !== given) {
    setGiven(value);
    if (value !== reported) {
      setReported(value);
      setText(value);
    }
  }
  return (
    <TextInput
      type="search"
      data-search
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={text ? undefined : <Kbd visibleFrom="sm">/</Kbd>}
      value={text}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value);
        report(currentTarget.value.trim());
      }}
      className="search"
    />
  );
}
