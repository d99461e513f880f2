import { z } from 'zod'

/** How the weights of a base serve: as float32, as their files have them, or in 8 or 4 bits. */
export const WeightForm = z.enum(['float32', 'stored', 'int8', 'int4'])
export type WeightForm = z.infer<typeof WeightForm>

/** `int4`, or by model `THUDM/chatglm3-6b=int4,preamble-tiny=float32`, where a form without a name is for all others. */
export const WeightForms = z.string().transform((text, context): WeightForms => {
  const forms: { named: Map<string, WeightForm>; others?: WeightForm } = { named: new Map() }
  for (const entry of text.split(',')) {
    const [, id, name] = /^(?:(.+)=)?([^=]*)$/.exec(entry.trim()) ?? []
    const form = WeightForm.safeParse(name)
    const twice = id === undefined ? forms.others : forms.named.get(id)
    if (!form.success || twice) {
      context.addIssue({ code: 'custom', message: `"${entry}" is no form, or the second one` })
      return z.NEVER
    }
    if (id === undefined) forms.others = form.data
    else forms.named.set(id, form.data)
  }
  return forms
})
export type WeightForms = { named: ReadonlyMap<string, WeightForm>; others?: WeightForm }
