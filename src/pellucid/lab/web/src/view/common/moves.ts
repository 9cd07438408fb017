// Keys that move something in a picture.

/** The move of a key that is pressed alone; then nothing else hears of the key. */
export function moveOf<M>(event: KeyboardEvent, moves: Record<string, M>): M | undefined {
  const move = moves[event.key];
  if (!move || event.altKey || event.ctrlKey || event.metaKey) return undefined;
  event.preventDefault();
  event.stopPropagation();
  return move;
}
