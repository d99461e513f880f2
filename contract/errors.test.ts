import { expect, test } from 'vitest'
import { ApiError, ErrorBody } from './errors.ts'
import { isId, newId } from './ids.ts'
import { JobRequest } from './job.ts'

test('an error answers in the shape of OpenAI and keeps its cause to itself', () => {
  const error = new ApiError('not_found', 'no file file-1', { param: 'file_id', cause: new Error('secret') })
  expect(error.status).toBe(404)
  expect(ErrorBody.strict().parse(error.body)).toEqual({
    error: { message: 'no file file-1', type: 'invalid_request_error', param: 'file_id', code: 'not_found' },
  })
})

test('a job id is not a file id', () => {
  const id = newId('job')
  expect(isId('job', id)).toBe(true)
  expect(isId('file', id)).toBe(false)
  expect(encodeURIComponent(id)).toBe(id)
  expect(newId('job')).not.toBe(id)
})

test('a job request fills in what it may leave out and refuses what it does not know', () => {
  const request = { model: 'preamble-tiny', training_file: 'file-1' }
  expect(JobRequest.parse(request)).toMatchObject({
    peft: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 128, prefix_projection: false },
    training_args: {},
  })
  const { error } = JobRequest.safeParse({ ...request, training_args: { learning_rat: 1 } })
  expect(error?.issues[0]).toMatchObject({ code: 'unrecognized_keys', path: ['training_args'] })
})
