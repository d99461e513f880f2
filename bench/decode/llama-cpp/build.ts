import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { kept } from '../../kept.ts'
import { run } from '../../measure.ts'

// Its npm package carries the sources as a git bundle: release v0.5.0 of llama.cpp, commit de3ff81.
const version = '3.22.1'
const options = {
  ...{ CMAKE_BUILD_TYPE: 'Release', GGML_NATIVE: 'ON', BUILD_SHARED_LIBS: 'OFF' },
  ...{
    LLAMA_BUILD_TESTS: 'OFF',
    LLAMA_BUILD_EXAMPLES: 'OFF',
    LLAMA_BUILD_SERVER: 'OFF',
    LLAMA_OPENSSL: 'OFF',
  },
  ...{ CMAKE_C_FLAGS: '-w', CMAKE_CXX_FLAGS: '-w' },
}

/**
 * A directory with llama.cpp's programs: that of PREAMBLE_LLAMA_CPP, or one that is built for this machine from the
 * sources in the npm package node-llama-cpp the first time (some minutes) and kept.
 * @throws when there is no tar, git, cmake or C++ compiler, or the package cannot be had
 */
export async function llamaCpp(): Promise<string> {
  const own = process.env.PREAMBLE_LLAMA_CPP
  if (own) return own
  const directory = await kept(`preamble-llama-cpp-${version}`, async (directory) => {
    console.error(
      `building llama.cpp in ${directory}; PREAMBLE_LLAMA_CPP names another directory of programs`,
    )
    const [sources, build] = [join(directory, 'sources'), join(directory, 'build')]
    await run('npm', ['pack', '--silent', '--pack-destination', directory, `node-llama-cpp@${version}`])
    await run('tar', ['xf', join(directory, `node-llama-cpp-${version}.tgz`), '-C', directory])
    await run('git', ['clone', '--quiet', join(directory, 'package/llama/gitRelease.bundle'), sources], true)
    const defined = Object.entries(options).map(([name, value]) => `-D${name}=${value}`)
    await run('cmake', ['-S', sources, '-B', build, ...defined], true)
    const programs = ['--target', 'llama-batched-bench', 'llama-quantize']
    await run('cmake', ['--build', build, '--parallel', String(availableParallelism()), ...programs], true)
  })
  return join(directory, 'build/bin')
}
