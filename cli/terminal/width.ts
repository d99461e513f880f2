/** Widths of text in a terminal, where a Chinese character takes two columns. */

const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
/** East Asian wide and full-width ranges, and emoji. */
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^\p{Emoji_Presentation}|^[\u{20000}-\u{3fffd}]/u

const widthOf = (grapheme: string) => (wide.test(grapheme) ? 2 : 1)

/** Columns that `text` takes. */
export const width = (text: string): number =>
  [...segments.segment(text)].reduce((sum, { segment }) => sum + widthOf(segment), 0)

/** `text` with spaces behind it up to `columns`. */
export const pad = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - width(text)))

/** `text` in lines of at most `columns` (≥ 2) columns. Chinese has no spaces to break at: lines break anywhere. */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines = ['']
    for (const { segment } of segments.segment(paragraph)) {
      if (width(lines.at(-1)!) + widthOf(segment) > columns) lines.push('')
      lines[lines.length - 1] += segment
    }
    return lines
  })
}
