import { openModel } from './models/open.ts'
import { weightShapes } from './models/weight-shapes.ts'
import { loadChat } from './text/chat.ts'
import { openCheckpoint, tensorOf } from './weights/checkpoint.ts'

/** @throws an Error that names the file and the key unless config.json describes a model that can be run */
export function checkConfig(directory: string): void {
  openModel(directory)
}

/**
 * Whether a Hugging Face directory can be used as a base: its config, the shape of every weight, its tokenizer and its
 * prompts. Only headers of weight files are read.
 * @throws an Error that names the file, and the key, tensor or numbers that are wrong
 */
export function checkBase(directory: string): void {
  const model = openModel(directory)
  const checkpoint = openCheckpoint(directory)
  for (const [name, shape] of weightShapes(model)) tensorOf(checkpoint, name, shape)
  loadChat(directory)
}
