import type { ExportFormat } from '../../contract/adapter.ts'
import type { AdapterRow } from './adapter.ts'

const uses: Record<ExportFormat, (row: AdapterRow) => string> = {
  peft: ({ base, peftType }) => `Load it with PEFT on top of its base model:

\`\`\`python
from peft import PeftModel
from transformers import AutoModelForCausalLM

base = AutoModelForCausalLM.from_pretrained("${base}")
model = PeftModel.from_pretrained(base, "path/to/this/directory")
\`\`\`
${
  peftType === 'PREFIX_TUNING'
    ? `
\`preamble_position_rule\` in \`adapter_config.json\` says where real tokens start behind the prefix: \`after_prefix\` is
what PEFT does on most models, \`from_zero\` what ChatGLM's own code does. PEFT itself does not read the key.
`
    : ''
}`,
  huggingface: () => `Load it as any model:

\`\`\`python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("path/to/this/directory")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/directory")
\`\`\`
`,
  chatglm: () => `Load it as ChatGLM's P-Tuning scripts load a checkpoint:

\`\`\`python
config = AutoConfig.from_pretrained("path/to/base", trust_remote_code=True, pre_seq_len=PRE_SEQ_LEN)
model = AutoModel.from_pretrained("path/to/base", config=config, trust_remote_code=True)
state = torch.load("pytorch_model.bin", weights_only=True)
prefix = "transformer.prefix_encoder."
model.transformer.prefix_encoder.load_state_dict({k[len(prefix):]: v for k, v in state.items()})
\`\`\`

PRE_SEQ_LEN is \`pre_seq_len\` in \`config.json\`.
`,
}

/** What goes with an exported adapter for those who find it. */
export const readmeOf = (row: AdapterRow, format: ExportFormat): string =>
  `# ${row.model}

${
  row.peftType === 'FULL'
    ? `The base model \`${row.base}\` with all its weights trained, exported from Preamble.`
    : `An adapter (${row.peftType}) for the base model \`${row.base}\`, exported from Preamble on request as \`${format}\`.
Without its base it is of no use.`
}

${uses[format](row)}`
