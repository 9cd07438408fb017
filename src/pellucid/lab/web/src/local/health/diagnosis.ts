// What is wrong: the rules and the words of Python's explain/diagnosis.py, which the file carries with their limits.

import type { Finding, Path } from "../../model/wire/protocol.ts";
import type { Standing } from "../saved.ts";
import type { State } from "../training/steps.ts";
import type { Flow, LayerFlow } from "./gauge.ts";
import type { Origin } from "./nonfinite.ts";
import { formatted, spelled } from "./spelling.ts";
import type { Fact, Facts } from "./spelling.ts";

/** An epoch that has ended: its number, from 1, and its values by name, "loss" among them. */
export interface Epoch {
  readonly epoch: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Clues {
  readonly standing: Standing;
  /** The flow before the first step, and that now. */
  readonly flows: readonly Flow[];
  readonly epochs: readonly Epoch[];
  readonly rate: number;
  readonly parameters: State;
  /** The path of the network's output. */
  readonly output: Path;
  /** What ended the training, if a value was not finite. */
  readonly origin: Origin | null;
  /** The parameters whose gradient is lost, and how large it is; and the numbers in which it is. */
  readonly underflowed: () => ReadonlyMap<Path, number>;
  readonly dtype: string;
}

/** With what its words are filled with. */
interface Found extends Finding {
  readonly facts: Readonly<Record<string, string>>;
}

const FOLLOW = ["guessing", "over-fitting"];
const LATE = ["dead", "saturated", "exploding", "vanishing"];
const POINTLESS = 0.98;

/** The findings, the likeliest first cause first. */
export function diagnosed(clues: Clues): Found[] {
  const { order, given } = clues.standing;
  const all = [...(given as Found[]), ...notFinite(clues), ...flow(clues), ...lost(clues), ...rates(clues), ...overFitting(clues)];
  // What else is wrong is the cause of that.
  const cause = all.some(({ kind }) => !FOLLOW.includes(kind));
  const rank = ({ kind, facts }: Found): number => (
    order.indexOf(LATE.includes(kind) && facts["since"] === "later" ? "late" : kind)
  );
  return all.filter(({ kind }) => !cause || kind !== "guessing").sort((a, b) => rank(a) - rank(b));
}

function finding({ standing }: Clues, kind: string, where: string, facts: Facts = {}): Found {
  const all = { where, ...facts };
  const [what, evidence, fix] = standing.words[kind]!.map((sentence) => spelled(sentence, all)) as [
    ReturnType<typeof spelled>, ReturnType<typeof spelled>, ReturnType<typeof spelled>,
  ];
  const english = (fact: Fact): string => (typeof fact === "object" ? fact.en : String(fact));
  return {
    kind, where, facts: Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, english(fact)])),
    en: { what: what.en, evidence: evidence.en, fix: fix.en }, zh: { what: what.zh, evidence: evidence.zh, fix: fix.zh },
  };
}

function notFinite(clues: Clues): Found[] {
  return clues.origin ? [finding(clues, "nan", clues.origin.path, clues.origin.facts)] : [];
}

// Values and gradients on their way

function flow(clues: Clues): Found[] {
  const { flows, standing: { limits }, output } = clues;
  const [first, last] = [flows[0]!, flows.at(-1)!];
  const before = new Map(first.layers.map((layer) => [layer.path, layer]));
  const units = last.layers.flatMap((layer) => {
    const made: Found[] = [];
    const since = (name: "dead" | "saturated"): string => (before.get(layer.path)![name] >= limits[name]! ? "start" : "later");
    const fraction = (value: number): string => formatted(value, ".0%");
    if (layer.dead >= limits["dead"]!) {
      made.push(finding(clues, "dead", layer.path, { fraction: fraction(layer.dead), since: since("dead") }));
    }
    if (layer.saturated >= limits["saturated"]! && layer.path !== output) {
      const facts = { fraction: fraction(layer.saturated), function: layer.curve, since: since("saturated") };
      made.push(finding(clues, "saturated", layer.path, facts));
    }
    return made;
  });
  return [...units, ...throughLayers(clues), ...throughTime(clues)];
}

/** The first and the last layer that learn. */
function ends({ layers }: Flow): [LayerFlow, LayerFlow] | null {
  const learning = layers.filter(({ weight, gradient }) => !Number.isNaN(weight) && !Number.isNaN(gradient));
  return learning.length > 1 ? [learning[0]!, learning.at(-1)!] : null;
}

