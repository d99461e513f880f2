/** Deliveries by https: to the address that was checked, if who is there can prove to be the host. */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createSecureContext, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { generate } from 'selfsigned'
import { afterAll, expect, test } from 'vitest'
import { setUp } from './webhooks.case.ts'

/** A certificate for a host, which has signed it itself. */
async function certificateOf(host: string) {
  const { cert, private: key } = await generate([{ name: 'commonName', value: host }], {
    ...{ keyType: 'ec', algorithm: 'sha256' },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
  })
  return { cert, key }
}

/** What the receiver shows to who asks it for a name. */
const shown: Record<string, { cert: string; key: string }> = {
  'hooks.test': await certificateOf('hooks.test'),
  'wrong.test': await certificateOf('other.test'),
  'unknown.test': await certificateOf('unknown.test'),
}
const hosts: (string | undefined)[] = []
const receiver = createServer(
  { SNICallback: (name, answer) => answer(null, createSecureContext(shown[name])) },
  (request, response) => {
    hosts.push(request.headers.host)
    response.end()
  },
)
await once(receiver.listen(0, '127.0.0.1'), 'listening')
const { port } = receiver.address() as AddressInfo
const trusted = getCACertificates()
setDefaultCACertificates([shown['hooks.test']!.cert, shown['wrong.test']!.cert])
const at = await setUp()
afterAll(async () => {
  setDefaultCACertificates(trusted)
  receiver.close()
  await at.tearDown()
})

/** Delivers an event to a host, which is at the receiver's address, and answers how that went. */
async function deliverTo(host: string) {
  hosts.length = 0
  at.names.set(host, [['127.0.0.1']])
  const type = 'preamble.dataset.ready'
  const body = JSON.stringify({ name: 'r', url: `https://${host}:${port}/`, event_types: [type] })
  const made = { method: 'POST', body, headers: { 'content-type': 'application/json' } }
  const { id } = (await at.ask('/v1/webhook_endpoints', made)).body
  await at.tell(type, 'ds_1')
  await at.deliverDue()
  const [delivery] = (await at.ask(`/v1/webhook_endpoints/${id}/deliveries`)).body.data
  await at.ask(`/v1/webhook_endpoints/${id}`, { method: 'DELETE' })
  return delivery
}

test('a host with a certificate for its name gets its deliveries', async () => {
  expect(await deliverTo('hooks.test')).toMatchObject({
    status: 'succeeded',
    attempts: [{ status_code: 200, error: null }],
  })
  expect(hosts).toEqual([`hooks.test:${port}`])
})

test.each([
  [
    'for another name',
    'wrong.test',
    "Hostname/IP does not match certificate's altnames: Host: wrong.test. is not in the cert's altnames: DNS:other.test",
  ],
  ['that nobody trusts', 'unknown.test', 'self-signed certificate'],
])('a host with a certificate %s gets nothing, and the log says why', async (_, host, why) => {
  expect(await deliverTo(host)).toMatchObject({
    status: 'pending',
    attempts: [{ status_code: null, error: `${host}: its certificate is refused: ${why}` }],
  })
  expect(hosts).toEqual([])
})
