/** The `data` of every server-sent event of a response, in order, up to OpenAI's closing `[DONE]`. */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<string, void, void> {
  let data: string[] = []
  for await (const line of lines(body)) {
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
    else if (line === '' && data.length > 0) {
      const event = data.join('\n')
      if (event === '[DONE]') return
      yield event
      data = []
    }
  }
}

/** Lines of a UTF-8 stream without their line ends; a character may be cut between two chunks. */
async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/)
    rest = parts.pop()!
    yield* parts
  }
}