function throughLayers(clues: Clues): Found[] {
  const { vanishing, exploding } = clues.standing.limits as { vanishing: number; exploding: number };
  const pairs = clues.flows.map(ends).filter((pair) => (
    pair !== null && pair[1].gradient !== 0 && Number.isFinite(pair[0].gradient)
  )) as [LayerFlow, LayerFlow][];
  if (!pairs.length) return [];
  const ratios = pairs.map(([early, late]) => early.gradient / late.gradient);
  const [early, late] = pairs[0]!;
  const begin = ratios[0]!;
  const between = (kind: string, ratio: string): Found => (
    finding(clues, kind, early.path, { size: formatted(early.gradient, ".1e"), ratio, start: late.path, since: "start" })
  );
  return [
    ...(begin > exploding ? [between("exploding", formatted(begin, begin < 1e6 ? ".0f" : ".1e"))] : []),
    ...(ratios.every((ratio) => ratio > 0 && ratio < vanishing) ? [between("vanishing", formatted(begin, ".1e"))] : []),
  ];
}

function throughTime(clues: Clues): Found[] {
  const { limits, signs } = clues.standing;
  return clues.flows[0]!.reach.flatMap(({ path, norms }, place) => {
    const all = clues.flows.flatMap((one) => (one.reach[place] ? [one.reach[place].norms] : []));
    const ratios = all.filter((one) => one[0]! > 0 && Number.isFinite(one[0])).map((one) => one.at(-1)! / one[0]!);
    if (!ratios.length) return [];
    const steps = norms.length - 1;
    const facts = {
      size: formatted(norms.at(-1)!, ".1e"), ratio: formatted(ratios[0]!, ".1e"), since: "start", start: signs["last step"]!,
    };
    const where = `${path} ${steps} steps before`;
    return [
      ...(ratios.every((ratio) => ratio < limits["vanishing_steps"]!) ? [finding(clues, "vanishing", where, facts)] : []),
      ...(ratios[0]! > limits["exploding"]! ? [finding(clues, "exploding", where, facts)] : []),
    ];
  });
}

/** Gradients too small for the network's numbers, and updates too small for its weights. */
function lost(clues: Clues): Found[] {
  const last = clues.flows.at(-1)!;
  const absorbed = last.step === 0 ? [] : last.layers
    .filter(({ ratio, gradient, weight }) => ratio === 0 && gradient > 0 && weight > 0)
    .map(({ path }) => finding(clues, "absorbed", path, { rate: rate(clues) }));
  if (!last.layers.some(({ weightGradient }) => weightGradient === 0)) return absorbed;
  const gone = [...clues.underflowed()].map(([path, size]) => (
    finding(clues, "underflow", path, { size: formatted(size, ".1e"), dtype: clues.dtype })
  ));
  return [...absorbed, ...gone];
}

// The learning rate

function rate(clues: Clues): string {
  return ` ${formatted(clues.rate, "g")}`;
}

function rates(clues: Clues): Found[] {
  const losses = clues.epochs.map(({ metrics }) => metrics["loss"] ?? NaN).filter(Number.isFinite);
  const taken = clues.flows.filter(({ step }) => step > 0).at(-1);
  const ratios = (taken?.layers ?? []).map(({ ratio }) => ratio).filter(Number.isFinite);
  const before = clues.flows[0]!;
  const start = taken && before.step === 0 && Number.isFinite(before.loss) ? before.loss : null;
  const guess = guessing(clues);
  const high = tooHigh(clues, losses, start, guess, ratios);
  if (high) return [finding(clues, "rate too high", "", { rate: rate(clues), message: high })];
  const low = tooLow(clues, losses, ratios);
  if (low) return [finding(clues, "rate too low", "", { rate: rate(clues), message: low })];
  const last = losses.at(-1);
  const nothing = guess !== null && losses.length >= 3 && guess > 0 && last! > POINTLESS * guess;
  return nothing
    ? [finding(clues, "guessing", "", { loss: formatted(last!, ".3g"), guess: formatted(guess, ".3g") })]
    : [];
}

/** The loss of a constant answer, with the penalties of the network as it is. */
function guessing({ standing: { constant, penalties }, parameters }: Clues): number | null {
  if (constant === null) return null;
  return Object.entries(penalties).reduce((sum, [path, [l1, l2]]) => {
    let [sizes, squares] = [0, 0];
    for (const w of parameters[path]!) [sizes, squares] = [sizes + Math.abs(w), squares + w * w];
    return sum + l1 * sizes + l2 * squares;
  }, constant);
}

type Sign = ReturnType<typeof spelled> | null;

