import "@mantine/core/styles.layer.css";
import "@mantine/notifications/styles.layer.css";
import "./ui/tokens.css";
import { loadWords } from "./words/catalogue";

async function start(): Promise<void> {
  await loadWords();
  const { show } = await import("./app/show");
  show();
}

void start();
