/** What is trained on the frozen base, in PEFT's words: `PrefixTuningConfig`, `LoraConfig`, or all weights. */
import { z } from 'zod'

const rank = z.int().min(1).max(1024)

const PrefixTuning = z.strictObject({
  /** What a request means that names no kind. */
  peft_type: z
    .literal('PREFIX_TUNING')
    .optional()
    .transform(() => 'PREFIX_TUNING' as const),
  num_virtual_tokens: z.int().min(1).max(4096).default(128),
  /** Trains the prefix through a two-layer MLP of `encoder_hidden_size`. */
  prefix_projection: z.boolean().default(false),
  encoder_hidden_size: z.int().min(1).optional(),
  /** Where training starts: random rows, rows that add nothing, or the rows of `init_text`. */
  init_weights: z.enum(['random', 'zero', 'text']).default('random'),
  /** Standard deviation of random rows. */
  init_std: z.number().gt(0).optional(),
  init_text: z.string().min(1).max(100_000).optional(),
})

const Lora = z.strictObject({
  peft_type: z.literal('LORA'),
  r: rank.default(8),
  lora_alpha: z.number().gt(0).default(8),
  lora_dropout: z.number().min(0).lt(1).default(0),
  /** Names of modules, a regular expression for whole paths, or "all-linear"; PEFT's choice for the base when absent. */
  target_modules: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
  use_rslora: z.boolean().default(false),
  rank_pattern: z.record(z.string(), rank).default({}),
  alpha_pattern: z.record(z.string(), z.number().gt(0)).default({}),
})

const Full = z.strictObject({ peft_type: z.literal('FULL') })

export const Peft = z
  .discriminatedUnion('peft_type', [PrefixTuning, Lora, Full])
  .superRefine((peft, context) => {
    if (peft.peft_type !== 'PREFIX_TUNING') return
    const { init_weights, init_text, init_std, prefix_projection } = peft
    const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
    if (init_weights === 'text' && init_text === undefined)
      wrong('init_text', 'is missing: init_weights is "text"')
    if (init_weights !== 'text' && init_text !== undefined)
      wrong('init_weights', 'must be "text" where init_text is given')
    if (init_weights !== 'random' && init_std !== undefined)
      wrong('init_std', 'is of random rows; init_weights asks for others')
    if (init_weights === 'text' && prefix_projection)
      wrong('init_weights', 'cannot be "text" with prefix_projection, which makes the rows through an MLP')
  })
  .meta({ id: 'Peft' })
export type Peft = z.infer<typeof Peft>
