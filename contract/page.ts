/** Lists are read page by page, as OpenAI's are. */
import { z } from 'zod'

/** Which page: at most `limit` things that come after the thing called `after`; `desc` is newest first. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
})
export type PageQuery = z.infer<typeof PageQuery>

/** The schema of a page of `item`. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    object: z.literal('list'),
    data: z.array(item),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  })
}
export type Page<T> = {
  object: 'list'
  data: T[]
  has_more: boolean
  first_id: string | null
  last_id: string | null
}

/** The page's object; `data` is in order and no longer than the limit. */
export function page<T extends { id: string }>(data: T[], hasMore: boolean): Page<T> {
  return {
    object: 'list',
    data,
    has_more: hasMore,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  }
}
