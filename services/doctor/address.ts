import type { Config } from '../../infra/config.ts'
import { listen } from '../../infra/http/serve.ts'
import { about, type Finding } from './finding.ts'

const address = about('address')

/** Whether a server can listen where it is to, or does already. */
export async function checkAddress({ host, port }: Pick<Config, 'host' | 'port'>): Promise<Finding> {
  try {
    const server = await listen({ fetch: () => new Response() }, { host, port })
    await server.close(0, 0)
    return address.ok(`${host} port ${port} is free`)
  } catch (error) {
    if (await isOurs(host, port)) return address.ok(`a server runs on ${host} port ${port}`)
    return address.fail((error as Error).message)
  }
}

async function isOurs(host: string, port: number): Promise<boolean> {
  try {
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/healthz`
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    const { status, service } = (await response.json()) as { status?: unknown; service?: unknown }
    return status === 'ok' && typeof service === 'string'
  } catch {
    return false // something that does not speak as we do
  }
}
