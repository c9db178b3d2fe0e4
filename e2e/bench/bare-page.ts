// A page with no instruments but those asked for: Playwright's own would have the browser copy each WebSocket frame, as text, to the one who measures.
import type { Browser, CDPSession } from 'playwright';

/** What of the DevTools protocol's answers is looked at here. */
interface Answer {
  id?: number;
  result?: Record<string, unknown>;
  error?: { message: string };
}

interface Evaluated {
  result: { value?: unknown };
  exceptionDetails?: { text: string; exception?: { description?: string } };
}

const WAIT_STEP_MS = 20;

export class BarePage {
  readonly #session: CDPSession;
  readonly #sessionId: string;
  readonly #waiting = new Map<number, { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }>();
  #lastId = 0;

  private constructor(session: CDPSession, sessionId: string) {
    this.#session = session;
    this.#sessionId = sessionId;
    session.on('Target.receivedMessageFromTarget', (told) => {
      if (told.sessionId === sessionId) this.#hear(JSON.parse(told.message) as Answer);
    });
  }

  /** Opens a page in a context that Playwright does not know; before each document's own script `install` runs. */
  static async open(browser: Browser, size: { width: number; height: number }, install: () => void): Promise<BarePage> {
    const session = await browser.newBrowserCDPSession();
    const { browserContextId } = await session.send('Target.createBrowserContext');
    const { targetId } = await session.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
    const page = new BarePage(session, sessionId);
    await page.send('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: 1, mobile: false });
    await page.send('Page.enable');
    await page.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${install.toString()})();` });
    return page;
  }

  /** Sends a command of the DevTools protocol; rejects with what the browser says is wrong with it. */
  async send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    await this.#session.send('Target.sendMessageToTarget', { sessionId: this.#sessionId, message: JSON.stringify({ id, method, params }) });
    return answer;
  }

  /** Runs `work` in the page; it uses nothing from outside itself, and comes to what JSON can say. */
  async evaluate<Result, Argument = undefined>(work: (argument: Argument) => Result | Promise<Result>, argument?: Argument): Promise<Result> {
    const expression = `(${work.toString()})(${argument === undefined ? '' : JSON.stringify(argument)})`;
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as unknown as Evaluated;
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value as Result;
  }

  /** Goes to `url` and waits until `isReady` says so, at most `maxMs`. */
  async goto(url: string, isReady: () => boolean, maxMs: number): Promise<void> {
    const { errorText } = await this.send('Page.navigate', { url });
    if (typeof errorText === 'string') throw new Error(`${url}: ${errorText}`);
    for (const until = performance.now() + maxMs; performance.now() < until;) {
      if (await this.evaluate(isReady)) return;
      await new Promise((resolve) => setTimeout(resolve, WAIT_STEP_MS));
    }
    throw new Error(`${url} was not ready within ${maxMs} ms`);
  }

  #hear({ id, result, error }: Answer): void {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) return;
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result ?? {});
    else waiting.reject(new Error(error.message));
  }
}
