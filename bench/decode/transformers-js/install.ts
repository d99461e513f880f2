import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kept } from '../../kept.ts'
import { run } from '../../measure.ts'

const version = '4.3.1'

/** Where transformers.js can be imported from; installed the first time, with an ONNX Runtime of its own, and kept. */
export async function transformersJs(): Promise<string> {
  const directory = await kept(`preamble-transformers-js-${version}`, async (directory) => {
    console.error(`installing transformers.js into ${directory}`)
    writeFileSync(join(directory, 'package.json'), '{ "private": true }\n')
    const wanted = `@huggingface/transformers@${version}`
    // No scripts: ONNX Runtime's would download CUDA.
    const quietly = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts']
    await run('npm', ['install', '--prefix', directory, ...quietly, wanted])
  })
  return join(directory, 'node_modules/@huggingface/transformers/dist/transformers.node.mjs')
}
