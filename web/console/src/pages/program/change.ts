import { useMutation, useQueryClient } from "@tanstack/react-query";

/** Something that was done to a definition; `applied` is false where the engine has not come to it yet. */
export interface Change {
  done: "created" | "saved" | "deleted" | "undone";
  id: string;
  name: string;
  applied: boolean;
  at: number;
}

/** What hangs on the program, by the first part of its key. */
const HANGING = ["program", "vocabulary", "person", "preview"];

/** Changes the program, and then asks again for what hangs on it. */
export function useChange<T>(call: () => Promise<T>, onDone: (answer: T) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: call,
    onSuccess: async (answer) => {
      await Promise.all(HANGING.map((key) => client.invalidateQueries({ queryKey: [key] })));
      onDone(answer);
    },
  });
}
