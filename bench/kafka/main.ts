/**
 * The benchmarks of the Kafka engine, by name: `npm run bench -- kafka copy` is `npm run bench -- kafka/copy`. Each
 * starts a local stack, or takes the servers of GAINSTREAM_TEST_BROKERS and GAINSTREAM_TEST_REGISTRY.
 */
const benches = ['copy', 'efficiency', 'scale', 'live', 'backlog', 'runs']
const [name = ''] = process.argv.splice(2, 1)
if (benches.includes(name)) await import(`./${name}.ts`)
else {
  console.error(
    `Say which benchmark of Kafka: npm run bench -- kafka NAME, where NAME is one of: ${benches.join(', ')}.`,
  )
  process.exitCode = 1
}
