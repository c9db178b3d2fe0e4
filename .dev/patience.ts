// A condition that a test waits for may take its time on a busy machine; vitest's own second is for an idle one.
import { vi } from 'vitest';

const PATIENCE_MS = 15_000;
const waitFor = vi.waitFor;

vi.waitFor = (callback, options) => waitFor(callback, options ?? { timeout: PATIENCE_MS });
