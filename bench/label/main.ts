/** The benchmarks of labelling, by name: `npm run bench -- label vllm`. */
const benches = ['vllm', 'template', 'pipeline', 'embedded', 'gold']
const [given = ''] = process.argv.splice(2, 1)
const name = given.replace(/^--/, '')
if (benches.includes(name)) await import(`./${name}.ts`)
else {
  console.error(
    `Say which benchmark of labelling: npm run bench -- label NAME, where NAME is one of: ${benches.join(', ')}.`,
  )
  process.exitCode = 1
}
