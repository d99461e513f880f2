import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addressesOf } from './network.ts'
import { setUp } from './webhooks.case.ts'

let at: Awaited<ReturnType<typeof setUp>>
beforeAll(async () => {
  at = await setUp()
})
afterAll(() => at.tearDown())
beforeEach(() => {
  at.received.length = 0
  at.asked.length = 0
  Object.assign(at.answer, { status: 200, headers: {}, body: '' })
})

const type = 'preamble.dataset.ready'
const create = (url: string) =>
  at.openai.webhooks.create({ name: 'r', url, event_types: [type] as unknown as ['batch.completed'] })

describe('an address that is not public is refused', () => {
  const closed = {
    allow: [],
    resolve: () => Promise.reject(new Error('an address is no name to ask for')),
  }
  test.each([
    'https://127.0.0.1/',
    'https://127.0.0.1./',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://%31%32%37.0.0.1/',
    'https://１２７.０.０.１/',
    'https://0/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://2852039166/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[::]/',
    'https://[::1]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[::127.0.0.1]/',
    'https://[::a9fe:a9fe]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001::1]/',
    'https://[fe80::1]/',
    'https://[fec0::1]/',
    'https://[fc00::1]/',
    'https://[ff02::1]/',
  ])('%s', async (url) => {
    await expect(addressesOf(new URL(url), closed)).rejects.toThrow(/is at an address that is not public/)
  })

  test.each(['https://1.1.1.1/', 'https://[2606:4700::1111]/'])('and %s is not', async (url) => {
    expect(await addressesOf(new URL(url), closed)).toHaveLength(1)
  })
})

test('what the operator opens is open, by http too, and nothing beside it', async () => {
  const { resolve } = at.deps.network
  const open = { allow: ['10.1.0.0/16', 'fd00::/8'], resolve }
  for (const url of ['http://10.1.2.3/', 'https://[fd00::1]/', 'http://[::ffff:10.1.2.3]/'])
    expect(await addressesOf(new URL(url), open)).toHaveLength(1)
  await expect(addressesOf(new URL('http://10.2.0.1/'), open)).rejects.toThrow('not public')
  await expect(addressesOf(new URL('http://1.1.1.1/'), open)).rejects.toThrow('by https alone')
})

test('a name is refused when one of its addresses is not public', async () => {
  at.names.set('both.test', [['1.1.1.1', '10.0.0.1']])
  await expect(create('https://both.test/')).rejects.toMatchObject({
    status: 400,
    param: 'url',
    message: expect.stringContaining('both.test is at an address that is not public'),
  })
})

test('a name that leads elsewhere after the endpoint was made is refused at delivery', async () => {
  at.names.set('rebound.test', [['1.1.1.1'], ['10.0.0.1']])
  const { id } = await create(`https://rebound.test:${at.port}/`)
  await at.tell(type, 'ds_1')
  await at.deliverDue()
  const { body } = await at.ask(`/v1/webhook_endpoints/${id}/deliveries`)
  expect(body.data[0].attempts).toMatchObject([
    { status_code: null, error: expect.stringContaining('not public') },
  ])
  await at.openai.webhooks.delete(id)
})

test('a delivery connects to the address that was checked, and asks for no other', async () => {
  // Made, then delivered; whoever asks once more is sent to an address where nothing may go.
  at.names.set('once.test', [['127.0.0.1'], ['127.0.0.1'], ['169.254.169.254']])
  const { id } = await create(`http://once.test:${at.port}/`)
  await at.tell(type, 'ds_1')
  await at.deliverDue()
  expect(at.received).toMatchObject([{ headers: { host: `once.test:${at.port}` } }])
  expect(at.asked).toEqual(['once.test', 'once.test'])
  await at.openai.webhooks.delete(id)
})

test('a redirect is a failure and is not followed', async () => {
  Object.assign(at.answer, { status: 307, headers: { location: `http://127.0.0.1:${at.port}/inside` } })
  const { id } = await create(at.receiver)
  await at.tell(type, 'ds_1')
  await at.deliverDue()
  expect(at.received.map(({ path }) => path)).toEqual(['/hook'])
  const { body } = await at.ask(`/v1/webhook_endpoints/${id}/deliveries`)
  expect(body.data[0]).toMatchObject({
    status: 'pending',
    attempts: [{ status_code: 307, error: 'the answer was a redirect (307), which is not followed' }],
  })
  await at.openai.webhooks.delete(id)
})

test('of a long answer only the start is kept', async () => {
  at.answer.body = '😀'.repeat(1_000_000)
  const { id } = await create(at.receiver)
  await at.tell(type, 'ds_1')
  await at.deliverDue()
  const { body } = await at.ask(`/v1/webhook_endpoints/${id}/deliveries`)
  expect(body.data[0].attempts[0].response).toBe('😀'.repeat(128))
  await at.openai.webhooks.delete(id)
})
