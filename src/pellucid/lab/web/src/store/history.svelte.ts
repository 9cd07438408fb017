// What was measured of a run, by branch: the loss of every step, the values of every epoch, the flow of the gradients.

import { joined } from "../model/time/history";
import { lineage } from "../model/time/time";
import type { Description, Flow, History, Lab, State } from "../model/wire/protocol";

export class Measured {
  #history = $state.raw<Record<number, History>>({});
  #flow = $state.raw<Record<number, Flow[]>>({});

  #lab: Lab;
  #current: () => { description: Description | null; state: State | null };
  /** The branches of which the flow has been asked for. */
  #asked = new Set<number>();

  constructor(lab: Lab, current: () => { description: Description | null; state: State | null }) {
    this.#lab = lab;
    this.#current = current;
  }

  get history() { return this.#history; }
  get flow() { return this.#flow; }

  forget(): void {
    this.#history = {};
    this.#flow = {};
    this.#asked.clear();
  }

  /** Fetch what is not known yet of the history and the flow of the branch that runs. */
  async catchUp(): Promise<void> {
    const { description, state } = this.#current();
    if (state === null) return;
    await Promise.all(state.branches.map(async (branch) => {
      const known = this.#history[branch.id];
      const from = known === undefined ? 1 : known.from + known.loss.length;
      if (known !== undefined && from > branch.last) return;
      const piece = await this.#lab.request("history", { branch: branch.id, from }).catch(() => undefined);
      if (piece !== undefined && this.#current().description === description) this.remember(piece);
    }));
    // What was measured along the whole way; some may have come already, while the answers were on theirs.
    await Promise.all(lineage(state.branches, state.branch).map(async ({ id }) => {
      if (this.#asked.has(id)) return;
      this.#asked.add(id);
      const flow = await this.#lab.request("flow", { branch: id }).catch(() => undefined);
      const now = this.#current();
      if (now.description !== description || now.state?.run !== state.run) return;
      if (flow === undefined) this.#asked.delete(id);
      else for (const one of flow) this.stream(one);
    }));
  }

  remember(piece: History): void {
    const after = joined(this.#history[piece.branch], piece);
    if (after !== null) {
      this.#history = { ...this.#history, [piece.branch]: after };
    } else {
      // A gap: a piece was lost while the connection was down.
      void this.#refetch(piece.branch);
    }
  }

  async #refetch(branch: number): Promise<void> {
    const piece = await this.#lab.request("history", { branch, from: 1 }).catch(() => undefined);
    if (piece !== undefined) this.#history = { ...this.#history, [branch]: piece };
  }

  stream(flow: Flow): void {
    // Steps taken anew after a rewind replace those that they repeat.
    const before = this.#flow[flow.branch] ?? [];
    const at = before.findIndex((one) => one.step >= flow.step);
    const after = at < 0 ? [...before, flow]
      : [...before.slice(0, at), flow, ...before.slice(before[at]!.step === flow.step ? at + 1 : at)];
    this.#flow = { ...this.#flow, [flow.branch]: after };
  }
}
