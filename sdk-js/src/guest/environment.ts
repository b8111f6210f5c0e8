/** What `grants.env` and `grants.secrets` of moot.toml give. */

import * as store from "wasi:config/store";

/** The variables that were granted. */
export const environment = {
  /** One variable; null when it was not granted. */
  get(name: string): string | null {
    return store.get(name) ?? null;
  },
  /** All of them, by name. */
  all(): Record<string, string> {
    return Object.fromEntries(store.getAll());
  },
} as const;
