/** Projects and the keys to them. */
import type { ApiKey, NewApiKey, Project } from '../../contract/access.ts'
import type { Page } from '../../contract/page.ts'
import { type Api, ApiError } from '../api/api.ts'
import { command, type Option, UsageError } from '../command.ts'

const root = 'v1/organization/projects'

const inProject = {
  project: {
    kind: 'text',
    value: 'PROJECT',
    help: 'its id or name (default: the one there is, or the first)',
  },
} as const satisfies Record<string, Option>

export const createKey = command({
  summary: 'Make an API key and print it, this once',
  operands: ['NAME'],
  options: {
    ...inProject,
    scopes: {
      kind: 'text',
      value: 'LIST',
      help: 'of read, write, serve and admin, by commas (default: read,write,serve)',
    },
    'requests-per-minute': { kind: 'number', value: 'N', help: 'at most (default: no limit)' },
    'concurrent-requests': { kind: 'number', value: 'N', help: 'at most (default: no limit)' },
    'expires-in-days': { kind: 'number', value: 'N', help: 'after how long it ends (default: never)' },
  },
  async run({ api, operands: [name], values }) {
    const { id: project } = await projectOf(api, values.project)
    const days = values['expires-in-days']
    const key = await api.post<NewApiKey>(`${root}/${project}/api_keys`, {
      name,
      scopes: values.scopes?.split(',').map((scope) => scope.trim()),
      requests_per_minute: values['requests-per-minute'],
      concurrent_requests: values['concurrent-requests'],
      expires_in_seconds: days === undefined ? undefined : Math.round(days * 24 * 3600),
    })
    // On its own, so that a script can take it.
    console.log(key.value)
    console.error(`${key.id}, ${key.scopes.join(', ')}: this is the only time that the key is shown`)
  },
})

export const listKeys = command({
  summary: 'List the keys of a project, the newest first',
  operands: [],
  options: inProject,
  async run({ api, values }) {
    const { id: project } = await projectOf(api, values.project)
    for await (const key of all<ApiKey>(api, `${root}/${project}/api_keys`))
      console.log([key.id, key.redacted_value, key.scopes.join(','), stateOf(key), key.name].join('  '))
  },
})

export const revokeKey = command({
  summary: 'Take back a key: it opens nothing any more',
  operands: ['KEY'],
  options: inProject,
  async run({ api, operands: [id], values }) {
    if (!id!.startsWith('key_'))
      throw new UsageError('KEY is its id, key_…, as `preamble keys list` tells it')
    const { id: project } = await projectOf(api, values.project)
    await api.delete(`${root}/${project}/api_keys/${encodeURIComponent(id!)}`)
    console.log(`${id} is revoked`)
  },
})

export const createProject = command({
  summary: 'Make a project: what is in it is seen with its keys only',
  operands: ['NAME'],
  options: {},
  async run({ api, operands: [name] }) {
    console.log((await api.post<Project>(root, { name })).id)
  },
})

export const listProjects = command({
  summary: 'List projects, the newest first',
  operands: [],
  options: {},
  async run({ api }) {
    for await (const { id, status, name } of all<Project>(api, root))
      console.log([id, status, name].join('  '))
  },
})

function stateOf({ revoked_at, expires_at, last_used_at }: ApiKey): string {
  const day = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 10)
  if (revoked_at) return `revoked ${day(revoked_at)}`
  const used = last_used_at ? `used ${day(last_used_at)}` : 'never used'
  return expires_at ? `${used}, ends ${day(expires_at)}` : used
}

/** The project of this id or name; without one, the only one that is seen, or the first. */
async function projectOf(api: Api, wanted: string | undefined): Promise<Project> {
  const seen: Project[] = []
  for await (const project of all<Project>(api, `${root}?order=asc`)) seen.push(project)
  if (wanted === undefined) return seen[0]!
  const found = seen.filter(({ id, name }) => id === wanted || name === wanted)
  if (found.length === 1) return found[0]!
  const problem = found.length === 0 ? 'there is no project' : 'there are several projects called'
  throw new ApiError(`${problem} ${wanted}; \`preamble projects list\` tells their ids`)
}

/** All of a list, page by page. */
async function* all<T extends { id: string }>(api: Api, path: string): AsyncGenerator<T, void, void> {
  let after = ''
  for (;;) {
    const { data, has_more, last_id } = await api.get<Page<T>>(
      `${path}${path.includes('?') ? '&' : '?'}limit=100${after}`,
    )
    yield* data as Awaited<T>[]
    if (!has_more) return
    after = `&after=${last_id}`
  }
}
