import { useWords } from "./words";

/** The mark: two arcs that meet in a point. Drawn in place, so that it takes the theme's accent.
 * `quiet` where the name stands beside it. */
export function Mark({ size = 32, quiet = false }: { size?: number; quiet?: boolean }) {
  const { t } = useWords();
  const said = quiet ? { "aria-hidden": true } : { role: "img", "aria-label": t("app.name") };
  return (
    <svg className="mark" viewBox="0 0 32 32" width={size} height={size} {...said}>
      <g fill="none" stroke="currentColor" strokeWidth="3" strokeLinecap="round">
        <path d="M4.5 5C4.5 16 9 22.5 16 25.5" />
        <path d="M27.5 5C27.5 16 23 22.5 16 25.5" opacity=".6" />
      </g>
      <circle cx="16" cy="25.5" r="3" fill="currentColor" />
    </svg>
  );
}
