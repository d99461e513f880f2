import { expect, test } from 'vitest'
import { ApiError, ErrorBody } from './errors.ts'
import { isId, newId } from './ids.ts'

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