function tooHigh(
  { standing: { signs, limits } }: Clues, losses: readonly number[], start: number | null, guess: number | null,
  ratios: readonly number[],
): Sign {
  const last = losses.at(-1) ?? NaN;
  const floor = guess === null ? 0 : Math.max(guess, start ?? 0);
  if (guess !== null && losses.length > 1 && floor > 0 && last > 1.2 * floor) {
    return spelled(signs["constant"]!, { loss: last, guess });
  }
  const worst = losses.indexOf(most(losses));
  if (guess !== null && start !== null && losses.length && floor > 0 && losses[worst]! > 3 * floor) {
    return spelled(signs["rose at once"]!, { start, loss: losses[worst]!, epoch: worst + 1 });
  }
  const largest = Math.max(0, ...ratios);
  const begin = start ?? losses[0] ?? 0;
  // Large updates alone are no fault: an embedding begins with tiny weights. They are where no loss falls.
  if (largest > limits["hasty"]! && losses.length && (last > 0.9 * begin || (rough(losses) > 0.1 && last > begin / 2))) {
    return spelled(signs["large step"]!, { change: largest });
  }
  if (losses.length < 2) return null;
  const [first, best] = [losses[0]!, least(losses)];
  // Of one batch, the loss before the first step is rough: a loss that continues to fall is no sign.
  if (start !== null && start > 0 && last > 1.2 * start && last > 0.95 * first) {
    return spelled(signs["rose since"]!, { start, loss: last });
  }
  if (losses[worst]! > 1.1 * first) {
    return spelled(signs["rose"]!, { start: first, loss: losses[worst]!, epoch: worst + 1 });
  }
  if (losses.length < 4) return null;
  const changes = differences(losses).map(Math.abs).slice(Math.floor((losses.length - 1) / 2));
  const jumps = mean(changes) / Math.max(last, 1e-12);
  const stuck = last > best + 0.2 * (first - best) || first - best < 0.1 * first;
  return rough(losses) > limits["rough"]! && jumps > 0.03 && stuck
    ? spelled(signs["up and down"]!, { change: jumps, loss: last, start: first })
    : null;
}

function tooLow({ standing: { signs, limits } }: Clues, losses: readonly number[], ratios: readonly number[]): Sign {
  if (losses.length < 3 || losses[0]! <= 0) return null;
  const changes = differences(losses);
  const fall = (losses[0]! - losses.at(-1)!) / losses[0]!;
  const third = Math.max(1, Math.floor(changes.length / 3));
  const [early, late] = [sum(changes.slice(0, third)), sum(changes.slice(-third))];
  const steady = changes.filter((change) => change <= 0).length / changes.length > 0.9 && late < 0.5 * early && 0.5 * early < 0;
  const largest = Math.max(0, ...ratios);
  if (!(fall < 0.15 && steady && largest < limits["timid"]! * 10)) return null;
  const slow = spelled(signs["slow"]!, { fall, count: losses.length });
  return ratios.length ? spelled(signs["small step"]!, { slow, change: Math.max(...ratios) }) : slow;
}

/** The fraction of a loss curve's movement that is upwards. */
function rough(losses: readonly number[]): number {
  const changes = differences(losses);
  const way = sum(changes.map(Math.abs));
  return way ? sum(changes.filter((change) => change > 0)) / way : 0;
}

/** A validation loss that has turned while the training loss continues to fall. */
function overFitting(clues: Clues): Found[] {
  const { epochs } = clues;
  const of = (name: string): number[] => epochs.map(({ metrics }) => metrics[name] ?? NaN);
  const [train, held, right] = [of("loss"), of("val_loss"), of("val_accuracy")];
  if (held.length < 4 || ![...train, ...held].every(Number.isFinite)) return [];
  const best = held.indexOf(least(held));
  // Surer of its mistakes, but it makes no more of them.
  if (epochs.some(({ metrics }) => "val_accuracy" in metrics) && right.at(-1)! >= right[best]!) return [];
  const [last, now] = [held.at(-1)!, train.at(-1)!];
  const turned = best < held.length - 3 && last > 1.2 * held[best]! && now < train[best]! && now < 0.7 * last;
  if (!turned) return [];
  const facts = { best: formatted(held[best]!, ".3g"), last: formatted(last, ".3g"), train: formatted(now, ".3g") };
  return [finding(clues, "over-fitting", "", { epoch: String(epochs[best]!.epoch), ...facts })];
}

function differences(values: readonly number[]): number[] {
  return values.slice(1).map((value, k) => value - values[k]!);
}

/** Of however many: there may be more epochs than a call takes arguments. */
function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
