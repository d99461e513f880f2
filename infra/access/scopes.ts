/** Which scope a request needs, by its method and path alone: here is all there is to know of who may do what. */
import type { Scope } from '../../contract/access.ts'

const serving = /^\/v1\/(chat\/completions|completions)$/
const governing = /^\/v1\/organization\/|^\/metrics$/
/** Memory that all share. */
const pinning = /^\/v1\/adapters\/[^/]+\/(un)?pin$/
const basesOfAll = /^\/v1\/base_models(\/|$)/

export function neededScope(method: string, path: string): Scope {
  if (governing.test(path) || pinning.test(path)) return 'admin'
  if (serving.test(path)) return 'serve'
  if (method === 'GET' || method === 'HEAD') return 'read'
  return basesOfAll.test(path) ? 'admin' : 'write'
}

/** What concerns all projects is for the admins of the first one. */
export const isForOperators = (method: string, path: string): boolean =>
  path === '/metrics' || (basesOfAll.test(path) && method !== 'GET' && method !== 'HEAD')
