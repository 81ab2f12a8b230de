// Tells the server which photos are finished, behind the photo that is open by then: kept in the browser first, and said
// again until it is heard. What the server lends for it is the answer.
import { ApiError } from "../api/errors";
import type { Database, Finished } from "./save/database";
import type { Outbox } from "./save/outbox";
import { createPauses, isPassing } from "./save/trying";
import { lend, sayFinished, type WorkItem } from "./server";
import { afterFrame } from "./showing";
import type { Store } from "./state";

export interface Told {
  /** What is lent now; null: nothing is left. */
  readonly lent: WorkItem | null;
  /** Why the photo could not be finished: it was lent to somebody else, or is gone. Its masks stay. */
  readonly refusal: ApiError | null;
}

/** A photo that could not be finished. */
export interface Refused {
  readonly imageName: string;
  readonly message: string;
}

export interface HandOver {
  /** Finishes `work`, once all masks are saved, and borrows the image `prefer` if it still waits, else another. */
  tell(work: WorkItem, prefer: number): Promise<Told>;
  /** Tells what an earlier page had no time for; returns what is refused, which is another person's to finish. */
  catchUp(): Promise<readonly Refused[]>;
  /** The server is back. */
  hurry(): void;
  close(): void;
}

interface HandOverParts {
  readonly projectId: number;
  readonly userId: number;
  readonly database: Database;
  readonly outbox: Outbox;
  readonly sessionIsBack: () => Promise<void>;
}

export function createHandOver(store: Store, { projectId, userId, database, outbox, sessionIsBack }: HandOverParts): HandOver {
  const pauses = createPauses(sessionIsBack);

  /** Asks until there is an answer, whichever. */
  const insist = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ApiError) || !isPassing(error)) throw error;
        store.setState({ handingOver: "offline" });
        await new Promise<void>((done) => pauses.wait(error, done));
      }
    }
  };

  const remember = (finished: Finished): Promise<unknown> => database.put("finished", finished);
  const forget = (workId: number): Promise<void> => database.delete("finished", workId);

  return {
    async tell(work, prefer) {
      const { id: workId, lease_token } = work;
      const finish = { work_id: workId, lease_token: lease_token ?? "" };
      const { wantedStage } = store.getState();
      const wanted = { prefer, ...(wantedStage === null ? {} : { stage: wantedStage }) };
      store.setState({ handingOver: "sending" });
      const remembered = remember({ workId, leaseToken: finish.lease_token, userId, projectId, imageName: work.image.file_name });
      try {
        await afterFrame(); // what is seen goes before what nobody sees
        if (outbox.state.getState().waiting > 0) await allSaved(outbox);
        const told = await insist(() => lend(projectId, { ...wanted, finish })).then(
          (lent) => ({ lent, refusal: null }),
          async (refusal: unknown) => {
            if (!(refusal instanceof ApiError)) throw refusal;
            return { lent: await insist(() => lend(projectId, wanted)), refusal };
          },
        );
        pauses.reset();
        return told;
      } finally {
        await remembered;
        await forget(workId);
        store.setState({ handingOver: "no" });
      }
    },
    async catchUp() {
      const refused: Refused[] = [];
      const all = await database.getAll("finished");
      const mine = all.filter((one) => one.userId === userId && one.projectId === projectId);
      // A photo is done when its masks are on the server: an audit counts those that are there then.
      if (mine.length > 0 && outbox.state.getState().waiting > 0) await allSaved(outbox);
      for (const { workId, leaseToken, imageName } of mine) {
        await sayFinished(workId, leaseToken).catch((error: unknown) => {
          if (!(error instanceof ApiError) || isPassing(error)) throw error;
          refused.push({ imageName, message: error.message });
        });
        await forget(workId);
      }
      return refused;
    },
    hurry: pauses.hurry,
    close: pauses.stop,
  };
}

/** Once the server has every mask. */
export async function allSaved(outbox: Outbox): Promise<void> {
  await outbox.flush();
  if (outbox.state.getState().waiting === 0) return;
  await new Promise<void>((done) => {
    const unsubscribe = outbox.state.subscribe(({ waiting }) => {
      if (waiting > 0) return;
      unsubscribe();
      done();
    });
  });
}
