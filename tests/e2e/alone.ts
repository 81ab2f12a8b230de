// A machine that nobody shares: whether the browser decodes, and how often it looks ahead, depends on what decoding takes.
import type { BrowserContext } from "playwright-core";

/** Lets the page believe that decoding takes 10 ms, however busy the machine is. */
export async function asIfAlone(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const data = Object.getOwnPropertyDescriptor(MessageEvent.prototype, "data");
    Object.defineProperty(MessageEvent.prototype, "data", {
      get(this: MessageEvent) {
        const message = data?.get?.call(this) as { milliseconds?: number; prepared?: { milliseconds: number } } | undefined;
        if (message?.milliseconds !== undefined) message.milliseconds = 10;
        if (message?.prepared !== undefined) message.prepared.milliseconds = 10;
        return message;
      },
    });
  });
}
