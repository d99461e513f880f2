import { join } from 'node:path'
import { run } from '../measure.ts'
import * as llamaCpp from './llama-cpp/run.ts'
import type { Report, Setting } from './side.ts'
import { transformersJs } from './transformers-js/install.ts'

export type Side = {
  /** What is compared, in words. */
  words: string
  /** Makes what the side reads of a Hugging Face directory, below `directory`; says where that is. */
  prepare(base: string, directory: string): Promise<string>
  /** Decodes in a process of its own. */
  measure(setting: Setting): Promise<Report>
}

const program = (name: string) => join(import.meta.dirname, name)

export const sides = {
  here: {
    words: "this engine's 4-bit serving form, float32 cache",
    prepare: async (base) => base,
    measure: async (setting) =>
      JSON.parse(await run(process.execPath, [program('here.ts'), JSON.stringify(setting)])),
  },
  'transformers.js': {
    words: 'generate() over an ONNX export with the same 4-bit codes, float32 cache and embedding',
    async prepare(base, directory) {
      const made = join(directory, 'export')
      await run(process.execPath, [program('transformers-js/export.ts'), base, made])
      return made
    },
    async measure(setting) {
      const generate = program('transformers-js/generate.ts')
      return JSON.parse(
        await run(process.execPath, [generate, await transformersJs(), JSON.stringify(setting)]),
      )
    },
  },
  'llama.cpp': {
    words: 'its Q4_0: q4_0 with a q6_K head; llama-batched-bench with its defaults, float16 cache',
    async prepare(base, directory) {
      const file = join(directory, 'q4_0.gguf')
      await llamaCpp.prepare(base, file)
      return file
    },
    measure: llamaCpp.measure,
  },
} as const satisfies Record<string, Side>
export type SideName = keyof typeof sides
