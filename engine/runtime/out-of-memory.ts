/** What ONNX Runtime, its arena, and the drivers of GPUs say when there is no memory left. */
const words = /failed to allocate|bad[_ ]alloc|out of memory|available memory of \d+ is smaller/i

/** Whether a run failed because there was not memory enough for it. */
export const isOutOfMemory = (error: unknown): boolean => error instanceof Error && words.test(error.message)
