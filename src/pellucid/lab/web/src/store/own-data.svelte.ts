// Files of the person's own, to learn from: sent in parts, and what was understood of them.

import { partsOf, type Given } from "../model/data/parts";
import type { DataChoices, Lab, OwnData } from "../model/wire/protocol";

export class OwnFiles {
  #lab: Lab;
  #reason: (error: unknown) => string;
  #answer = $state.raw<OwnData | null>(null);
  #choices = $state.raw<DataChoices>({});
  #refused = $state.raw<string | null>(null);
  #sent = $state.raw<number | null>(null);
  #busy = $state.raw(false);
  #serial = 0;

  constructor(lab: Lab, reason: (error: unknown) => string) {
    this.#lab = lab;
    this.#reason = reason;
  }

  /** What was understood, and what would be made of it. */
  get answer() { return this.#answer; }
  /** What the person chose; the rest is chosen by how the data look. */
  get choices() { return this.#choices; }
  /** Why nothing was understood. */
  get refused() { return this.#refused; }
  /** The fraction that was sent, while files are on their way. */
  get sent() { return this.#sent; }
  get busy() { return this.#busy; }

  /** Send files in the place of those before, and ask what they hold. */
  async give(files: readonly Given[]): Promise<void> {
    const mine = ++this.#serial;
    [this.#answer, this.#choices, this.#refused, this.#sent, this.#busy] = [null, {}, null, 0, true];
    const whole = Math.max(1, files.reduce((sum, one) => sum + one.file.size, 0));
    let [more, done] = [false, 0];
    try {
      for await (const { parts, bytes } of partsOf(files)) {
        if (mine !== this.#serial) return;
        await this.#lab.request("upload", { files: parts, more });
        more = true;
        done += bytes;
        if (mine === this.#serial) this.#sent = done / whole;
      }
      if (!more) await this.#lab.request("upload", { files: [], more });
      await this.#ask(mine, {});
    } catch (error) {
      if (mine === this.#serial) this.#refused = this.#reason(error);
    }
    if (mine === this.#serial) [this.#sent, this.#busy] = [null, false];
  }

  /** Choose otherwise; what was understood before stays on show until the answer is there. */
  async choose(choices: DataChoices): Promise<void> {
    const mine = ++this.#serial;
    this.#choices = choices;
    this.#busy = true;
    try {
      await this.#ask(mine, choices);
    } catch (error) {
      if (mine === this.#serial) this.#refused = this.#reason(error);
    }
    if (mine === this.#serial) this.#busy = false;
  }

  async #ask(mine: number, choices: DataChoices): Promise<void> {
    const answer = await this.#lab.request("data", { choices });
    if (mine === this.#serial) [this.#answer, this.#refused] = [answer, null];
  }
}
