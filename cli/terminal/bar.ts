/** A bar of at most 30 columns for a share from 0 to 1, or nothing where there is no room for one. */
export function bar(share: number, room: number): string {
  const columns = Math.min(30, room - 2)
  if (columns < 5) return ''
  const full = Math.round(columns * share)
  return `${'█'.repeat(full)}${'░'.repeat(columns - full)}  `
}
