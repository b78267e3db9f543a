import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openVllm } from '../../../adapters/vllm/index.ts'
import { Unavailable } from '../../../runtime/errors.ts'

const answers: Readonly<Record<string, readonly [number, object]>> = {
  '/health': [200, {}],
  '/version': [200, { version: '0.32.0' }],
  '/v1/models': [200, { data: [{ id: 'm', max_model_len: 100 }] }],
  '/v1/completions': [400, { error: { message: 'token_id(s) are out of vocab. Vocabulary size: 10' } }],
}

test('a server that passes its probe and never says how it writes a prompt ends the opening, whatever its signal', async () => {
  const http = createServer((request, response) => {
    const [status, body] = answers[request.url ?? ''] ?? []
    if (status === undefined) return // as a router does that does not know the path
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const { signal } = new AbortController()
  const opening = openVllm({ source: { kind: 'list', urls: [url] }, measure: 'plain', timeout: 1000, signal })
  try {
    await expect(opening).rejects.toThrow(/no vLLM server said within 1 s how it writes a prompt/)
    await expect(opening).rejects.toThrow(Unavailable)
  } finally {
    http.closeAllConnections()
    http.close()
  }
})
