/** The caller's input cannot be used. The message says what, where and why, and may be shown to the caller. */
export class InputError extends Error {
  override name = 'InputError'
  readonly code:
    | 'context_length_exceeded'
    | 'invalid_messages'
    | 'invalid_prompt'
    | 'invalid_logit_bias'
    | 'invalid_adapter'
    | 'adapters_full'
    | 'invalid_format'
    | 'invalid_training_data'
    | 'device_unavailable'
    | 'overloaded'

  constructor(code: InputError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
