/**
 * Room that one use after the other shares: logits of 256,000 tokens are 1 MB, which no token of 200 replies should
 * allocate anew. What was written is gone with the next call, so nobody keeps it across an `await`.
 */
export function scratch<Numbers extends Float32Array | Int32Array>(
  numbers: new (length: number) => Numbers,
): (length: number) => Numbers {
  let room = new numbers(0)
  return (length) => {
    if (room.length < length) room = new numbers(length)
    return room.subarray(0, length) as Numbers
  }
}
