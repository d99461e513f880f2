import { z } from 'zod'

/** A schema that has a name, or null. `.nullable()` would let the description allow null wherever the name stands. */
export const orNull = <T extends z.ZodType>(schema: T) => z.union([schema, z.null()])
