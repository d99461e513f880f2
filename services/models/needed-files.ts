/** Which files of a model's directory or repository the engine reads. */

const text = [
  ...['config.json', 'generation_config.json', 'chat_template.jinja'],
  ...['tokenizer.json', 'tokenizer.model', 'tokenizer_config.json', 'special_tokens_map.json'],
  // ChatGLM2 and ChatGLM3 are told apart by it; it is read as text and never run.
  ...['added_tokens.json', 'tokenization_chatglm.py'],
]
const safetensors = /^model(-\d{5}-of-\d{5})?\.safetensors$|^model\.safetensors\.index\.json$/
const torch = /^pytorch_model(-\d{5}-of-\d{5})?\.bin$|^pytorch_model\.bin\.index\.json$/

/** Of these names those that are needed, config.json first; PyTorch's own weights only where there are no others. */
export function neededFiles(names: readonly string[]): string[] {
  const weights = names.filter((name) => safetensors.test(name))
  const found = weights.length > 0 ? weights : names.filter((name) => torch.test(name))
  return [...text.filter((name) => names.includes(name)), ...found.sort()]
}
