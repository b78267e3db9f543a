/** The image of broker and registry in the engine: built once, found again by what it holds. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { ImageName, type ContainerRuntimeClient } from 'testcontainers'
import { java } from '../../../adapters/stack/java.ts'
import { kafkaJars, registryJar } from '../../../adapters/stack/maven.ts'
import { contextOf, inImage, type Context, type Parts } from './context.ts'

const repository = 'gainstream-test-servers'

export interface Image {
  readonly tag: string
  /** The registry's jar, as the image has it. */
  readonly jar: string
}

/** What goes in, fetched where it is missing. With no environment to look in, Java is always the fetched one. */
const parts = async (home: string, env: NodeJS.ProcessEnv): Promise<Parts & { jar: string }> => {
  const fetched = await java(home, {})
  if (fetched.home === undefined) throw new Error('the Java for the image came without its folder')
  const fetching = { home, java: fetched, env }
  const [kafka, jar] = [await kafkaJars(fetching), await registryJar(fetching)]
  return { java: fetched.home, kafka, registry: dirname(jar), jar }
}

type Engine = ContainerRuntimeClient['container']['dockerode']

/** Not by the builder of testcontainers, which waits for ever when the engine refuses. */
const build = async (engine: Engine, tag: string, context: Context) => {
  const folder = mkdtempSync(join(tmpdir(), 'gainstream-image-'))
  try {
    context.write(folder)
    const progress = await engine.buildImage({ context: folder, src: readdirSync(folder) }, { t: tag })
    await new Promise<void>((resolve, reject) =>
      engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve())),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Images of other contents are a quarter of a gigabyte each and nobody asks for them again; one in use stays. */
const forgetOthers = async (engine: Engine, tag: string) => {
  const images = await engine.listImages({ filters: { reference: [repository] } })
  const others = images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((name) => name !== tag)
  await Promise.allSettled(others.map((name) => engine.getImage(name).remove()))
}

/** @throws where a part cannot be fetched, or the engine cannot build it */
export const image = async (client: ContainerRuntimeClient, home: string, env: NodeJS.ProcessEnv): Promise<Image> => {
  const needed = await parts(home, env)
  const context = contextOf(needed)
  const tag = `${repository}:${context.hash}`
  if (!(await client.image.exists(ImageName.fromString(tag)))) {
    await build(client.container.dockerode, tag, context)
    await forgetOthers(client.container.dockerode, tag)
  }
  return { tag, jar: `${inImage.registry}/${basename(needed.jar)}` }
}
