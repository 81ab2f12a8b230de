// The Mantine theme: our tokens (ui/tokens.css) put in the places where Mantine looks for its colours.
import { type ButtonProps, createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";
import { words } from "../words/app";

const accent: MantineColorsTuple = [
  "#e6f0fb", "#cfe3fb", "#a3cdfb", "#6fb6ff", "#3b9eff", "#2385ea", "#1667c7", "#0f56ab", "#0b4688", "#083566",
];
const dark: MantineColorsTuple = [
  "#e7e9ec", "#c5cad1", "#9aa1ab", "#5f6672", "#26292e", "#1e2125", "#16181b", "#0e0f11", "#0a0b0c", "#060607",
];
const gray: MantineColorsTuple = [
  "#f6f7f8", "#eceef1", "#e3e6ea", "#d3d7dc", "#b9bfc7", "#868d97", "#5d6570", "#454b54", "#2b2f35", "#16181b",
];

const quickly = { transitionProps: { duration: 140, timingFunction: "ease-out" } };

export const theme = createTheme({
  colors: { accent, dark, gray },
  primaryColor: "accent",
  primaryShade: { light: 6, dark: 4 },
  white: "#ffffff",
  black: "#16181b",
  fontFamily: "var(--sl-font)",
  fontFamilyMonospace: "var(--sl-mono)",
  fontSizes: { xs: "12px", sm: "14px", md: "14px", lg: "16px", xl: "20px" },
  radius: { xs: "3px", sm: "6px", md: "6px", lg: "8px", xl: "12px" },
  defaultRadius: "sm",
  spacing: { xs: "8px", sm: "12px", md: "16px", lg: "24px", xl: "32px" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "20px", lineHeight: "28px" },
      h2: { fontSize: "16px", lineHeight: "24px" },
      h3: { fontSize: "14px", lineHeight: "20px" },
    },
  },
  cursorType: "pointer",
  respectReducedMotion: true,
  // By name, not by `Modal.extend()`: the theme is in the first chunk, and so would be every component it imports.
  components: {
    Anchor: { defaultProps: { underline: "hover" } },
    Button: {
      // The text on the accent differs between the schemes; the colour set on a button (red) keeps white.
      vars: (_theme: unknown, { variant = "filled", color }: ButtonProps) =>
        variant === "filled" && color === undefined ? { root: { "--button-color": "var(--sl-on-accent)" } } : { root: {} },
    },
    // The placeholder is a focusable child that a menu may not have (axe: aria-required-children).
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, ...quickly } },
    Modal: {
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.55 },
        closeButtonProps: { "aria-label": words.close },
        ...quickly,
      },
      styles: {
        content: { background: "var(--sl-panel)", border: "1px solid var(--sl-line)" },
        header: { background: "var(--sl-panel)" },
        title: { fontWeight: 600 },
      },
    },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": words.closeMessage } } },
    PasswordInput: { defaultProps: { withAsterisk: false } },
    Textarea: { defaultProps: { withAsterisk: false } },
    TextInput: { defaultProps: { withAsterisk: false } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: false, ...quickly } },
  },
});

const shared = {
  "--mantine-color-body": "var(--sl-canvas)",
  "--mantine-color-text": "var(--sl-text)",
  "--mantine-color-bright": "var(--sl-text)",
  "--mantine-color-dimmed": "var(--sl-muted)",
  "--mantine-color-placeholder": "var(--sl-muted)",
  "--mantine-color-anchor": "var(--sl-accent)",
  "--mantine-color-error": "var(--sl-red)",
  "--mantine-color-default": "var(--sl-panel)",
  "--mantine-color-default-hover": "var(--sl-raised)",
  "--mantine-color-default-color": "var(--sl-text)",
  "--mantine-color-default-border": "var(--sl-line)",
  "--mantine-color-accent-light": "var(--sl-accent-soft)",
  "--mantine-color-accent-light-color": "var(--sl-accent)",
  "--mantine-color-accent-outline": "var(--sl-accent)",
  "--mantine-primary-color-filled-hover": "var(--sl-accent-strong)",
  "--mantine-color-accent-filled-hover": "var(--sl-accent-strong)",
  "--mantine-color-red-filled": "#c0272d",
  "--mantine-color-red-filled-hover": "#a81f25",
  "--mantine-color-red-text": "var(--sl-red)",
  "--mantine-color-red-outline": "var(--sl-red)",
  "--mantine-color-red-light-color": "var(--sl-red)",
};

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { ...shared, "--mantine-primary-color-contrast": "#ffffff" },
  dark: { ...shared, "--mantine-primary-color-contrast": "#08111c" },
});
